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
)

// noise is how long the hostile load lasts on each database.
const noise = 22 * time.Second

// What one caller's load may cost everybody else, on a machine with two cores.
const (
	mostMe     = 2 * time.Second // for a call with a key of another workspace
	mostReady  = 2 * time.Second // for /readyz
	mostSignIn = 2 * time.Second // with the hash of the password
	mostEnd    = time.Second     // for a revocation, a removal and the change that a command makes
	mostCut    = time.Second     // from the answer to a revocation to the end of that key's stream
	mostMemory = 1200            // MB of resident memory at the worst moment
)

// TestNoisyNeighbour: while one member of a workspace searches, downloads, imports
// and changes titles as fast as the server lets them, another workspace is served,
// and whoever takes access away is served at once. It is run without the race detector,
// alone, by
//
//	make noisy
func TestNoisyNeighbour(t *testing.T) {
	if testing.Short() || withRace {
		t.Skip("takes a minute on each database, and the race detector makes the server ten times slower")
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
		n.mustHold(idle)
	})
}

// watch starts everything that is measured. Each measurement runs by itself, so
// that a slow answer to one delays no other.
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

// revokeAll ends keys of the hostile member: spare ones, the one of the stream and
// at last one that the searches are using.
func (n *noisy) revokeAll() {
	for i, k := range slices.Concat(n.spare[:3], []newKey{n.streamKey}, n.spare[3:], n.searchKeys[:1]) {
		n.waitFor(float64(i+1) / 9)
		ended := n.until(&n.revocations, func() bool {
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
		n.until(&n.removals, func() bool {
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
		n.until(&n.disables, func() bool {
			r := run(n.home.database, "", "user", "disable", m.email)
			return n.disables.served(r.code == 0, fmt.Sprintf("exit %d", r.code))
		}, m.keys...)
	}
}

// idleDisable returns how long the command takes before the load: its start, the
// opening of the database, and the change.
func (n *noisy) idleDisable() time.Duration {
	var took []time.Duration
	for _, m := range n.practice {
		begun := time.Now()
		cli[namedID](n.t, n.home.database, "user", "disable", m.email)
		took = append(took, time.Since(begun))
	}
	return slices.Min(took)
}

// logIdle prints what parts of the load take by themselves.
func (n *noisy) logIdle() {
	c := n.server.client(n.searchKeys[0].Key)
	for _, one := range []struct {
		what string
		do   func(context.Context) bool
	}{
		{"search", func(ctx context.Context) bool { return n.search(ctx, c) }},
		{"download", func(ctx context.Context) bool { return n.download(ctx, c, 2) }},
		{"title", func(ctx context.Context) bool { return n.changeTitle(ctx, 0) }},
	} {
		begun := time.Now()
		one.do(n.t.Context())
		n.t.Logf("| one %s without load | %.2f s | %v |", one.what, time.Since(begun).Seconds(), n.done[one.what])
	}
	clear(n.done)
}

// readStream reads the bulk export slowly until it ends, and notes how long after
// the revocation of its key that was.
func (n *noisy) readStream() {
	e, ended, enough := n.stream, make(chan time.Time, 1), make(chan struct{})
	go func() {
		for {
			e.once()
			late := closedWithin(enough, 50*time.Millisecond)
			if late || e.err != nil && !errors.Is(e.err, os.ErrDeadlineExceeded) { // which means that nothing came
				ended <- time.Now()
				return
			}
		}
	}()
	select {
	case <-ended:
		<-n.streamEnded
		n.cuts.served(false, fmt.Sprintf("ended before its key did: %v", e.err))
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
			n.cuts.served(false, "whole")
		}
	}
}

// tryEndedKeys calls with the keys whose end was acknowledged, in turn.
func (n *noisy) tryEndedKeys() {
	c := n.server.client("")
	n.repeat(20*time.Millisecond, func() {
		if key := n.ends.any(); key != "" {
			began := time.Now()
			if a, err := c.with(key).call("GET", api+"/me", nil); err == nil {
				n.ends.judge(key, began, a.status)
			}
		}
	})
}

// mustHold prints the table and says which promises were broken.
func (n *noisy) mustHold(idle time.Duration) {
	t := n.t
	for i := range n.disables.took {
		n.disables.took[i] = max(0, n.disables.took[i]-idle)
	}
	for _, m := range []*measure{&n.me, &n.ready, &n.signIns, &n.revocations, &n.removals, &n.disables, &n.cuts} {
		m.mustHold(t)
	}
	t.Logf("| `memo user disable` without load | %.2f s |", idle.Seconds())
	t.Logf("| bytes of the bulk stream after the answer to the revocation | %d |", n.cutBytes)
	t.Logf("| calls with an ended key | %d, of them accepted %d |", n.ends.tried, n.ends.late)
	if n.ends.late > 0 {
		t.Errorf("broken: a key opens nothing after its end was acknowledged: %d calls were accepted", n.ends.late)
	}
	memory := n.server.mostMemory(t)
	t.Logf("| resident memory of the server at most | %d MB | bound %d MB |", memory, mostMemory)
	if memory > mostMemory {
		t.Errorf("broken: the server stays below %d MB of resident memory: it had %d MB", mostMemory, memory)
	}
	for _, what := range slices.Sorted(maps.Keys(n.done)) {
		t.Logf("| load: %s | %v |", what, n.done[what])
	}
	// Most downloads of the load leave early or read slowly, so one that began counts.
	for what, good := range map[string][]string{
		"search": {"200"}, "download": {"200", "200, not to its end"},
		"title": {"303"},
	} {
		if !t.Failed() && !slices.ContainsFunc(good, func(s string) bool { return n.done[what][s] > 0 }) {
			t.Errorf("no %s of the load succeeded: it proves little", what)
		}
	}
	if !t.Failed() && n.ends.tried < 50 {
		t.Errorf("only %d calls with ended keys: they prove little", n.ends.tried)
	}
	c := n.server.client(n.otherKey.Key)
	eventually(t, "the server serves after the load", func() bool { return isOK(c) })
	for key := range n.ends.at {
		c.with(key).must(t, http.StatusUnauthorized, "GET", api+"/me", nil)
	}
}
