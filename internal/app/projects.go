package app

import (
	"cmp"
	"context"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// FindProject returns a project of the caller's workspace by id or name, for an OWNER.
func (a *App) FindProject(ctx context.Context, c memo.Caller, idOrName string) (memo.ProjectRef, error) {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return memo.ProjectRef{}, err
	}
	return a.store.Project(ctx, c.WorkspaceID, idOrName)
}

// RenameProject renames a project, for an OWNER, and returns how many transcriptions it has.
func (a *App) RenameProject(ctx context.Context, c memo.Caller, id, name string) (transcriptions int64, err error) {
	name, nameErr := memo.CleanName("name", name)
	return a.changeProject(ctx, c, id, nameErr, func(tx *store.Tx, p memo.ProjectRef) (memo.AuditEvent, int64, error) {
		e := memo.AuditEvent{Action: memo.ActionProjectRenamed, Details: memo.EventDetails{Name: name}}
		other, err := tx.Project(ctx, c.WorkspaceID, name)
		if err == nil && other.ID != p.ID {
			return e, 0, memo.Conflict("project_exists", "A project called %s already exists.", other.Name)
		}
		if err != nil && memo.KindOf(err) != memo.KindNotFound {
			return e, 0, err
		}
		n, err := tx.RenameProject(ctx, c.WorkspaceID, p.ID, name)
		return e, n, err
	})
}

// DeleteProject deletes a project, for an OWNER, and returns how many transcriptions it had. They have
// no project then.
func (a *App) DeleteProject(ctx context.Context, c memo.Caller, id string) (transcriptions int64, err error) {
	return a.changeProject(ctx, c, id, nil, func(tx *store.Tx, p memo.ProjectRef) (memo.AuditEvent, int64, error) {
		n, err := tx.DeleteProject(ctx, c.WorkspaceID, p.ID)
		return memo.AuditEvent{Action: memo.ActionProjectDeleted}, n, err
	})
}

// changeProject calls f with a project of the caller's workspace and records the event that it returns,
// unless the input is invalid. It checks the OWNER's role last, because the workspace is locked after
// its transcriptions.
func (a *App) changeProject(
	ctx context.Context, c memo.Caller, id string, invalid error,
	f func(*store.Tx, memo.ProjectRef) (memo.AuditEvent, int64, error),
) (transcriptions int64, err error) {
	if err := cmp.Or(requireOwner(c, c.WorkspaceID), invalid); err != nil {
		return 0, err
	}
	err = a.write(ctx, c, func(tx *store.Tx) error {
		p, err := tx.Project(ctx, c.WorkspaceID, id)
		if err != nil {
			return err
		}
		var e memo.AuditEvent
		if e, transcriptions, err = f(tx, p); err != nil {
			return err
		}
		if role, err := requireMember(ctx, tx, c); err != nil || !c.Operator && role != memo.RoleOwner {
			return cmp.Or(replaceNotFound(err, errOwnerRequired), error(errOwnerRequired))
		}
		e.WorkspaceID, e.Subject, e.Name = memo.Optional(c.WorkspaceID), p.ID, p.Name
		return recordEvent(ctx, tx, c, e)
	})
	return transcriptions, err
}
