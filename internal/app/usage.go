package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

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
	// first has what the first call with a key did, by key id. Only the page of a new key shows it, so
	// it is not stored: after a restart, or on another replica, it is unknown.
	first *simplelru.LRU[string, string]
}

// maxFirstCalls is how many first calls are remembered.
const maxFirstCalls = 1000

// keyUsage is the usage of a key that is not written yet.
type keyUsage struct {
	store.KeyUsage
	workspaceID, userID string    // of the key
	written             time.Time // when usage was last written, by any process
}

const (
	usageWriteInterval = time.Minute // minimum time between two writes of one key's usage
	// keysPerWrite is how many keys one transaction writes. Revoking one of them waits for it.
	keysPerWrite = 30
	// firstUseTimeout is how long the first call with a key waits for its write.
	firstUseTimeout = 500 * time.Millisecond
)

func newUsageRecorder(s *store.Store, log *slog.Logger) *usageRecorder {
	first, err := simplelru.NewLRU[string, string](maxFirstCalls, nil)
	if err != nil {
		panic(err) // only a size below 1 is an error
	}
	return &usageRecorder{store: s, log: log, keys: map[string]*keyUsage{}, first: first}
}

// did remembers what a call did, if it is the first one with its key: "listed 20 transcriptions".
func (u *usageRecorder) did(c memo.Caller, what string) {
	if c.KeyID == "" || !c.KeyLastUsedAt.IsZero() {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.first.Contains(c.KeyID) {
		u.first.Add(c.KeyID, what)
	}
}

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
func (u *usageRecorder) refused(c memo.Caller, why memo.Refusal, now time.Time) {
	if c.KeyID == "" {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.entry(c).count(store.Hour(now), memo.RefusedCall(why))
}

// entry returns the usage of the caller's key. u.mu must be locked.
func (u *usageRecorder) entry(c memo.Caller) *keyUsage {
	k := u.keys[c.KeyID]
	if k == nil {
		k = &keyUsage{workspaceID: c.WorkspaceID, userID: c.UserID, written: c.KeyLastUsedAt}
		k.clear(c.KeyID)
		u.keys[c.KeyID] = k
	}
	return k
}

func (k *keyUsage) clear(id string) {
	k.KeyUsage = store.KeyUsage{KeyID: id, Hours: map[int64]memo.Calls{}}
}

func (k *keyUsage) count(hour int64, c memo.Calls) { k.Hours[hour] = k.Hours[hour].Plus(c) }

func (k *keyUsage) isEmpty() bool { return k.At.IsZero() && len(k.Hours) == 0 }

// addPending adds what is not written to the database, or not yet, to a key that was read from the database.
func (u *usageRecorder) addPending(k *memo.APIKey, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	k.FirstCall, _ = u.first.Peek(k.ID)
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
	taken := make([]*keyUsage, len(ids))
	u.mu.Lock()
	for i, id := range ids {
		k := u.keys[id]
		taken[i], uses = k, append(uses, k.KeyUsage)
		k.written = now
		k.clear(id)
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
	for i, use := range uses {
		k := u.keys[use.KeyID]
		if k == nil { // deleted since
			k = taken[i]
			u.keys[use.KeyID] = k
		}
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

// UsageSpan is the time that a chart of usage shows: a number of bars, the last of which contains
// the current moment. Bars of a day are days in UTC.
type UsageSpan struct{ Bars, HoursPerBar int64 }

// The spans of charts.
var (
	UsageDay       = UsageSpan{24, 1}
	UsageFortnight = UsageSpan{14, 24}
)

// first returns the number of the first hour of the span.
func (s UsageSpan) first(now time.Time) int64 {
	hour := store.Hour(now)
	return hour - hour%s.HoursPerBar - (s.Bars-1)*s.HoursPerBar
}

// Start returns the moment at which a bar starts.
func (s UsageSpan) Start(now time.Time, bar int) time.Time {
	return time.Unix((s.first(now)+int64(bar)*s.HoursPerBar)*3600, 0).UTC()
}

// UsageOf returns the calls of each key in the bars of a span. Keys that the caller does not see
// have no calls.
func (a *App) UsageOf(ctx context.Context, c memo.Caller, keys []memo.KeyView, span UsageSpan) ([][]memo.Calls, error) {
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
	first := span.first(a.store.Now())
	rows, err := a.store.UsageSince(ctx, visible, first, span.HoursPerBar)
	if err != nil {
		return nil, err
	}
	usage := make([][]memo.Calls, len(keys))
	for i := range usage {
		usage[i] = make([]memo.Calls, span.Bars)
	}
	of := func(id string) []memo.Calls { return usage[slices.Index(ids, id)] }
	for _, r := range rows {
		addCalls(of(r.KeyID), r.Period, r.Calls)
	}
	a.usage.mu.Lock()
	defer a.usage.mu.Unlock()
	for _, id := range visible {
		if k := a.usage.keys[id]; k != nil {
			k.addTo(of(id), first, span)
		}
	}
	return usage, nil
}

// Usage returns the calls of all keys that the caller sees, in the bars of a span.
func (a *App) Usage(ctx context.Context, c memo.Caller, span UsageSpan) ([]memo.Calls, error) {
	if err := requireSignedInMember(c); err != nil {
		return nil, err
	}
	user, first := visibleKeysOf(c), span.first(a.store.Now())
	rows, err := a.store.UsageOfWorkspace(ctx, c.WorkspaceID, user, first, span.HoursPerBar)
	if err != nil {
		return nil, err
	}
	usage := make([]memo.Calls, span.Bars)
	for _, r := range rows {
		addCalls(usage, r.Period, r.Calls)
	}
	a.usage.mu.Lock()
	defer a.usage.mu.Unlock()
	for _, k := range a.usage.keys {
		if k.workspaceID == c.WorkspaceID && (user == "" || k.userID == user) {
			k.addTo(usage, first, span)
		}
	}
	return usage, nil
}

// addTo adds the usage that is not written yet to the bars of a span.
func (k *keyUsage) addTo(bars []memo.Calls, first int64, span UsageSpan) {
	for hour, calls := range k.Hours {
		if hour >= first {
			addCalls(bars, (hour-first)/span.HoursPerBar, calls)
		}
	}
}

func addCalls(bars []memo.Calls, bar int64, calls memo.Calls) {
	if bar >= 0 && bar < int64(len(bars)) {
		bars[bar] = bars[bar].Plus(calls)
	}
}
