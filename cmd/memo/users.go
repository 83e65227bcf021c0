package main

import (
	"context"
	"fmt"

	"memoai.tech/memo"
)

type userCmds struct {
	Add      userAdd      `cmd:"" help:"Add a user."`
	List     userList     `cmd:"" help:"List users."`
	Password userPassword `cmd:"" help:"Set a user's password, from stdin or a prompt, or print a link for it."`
	Disable  userDisable  `cmd:"" help:"Disable a user: end their sessions and deactivate their keys."`
	Delete   userDelete   `cmd:"" help:"Delete a user. Their e-mail is free again; the audit trail stays."`
	Enable   userEnable   `cmd:"" help:"Let a disabled user sign in again."`
}

// userArg is the argument of a command for one user, who is then a parameter of its Run
// method.
type userArg struct {
	Email string `arg:""`
}

// ProvideUser is called by kong.
func (arg userArg) ProvideUser(s *session) (memo.User, error) {
	return s.UserByEmail(s.ctx, operator, arg.Email)
}

type userAdd struct {
	Email         string `required:""`
	Name          string `required:""`
	PasswordStdin bool   `help:"Read the password from the first line of stdin."`
}

func (c *userAdd) Run(s *session) error {
	password, err := c.password(s.environment)
	if err != nil {
		return err
	}
	u, err := s.AddUser(s.ctx, operator, c.Email, c.Name, password)
	if err != nil {
		return err
	}
	if password == "" {
		fmt.Fprintln(s.stderr,
			"The user has no password and cannot sign in. 'memo user password "+u.Email+"' sets one.")
	}
	return s.print(u, "Added %s (%s).", u.Email, u.ID)
}

// password reads the password from stdin, or asks for it on a terminal. It returns "" for a
// user without a password, who cannot sign in.
func (c *userAdd) password(e *environment) (string, error) {
	if c.PasswordStdin {
		return e.readPassword("--password-stdin: stdin has no password")
	}
	return e.askPassword("Password (empty for none): ")
}

type userList struct{}

func (c *userList) Run(s *session) error {
	users, err := s.Users(s.ctx, operator)
	if err != nil {
		return err
	}
	return printList(s, users, "ID EMAIL NAME DISABLED", func(u memo.User) []string {
		return []string{u.ID, u.Email, u.Name, formatTime(u.DisabledAt)}
	})
}

type userDelete struct {
	userArg
	confirmation
}

func (c *userDelete) Run(s *session, u memo.User) error {
	err := c.confirmDeletion(s.environment, u.Email,
		"Delete %s, remove them from their workspaces and deactivate their keys.", u.Email)
	if err != nil {
		return err
	}
	if err := s.DeleteUser(s.ctx, operator, u.ID); err != nil {
		return err
	}
	return s.print(u.Pseudonym(), "Deleted %s. Their sessions are ended and their keys are deactivated.", u.Email)
}

type userDisable struct {
	userArg
	confirmation
}

func (c *userDisable) Run(s *session, u memo.User) error {
	if err := c.confirm(s.environment, "Disable %s, end their sessions and deactivate their keys?", u.Email); err != nil {
		return err
	}
	return c.change(s, u, s.DisableUser, "disabled. All their sessions are ended and all their keys are deactivated")
}

type userEnable struct{ userArg }

func (c *userEnable) Run(s *session, u memo.User) error {
	return c.change(s, u, s.EnableUser, "enabled. Keys that were deactivated stay deactivated")
}

func (arg userArg) change(
	s *session, u memo.User, change func(context.Context, memo.Caller, string) error, result string,
) error {
	err := change(s.ctx, operator, u.ID)
	if err != nil {
		return err
	}
	if u, err = arg.ProvideUser(s); err != nil {
		return err
	}
	return s.print(u, "%s is %s.", u.Email, result)
}
