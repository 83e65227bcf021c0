package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strings"
	"time"

	"memoai.tech/memo"
)

// Record writes an event of the audit trail, at the transaction's time unless the
// event has its own.
func (t *Tx) Record(ctx context.Context, e memo.AuditEvent) error {
	if e.At.IsZero() {
		e.At = t.Now
	}
	return t.exec(ctx, `INSERT INTO audit_events (workspace_id, at, action, noun, actor_id, actor, subject, name, detail, ip, agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, nullText(e.WorkspaceID), toMillis(e.At), e.Action, e.Action.Subject(),
		nullText(e.ActorID), e.Actor, e.Subject, e.Name, e.Detail, nullText(e.IP), nullText(e.Agent))
}

// EventFilter chooses events of one workspace. The zero value of a field leaves
// it out, but for WorkspaceID, which is always asked for.
type EventFilter struct {
	WorkspaceID string
	Noun        string // of the action: "key", "member", …
	ActorID     string
	From, To    time.Time // From ≤ at < To
	Before      int64     // only events that stand behind the one of this id
}

// Events lists the newest events that f chooses, up to limit.
func (r reader) Events(ctx context.Context, f EventFilter, limit int) ([]memo.AuditEvent, error) {
	end := int64(math.MaxInt64)
	if !f.To.IsZero() {
		end = toMillis(f.To)
	}
	var last int64 // the id that the end is before, within its millisecond
	if f.Before > 0 {
		var at int64
		err := r.q.QueryRowContext(ctx, `SELECT at FROM audit_events WHERE id = $1 AND workspace_id = $2`, f.Before,
			f.WorkspaceID).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			return []memo.AuditEvent{}, nil
		}
		if err != nil {
			return nil, classifyError(err)
		}
		if at < end {
			end, last = at, f.Before
		}
	}
	query, args := f.query(r.dialect, end, last, limit)
	return queryAll(ctx, r.q, scanEvent, query, args...)
}

// Events is [reader.Events] over the connections for data.
func (s *Store) Events(ctx context.Context, f EventFilter, limit int) ([]memo.AuditEvent, error) {
	return s.dataReader.Events(ctx, f, limit)
}

// query reads one stretch of one index, down from (end, last): each set of filters
// has its own. It is in the order of the time that is shown and asked for: ids
// alone have another on PostgreSQL, where transactions overlap and each replica
// has its own clock.
func (f EventFilter) query(d dialect, end, last int64, limit int) (query string, args []any) {
	q := &queryBuilder{from: "audit_events"}
	index := ""
	q.where("workspace_id = %s", f.WorkspaceID)
	if f.ActorID != "" {
		q.where("actor_id = %s", f.ActorID)
		index += "_actor"
	}
	if f.Noun != "" {
		q.where("noun = %s", f.Noun)
		index += "_noun"
	}
	if !f.From.IsZero() {
		q.where("at >= %s", toMillis(f.From))
	}
	q.where("(at, id) < (%s, %s)", end, last)
	if d == dialectSQLite { // which has no statistics, and would take any index that bounds the time
		q.from += " INDEXED BY audit_events" + index + "_at"
	}
	return `SELECT id, workspace_id, at, action, actor_id, actor, subject, name, detail, ip, agent
		FROM ` + q.from + ` WHERE ` + strings.Join(q.conds, " AND ") + ` ORDER BY at DESC, id DESC LIMIT ` + q.arg(limit), q.args
}

func scanEvent(row scanner) (e memo.AuditEvent, err error) {
	var at int64
	var workspace, actor, ip, agent sql.NullString
	err = row.Scan(&e.ID, &workspace, &at, &e.Action, &actor, &e.Actor, &e.Subject, &e.Name, &e.Detail, &ip, &agent)
	e.At = fromMillis(at)
	e.WorkspaceID, e.ActorID = memo.Optional(workspace.String), memo.Optional(actor.String)
	e.IP, e.Agent = memo.Optional(ip.String), memo.Optional(agent.String)
	return e, err
}
