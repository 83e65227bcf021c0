package app

import (
	"context"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// EventQuery selects audit events. A zero field means no filter.
type EventQuery struct {
	Noun     string    // of the action: "key", "member", …
	ActorID  string    // a user
	KeyID    string    // only events about this key
	From, To time.Time // days in UTC, both inclusive
	Before   int64     // only events older than the one with this id
	Limit    int       // clamped to 1–1,000
}

// Events returns audit events of the caller's workspace, newest first, for an OWNER.
func (a *App) Events(ctx context.Context, c memo.Caller, in EventQuery) ([]memo.AuditEvent, error) {
	if !c.Operator && (c.KeyID != "" || c.Role != memo.RoleOwner) {
		return nil, memo.Forbidden("owner_required", "Only an owner of the workspace may read its audit trail.")
	}
	f := store.EventFilter{
		WorkspaceID: c.WorkspaceID, Noun: in.Noun, ActorID: in.ActorID, KeyID: in.KeyID, From: in.From,
		Before: in.Before,
	}
	if !in.To.IsZero() {
		f.To = in.To.AddDate(0, 0, 1)
	}
	release, err := a.admitQuery(ctx, c)
	if err != nil {
		return nil, err
	}
	defer release()
	return a.store.Events(ctx, f, min(max(in.Limit, 1), 1000))
}
