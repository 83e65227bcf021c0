package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// operatorCaller is the caller of all commands: the operator.
var operatorCaller = memo.Caller{Operator: true}

type userCmds struct {
	Add     userAdd     `cmd:"" help:"Add a user."`
	List    userList    `cmd:"" help:"List users."`
	Disable userDisable `cmd:"" help:"Disable a user: end their sessions and deactivate their keys."`
	Enable  userEnable  `cmd:"" help:"Let a disabled user sign in again."`
}

type userAdd struct {
	Email         string `required:""`
	Name          string `required:""`
	PasswordStdin bool   `help:"Read the password from the first line of stdin."`
}

func (c *userAdd) Run(e *environment) error {
	password, err := e.password(c.PasswordStdin)
	if err != nil {
		return err
	}
	return e.withApp(func(a *app.App) error {
		u, err := a.AddUser(e.ctx, operatorCaller, c.Email, c.Name, password)
		if err != nil {
			return err
		}
		if password == "" {
			fmt.Fprintln(e.stderr,
				"The user has no password and cannot sign in. To set one, use --password-stdin or run memo on a terminal.")
		}
		return e.printResult(u, func() { e.printf("Added %s (%s).", u.Email, u.ID) })
	})
}

// password reads a password from stdin if fromStdin is set, and otherwise asks for
// it if stdin is a terminal. It returns "" for a user without a password, who
// cannot sign in.
func (e *environment) password(fromStdin bool) (string, error) {
	if fromStdin {
		line, err := bufio.NewReader(io.LimitReader(e.stdin, 8<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return "", usageError("--password-stdin: stdin has no password")
		}
		return line, nil
	}
	f, ok := e.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", nil
	}
	fmt.Fprint(e.stderr, "Password (empty for none): ")
	first, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(e.stderr)
	if err != nil || len(first) == 0 {
		return "", err
	}
	fmt.Fprint(e.stderr, "Repeat password: ")
	second, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(e.stderr)
	if err == nil && string(first) != string(second) {
		err = errors.New("the passwords do not match; nothing was changed")
	}
	return string(first), err
}

type userList struct{}

func (c *userList) Run(e *environment) error {
	return e.withApp(func(a *app.App) error {
		users, err := a.Users(e.ctx, operatorCaller)
		if err != nil {
			return err
		}
		return showList(e, users, "ID EMAIL NAME DISABLED", func(u memo.User) []string {
			return []string{u.ID, u.Email, u.Name, formatTime(u.DisabledAt)}
		})
	})
}

type userDisable struct {
	Email string `arg:""`
}

func (c *userDisable) Run(e *environment) error { return e.setDisabled(c.Email, true) }

type userEnable struct {
	Email string `arg:""`
}

func (c *userEnable) Run(e *environment) error { return e.setDisabled(c.Email, false) }

func (e *environment) setDisabled(email string, disabled bool) error {
	return e.withApp(func(a *app.App) error {
		u, err := a.UserByEmail(e.ctx, operatorCaller, email)
		if err != nil {
			return err
		}
		change, result := a.EnableUser, "enabled. Keys that were deactivated stay deactivated"
		if disabled {
			change, result = a.DisableUser, "disabled. All their sessions are ended and all their keys are deactivated"
		}
		if err := change(e.ctx, operatorCaller, u.ID); err != nil {
			return err
		}
		if u, err = a.UserByEmail(e.ctx, operatorCaller, email); err != nil {
			return err
		}
		return e.printResult(u, func() { e.printf("%s is %s.", u.Email, result) })
	})
}

type workspaceCmd struct {
	Add  workspaceAdd  `cmd:"" help:"Add a workspace with its first OWNER."`
	List workspaceList `cmd:"" help:"List workspaces."`
	Plan workspacePlan `cmd:"" help:"Change the plan of a workspace, from the next request on."`
}

type workspaceAdd struct {
	Name  string `required:""`
	Plan  string `required:"" enum:"free,basic,pro,expert" help:"free, basic, pro or expert."`
	Owner string `required:"" placeholder:"EMAIL"`
}

func (c *workspaceAdd) Run(e *environment) error {
	return e.withApp(func(a *app.App) error {
		u, err := a.UserByEmail(e.ctx, operatorCaller, c.Owner)
		if err != nil {
			return err
		}
		w, err := a.AddWorkspace(e.ctx, operatorCaller, c.Name, memo.Plan(c.Plan), u.ID)
		if err != nil {
			return err
		}
		return e.printResult(w, func() { e.printf("Added %s (%s) on plan %s.", w.Name, w.ID, w.Plan) })
	})
}

type workspaceList struct{}

func (c *workspaceList) Run(e *environment) error {
	return e.withApp(func(a *app.App) error {
		list, err := a.Workspaces(e.ctx, operatorCaller)
		if err != nil {
			return err
		}
		return showList(e, list, "ID NAME PLAN CREATED", func(w memo.Workspace) []string {
			return []string{w.ID, w.Name, string(w.Plan), formatTime(&w.CreatedAt)}
		})
	})
}

type workspacePlan struct {
	Workspace string `arg:""`
	Plan      string `arg:"" enum:"free,basic,pro,expert"`
}

func (c *workspacePlan) Run(e *environment) error {
	return e.inWorkspace(c.Workspace, func(a *app.App, w memo.Workspace) error {
		if err := a.SetPlan(e.ctx, operatorCaller, w.ID, memo.Plan(c.Plan)); err != nil {
			return err
		}
		w.Plan = memo.Plan(c.Plan)
		return e.printResult(w, func() { e.printf("%s is on plan %s.", w.Name, w.Plan) })
	})
}

// inWorkspace opens the database, finds the workspace by its id or name, and runs f.
func (e *environment) inWorkspace(idOrName string, f func(*app.App, memo.Workspace) error) error {
	return e.withApp(func(a *app.App) error {
		w, err := a.FindWorkspace(e.ctx, operatorCaller, idOrName)
		if err != nil {
			return err
		}
		return f(a, w)
	})
}

type memberCmds struct {
	Add    memberAdd    `cmd:"" help:"Add a user to a workspace."`
	List   memberList   `cmd:"" help:"List members."`
	Remove memberRemove `cmd:"" help:"Remove a member and deactivate their keys for this workspace."`
	Role   memberRole   `cmd:"" help:"Change the role of a member."`
}

type memberAdd struct {
	Workspace string `arg:""`
	Email     string `arg:""`
	Role      string `enum:"member,owner,MEMBER,OWNER" default:"member" help:"member or owner."`
}

func (c *memberAdd) Run(e *environment) error {
	return e.withMember(c.Workspace, c.Email, func(a *app.App, w memo.Workspace, u memo.User) error {
		m, err := a.AddMember(e.ctx, operatorCaller, w.ID, u.ID, parseRole(c.Role))
		if err != nil {
			return err
		}
		return e.printResult(m, func() { e.printf("%s now has the role %s in %s.", m.Email, m.Role, w.Name) })
	})
}

func parseRole(s string) memo.Role { return memo.Role(strings.ToUpper(s)) }

// withMember opens the database, finds the workspace and the user, and runs f. It
// does not check that the user is a member.
func (e *environment) withMember(workspace, email string, f func(*app.App, memo.Workspace, memo.User) error) error {
	return e.inWorkspace(workspace, func(a *app.App, w memo.Workspace) error {
		u, err := a.UserByEmail(e.ctx, operatorCaller, email)
		if err != nil {
			return err
		}
		return f(a, w, u)
	})
}

// notMember returns err, with a message that names the user and the workspace if
// the kind of err is KindNotFound.
func notMember(err error, w memo.Workspace, u memo.User) error {
	if memo.KindOf(err) != memo.KindNotFound {
		return err
	}
	return fmt.Errorf("%s is not a member of %s. 'memo member list %s' lists the members", u.Email, w.Name, w.ID)
}

type memberList struct {
	Workspace string `arg:""`
}

func (c *memberList) Run(e *environment) error {
	return e.inWorkspace(c.Workspace, func(a *app.App, w memo.Workspace) error {
		members, err := a.Members(e.ctx, operatorCaller, w.ID)
		if err != nil {
			return err
		}
		return showList(e, members, "ID EMAIL NAME ROLE JOINED", func(m memo.Member) []string {
			return []string{m.UserID, m.Email, m.Name, string(m.Role), formatTime(&m.JoinedAt)}
		})
	})
}

type memberRemove struct {
	Workspace string `arg:""`
	Email     string `arg:""`
}

func (c *memberRemove) Run(e *environment) error {
	return e.withMember(c.Workspace, c.Email, func(a *app.App, w memo.Workspace, u memo.User) error {
		if err := a.RemoveMember(e.ctx, operatorCaller, w.ID, u.ID); err != nil {
			return notMember(err, w, u)
		}
		return e.printResult(u, func() { e.printf("Removed %s from %s and deactivated their keys for it.", u.Email, w.Name) })
	})
}

type memberRole struct {
	Workspace string `arg:""`
	Email     string `arg:""`
	Role      string `arg:"" enum:"member,owner,MEMBER,OWNER"`
}

func (c *memberRole) Run(e *environment) error {
	return e.withMember(c.Workspace, c.Email, func(a *app.App, w memo.Workspace, u memo.User) error {
		m, err := a.SetRole(e.ctx, operatorCaller, w.ID, u.ID, parseRole(c.Role))
		if err != nil {
			return notMember(err, w, u)
		}
		return e.printResult(m, func() { e.printf("%s now has the role %s in %s.", m.Email, m.Role, w.Name) })
	})
}
