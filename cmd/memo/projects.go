package main

import (
	"strconv"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

type projectCmds struct {
	List   projectList   `cmd:"" help:"List the projects of a workspace."`
	Rename projectRename `cmd:"" help:"Rename a project."`
	Delete projectDelete `cmd:"" help:"Delete a project. Its transcriptions stay, without a project."`
}

type projectList struct{ workspaceOption }

func (c *projectList) Run(s *session, w memo.Workspace) error {
	projects := []memo.Project{}
	for {
		page, total, err := s.Projects(s.ctx, memo.Caller{Operator: true, WorkspaceID: w.ID}, app.MaxLimit, len(projects))
		if err != nil {
			return err
		}
		if projects = append(projects, page...); len(page) == 0 || len(projects) >= total {
			break
		}
	}
	return printList(s, projects, "ID NAME TRANSCRIPTIONS CREATED", func(p memo.Project) []string {
		return []string{p.ID, p.Name, strconv.Itoa(p.TranscriptionCount), formatTime(&p.CreatedAt)}
	})
}

// projectArg is the argument of a command for one project, which is then a parameter of its Run method.
type projectArg struct {
	workspaceOption
	Project string `arg:"" help:"Its name or id."`
}

// ProvideProject is called by kong.
func (arg projectArg) ProvideProject(s *session, w memo.Workspace) (memo.ProjectRef, error) {
	p, err := s.FindProject(s.ctx, memo.Caller{Operator: true, WorkspaceID: w.ID}, arg.Project)
	if memo.KindOf(err) == memo.KindNotFound {
		return p, &memo.Error{Kind: memo.KindNotFound, Message: w.Name + " has no project " + arg.Project +
			". 'memo project list' shows all."}
	}
	return p, err
}

// changedProject is the result of a change as JSON.
type changedProject struct {
	memo.ProjectRef
	TranscriptionCount int64 `json:"transcription_count"`
}

type projectRename struct {
	projectArg
	Name string `arg:"" help:"The new name."`
}

func (c *projectRename) Run(s *session, w memo.Workspace, p memo.ProjectRef) error {
	caller := memo.Caller{Operator: true, WorkspaceID: w.ID}
	n, err := s.RenameProject(s.ctx, caller, p.ID, c.Name)
	if err != nil {
		return err
	}
	renamed, err := s.FindProject(s.ctx, caller, p.ID)
	if err != nil {
		return err
	}
	return s.print(changedProject{renamed, n}, "%s is now %s.", p.Name, renamed.Name)
}

type projectDelete struct{ projectArg }

func (c *projectDelete) Run(s *session, w memo.Workspace, p memo.ProjectRef) error {
	n, err := s.DeleteProject(s.ctx, memo.Caller{Operator: true, WorkspaceID: w.ID}, p.ID)
	if err != nil {
		return err
	}
	return s.print(changedProject{p, n}, "Deleted %s. %s now without a project.", p.Name,
		memo.Plural(int(n), "transcription"))
}
