package app

import (
	"context"
	"log/slog"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// Retention says how long old rows are stored: audit events after they happened, the usage of keys
// after the hour that it counts. The zero value is [Forever] for both.
type Retention struct{ Audit, Usage time.Duration }

// Forever is the retention of what is never deleted.
const Forever time.Duration = 0

// sessionRetention is how long a session is stored after it has ended.
const sessionRetention = 30 * 24 * time.Hour

// How long codes and tokens of connected apps are stored after they have expired. Until then, a
// second use of a code ends the app.
const (
	codeRetention  = 10 * time.Minute
	tokenRetention = time.Hour
)

// pruneBatch is the number of old rows that one transaction deletes.
const pruneBatch = 200

// pruning is a run that deletes old rows. Several replicas can do it at the same time.
type pruning struct {
	store *store.Store
	log   *slog.Logger
	kinds []prunedKind
	next  int // index of the kind that is being deleted
}

type prunedKind struct {
	name      string
	retention time.Duration
	delete    func(tx *store.Tx, ctx context.Context, before time.Time, limit int64) (int64, error)
	deleted   int64
}

func (a *App) newPruning() *pruning {
	return &pruning{store: a.store, log: a.log, kinds: []prunedKind{
		{name: "events", retention: a.retention.Audit, delete: (*store.Tx).DeleteEvents},
		{name: "usage", retention: a.retention.Usage, delete: (*store.Tx).DeleteUsage},
		{name: "sessions", retention: sessionRetention, delete: (*store.Tx).DeleteSessions},
		{name: "app_codes", retention: codeRetention, delete: (*store.Tx).DeleteAppCodes},
		{name: "app_tokens", retention: tokenRetention, delete: (*store.Tx).DeleteAppTokens},
		{name: "deliveries", retention: memo.DeliveryRetention, delete: (*store.Tx).DeleteDeliveries},
	}}
}

// step deletes a batch. When the run is complete, it logs the number of rows of each kind, unless
// there were none.
func (p *pruning) step(ctx context.Context) (more bool, err error) {
	k := &p.kinds[p.next]
	var n int64
	if k.retention != Forever {
		if err := p.store.Write(ctx, func(tx *store.Tx) (err error) {
			n, err = k.delete(tx, ctx, tx.Now.Add(-k.retention), pruneBatch)
			return err
		}); err != nil {
			return false, err
		}
	}
	k.deleted += n
	if n == pruneBatch {
		return true, nil
	}
	if p.next++; p.next < len(p.kinds) {
		return true, nil
	}
	var counts []any
	total := int64(0)
	for i := range p.kinds {
		counts = append(counts, p.kinds[i].name, p.kinds[i].deleted)
		total += p.kinds[i].deleted
		p.kinds[i].deleted = 0
	}
	p.next = 0
	if total > 0 {
		p.log.InfoContext(ctx, "deleted what is older than its retention", counts...)
	}
	return false, nil
}
