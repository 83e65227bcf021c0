package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"memoai.tech/memo"
)

// webhookEvent is an event of a workspace that its webhooks may receive.
type webhookEvent struct {
	workspaceID string
	eventType   memo.EventType
	subject     string // an id
}

// QueueEvent queues an event for the webhooks of a workspace that receive its type, once in a
// transaction. It does nothing for an empty type. [Tx.writeDeliveries] writes the deliveries.
func (t *Tx) QueueEvent(workspaceID string, eventType memo.EventType, subject string) {
	e := webhookEvent{workspaceID, eventType, subject}
	// The changes of one transcription are next to each other.
	if eventType != "" && (len(t.events) == 0 || t.events[len(t.events)-1] != e) {
		t.events = append(t.events, e)
	}
}

// receiver is a webhook that is not sent anything yet.
type receiver struct {
	id     string
	events []string
}

// writeDeliveries writes what QueueEvent has queued, at the end of the transaction, because a
// workspace without webhooks then costs one statement. Paused webhooks get it when they are resumed.
func (t *Tx) writeDeliveries(ctx context.Context) error {
	receivers := map[string][]receiver{} // by workspace
	var rows []newDelivery
	for _, e := range t.events {
		found, ok := receivers[e.workspaceID]
		if !ok {
			var err error
			if found, err = t.receivers(ctx, e.workspaceID); err != nil {
				return err
			}
			receivers[e.workspaceID] = found
		}
		for _, r := range found {
			if slices.Contains(r.events, string(e.eventType)) {
				rows = append(rows, t.newDelivery(r.id, e))
			}
		}
	}
	return t.addDeliveries(ctx, rows)
}

// receivers returns the webhooks of a workspace whose plan has API access.
func (t *Tx) receivers(ctx context.Context, workspaceID string) ([]receiver, error) {
	all, err := queryAll(ctx, t.q, func(row scanner) (r receiver, err error) {
		var events string
		var plan memo.Plan
		if err = row.Scan(&r.id, &events, &plan); err == nil && plan.HasAPI() {
			r.events = strings.Split(events, ",")
		}
		return r, err
	}, `SELECT h.id, h.events, w.plan FROM webhooks h JOIN workspaces w ON w.id = h.workspace_id
		WHERE h.workspace_id = $1`, workspaceID)
	return all, err
}

// newDelivery is a row of webhook_deliveries.
type newDelivery struct {
	id, webhookID string
	eventType     memo.EventType
	payload       []byte
	once          memo.Optional
}

// payload is the body of the requests of a delivery. It has no titles, names and texts, because
// nothing says where it goes.
type payload struct {
	Type      memo.EventType `json:"type"`
	Timestamp string         `json:"timestamp"`
	Data      struct {
		ID          string `json:"id"`
		WorkspaceID string `json:"workspace_id"`
	} `json:"data"`
}

func (t *Tx) newDelivery(webhookID string, e webhookEvent) newDelivery {
	p := payload{Type: e.eventType, Timestamp: t.Now.Format("2006-01-02T15:04:05.000Z07:00")}
	p.Data.ID, p.Data.WorkspaceID = e.subject, e.workspaceID
	body, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Errorf("store: payload of a webhook: %w", err)) // it has only strings
	}
	return newDelivery{
		id: uuid.Must(uuid.NewV7()).String(), webhookID: webhookID, eventType: e.eventType, payload: body,
	}
}

// maxNewDeliveries is how many deliveries one statement adds. It bounds the number of arguments.
const maxNewDeliveries = 500

// addDeliveries adds deliveries, without those whose once the webhook has.
func (t *Tx) addDeliveries(ctx context.Context, all []newDelivery) error {
	for part := range slices.Chunk(all, maxNewDeliveries) {
		var values []string
		args := []any{toMillis(t.Now)}
		for _, d := range part {
			n := len(args)
			values = append(values, fmt.Sprintf("($%d, $%d, $1, $%d, $%d, $%d)", n+1, n+2, n+3, n+4, n+5))
			args = append(args, d.id, d.webhookID, d.eventType, string(d.payload), nullText(d.once))
		}
		if err := t.exec(ctx, `INSERT INTO webhook_deliveries (id, webhook_id, created_at, type, payload, once)
			VALUES `+strings.Join(values, ", ")+` ON CONFLICT DO NOTHING`, args...); err != nil {
			return err
		}
	}
	return nil
}

// AddTestDelivery queues an event of the type [memo.EventTest] for one webhook and returns its id.
func (t *Tx) AddTestDelivery(ctx context.Context, w memo.Webhook) (id string, err error) {
	d := t.newDelivery(w.ID, webhookEvent{w.WorkspaceID, memo.EventTest, w.ID})
	return d.id, t.addDeliveries(ctx, []newDelivery{d})
}

// QueueExpiringKeys queues an event for each active key that expires after the time from and by the
// time to, at most limit of them. Each webhook receives it once for each key, expiry and name. It
// returns the number of events. If there are none, it does not write.
func (s *Store) QueueExpiringKeys(ctx context.Context, name string, from, to time.Time, limit int) (int, error) {
	const query = `SELECT h.id, k.workspace_id, k.id, k.id || ' ' || k.expires_at || ' ' || $1
		FROM webhooks h JOIN workspaces w ON w.id = h.workspace_id JOIN api_keys k ON k.workspace_id = h.workspace_id
		WHERE ',' || h.events || ',' LIKE '%,key.expiring,%' AND w.plan IN ('pro', 'expert') AND k.kind = 'key'
			AND k.expired_at IS NULL AND k.revoked_at IS NULL AND k.deactivated_at IS NULL
			AND k.expires_at > $2 AND k.expires_at <= $3
			AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = h.id
				AND d.once = k.id || ' ' || k.expires_at || ' ' || $1)
		LIMIT $4`
	type expiring struct {
		webhookID string
		webhookEvent
		once memo.Optional
	}
	due, err := queryAll(ctx, s.dataReader.q, func(row scanner) (e expiring, err error) {
		e.eventType = memo.EventKeyExpiring
		err = row.Scan(&e.webhookID, &e.workspaceID, &e.subject, &e.once)
		return e, err
	}, query, name, toMillis(from), toMillis(to), limit)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	return len(due), s.Write(ctx, func(t *Tx) error {
		var rows []newDelivery
		for _, e := range due {
			d := t.newDelivery(e.webhookID, e.webhookEvent)
			d.once = e.once
			rows = append(rows, d)
		}
		return t.addDeliveries(ctx, rows)
	})
}
