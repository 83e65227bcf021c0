package main

import (
	"fmt"
	"strings"

	"memoai.tech/memo"
)

type memberCmds struct {
	Add    memberAdd    `cmd:"" help:"Add a user to a workspace."`
	List   memberList   `cmd:"" help:"List members."`
	Remove memberRemove `cmd:"" help:"Remove a member and deactivate their keys for this workspace."`
	Role   memberRole   `cmd:"" help:"Change the role of a member."`
}

type memberAdd struct {
	workspaceArg
	userArg
	Role string `enum:"member,owner,MEMBER,OWNER" default:"member" help:"member or owner."`
}

func (c *memberAdd) Run(s *session, w memo.Workspace, u memo.User) error {
	m, err := s.AddMember(s.ctx, operator, w.ID, u.ID, parseRole(c.Role))
	if err != nil {
		return err
	}
	return s.print(m, "%s now has the role %s in %s.", m.Email, m.Role, w.Name)
}

func parseRole(s string) memo.Role { return memo.Role(strings.ToUpper(s)) }

type memberList struct{ workspaceArg }

func (c *memberList) Run(s *session, w memo.Workspace) error {
	members, err := s.Members(s.ctx, operator, w.ID)
	if err != nil {
		return err
	}
	return printList(s, members, "ID EMAIL NAME ROLE JOINED", func(m memo.Member) []string {
		return []string{m.UserID, m.Email, m.Name, string(m.Role), formatTime(&m.JoinedAt)}
	})
}

type memberRemove struct {
	workspaceArg
	userArg
	confirmation
}

func (c *memberRemove) Run(s *session, w memo.Workspace, u memo.User) error {
	err := c.confirm(s.environment, "Remove %s from %s and deactivate their keys for it?", u.Email, w.Name)
	if err != nil {
		return err
	}
	if err := s.RemoveMember(s.ctx, operator, w.ID, u.ID); err != nil {
		return notMember(err, w, u)
	}
	return s.print(u, "Removed %s from %s and deactivated their keys for it.", u.Email, w.Name)
}

type memberRole struct {
	workspaceArg
	userArg
	Role string `arg:"" enum:"member,owner,MEMBER,OWNER"`
}

func (c *memberRole) Run(s *session, w memo.Workspace, u memo.User) error {
	m, err := s.SetRole(s.ctx, operator, w.ID, u.ID, parseRole(c.Role))
	if err != nil {
		return notMember(err, w, u)
	}
	return s.print(m, "%s now has the role %s in %s.", m.Email, m.Role, w.Name)
}

// notMember returns err, with a message that names the user and the workspace if it is of
// KindNotFound.
func notMember(err error, w memo.Workspace, u memo.User) error {
	if memo.KindOf(err) != memo.KindNotFound {
		return err
	}
	return fmt.Errorf("%s is not a member of %s. 'memo member list %s' lists the members", u.Email, w.Name, w.ID)
}
