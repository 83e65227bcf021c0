package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// usageRecorder collects the usage of keys in memory, so that a busy key costs only one write per
// minute. The first use of a key is written immediately, because its creator may be waiting to
// see it.
type usageRecorder struct {
	store *store.Store
	log   *slog.Logger

	mu   sync.Mutex
	keys map[string]*keyUsage // by key id
}

// keyUsage is the usage of a key that is not written yet.
type keyUsage struct {
	store.KeyUsage
	written time.Time // when usage was last written, by any process
}

const (
	usageWriteInterval = time.Minute // minimum time between two writes of one key's usage
	// keysPerWrite is how many keys one transaction writes. Revoking one of them waits for it.
	keysPerWrite = 30
	// firstUseTimeout is how long the first call with a key waits for its write.
	firstUseTimeout = 500 * time.Millisecond
)

func newUsageRecorder(s *store.Store, log *slog.Logger) *usageRecorder {
	return &usageRecorder{store: s, log: log, keys: map[string]*keyUsage{}}
}

// accepted records an accepted call, and counts it if counted is set.
func (u *usageRecorder) accepted(ctx context.Context, c memo.Caller, now time.Time, counted bool) {
	if c.KeyID == "" {
		return
	}
	u.mu.Lock()
	k := u.entry(c.KeyID, c.KeyLastUsedAt)
	first := k.written.IsZero()
	if first {
		k.written = now
	}
	k.At, k.IP, k.Agent = now, c.ClientAddress, c.UserAgent
	if counted {
		k.count(store.Hour(now), memo.Calls{Requests: 1})
	}
	u.mu.Unlock()
	if first {
		if err := u.flush(ctx, []string{c.KeyID}, firstUseTimeout); err != nil {
			u.log.WarnContext(ctx, "the first use of a key could not be written; it will be retried", "error", err)
		}
	}
}

// refused counts a refused call.
func (u *usageRecorder) refused(c memo.Caller, now time.Time) {
	if c.KeyID == "" {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.entry(c.KeyID, c.KeyLastUsedAt).count(store.Hour(now), memo.Calls{Refused: 1})
}

// entry returns the usage of a key. u.mu must be locked.
func (u *usageRecorder) entry(id string, written time.Time) *keyUsage {
	k := u.keys[id]
	if k == nil {
		k = &keyUsage{store.KeyUsage{KeyID: id, Hours: map[int64]memo.Calls{}}, written}
		u.keys[id] = k
	}
	return k
}

func (k *keyUsage) count(hour int64, c memo.Calls) { k.Hours[hour] = k.Hours[hour].Plus(c) }

func (k *keyUsage) isEmpty() bool { return k.At.IsZero() && len(k.Hours) == 0 }

// addPending adds the usage that is not written yet to a key that was read from the database.
func (u *usageRecorder) addPending(k *memo.APIKey, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := u.keys[k.ID]
	if p == nil {
		return
	}
	for hour, calls := range p.Hours {
		if hour > store.Hour(now)-24 {
			k.Requests24h += calls.Requests
		}
	}
	if !p.At.IsZero() && (k.LastUsedAt == nil || k.LastUsedAt.Before(p.At)) && k.Validity.Status(now) == memo.KeyActive {
		at := p.At
		k.LastUsedAt, k.LastUsedIP, k.LastUsedAgent = &at, memo.Optional(p.IP), memo.Optional(p.Agent)
	}
}

// write writes the usage of the keys that are due, or of all.
func (u *usageRecorder) write(ctx context.Context, all bool) (err error) {
	now := u.store.Now()
	var due []string
	u.mu.Lock()
	for id, k := range u.keys {
		switch {
		case !k.isEmpty() && (all || now.Sub(k.written) >= usageWriteInterval):
			due = append(due, id)
		case k.isEmpty() && now.Sub(k.written) > time.Hour:
			delete(u.keys, id)
		}
	}
	u.mu.Unlock()
	slices.Sort(due) // replicas write the same keys: a fixed order avoids deadlocks
	for part := range slices.Chunk(due, keysPerWrite) {
		flushErr := u.flush(ctx, part, stepTimeout)
		err = errors.Join(err, flushErr)
		if memo.KindOf(flushErr) == memo.KindUnavailable {
			return err // the other parts would wait as long, and a server that stops has no time for that
		}
	}
	return err
}

// flush writes the usage of some keys. What could not be written stays in memory for a later write.
func (u *usageRecorder) flush(ctx context.Context, ids []string, timeout time.Duration) error {
	now := u.store.Now()
	var uses []store.KeyUsage
	u.mu.Lock()
	for _, id := range ids {
		uses = append(uses, u.keys[id].KeyUsage)
		u.keys[id] = &keyUsage{store.KeyUsage{KeyID: id, Hours: map[int64]memo.Calls{}}, now}
	}
	u.mu.Unlock()
	// Not cancelled with the request, or the count would be lost.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	err := u.store.Write(ctx, func(tx *store.Tx) error { return tx.RecordUsage(ctx, uses) })
	if err == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, use := range uses {
		k := u.entry(use.KeyID, now)
		k.written = now.Add(-usageWriteInterval) // due in the next write
		if k.At.IsZero() {
			k.At, k.IP, k.Agent = use.At, use.IP, use.Agent
		}
		for hour, calls := range use.Hours {
			k.count(hour, calls)
		}
	}
	return err
}

// UsageBars is the number of bars in a chart of usage.
const UsageBars = 24

// Spans of a chart in hours. Both are multiples of UsageBars.
const (
	UsageDayHours       = 24
	UsageFortnightHours = 14 * 24
)

// UsageOf returns the calls of each key in the last hours, in bars of equal length, the most
// recent last. hours must be a multiple of [UsageBars]. Keys that the caller does not see have
// no calls.
func (a *App) UsageOf(
	ctx context.Context, c memo.Caller, keys []memo.KeyView, hours int,
) ([][UsageBars]memo.Calls, error) {
	if err := requireSignedInMember(c); err != nil {
		return nil, err
	}
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	visible, err := a.store.KeysAmong(ctx, c.WorkspaceID, visibleKeysOf(c), ids)
	if err != nil {
		return nil, err
	}
	first, hoursPerBar := store.Hour(a.store.Now())-int64(hours)+1, int64(hours/UsageBars)
	rows, err := a.store.UsageSince(ctx, visible, first, hoursPerBar)
	if err != nil {
		return nil, err
	}
	usage := make([][UsageBars]memo.Calls, len(keys))
	add := func(key string, bar int64, calls memo.Calls) {
		if bar >= 0 && bar < UsageBars {
			bars := &usage[slices.Index(ids, key)]
			bars[bar] = bars[bar].Plus(calls)
		}
	}
	for _, r := range rows {
		add(r.KeyID, r.Period, r.Calls)
	}
	a.usage.mu.Lock()
	defer a.usage.mu.Unlock()
	for _, id := range visible {
		if k := a.usage.keys[id]; k != nil {
			for hour, calls := range k.Hours {
				if hour >= first {
					add(id, (hour-first)/hoursPerBar, calls)
				}
			}
		}
	}
	return usage, nil
}
