package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"memoai.tech/memo"
)

// Record writes an event of the audit trail, at the transaction's time.
func (t *Tx) Record(ctx context.Context, e memo.Event) error {
	return t.exec(ctx, `INSERT INTO audit_events (workspace_id, at, action, actor_id, actor, subject, detail, ip, agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, nullText(e.WorkspaceID), millis(t.Now), e.Action, nullText(e.ActorID),
		e.Actor, e.Subject, e.Detail, nullText(e.IP), nullText(e.Agent))
}

// EventFilter chooses events of a workspace, or of the whole server where
// WorkspaceID is empty. The zero value of a field leaves it out.
type EventFilter struct {
	WorkspaceID string
	Subject     string // "key", "member", …: the part of the action before the dot
	ActorID     string
	From, To    time.Time // From ≤ at < To
	Before      int64     // only events with a smaller id
}

// Events lists the newest events that f chooses, up to limit.
func (r reader) Events(ctx context.Context, f EventFilter, limit int) ([]memo.Event, error) {
	q := &selection{}
	if f.WorkspaceID != "" {
		q.where("workspace_id = %s", f.WorkspaceID)
	}
	if f.ActorID != "" {
		q.where("actor_id = %s", f.ActorID)
	}
	if f.Subject != "" {
		q.where("substr(action, 1, CAST(%s AS INTEGER)) = %s", len(f.Subject)+1, f.Subject+".")
	}
	if !f.From.IsZero() {
		q.where("at >= %s", millis(f.From))
	}
	if !f.To.IsZero() {
		q.where("at < %s", millis(f.To))
	}
	if f.Before > 0 {
		q.where("id < %s", f.Before)
	}
	q.conds = append(q.conds, "TRUE")
	return list(ctx, r.q, scanEvent, `SELECT id, workspace_id, at, action, actor_id, actor, subject, detail, ip, agent
		FROM audit_events WHERE `+strings.Join(q.conds, " AND ")+` ORDER BY id DESC LIMIT `+q.arg(limit), q.args...)
}

func scanEvent(row scanner) (e memo.Event, err error) {
	var at int64
	var workspace, actor, ip, agent sql.NullString
	err = row.Scan(&e.ID, &workspace, &at, &e.Action, &actor, &e.Actor, &e.Subject, &e.Detail, &ip, &agent)
	e.At = fromMillis(at)
	e.WorkspaceID, e.ActorID = memo.Optional(workspace.String), memo.Optional(actor.String)
	e.IP, e.Agent = memo.Optional(ip.String), memo.Optional(agent.String)
	return e, err
}
