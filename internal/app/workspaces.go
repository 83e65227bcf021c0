package app

import (
	"context"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// AddWorkspace creates a workspace with its first OWNER.
func (a *App) AddWorkspace(
	ctx context.Context, c memo.Caller, name string, plan memo.Plan, ownerID string,
) (memo.Workspace, error) {
	if err := requireOperator(c); err != nil {
		return memo.Workspace{}, err
	}
	name, err := memo.CleanName("name", name)
	if err != nil {
		return memo.Workspace{}, err
	}
	if err := plan.Check(); err != nil {
		return memo.Workspace{}, err
	}
	var w memo.Workspace
	err = a.write(ctx, c, func(tx *store.Tx) error {
		owner, err := tx.User(ctx, ownerID)
		if err != nil {
			return err
		}
		if owner.DisabledAt != nil {
			return memo.Conflict("user_disabled", "%s is disabled, and a workspace needs an OWNER who can sign in.", owner.Email)
		}
		w = memo.Workspace{ID: newID(), Name: name, Plan: plan, CreatedAt: tx.Now}
		return addWorkspace(ctx, tx, c, w, ownerID)
	})
	return w, err
}

// addWorkspace stores a workspace with its first OWNER and records the event.
func addWorkspace(ctx context.Context, tx *store.Tx, c memo.Caller, w memo.Workspace, ownerID string) error {
	if err := tx.AddWorkspace(ctx, w); err != nil {
		return err
	}
	if _, err := tx.AddMember(ctx, w.ID, ownerID, memo.RoleOwner); err != nil {
		return err
	}
	return recordEvent(ctx, tx, c, memo.AuditEvent{
		WorkspaceID: memo.Optional(w.ID), Action: memo.ActionWorkspaceCreated, Subject: w.ID,
		Details: memo.EventDetails{Name: w.Name, Plan: w.Plan},
	})
}

// Workspaces returns all workspaces.
func (a *App) Workspaces(ctx context.Context, c memo.Caller) ([]memo.Workspace, error) {
	if err := requireOperator(c); err != nil {
		return nil, err
	}
	return a.store.Workspaces(ctx)
}

// FindWorkspace returns a workspace by id, or by name if the name is unique.
func (a *App) FindWorkspace(ctx context.Context, c memo.Caller, idOrName string) (memo.Workspace, error) {
	if err := requireOperator(c); err != nil {
		return memo.Workspace{}, err
	}
	w, err := a.store.Workspace(ctx, strings.ToLower(idOrName))
	if memo.KindOf(err) != memo.KindNotFound {
		return w, err
	}
	named, err := a.store.WorkspacesNamed(ctx, strings.TrimSpace(idOrName))
	switch {
	case err != nil:
		return memo.Workspace{}, err
	case len(named) == 1:
		return named[0], nil
	case len(named) > 1:
		return memo.Workspace{}, memo.Conflict("ambiguous_workspace",
			"%d workspaces are called %q. Use an id instead: 'memo workspace list' shows them.", len(named), idOrName)
	}
	return memo.Workspace{}, &memo.Error{Kind: memo.KindNotFound, Message: "There is no workspace " + idOrName +
		". 'memo workspace list' shows all."}
}

// SetPlan sets the plan of a workspace. It applies to every request that is authorised later.
func (a *App) SetPlan(ctx context.Context, c memo.Caller, workspaceID string, plan memo.Plan) error {
	if err := requireOperator(c); err != nil {
		return err
	}
	if err := plan.Check(); err != nil {
		return err
	}
	ends := nobody
	if !plan.HasAPI() {
		ends = several
	}
	return a.writeEnding(ctx, c, ends, func(tx *store.Tx) error {
		if err := tx.SetPlan(ctx, workspaceID, plan); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			WorkspaceID: memo.Optional(workspaceID), Action: memo.ActionPlanChanged, Subject: workspaceID,
			Details: memo.EventDetails{Plan: plan},
		})
	})
}

// RenameWorkspace renames the caller's workspace, for an OWNER.
func (a *App) RenameWorkspace(ctx context.Context, c memo.Caller, name string) error {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return err
	}
	name, err := memo.CleanName("name", name)
	if err != nil {
		return err
	}
	e := memo.AuditEvent{
		WorkspaceID: memo.Optional(c.WorkspaceID), Action: memo.ActionWorkspaceRenamed,
		Subject: c.WorkspaceID, Details: memo.EventDetails{Name: name},
	}
	return a.changeWorkspace(ctx, c, nobody, e, func(tx *store.Tx) (string, error) {
		return "", tx.RenameWorkspace(ctx, c.WorkspaceID, name)
	})
}

// Sizes of the transactions that delete a workspace, so that others do not wait long for one.
const (
	deletedTranscriptions = 20
	deletedRows           = 1000
)

// DeleteWorkspace deletes a workspace with everything in it. The first transaction ends all access to
// it and records the event, which belongs to no workspace. The rest goes in small steps; if they are
// interrupted, another call continues them. Its users stay.
func (a *App) DeleteWorkspace(ctx context.Context, c memo.Caller, workspaceID string) error {
	if err := requireOperator(c); err != nil {
		return err
	}
	err := a.writeEnding(ctx, c, several, func(tx *store.Tx) error {
		if err := tx.LockWorkspace(ctx, workspaceID); err != nil {
			return err
		}
		w, err := tx.Workspace(ctx, workspaceID)
		if err != nil {
			return err
		}
		if err := tx.CloseWorkspace(ctx, workspaceID, "the workspace was deleted"); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			Action: memo.ActionWorkspaceDeleted, Subject: workspaceID, Name: w.Name,
		})
	})
	for err == nil {
		var ids []string
		if ids, err = a.store.TranscriptionIDs(ctx, workspaceID, deletedTranscriptions); len(ids) == 0 {
			break
		}
		err = a.deleteTranscriptions(ctx, workspaceID, ids)
	}
	for more := true; more && err == nil; {
		err = a.store.Write(ctx, func(tx *store.Tx) (err error) {
			more, err = tx.DeleteWorkspaceRows(ctx, workspaceID, deletedRows)
			return err
		})
	}
	return err
}

// deleteTranscriptions deletes transcriptions of a closed workspace, without events.
func (a *App) deleteTranscriptions(ctx context.Context, workspaceID string, ids []string) error {
	err := a.store.Write(ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			e, err := tx.LockTranscription(ctx, workspaceID, id)
			if err == nil {
				err = tx.DeleteTranscription(ctx, e)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		a.deleteParts(ctx, id)
	}
	return nil
}

// changeWorkspace changes the members, invitations or name of the workspace of e, and records e.
// It locks the workspace, so that two OWNERs cannot remove each other concurrently. The use
// case has called requireOwner; the role is checked again under the lock. f returns the name
// for the event.
func (a *App) changeWorkspace(
	ctx context.Context, c memo.Caller, ends string, e memo.AuditEvent, f func(*store.Tx) (name string, err error),
) error {
	workspaceID := string(e.WorkspaceID)
	return a.writeEnding(ctx, c, ends, func(tx *store.Tx) error {
		if err := tx.LockWorkspace(ctx, workspaceID); err != nil {
			return err
		}
		if err := requireCurrentOwner(ctx, tx, c, workspaceID); err != nil {
			return err
		}
		var err error
		if e.Name, err = f(tx); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, e)
	})
}
