package app

import (
	"context"
	"sync"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// WebhookSender sends deliveries of webhooks.
type WebhookSender interface {
	// CheckURL returns KindInvalid for a URL to which nothing can be sent.
	CheckURL(url string) error
	// Send makes one attempt. It returns the status of the response, or 0 if there was none, and
	// what went wrong, as a phrase for people.
	Send(ctx context.Context, w memo.Webhook, d memo.Delivery) (status int, problem string)
}

const (
	webhookInterval = time.Second // between two looks for deliveries
	maxWebhookCalls = 32          // webhooks to which this process sends at the same time
	// A webhook is served by one process for as long as its lease. The last attempt begins so early
	// that it ends before the lease, even if the endpoint does not respond.
	webhookLease = time.Minute
	webhookTurn  = 30 * time.Second
)

// sendWebhooks sends deliveries until ctx ends. Each webhook gets one at a time, the oldest first,
// and several webhooks are served in parallel, so that an endpoint that does not respond delays only
// its own deliveries.
func (a *App) sendWebhooks(ctx context.Context) {
	if a.webhooks == nil {
		return
	}
	var running sync.WaitGroup
	defer running.Wait()
	places := make(chan struct{}, maxWebhookCalls)
	next := time.NewTicker(webhookInterval)
	defer next.Stop()
	for ctx.Err() == nil {
		ids, err := a.store.LeaseWebhooks(ctx, maxWebhookCalls-len(places), webhookLease)
		if err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "deliveries of webhooks could not be read and will be retried", "error", err)
		}
		end := a.store.Now().Add(webhookTurn)
		for _, id := range ids {
			places <- struct{}{}
			running.Go(func() {
				defer func() { <-places }()
				a.serveWebhook(ctx, id, end)
			})
		}
		select {
		case <-ctx.Done():
		case <-next.C:
		}
	}
}

// serveWebhook sends the pending deliveries of a webhook until one fails or its turn ends, and ends
// its lease.
func (a *App) serveWebhook(ctx context.Context, id string, end time.Time) {
	var err error
	for more := true; more && err == nil && ctx.Err() == nil && a.store.Now().Before(end); {
		more, err = a.sendNext(ctx, id)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTimeout)
	defer cancel()
	if err == nil {
		err = a.store.ReleaseWebhook(ctx, id)
	}
	if err != nil { // the lease ends by itself
		a.log.WarnContext(ctx, "a delivery of a webhook could not be recorded and will be sent again",
			"webhook", id, "error", err)
	}
}

// sendNext makes an attempt of the oldest pending delivery of a webhook and records the result. more
// is false if there is none or the attempt failed.
//
// If the process ends between the two, the delivery is sent again: an endpoint gets each at least
// once, always with the same id.
func (a *App) sendNext(ctx context.Context, id string) (more bool, err error) {
	w, d, ok, err := a.store.NextDelivery(ctx, id)
	if err != nil || !ok {
		return false, err
	}
	status, problem := a.webhooks.Send(ctx, w, d)
	if problem != "" && ctx.Err() != nil {
		return false, nil // the server stops
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTimeout)
	defer cancel()
	return problem == "", a.store.Write(ctx, func(tx *store.Tx) error {
		return recordAttempt(ctx, tx, w, d, status, problem)
	})
}

// recordAttempt stores the result of an attempt, and pauses a webhook that is gone or has failed for
// too long. The delivery that failed last is then given up, or it would stop all others again.
func recordAttempt(
	ctx context.Context, tx *store.Tx, w memo.Webhook, d memo.Delivery, status int, problem string,
) error {
	w, err := tx.LockWebhook(ctx, w.WorkspaceID, w.ID)
	if memo.KindOf(err) == memo.KindNotFound {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	d.Attempts++
	d.LastAt, d.LastError, d.LastStatus = &tx.Now, memo.Optional(problem), nil
	if status != 0 {
		d.LastStatus = &status
	}
	if problem == "" {
		d.Status, w.FailingSince, w.NextAt = memo.DeliverySent, nil, nil
	} else {
		if w.FailingSince == nil {
			w.FailingSince = &tx.Now
		}
		next := tx.Now.Add(memo.RetryDelay(d.Attempts))
		w.NextAt = &next
		w.PauseReason = pauseReason(w, status, tx.Now)
	}
	if problem != "" && w.PauseReason != "" && w.PausedAt == nil {
		d.Status, w.PausedAt, w.NextAt = memo.DeliveryFailed, &tx.Now, nil
		if err := recordEvent(ctx, tx, memo.Caller{}, webhookEvent(w, memo.ActionWebhookPaused)); err != nil {
			return err
		}
	}
	if err := tx.SaveAttempt(ctx, d); err != nil {
		return err
	}
	return tx.SaveWebhook(ctx, w)
}

// pauseReason returns why a webhook that failed with a status must be paused, or "".
func pauseReason(w memo.Webhook, status int, now time.Time) memo.Optional {
	switch {
	case w.PausedAt != nil:
		return w.PauseReason
	case status == statusGone:
		return "the endpoint responded 410, which means that it is gone"
	case now.Sub(*w.FailingSince) >= memo.MaxFailing:
		return "no delivery succeeded for three days"
	}
	return ""
}

const statusGone = 410 // the endpoint wants no more requests

const expiringBatch = 200 // events

// queueExpiringKeys queues events of keys that expire within a day, or within a week.
func (a *App) queueExpiringKeys(ctx context.Context) (more bool, err error) {
	now := a.store.Now()
	for _, notice := range []struct {
		name     string
		from, to time.Duration
	}{
		{"1 day", 0, 24 * time.Hour},
		{"7 days", 24 * time.Hour, memo.ExpiryWarning},
	} {
		n, err := a.store.QueueExpiringKeys(ctx, notice.name, now.Add(notice.from), now.Add(notice.to), expiringBatch)
		if err != nil || n == expiringBatch {
			return n == expiringBatch, err
		}
	}
	return false, nil
}
