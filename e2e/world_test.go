package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// testWorld is what a history happens in: workspaces with members and their keys,
// and the servers' addresses.
type testWorld struct {
	t     *testing.T
	place database
	urls  []string
	http  *http.Client
	diary *history
	doors [][]door // which the keys are tried on: of each kind as often
	owner string   // the session of an OWNER of every workspace
	seats []*membership
	hot   *busyKey

	still  atomic.Int64 // one more than the number of the server that stands still
	unsure atomic.Int64 // calls that were answered with 503
	dialed atomic.Int64 // connections
}

// testWorkspace is a workspace.
type testWorkspace struct {
	id      string
	meeting string     // the id of its only transcription
	mu      sync.Mutex // held by whoever changes the plan
}

// membership is a member in a workspace.
type membership struct {
	space   *testWorkspace
	email   string
	session string
	mu      sync.Mutex // held while keys come and while the member goes
	keys    []*testKey
}

// testKey is a key that a history is about.
type testKey struct {
	id, key string
	seat    *membership
	mourned int // calls since its end was acknowledged; guarded by the diary
}

const (
	hotKeys    = 12 // so few that a key is called within milliseconds of its end
	workspaces = 3
	members    = 3
)

// newWorld settles people in the place that s serves. Calls go to urls.
func newWorld(t *testing.T, s *server, urls ...string) *testWorld {
	t.Helper()
	d := newDiary()
	w := &testWorld{
		t: t, place: s.place, urls: urls, http: connectionPool(), diary: d, hot: &busyKey{diary: d},
		doors: [][]door{doorsOfREST, doorsOfMCP},
	}
	transport := w.http.Transport.(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		w.dialed.Add(1)
		return dial(ctx, network, address)
	}
	const owner = "owner@example.com"
	addUser(t, s.place, owner)
	w.owner = s.signIn(t, owner).cookie
	sessions := map[string]string{}
	for m := range members {
		email := fmt.Sprintf("member%d@example.com", m)
		addUser(t, s.place, email)
		sessions[email] = s.signIn(t, email).cookie
	}
	meeting := filepath.Join(t.TempDir(), "meeting.txt")
	if err := os.WriteFile(meeting, []byte("[00:01] Alex: Hello.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range workspaces {
		made := cli[namedID](t, s.place, "workspace", "add", "--name", fmt.Sprint("Workspace ", i), "--plan", "pro",
			"--owner", owner)
		sp := &testWorkspace{id: made.ID, meeting: cli[imported](t, s.place, "import", "--workspace", made.ID,
			meeting).Imported[0].ID}
		for email, session := range sessions {
			cli[namedID](t, s.place, "member", "add", sp.id, email)
			w.seats = append(w.seats, &membership{space: sp, email: email, session: session})
		}
	}
	return w
}

func (w *testWorld) anyDoor() door {
	side := w.doors[rand.IntN(len(w.doors))]
	return side[rand.IntN(len(side))]
}

// anyURL is where an administrator goes: seldom to a server that stands still,
// or all of them would soon wait for it.
func (w *testWorld) anyURL() string {
	i := rand.IntN(len(w.urls))
	if int64(i+1) == w.still.Load() && rand.IntN(8) > 0 {
		return w.anyURL()
	}
	return w.urls[i]
}

// stray notes an answer that says nothing of the key: 503 is an unknown outcome,
// anything else a fault.
func (w *testWorld) stray(what string, a response) {
	if a.status == http.StatusServiceUnavailable {
		w.unsure.Add(1)
		return
	}
	w.t.Errorf("%s: %d %.300s", what, a.status, a.body)
}

// mustHold judges what was noted. No more calls than unsure may be without an
// answer.
func (w *testWorld) mustHold(unsure int) {
	t := w.t
	t.Helper()
	v := w.diary.judge(t)
	for _, k := range v.illegal {
		t.Errorf("the history of key %s (workspace %s, member %s) has no order that explains it", k.id, k.seat.space.id,
			k.seat.email)
	}
	if len(v.unknown) > 0 {
		t.Errorf("%d histories were too hard to judge", len(v.unknown))
	}
	if v.stale > 0 {
		t.Errorf("%d acceptances began after the end of the key was acknowledged", v.stale)
	}
	if n := w.unsure.Load(); n > int64(unsure) {
		t.Errorf("%d calls were answered with 503: the history proves little", n)
	}
	for out, n := range w.diary.count {
		if n.mcp < 5 || n.mcp+n.rest < 20 {
			t.Errorf("only %+v answers of kind %d: the history proves little", n, out)
		}
	}
	// A key that is looked at once a connection would pass on new ones.
	if n := w.dialed.Load(); n > 200 {
		t.Errorf("%d connections: they were not kept", n)
	}
}

// meet takes a new key into the world; its seat is locked.
func (w *testWorld) meet(s *membership, k newKey) *testKey {
	made := &testKey{id: k.ID, key: k.Key, seat: s}
	s.keys = append(s.keys, made)
	return made
}

// busyKey is the few keys that are called now.
type busyKey struct {
	diary *history
	mu    sync.Mutex
	keys  []*testKey
}

func (h *busyKey) any() *testKey {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.keys[rand.IntN(len(h.keys))]
}

// living returns a key that nobody has ended yet, or nil.
func (h *busyKey) living() *testKey {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range rand.Perm(len(h.keys)) {
		if ended, _ := h.diary.over(h.keys[i]); !ended {
			return h.keys[i]
		}
	}
	return nil
}

// room drops the keys that are over and tells how many may come.
func (h *busyKey) room() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := h.keys[:0]
	for i, k := range h.keys {
		// The last one stays: there must be something to call.
		if _, enough := h.diary.over(k); !enough || len(kept) == 0 && i == len(h.keys)-1 {
			kept = append(kept, k)
		}
	}
	h.keys = kept
	return max(0, hotKeys-len(kept))
}

func (h *busyKey) put(k *testKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keys = append(h.keys, k)
}
