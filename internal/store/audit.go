package store

import (
	"context"
	"database/sql"

	"memoai.tech/memo"
)

// Record writes an event of the audit trail, at the transaction's time.
func (t *Tx) Record(ctx context.Context, e memo.Event) error {
	return t.exec(ctx, `INSERT INTO audit_events (workspace_id, at, action, actor_id, actor, subject, detail, ip, agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, nullText(e.WorkspaceID), millis(t.Now), e.Action, nullText(e.ActorID),
		e.Actor, e.Subject, e.Detail, nullText(e.IP), nullText(e.Agent))
}

// Events lists the newest events of a workspace, up to limit; those of the
// whole server too when workspaceID is empty.
func (r reader) Events(ctx context.Context, workspaceID string, limit int) ([]memo.Event, error) {
	return list(ctx, r.q, scanEvent, `SELECT id, workspace_id, at, action, actor_id, actor, subject, detail, ip, agent
		FROM audit_events WHERE ($1 = '' OR workspace_id = $1) ORDER BY id DESC LIMIT $2`, workspaceID, limit)
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
