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

// testWorld is what a history needs: workspaces with members and their keys, and the
// addresses of the servers.
type testWorld struct {
	t           *testing.T
	database    database
	urls        []string
	http        *http.Client
	history     *history
	probes      [][]probe // groups of calls; each group is used equally often
	owner       string    // the session of a user who is OWNER of every workspace
	memberships []*membership
	busy        *busyKeys

	paused      atomic.Int64 // the number of the paused server plus one, or 0
	unavailable atomic.Int64 // calls that got 503
	connections atomic.Int64 // connections opened
}

type testWorkspace struct {
	id            string
	transcription string     // the id of its only transcription
	mu            sync.Mutex // held while the plan is changed
}

// membership is a member in a workspace.
type membership struct {
	workspace *testWorkspace
	email     string
	session   string
	mu        sync.Mutex // held while keys are created and while the member is removed
	keys      []*testKey
}

// testKey is a key of a history.
type testKey struct {
	id, key       string
	client        string // of a connected app, whose key is its access token
	member        *membership
	callsAfterEnd int // calls since its end was acknowledged; guarded by the mutex of the history
}

const (
	maxBusyKeys = 12 // few, so that a key is called within milliseconds of its end
	workspaces  = 3
	members     = 3
)

// newWorld adds workspaces and members to the database of s. Calls go to urls.
func newWorld(t *testing.T, s *server, urls ...string) *testWorld {
	t.Helper()
	d := newHistory()
	w := &testWorld{
		t: t, database: s.database, urls: urls, http: newHTTPClient(), history: d, busy: &busyKeys{history: d},
		probes: [][]probe{restProbes, mcpProbes},
	}
	transport := w.http.Transport.(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		w.connections.Add(1)
		return dial(ctx, network, address)
	}
	const owner = "owner@example.com"
	addUser(t, s.database, owner)
	w.owner = s.signIn(t, owner).cookie
	sessions := map[string]string{}
	for m := range members {
		email := fmt.Sprintf("member%d@example.com", m)
		addUser(t, s.database, email)
		sessions[email] = s.signIn(t, email).cookie
	}
	transcription := filepath.Join(t.TempDir(), "meeting.txt")
	if err := os.WriteFile(transcription, []byte("[00:01] Alex: Hello.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range workspaces {
		made := cli[namedID](t, s.database, "workspace", "add", "--name", fmt.Sprint("Workspace ", i), "--plan", "pro",
			"--owner", owner)
		sp := &testWorkspace{id: made.ID, transcription: cli[imported](t, s.database, "import", "--workspace", made.ID,
			transcription).Imported[0].ID}
		for email, session := range sessions {
			cli[namedID](t, s.database, "member", "add", sp.id, email)
			w.memberships = append(w.memberships, &membership{workspace: sp, email: email, session: session})
		}
	}
	return w
}

// randomProbe returns a call that is possible with the key.
func (w *testWorld) randomProbe(k *testKey) probe {
	side := w.probes[rand.IntN(len(w.probes))]
	if k.client != "" {
		side = mcpProbes
	}
	return side[rand.IntN(len(side))]
}

// randomURL returns the server that an administrator calls. It rarely is a paused
// one, because all administrators would soon wait for it.
func (w *testWorld) randomURL() string {
	i := rand.IntN(len(w.urls))
	if int64(i+1) == w.paused.Load() && rand.IntN(8) > 0 {
		return w.randomURL()
	}
	return w.urls[i]
}

// noteUnexpected records a response that does not say whether the key is accepted.
// After 503 the outcome is unknown; any other status fails the test.
func (w *testWorld) noteUnexpected(call string, a response) {
	if a.status == http.StatusServiceUnavailable {
		w.unavailable.Add(1)
		return
	}
	w.t.Errorf("%s: %d %.300s", call, a.status, a.body)
}

// mustBeConsistent fails the test if the recorded calls contradict each other.
// At most maxUnavailable calls may have got 503.
func (w *testWorld) mustBeConsistent(maxUnavailable int) {
	t := w.t
	t.Helper()
	v := w.history.verify(t)
	for _, k := range v.illegal {
		t.Errorf("no order of operations explains the history of key %s (workspace %s, member %s)",
			k.id, k.member.workspace.id, k.member.email)
	}
	if len(v.unknown) > 0 {
		t.Errorf("%d histories could not be checked within the time limit", len(v.unknown))
	}
	if v.apps < 2 {
		t.Errorf("only %d connected apps were called, too few for a meaningful history", v.apps)
	}
	if v.stale > 0 {
		t.Errorf("%d accepted calls began after the end of the key was acknowledged", v.stale)
	}
	if n := w.unavailable.Load(); n > int64(maxUnavailable) {
		t.Errorf("%d calls got 503, too many for a meaningful history", n)
	}
	for out, n := range w.history.count {
		if n.mcp < 3 || n.mcp+n.rest < 10 {
			t.Errorf("only %+v calls with outcome %d, too few for a meaningful history", n, out)
		}
	}
	// A server that checks a key only once per connection would pass on new connections.
	if n := w.connections.Load(); n > 200 {
		t.Errorf("%d connections were opened: they were not reused", n)
	}
}

// addKey records a new key. The caller holds the mutex of the membership.
func (w *testWorld) addKey(s *membership, k newKey) *testKey {
	made := &testKey{id: k.ID, key: k.Key, member: s}
	s.keys = append(s.keys, made)
	return made
}

// busyKeys are the few keys that are called at the moment.
type busyKeys struct {
	history *history
	mu      sync.Mutex
	keys    []*testKey
}

func (h *busyKeys) random() *testKey {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.keys[rand.IntN(len(h.keys))]
}

// randomActive returns a key that has not been ended yet, or nil.
func (h *busyKeys) randomActive() *testKey {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range rand.Perm(len(h.keys)) {
		if ended, _ := h.history.endState(h.keys[i]); !ended {
			return h.keys[i]
		}
	}
	return nil
}

// dropFinished drops ended keys that were called often enough, and returns how many
// new keys there is room for.
func (h *busyKeys) dropFinished() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	remaining := h.keys[:0]
	for i, k := range h.keys {
		// Keep the last one, because there must be a key to call.
		if _, enough := h.history.endState(k); !enough || len(remaining) == 0 && i == len(h.keys)-1 {
			remaining = append(remaining, k)
		}
	}
	h.keys = remaining
	return max(0, maxBusyKeys-len(remaining))
}

func (h *busyKeys) add(k *testKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keys = append(h.keys, k)
}
