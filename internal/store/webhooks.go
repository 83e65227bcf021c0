package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"memoai.tech/memo"
)

const webhookColumns = `h.id, h.workspace_id, h.url, h.events, h.secret, h.previous_secret, h.previous_until,
	h.created_at, h.paused_at, h.pause_reason, h.failing_since, h.next_at`

// webhookTargets returns the targets of [webhookColumns]. The types of the events go to events.
func webhookTargets(w *memo.Webhook, events *string) []any {
	return []any{
		&w.ID, &w.WorkspaceID, &w.URL, events, &w.Secret, textInto(&w.PreviousSecret), optionalTimeInto(&w.PreviousUntil),
		timeInto(&w.CreatedAt), optionalTimeInto(&w.PausedAt), textInto(&w.PauseReason), optionalTimeInto(&w.FailingSince),
		optionalTimeInto(&w.NextAt),
	}
}

func scanWebhook(row scanner) (w memo.Webhook, err error) {
	var events string
	err = row.Scan(webhookTargets(&w, &events)...)
	w.Events = splitEvents(events)
	return w, err
}

func splitEvents(events string) (types []memo.EventType) {
	for e := range strings.SplitSeq(events, ",") {
		types = append(types, memo.EventType(e))
	}
	return types
}

func joinEvents(types []memo.EventType) string {
	names := make([]string, len(types))
	for i, e := range types {
		names[i] = string(e)
	}
	return strings.Join(names, ",")
}

// Webhooks lists the webhooks of a workspace, the oldest first.
func (r reader) Webhooks(ctx context.Context, workspaceID string) ([]memo.Webhook, error) {
	return queryAll(ctx, r.q, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks h WHERE h.workspace_id = $1
		ORDER BY h.created_at, h.id`, workspaceID)
}

// Webhook returns a webhook of a workspace.
func (r reader) Webhook(ctx context.Context, workspaceID, id string) (memo.Webhook, error) {
	return queryOne(r.q.QueryRowContext(ctx, `SELECT `+webhookColumns+` FROM webhooks h
		WHERE h.id = $1 AND h.workspace_id = $2`, id, workspaceID), scanWebhook, "Webhook")
}

// AddWebhook stores a new webhook. createdBy is the id of a user; it may be empty.
func (t *Tx) AddWebhook(ctx context.Context, w memo.Webhook, createdBy string) error {
	return t.exec(ctx, `INSERT INTO webhooks (id, workspace_id, url, events, secret, created_at, created_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, w.ID, w.WorkspaceID, w.URL, joinEvents(w.Events), w.Secret,
		toMillis(w.CreatedAt), nullText(memo.Optional(createdBy)))
}

// SaveWebhook stores everything of a webhook that can change.
func (t *Tx) SaveWebhook(ctx context.Context, w memo.Webhook) error {
	return t.exec(ctx, `UPDATE webhooks SET url = $2, events = $3, secret = $4, previous_secret = $5,
			previous_until = $6, paused_at = $7, pause_reason = $8, failing_since = $9, next_at = $10 WHERE id = $1`,
		w.ID, w.URL, joinEvents(w.Events), w.Secret, nullText(memo.Optional(w.PreviousSecret)),
		nullMillis(w.PreviousUntil), nullMillis(w.PausedAt), nullText(w.PauseReason), nullMillis(w.FailingSince),
		nullMillis(w.NextAt))
}

// LockWebhook locks and returns a webhook of a workspace.
func (t *Tx) LockWebhook(ctx context.Context, workspaceID, id string) (memo.Webhook, error) {
	return queryOne(t.q.QueryRowContext(ctx, `SELECT `+webhookColumns+` FROM webhooks h
		WHERE h.id = $1 AND h.workspace_id = $2`+t.forUpdate(), id, workspaceID), scanWebhook, "Webhook")
}

// DeleteWebhook deletes a webhook and its deliveries.
func (t *Tx) DeleteWebhook(ctx context.Context, id string) error {
	if err := t.exec(ctx, `DELETE FROM webhooks WHERE id = $1`, id); err != nil {
		return err
	}
	return t.exec(ctx, `DELETE FROM webhook_deliveries WHERE webhook_id = $1`, id)
}

const deliveryColumns = `d.id, d.type, d.created_at, d.status, d.attempts, d.last_at, d.last_status, d.last_error,
	d.payload`

func deliveryTargets(d *memo.Delivery) []any {
	return []any{
		&d.ID, &d.Type, timeInto(&d.CreatedAt), &d.Status, &d.Attempts, optionalTimeInto(&d.LastAt),
		optionalIntInto(&d.LastStatus), textInto(&d.LastError), &d.Payload,
	}
}

func scanDelivery(row scanner) (d memo.Delivery, err error) {
	err = row.Scan(deliveryTargets(&d)...)
	return d, err
}

// Deliveries lists the deliveries of a webhook, the newest first, at most limit: all, or those
// before the one with the id before.
func (s *Store) Deliveries(ctx context.Context, webhookID, before string, limit int) ([]memo.Delivery, error) {
	return queryAll(ctx, s.dataReader.q, scanDelivery, `SELECT `+deliveryColumns+` FROM webhook_deliveries d
		WHERE d.webhook_id = $1 AND ($2 = '' OR (d.created_at, d.id) <
			(SELECT b.created_at, b.id FROM webhook_deliveries b WHERE b.id = $2 AND b.webhook_id = $1))
		ORDER BY d.created_at DESC, d.id DESC LIMIT $3`, webhookID, before, limit)
}

// Delivery returns a delivery of a webhook.
func (r reader) Delivery(ctx context.Context, webhookID, id string) (memo.Delivery, error) {
	return queryOne(r.q.QueryRowContext(ctx, `SELECT `+deliveryColumns+` FROM webhook_deliveries d
		WHERE d.id = $1 AND d.webhook_id = $2`, id, webhookID), scanDelivery, "Delivery")
}

// dueWebhooks selects the webhooks to which a delivery can be sent at $1: those that do not fail
// first, and then those that were served last.
const dueWebhooks = `SELECT h.id FROM webhooks h
	WHERE h.paused_at IS NULL AND coalesce(h.next_at, 0) <= $1 AND coalesce(h.lease_until, 0) <= $1
		AND EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = h.id AND d.status = 'pending')
	ORDER BY coalesce(h.next_at, 0), coalesce(h.lease_until, 0) LIMIT $2`

// LeaseWebhooks returns the ids of webhooks to which a delivery can be sent, at most limit. Until the
// lease ends, no other caller gets them. If there are none, it does not write.
func (s *Store) LeaseWebhooks(ctx context.Context, limit int, lease time.Duration) (ids []string, err error) {
	ids, err = queryAll(ctx, s.dataReader.q, scanID, dueWebhooks, toMillis(s.Now()), limit)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	err = s.Write(ctx, func(t *Tx) (err error) {
		due := dueWebhooks
		if t.dialect == dialectPostgres {
			due += ` FOR UPDATE OF h SKIP LOCKED`
		}
		ids, err = queryAll(ctx, t.q, scanID, `UPDATE webhooks SET lease_until = $3 WHERE id IN (`+due+`) RETURNING id`,
			toMillis(t.Now), limit, toMillis(t.Now.Add(lease)))
		return err
	})
	return ids, err
}

// ReleaseWebhook ends the lease of a webhook.
func (s *Store) ReleaseWebhook(ctx context.Context, id string) error {
	return s.Write(ctx, func(t *Tx) error {
		return t.exec(ctx, `UPDATE webhooks SET lease_until = $2 WHERE id = $1`, id, toMillis(t.Now))
	})
}

// NextDelivery returns the oldest pending delivery of a webhook. ok is false if there is none, or if
// the webhook is paused or must wait.
func (s *Store) NextDelivery(
	ctx context.Context, webhookID string,
) (w memo.Webhook, d memo.Delivery, ok bool, err error) {
	var events string
	err = s.dataReader.q.QueryRowContext(ctx, `SELECT `+webhookColumns+`, `+deliveryColumns+`
		FROM webhooks h JOIN webhook_deliveries d ON d.webhook_id = h.id
		WHERE h.id = $1 AND h.paused_at IS NULL AND coalesce(h.next_at, 0) <= $2 AND d.status = 'pending'
		ORDER BY d.created_at, d.id LIMIT 1`, webhookID, toMillis(s.Now())).
		Scan(append(webhookTargets(&w, &events), deliveryTargets(&d)...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return w, d, false, nil
	}
	w.Events = splitEvents(events)
	return w, d, err == nil, classifyError(err)
}

// SaveAttempt stores the result of an attempt: what can change of a delivery.
func (t *Tx) SaveAttempt(ctx context.Context, d memo.Delivery) error {
	return t.exec(ctx, `UPDATE webhook_deliveries SET status = $2, attempts = $3, last_at = $4, last_status = $5,
		last_error = $6 WHERE id = $1`, d.ID, d.Status, d.Attempts, nullMillis(d.LastAt), d.LastStatus, nullText(d.LastError))
}
