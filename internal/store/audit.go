package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
)

// Record writes an audit event, and queues its event for webhooks, see [Tx.QueueEvent]. If the event has
// no time, it gets the time of the transaction.
func (t *Tx) Record(ctx context.Context, e memo.AuditEvent) error {
	if e.At.IsZero() {
		e.At = t.Now
	}
	if e.WorkspaceID != "" {
		t.QueueEvent(string(e.WorkspaceID), e.Action.EventType(), e.Subject)
	}
	details, err := json.Marshal(e.Details)
	if err != nil {
		return err
	}
	return t.exec(ctx, `INSERT INTO audit_events
			(workspace_id, at, action, noun, actor_id, actor, subject, name, detail, details, ip, agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, $10, $11)`,
		nullText(e.WorkspaceID), toMillis(e.At), e.Action, e.Action.Noun(),
		nullText(e.ActorID), e.Actor, e.Subject, e.Name, string(details), nullText(e.IP), nullText(e.Agent))
}

// EventFilter selects events of one workspace. A field that is zero does not filter,
// except WorkspaceID, which always does.
type EventFilter struct {
	WorkspaceID string
	Noun        string // of the action: "key", "member", …
	ActorID     string
	KeyID       string    // only events about this key
	From, To    time.Time // From ≤ at < To
	Before      int64     // only events that are older than the one with this id
}

// Events lists the events that f selects, newest first, at most limit.
func (r reader) Events(ctx context.Context, f EventFilter, limit int) ([]memo.AuditEvent, error) {
	end := int64(math.MaxInt64)
	if !f.To.IsZero() {
		end = toMillis(f.To)
	}
	var endID int64 // among the events at end, only those with a smaller id are listed
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
			end, endID = at, f.Before
		}
	}
	query, args := f.query(r.dialect, end, endID, limit)
	return queryAll(ctx, r.q, scanEvent, query, args...)
}

// Events is [reader.Events] over the connections for data.
func (s *Store) Events(ctx context.Context, f EventFilter, limit int) ([]memo.AuditEvent, error) {
	return s.dataReader.Events(ctx, f, limit)
}

// query returns a query for the events before (end, endID), newest first, and its
// arguments. Each combination of filters has an index, of which the query reads one
// range. It sorts by time and not by id alone, because on PostgreSQL ids can be in
// another order: transactions overlap, and each replica has its own clock.
func (f EventFilter) query(d dialect, end, endID int64, limit int) (query string, args []any) {
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
	if f.KeyID != "" { // the index has only events about keys, and few of each
		q.where("noun = 'key' AND subject = %s", f.KeyID)
		index = "_key"
	}
	if !f.From.IsZero() {
		q.where("at >= %s", toMillis(f.From))
	}
	q.where("(at, id) < (%s, %s)", end, endID)
	q.from += d.indexedBy("audit_events" + index + "_at")
	return `SELECT id, workspace_id, at, action, actor_id, actor, subject, name, detail, details, ip, agent
		FROM ` + q.from + ` WHERE ` + strings.Join(q.conds, " AND ") + `
		ORDER BY at DESC, id DESC LIMIT ` + q.arg(limit), q.args
}

func scanEvent(row scanner) (e memo.AuditEvent, err error) {
	var text string // of an event that a replica of the previous version has written
	var details []byte
	err = row.Scan(&e.ID, textInto(&e.WorkspaceID), timeInto(&e.At), &e.Action, textInto(&e.ActorID), &e.Actor,
		&e.Subject, &e.Name, &text, &details, textInto(&e.IP), textInto(&e.Agent))
	if err == nil {
		err = json.Unmarshal(details, &e.Details)
	}
	if e.Details == (memo.EventDetails{}) {
		e.Details.Reason = text
	}
	return e, err
}
