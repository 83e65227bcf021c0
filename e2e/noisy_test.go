package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo/internal/testenv"
)

// noiseDuration is how long the hostile load lasts on each database.
const noiseDuration = 22 * time.Second

// Bounds for other callers during the load of one, on a machine with two cores.
const (
	maxKeyCall   = 2 * time.Second // for a call with a key of another workspace
	maxReady     = 2 * time.Second // for /readyz
	maxSignIn    = 2 * time.Second // including the hash of the password
	maxEndAccess = time.Second     // for a revocation, a removal and the change of a command
	maxCut       = time.Second     // from the response to a revocation to the end of the key's stream
	maxMemory    = 1200            // MB of peak resident memory
)

// TestNoisyNeighbour: while one member of a workspace searches, downloads, imports and
// changes titles as fast as the server allows, calls of another workspace are served,
// and operations that end access are served at once. It runs alone, without the race
// detector:
//
//	make noisy
func TestNoisyNeighbour(t *testing.T) {
	if testing.Short() || testenv.Race {
		t.Skip("takes a minute on each database; the race detector makes the server ten times slower")
	}
	onBoth(t, func(t *testing.T, p database) {
		n := newNoisy(t, p)
		idle := n.idleDisable()
		n.logIdle()
		n.stream = n.server.export(t, n.streamKey.Key, n.bulk)
		defer n.stream.conn.Close()
		n.begin = time.Now()
		var watchers, load sync.WaitGroup
		n.watch(&watchers)
		n.makeNoise(&load)
		watchers.Wait()
		load.Wait()
		n.mustMeetBounds(idle)
	})
}

// watch starts all measurements. They run in parallel, so that a slow response to one
// does not delay the others.
func (n *noisy) watch(all *sync.WaitGroup) {
	other := n.server.client(n.otherKey.Key)
	all.Go(func() {
		n.repeat(100*time.Millisecond, func() { n.timed(&n.me, other, "GET", api+"/me", nil) })
	})
	all.Go(func() {
		c := n.server.client("")
		n.repeat(500*time.Millisecond, func() { n.timed(&n.ready, c, "GET", "/readyz", nil) })
	})
	all.Go(func() {
		c, who := n.server.client(""), map[string]string{"email": n.otherOwner, "password": password}
		n.repeat(2*time.Second, func() { n.timed(&n.signIns, c, "POST", "/api/v1/session", who) })
	})
	all.Go(n.revokeAll)
	all.Go(n.removeAll)
	all.Go(n.disableAll)
	all.Go(n.readStream)
	all.Go(n.tryEndedKeys)
}

// revokeAll revokes keys of the hostile member: unused ones, the one of the stream, and
// last one that the searches use.
func (n *noisy) revokeAll() {
	for i, k := range slices.Concat(n.spare[:3], []newKey{n.streamKey}, n.spare[3:], n.searchKeys[:1]) {
		n.waitFor(float64(i+1) / 9)
		ended := n.retry(&n.revocations, func() bool {
			a, err := n.owner.call("DELETE", api+"/keys/"+k.ID, nil)
			return n.revocations.served(a.status == http.StatusNoContent, outcomeOf(a.status, err))
		}, k)
		if k.ID == n.streamKey.ID && ended {
			n.streamEnded <- time.Now()
		} else if k.ID == n.streamKey.ID {
			close(n.streamEnded)
		}
	}
}

// removeAll removes members in the web app, the hostile one last.
func (n *noisy) removeAll() {
	for i, m := range append(n.removed, n.hostile) {
		n.waitFor([]float64{.2, .45, .7, .9}[i])
		path := "/w/" + n.home.workspace + "/members/" + m.id + "/remove"
		n.retry(&n.removals, func() bool {
			resp, err := n.form(context.Background(), n.owner, path, "")
			if err != nil {
				return n.removals.served(false, outcomeOf(0, err))
			}
			resp.Body.Close()
			return n.removals.served(resp.StatusCode == http.StatusSeeOther, outcomeOf(resp.StatusCode, nil))
		}, m.keys...)
	}
}

// disableAll disables users with the command, next to the server.
func (n *noisy) disableAll() {
	for i, m := range n.disabled {
		n.waitFor([]float64{.3, .55, .8}[i])
		n.retry(&n.disables, func() bool {
			r := run(n.home.database, "", "user", "disable", m.email)
			return n.disables.served(r.code == 0, fmt.Sprintf("exit %d", r.code))
		}, m.keys...)
	}
}

// idleDisable returns how long memo user disable takes before the load: starting,
// opening the database, and the change.
func (n *noisy) idleDisable() time.Duration {
	var took []time.Duration
	for _, m := range n.idleDisabled {
		begun := time.Now()
		cli[namedID](n.t, n.home.database, "user", "disable", m.email)
		took = append(took, time.Since(begun))
	}
	return slices.Min(took)
}

// logIdle logs how long single operations of the load take without load.
func (n *noisy) logIdle() {
	c := n.server.client(n.searchKeys[0].Key)
	for _, load := range []struct {
		name string
		do   func(context.Context) bool
	}{
		{"search", func(ctx context.Context) bool { return n.search(ctx, c) }},
		{"download", func(ctx context.Context) bool { return n.download(ctx, c, 2) }},
		{"title", func(ctx context.Context) bool { return n.changeTitle(ctx, 0) }},
	} {
		begun := time.Now()
		load.do(n.t.Context())
		n.t.Logf("| one %s without load | %.2f s | %v |", load.name, time.Since(begun).Seconds(), n.outcomes[load.name])
	}
	clear(n.outcomes)
}

// readStream reads the bulk export slowly until it ends, and records how long after the
// revocation of its key that was.
func (n *noisy) readStream() {
	e, ended, enough := n.stream, make(chan time.Time, 1), make(chan struct{})
	go func() {
		for {
			e.readOnce()
			timedOut := closedWithin(enough, 50*time.Millisecond)
			if timedOut || e.err != nil && !errors.Is(e.err, os.ErrDeadlineExceeded) { // a timeout only means that no data came
				ended <- time.Now()
				return
			}
		}
	}()
	select {
	case <-ended:
		<-n.streamEnded
		n.cuts.served(false, fmt.Sprintf("ended before the revocation: %v", e.err))
	case acknowledged, revoked := <-n.streamEnded:
		if !revoked {
			n.cuts.served(false, "its key was never revoked")
			return
		}
		size := e.size()
		time.AfterFunc(20*time.Second, func() { close(enough) })
		n.cuts.note((<-ended).Sub(acknowledged))
		n.cutBytes = e.size() - size
		switch {
		case e.err == nil || errors.Is(e.err, os.ErrDeadlineExceeded):
			n.cuts.served(false, "not cut")
		case bytes.HasSuffix(e.got.Bytes(), []byte("\r\n0\r\n\r\n")):
			n.cuts.served(false, "complete")
		}
	}
}

// tryEndedKeys makes calls with random keys whose end was acknowledged.
func (n *noisy) tryEndedKeys() {
	c := n.server.client("")
	n.repeat(20*time.Millisecond, func() {
		if key := n.endedKeys.random(); key != "" {
			began := time.Now()
			if a, err := c.with(key).call("GET", api+"/me", nil); err == nil {
				n.endedKeys.noteCall(key, began, a.status)
			}
		}
	})
}

// mustMeetBounds logs the table, and fails the test for each bound that was exceeded.
func (n *noisy) mustMeetBounds(idle time.Duration) {
	t := n.t
	for i := range n.disables.took {
		n.disables.took[i] = max(0, n.disables.took[i]-idle)
	}
	for _, m := range []*measure{&n.me, &n.ready, &n.signIns, &n.revocations, &n.removals, &n.disables, &n.cuts} {
		m.mustMeetBound(t)
	}
	t.Logf("| `memo user disable` without load | %.2f s |", idle.Seconds())
	t.Logf("| bytes of the bulk stream after the response to the revocation | %d |", n.cutBytes)
	t.Logf("| calls with an ended key | %d, of them accepted %d |", n.endedKeys.calls, n.endedKeys.accepted)
	if n.endedKeys.accepted > 0 {
		t.Errorf("%d calls were accepted after the end of their key was acknowledged", n.endedKeys.accepted)
	}
	memory := n.server.peakMemory(t)
	t.Logf("| peak resident memory of the server | %d MB | bound %d MB |", memory, maxMemory)
	if memory > maxMemory {
		t.Errorf("the server had %d MB of resident memory, the bound is %d MB", memory, maxMemory)
	}
	for _, name := range slices.Sorted(maps.Keys(n.outcomes)) {
		t.Logf("| load: %s | %v |", name, n.outcomes[name])
	}
	// Most downloads leave early or read slowly, so one that started counts as a success. So does a title
	// that is still at work when the load ends: those that may not start get 503 at once.
	for name, succeeded := range map[string][]string{
		"search": {"200"}, "download": {"200", "200, cut"},
		"title": {"303", "no response"},
	} {
		if !t.Failed() && !slices.ContainsFunc(succeeded, func(s string) bool { return n.outcomes[name][s] > 0 }) {
			t.Errorf("no %s of the load succeeded: the load was too weak", name)
		}
	}
	if !t.Failed() && n.endedKeys.calls < 50 {
		t.Errorf("only %d calls with ended keys, too few", n.endedKeys.calls)
	}
	c := n.server.client(n.otherKey.Key)
	eventually(t, "the server serves calls after the load", func() bool { return isOK(c) })
	for key := range n.endedKeys.at {
		c.with(key).must(t, http.StatusUnauthorized, "GET", api+"/me", nil)
	}
}
