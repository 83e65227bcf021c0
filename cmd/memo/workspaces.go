package main

import (
	"errors"
	"fmt"

	"memoai.tech/memo"
)

type workspaceCmds struct {
	Add    workspaceAdd    `cmd:"" help:"Add a workspace with its first OWNER."`
	List   workspaceList   `cmd:"" help:"List workspaces."`
	Rename workspaceRename `cmd:"" help:"Rename a workspace."`
	Delete workspaceDelete `cmd:"" help:"Delete a workspace with its transcriptions, keys and audit trail."`
	Plan   workspacePlan   `cmd:"" help:"Change the plan of a workspace, from the next request on."`

	Policy workspacePolicy `cmd:"" help:"Show or set what a workspace demands of its keys and connected apps."`
}

// workspaceArg is the argument of a command for one workspace, which is then a parameter of
// its Run method.
type workspaceArg struct {
	Workspace string `arg:""`
}

// ProvideWorkspace is called by kong.
func (arg workspaceArg) ProvideWorkspace(s *session) (memo.Workspace, error) {
	return s.FindWorkspace(s.ctx, operator, arg.Workspace)
}

// workspaceOption is a workspaceArg that is written as an option.
type workspaceOption struct {
	Workspace string `required:""`
}

// ProvideWorkspace is called by kong.
func (o workspaceOption) ProvideWorkspace(s *session) (memo.Workspace, error) {
	return workspaceArg(o).ProvideWorkspace(s)
}

type workspaceAdd struct {
	Name  string `required:""`
	Plan  string `required:"" enum:"${plans}" help:"One of ${enum}."`
	Owner string `required:"" placeholder:"EMAIL"`
}

func (c *workspaceAdd) Run(s *session) error {
	u, err := s.UserByEmail(s.ctx, operator, c.Owner)
	if err != nil {
		return err
	}
	w, err := s.AddWorkspace(s.ctx, operator, c.Name, memo.Plan(c.Plan), u.ID)
	if err != nil {
		return err
	}
	return s.print(w, "Added %s (%s) on plan %s.", w.Name, w.ID, w.Plan)
}

type workspaceList struct{}

func (c *workspaceList) Run(s *session) error {
	list, err := s.Workspaces(s.ctx, operator)
	if err != nil {
		return err
	}
	return printList(s, list, "ID NAME PLAN CREATED", func(w memo.Workspace) []string {
		return []string{w.ID, w.Name, string(w.Plan), formatTime(&w.CreatedAt)}
	})
}

type workspacePlan struct {
	workspaceArg
	Plan string `arg:"" enum:"${plans}"`
}

func (c *workspacePlan) Run(s *session, w memo.Workspace) error {
	w.Plan = memo.Plan(c.Plan)
	if err := s.SetPlan(s.ctx, operator, w.ID, w.Plan); err != nil {
		return err
	}
	return s.print(w, "%s is on plan %s.", w.Name, w.Plan)
}

// workspacePolicy shows the key policy without an option, and otherwise sets all of it.
type workspacePolicy struct {
	workspaceArg
	MaxLifetime   int      `help:"Days after which a key stops working." placeholder:"DAYS"`
	RequireExpiry bool     `help:"Refuse keys without an expiry."`
	AllowIP       []string `name:"allow-ip" help:"An address or range for calls. Repeat it for several." placeholder:"CIDR"`
	None          bool     `help:"Demand nothing."`
}

func (c *workspacePolicy) Run(s *session, w memo.Workspace) error {
	caller := memo.Caller{Operator: true, WorkspaceID: w.ID}
	p := memo.KeyPolicy{ExpiryRequired: c.RequireExpiry, AllowedIPs: c.AllowIP}
	if c.MaxLifetime != 0 {
		p.MaxLifetimeDays = &c.MaxLifetime
	}
	var err error
	switch {
	case !p.IsZero() && c.None:
		return errors.New("--none excludes the other options")
	case p.IsZero() && !c.None:
		p, err = s.KeyPolicy(s.ctx, caller)
	default:
		p, err = s.SetKeyPolicy(s.ctx, caller, p)
	}
	if err != nil {
		return err
	}
	return s.print(p, "The key policy of %s: %s.", w.Name, p)
}

type workspaceRename struct {
	workspaceArg
	Name string `arg:"" help:"The new name."`
}

func (c *workspaceRename) Run(s *session, w memo.Workspace) error {
	if err := s.RenameWorkspace(s.ctx, memo.Caller{Operator: true, WorkspaceID: w.ID}, c.Name); err != nil {
		return err
	}
	renamed, err := s.FindWorkspace(s.ctx, operator, w.ID)
	if err != nil {
		return err
	}
	return s.print(renamed, "%s is now %s.", w.Name, renamed.Name)
}

type workspaceDelete struct {
	workspaceArg
	confirmation
}

func (c *workspaceDelete) Run(s *session, w memo.Workspace) error {
	err := c.confirmDeletion(s.environment, w.Name,
		"Delete %s (%s) with its transcriptions, keys and audit trail. Its users stay.", w.Name, w.ID)
	if err != nil {
		return err
	}
	if err := s.DeleteWorkspace(s.ctx, operator, w.ID); err != nil {
		return fmt.Errorf("%w. Run the command again to delete the rest of %s", err, w.Name)
	}
	return s.print(w, "Deleted %s. Its users stay.", w.Name)
}
