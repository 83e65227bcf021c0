package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

var errWebhookPaused = memo.Conflict("webhook_paused", "This webhook is paused. Resume it first.")

// Webhooks lists the webhooks of the caller's workspace, for an OWNER.
func (a *App) Webhooks(ctx context.Context, c memo.Caller) ([]memo.Webhook, error) {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return nil, err
	}
	return a.store.Webhooks(ctx, c.WorkspaceID)
}

// Webhook returns a webhook, for an OWNER.
func (a *App) Webhook(ctx context.Context, c memo.Caller, id string) (memo.Webhook, error) {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return memo.Webhook{}, err
	}
	return a.store.Webhook(ctx, c.WorkspaceID, id)
}

// WebhookChange is a new webhook or a change of one. A nil field stays as it is.
type WebhookChange struct {
	URL    *string
	Events []memo.EventType // as [memo.ParseEventTypes] returns them
	Paused *bool
}

// AddWebhook creates a webhook with a URL and events, for an OWNER. Only the result contains the
// secret. Errors: KindInvalid for url, KindForbidden if the plan has no API access, KindConflict
// too_many_webhooks.
func (a *App) AddWebhook(
	ctx context.Context, c memo.Caller, url string, events []memo.EventType,
) (memo.CreatedWebhook, error) {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return memo.CreatedWebhook{}, err
	}
	if err := a.webhooks.CheckURL(url); err != nil {
		return memo.CreatedWebhook{}, err
	}
	w := memo.Webhook{
		ID: newID(), WorkspaceID: c.WorkspaceID, URL: url, Events: events, Secret: newWebhookSecret(),
	}
	err := a.changeWorkspace(ctx, c, nobody, webhookEvent(w, memo.ActionWebhookCreated),
		func(tx *store.Tx) (string, error) {
			ws, err := tx.Workspace(ctx, c.WorkspaceID)
			if err != nil {
				return "", err
			}
			if err := memo.MayUseAPI(ws.Plan); err != nil {
				return "", err
			}
			all, err := tx.Webhooks(ctx, c.WorkspaceID)
			if err != nil {
				return "", err
			}
			if len(all) >= memo.MaxWebhooks {
				return "", memo.Conflict("too_many_webhooks",
					"The workspace has %d webhooks, which is the limit. Delete one first.", len(all))
			}
			w.CreatedAt = tx.Now
			return w.Host(), tx.AddWebhook(ctx, w, c.UserID)
		})
	return memo.CreatedWebhook{Webhook: w, Secret: w.Secret}, err
}

func newWebhookSecret() string {
	b := make([]byte, 32)
	rand.Read(b) //nolint:errcheck // it never fails
	return memo.WebhookSecretPrefix + base64.StdEncoding.EncodeToString(b)
}

// webhookEvent returns an audit event about a webhook.
func webhookEvent(w memo.Webhook, action memo.Action) memo.AuditEvent {
	return memo.AuditEvent{
		WorkspaceID: memo.Optional(w.WorkspaceID), Action: action, Subject: w.ID, Name: w.Host(),
		Details: memo.EventDetails{Reason: string(w.PauseReason)},
	}
}

// changeWebhook locks a webhook, for an OWNER, runs f, and stores what f changes of it.
func (a *App) changeWebhook(
	ctx context.Context, c memo.Caller, id string, action memo.Action, f func(*store.Tx, *memo.Webhook) error,
) (w memo.Webhook, err error) {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return w, err
	}
	e := webhookEvent(memo.Webhook{ID: id, WorkspaceID: c.WorkspaceID}, action)
	err = a.changeWorkspace(ctx, c, nobody, e, func(tx *store.Tx) (string, error) {
		if w, err = tx.LockWebhook(ctx, c.WorkspaceID, id); err != nil {
			return "", err
		}
		if err := f(tx, &w); err != nil {
			return "", err
		}
		return w.Host(), tx.SaveWebhook(ctx, w)
	})
	return w, err
}

// ChangeWebhook changes the URL or the events of a webhook, or pauses or resumes it, for an OWNER. A
// resumed webhook gets what was queued meanwhile.
func (a *App) ChangeWebhook(
	ctx context.Context, c memo.Caller, id string, change WebhookChange,
) (memo.Webhook, error) {
	action := memo.ActionWebhookChanged
	if change.URL == nil && change.Events == nil && change.Paused != nil {
		action = memo.ActionWebhookResumed
		if *change.Paused {
			action = memo.ActionWebhookPaused
		}
	}
	return a.changeWebhook(ctx, c, id, action, func(tx *store.Tx, w *memo.Webhook) error {
		if change.URL != nil {
			if err := a.webhooks.CheckURL(*change.URL); err != nil {
				return err
			}
			w.URL, w.FailingSince, w.NextAt = *change.URL, nil, nil
		}
		if change.Events != nil {
			w.Events = change.Events
		}
		if change.Paused == nil {
			return nil
		}
		if !*change.Paused {
			w.PausedAt, w.PauseReason, w.FailingSince, w.NextAt = nil, "", nil, nil
			return nil
		}
		w.PausedAt = cmp.Or(w.PausedAt, &tx.Now)
		return nil
	})
}

// RotateWebhook gives a webhook a new secret, for an OWNER. For [memo.SecretOverlap], requests are
// signed with the previous one as well. Only the result contains the new secret.
func (a *App) RotateWebhook(ctx context.Context, c memo.Caller, id string) (memo.CreatedWebhook, error) {
	w, err := a.changeWebhook(ctx, c, id, memo.ActionWebhookRotated, func(tx *store.Tx, w *memo.Webhook) error {
		until := tx.Now.Add(memo.SecretOverlap)
		w.PreviousSecret, w.PreviousUntil, w.Secret = w.Secret, &until, newWebhookSecret()
		return nil
	})
	return memo.CreatedWebhook{Webhook: w, Secret: w.Secret}, err
}

// DeleteWebhook deletes a webhook and its deliveries, for an OWNER.
func (a *App) DeleteWebhook(ctx context.Context, c memo.Caller, id string) error {
	_, err := a.changeWebhook(ctx, c, id, memo.ActionWebhookDeleted, func(tx *store.Tx, w *memo.Webhook) error {
		return tx.DeleteWebhook(ctx, w.ID)
	})
	return err
}

// TestWebhook queues an event of the type [memo.EventTest], for an OWNER. Error: KindConflict
// webhook_paused.
func (a *App) TestWebhook(ctx context.Context, c memo.Caller, id string) (d memo.Delivery, err error) {
	_, err = a.changeWebhook(ctx, c, id, memo.ActionWebhookTested, func(tx *store.Tx, w *memo.Webhook) error {
		if w.PausedAt != nil {
			return errWebhookPaused
		}
		w.NextAt = nil // now
		deliveryID, err := tx.AddTestDelivery(ctx, *w)
		if err == nil {
			d, err = tx.Delivery(ctx, id, deliveryID)
		}
		return err
	})
	return d, err
}

// ResendDelivery queues a delivery again, with the same id, for an OWNER. Error: KindConflict
// webhook_paused.
func (a *App) ResendDelivery(
	ctx context.Context, c memo.Caller, webhookID, id string,
) (d memo.Delivery, err error) {
	_, err = a.changeWebhook(ctx, c, webhookID, memo.ActionWebhookResent, func(tx *store.Tx, w *memo.Webhook) error {
		if w.PausedAt != nil {
			return errWebhookPaused
		}
		if d, err = tx.Delivery(ctx, webhookID, id); err != nil {
			return err
		}
		w.NextAt = nil // now
		d.Status, d.Attempts = memo.DeliveryPending, 0
		return tx.SaveAttempt(ctx, d)
	})
	return d, err
}

// Deliveries lists the deliveries of a webhook, for an OWNER, the newest first, at most limit: all,
// or those before the one with the id before.
func (a *App) Deliveries(
	ctx context.Context, c memo.Caller, webhookID, before string, limit int,
) ([]memo.Delivery, error) {
	if _, err := a.Webhook(ctx, c, webhookID); err != nil {
		return nil, err
	}
	return a.store.Deliveries(ctx, webhookID, before, limit)
}
