package app

import (
	"context"
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

// usageWriteInterval is the minimum time between two writes of one key's usage.
const usageWriteInterval = time.Minute

// Timeouts of writes. The first call with a key waits for the write; all later writes are in the
// background.
const (
	firstUseTimeout = 500 * time.Millisecond
	laterUseTimeout = 3 * time.Second
)

// keyUsage is the usage of a key that is not written yet.
type keyUsage struct {
	at        time.Time // of the latest accepted call; zero once written
	ip, agent string
	hours     map[int64]memo.Calls // by store.Hour
	written   time.Time            // when usage was last written, by any process
}

func newUsageRecorder(s *store.Store, log *slog.Logger) *usageRecorder {
	return &usageRecorder{store: s, log: log, keys: map[string]*keyUsage{}}
}

// maxEventText is the maximum size of a stored text in an event, a session or the usage of a key,
// in bytes.
const maxEventText = 200

// accepted records an accepted call, and counts it if counted is set.
func (u *usageRecorder) accepted(ctx context.Context, c memo.Caller, now time.Time, counted bool) {
	if c.KeyID == "" {
		return
	}
	u.mu.Lock()
	k := u.entry(c)
	first := k.written.IsZero()
	if first {
		k.written = now
	}
	k.at, k.ip, k.agent = now, c.ClientAddress, truncateBytes(c.UserAgent, maxEventText)
	if counted {
		hour := k.hours[store.Hour(now)]
		hour.Requests++
		k.hours[store.Hour(now)] = hour
	}
	u.mu.Unlock()
	if first {
		u.flush(ctx, []string{c.KeyID}, firstUseTimeout)
	}
}

// refused counts a refused call.
func (u *usageRecorder) refused(c memo.Caller, now time.Time) {
	if c.KeyID == "" {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	k := u.entry(c)
	hour := k.hours[store.Hour(now)]
	hour.Refused++
	k.hours[store.Hour(now)] = hour
}

// entry returns the usage of the caller's key. u.mu must be locked.
func (u *usageRecorder) entry(c memo.Caller) *keyUsage {
	k := u.keys[c.KeyID]
	if k == nil {
		k = &keyUsage{hours: map[int64]memo.Calls{}, written: c.KeyLastUsedAt}
		u.keys[c.KeyID] = k
	}
	return k
}

// addPending adds the usage that is not written yet to a key that was read from the database.
func (u *usageRecorder) addPending(k *memo.APIKey, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := u.keys[k.ID]
	if p == nil {
		return
	}
	for hour, calls := range p.hours {
		if hour > store.Hour(now)-24 {
			k.Requests24h += calls.Requests
		}
	}
	if !p.at.IsZero() && (k.LastUsedAt == nil || k.LastUsedAt.Before(p.at)) && k.Validity.Status(now) == memo.KeyActive {
		at := p.at
		k.LastUsedAt, k.LastUsedIP, k.LastUsedAgent = &at, memo.Optional(p.ip), memo.Optional(p.agent)
	}
}

// keysPerWrite is how many keys one transaction writes. Revoking one of them has to wait for it.
const keysPerWrite = 30

// write writes the usage of the keys that are due, or of all.
func (u *usageRecorder) write(ctx context.Context, all bool) {
	now := u.store.Now()
	var due []string
	u.mu.Lock()
	for id, k := range u.keys {
		switch {
		case (len(k.hours) > 0 || !k.at.IsZero()) && (all || now.Sub(k.written) >= usageWriteInterval):
			due = append(due, id)
		case len(k.hours) == 0 && k.at.IsZero() && now.Sub(k.written) > time.Hour:
			delete(u.keys, id) // idle and written
		}
	}
	u.mu.Unlock()
	slices.Sort(due) // replicas write the same keys: a fixed order avoids deadlocks
	for part := range slices.Chunk(due, keysPerWrite) {
		if u.flush(ctx, part, laterUseTimeout) || !all {
			continue
		}
		if !u.flush(ctx, part, laterUseTimeout) { // there is no next time
			return
		}
	}
}

// flush writes the usage of some keys and reports whether it succeeded. If it did not, the usage
// stays in memory for a later write, so that no request fails because of it.
func (u *usageRecorder) flush(ctx context.Context, ids []string, timeout time.Duration) bool {
	now := u.store.Now()
	var uses []store.KeyUsage
	u.mu.Lock()
	for _, id := range ids {
		k := u.keys[id]
		uses = append(uses, store.KeyUsage{KeyID: id, At: k.at, IP: k.ip, Agent: k.agent, Hours: k.hours})
		k.at, k.hours, k.written = time.Time{}, map[int64]memo.Calls{}, now
	}
	u.mu.Unlock()
	// Not cancelled with the request, or the count would be lost.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	err := u.store.Write(ctx, func(tx *store.Tx) error { return tx.RecordUsage(ctx, uses) })
	if err == nil {
		return true
	}
	u.log.WarnContext(ctx, "the usage of keys could not be written; it will be retried", "keys", len(uses), "error", err)
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, use := range uses {
		k := u.keys[use.KeyID]
		if k == nil {
			k = &keyUsage{hours: map[int64]memo.Calls{}}
			u.keys[use.KeyID] = k
		}
		k.written = now.Add(-usageWriteInterval) // due in the next write
		if k.at.IsZero() {
			k.at, k.ip, k.agent = use.At, use.IP, use.Agent
		}
		for hour, calls := range use.Hours {
			sum := k.hours[hour]
			sum.Requests += calls.Requests
			sum.Refused += calls.Refused
			k.hours[hour] = sum
		}
	}
	return false
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
	usage := make([][UsageBars]memo.Calls, len(keys))
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	visible, err := a.store.KeysAmong(ctx, c.WorkspaceID, visibleKeysOf(c), ids)
	if err != nil {
		return nil, err
	}
	indexOf := map[string]int{}
	for i, id := range ids {
		if slices.Contains(visible, id) {
			indexOf[id] = i
		}
	}
	first, hoursPerBar := store.Hour(a.store.Now())-int64(hours)+1, int64(hours/UsageBars)
	rows, err := a.store.UsageSince(ctx, visible, first, hoursPerBar)
	if err != nil {
		return nil, err
	}
	add := func(key string, bar int64, calls memo.Calls) {
		if i, ok := indexOf[key]; ok && bar >= 0 && bar < UsageBars {
			usage[i][bar].Requests += calls.Requests
			usage[i][bar].Refused += calls.Refused
		}
	}
	for _, r := range rows {
		add(r.KeyID, r.Period, r.Calls)
	}
	a.usage.eachPending(func(key string, hour int64, calls memo.Calls) {
		if hour >= first {
			add(key, (hour-first)/hoursPerBar, calls)
		}
	})
	return usage, nil
}

// eachPending calls f with all usage that is not written yet.
func (u *usageRecorder) eachPending(f func(keyID string, hour int64, calls memo.Calls)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, k := range u.keys {
		for hour, calls := range k.hours {
			f(id, hour, calls)
		}
	}
}
