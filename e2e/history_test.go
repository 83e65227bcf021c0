package e2e

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// historyChecks is how many calls with keys each history has. For 100,000 calls
// in the two set-ups together:
//
//	go test -race ./e2e -run TestHistory -checks 50000 -timeout 30m -v
var historyChecks = flag.Int("checks", 3_000, "calls in each history, while the keys are revoked")

// withoutLimits are the options of a server whose rate limits no test reaches.
var withoutLimits = []string{"--limit-data", "1000000", "--limit-management", "1000000"}

func TestHistoryOfTwoServersOnPostgres(t *testing.T) {
	p := onPostgres(t)
	a, b := start(t, p, withoutLimits...), start(t, p, withoutLimits...)
	w := newWorld(t, a, a.url, b.url)
	w.makeCalls(*historyChecks)
	w.mustBeConsistent(*historyChecks / 100) // a busy PostgreSQL can count as unavailable
}

func TestHistoryOfServerAndCommandsOnSQLite(t *testing.T) {
	s := start(t, onSQLite(t), withoutLimits...)
	w := newWorld(t, s, s.url)
	w.makeCalls(*historyChecks)
	w.mustBeConsistent(0)
}

// TestHistoryFindsCachedKey puts a cache of accepted keys between the clients and
// the server. The check must find it on REST and on MCP; otherwise the tests above
// prove nothing.
func TestHistoryFindsCachedKey(t *testing.T) {
	t.Run("REST", func(t *testing.T) { findCachedKey(t, restProbes) })
	t.Run("MCP", func(t *testing.T) { findCachedKey(t, mcpProbes) })
}

func findCachedKey(t *testing.T, probes []probe) {
	s := start(t, onSQLite(t), withoutLimits...)
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	caching := httptest.NewServer(&cachingProxy{
		server: httputil.NewSingleHostReverseProxy(target),
		until:  map[string]time.Time{},
	})
	defer caching.Close()
	w := newWorld(t, s, caching.URL)
	w.probes = [][]probe{probes}
	w.makeCalls(1_500)
	v := w.history.verify(t)
	if len(v.illegal) == 0 || v.stale == 0 {
		t.Errorf("the cache of keys was not found: %d illegal histories, %d calls accepted too late", len(v.illegal), v.stale)
	}
}

// cachingProxy accepts a key for half a second after the server accepted it, as a
// server with a cache of keys would.
type cachingProxy struct {
	server http.Handler
	mu     sync.Mutex
	until  map[string]time.Time
}

func (f *cachingProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Authorization")
	f.mu.Lock()
	cached := time.Now().Before(f.until[key])
	f.mu.Unlock()
	if cached {
		return // 200
	}
	rec := httptest.NewRecorder()
	f.server.ServeHTTP(rec, r)
	if rec.Code == http.StatusOK && key != "" {
		f.mu.Lock()
		f.until[key] = time.Now().Add(500 * time.Millisecond)
		f.mu.Unlock()
	}
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

// makeCalls makes n calls from several clients, while administrators revoke the keys.
func (w *testWorld) makeCalls(n int) {
	w.refill()
	turns := make(chan struct{}, 3)
	var administrators, clients sync.WaitGroup
	for range cap(turns) {
		administrators.Go(func() {
			for range turns {
				w.administer(turns)
			}
		})
	}
	var made atomic.Int64
	for c := range clientsPerServer * len(w.urls) {
		clients.Go(func() {
			for i := made.Add(1); i <= int64(n); i = made.Add(1) {
				w.check(w.busy.random(), c)
				if i%4 == 0 {
					select {
					case turns <- struct{}{}:
					default: // all administrators are busy
					}
				}
			}
		})
	}
	clients.Wait()
	close(turns)
	administrators.Wait()
}

// clientsPerServer is how many clients call one server. Each client calls only one,
// so that a paused server does not delay the clients of the others.
const clientsPerServer = 4

// check makes a call with a key, as the client with this number, and records the
// outcome.
func (w *testWorld) check(k *testKey, number int) {
	d, c := w.randomProbe(k), &apiClient{base: w.urls[number%len(w.urls)], key: k.key, http: w.http}
	call := w.history.now()
	a, err := d.call(c, k)
	ret := w.history.now()
	if err != nil {
		w.t.Errorf("%s: %v", d.name, err)
		return
	}
	out, err := d.outcome(a)
	if err != nil {
		w.noteUnexpected(d.name, a)
		return
	}
	w.history.checked(k, d, out, porcupine.Operation{
		ClientId: number, Input: opCheck, Output: out, Call: call, Return: ret,
	})
}

// administer makes one random change that ends access, and replaces ended keys.
func (w *testWorld) administer(turns <-chan struct{}) {
	k := w.busy.randomActive()
	switch roll := rand.IntN(100); {
	case k == nil:
	case roll < 40:
		w.end(k, "DELETE", "", w.revoker(k.member))
	case roll < 62 && k.client != "":
		w.disconnect(k)
	case roll < 62:
		w.end(k, "POST", "/rotate", k.member.session)
	case roll < 78:
		call := w.history.now()
		r := run(w.database, "", "key", "revoke", k.id)
		w.noteCommand(r, func(ret int64) { w.history.ended(k, call, ret) })
	case roll < 84:
		w.removeMember(k.member)
	default:
		w.changePlan(k.member.workspace, turns)
	}
	w.refill()
}

// revoker returns the session of a user who may revoke the key: the owner or the creator.
func (w *testWorld) revoker(s *membership) string {
	if rand.IntN(2) == 0 {
		return w.owner
	}
	return s.session
}

// end revokes or rotates a key over REST.
func (w *testWorld) end(k *testKey, method, suffix, session string) {
	var body any
	if suffix != "" {
		body = map[string]string{"overlap": "0s"}
		k.member.mu.Lock() // so that a removal records the end of the new key too
		defer k.member.mu.Unlock()
	}
	c := apiClient{base: w.randomURL(), cookie: session, http: w.http}
	call := w.history.now()
	a, err := c.call(method, api+"/keys/"+k.id+suffix+"?workspace_id="+k.member.workspace.id, body)
	ret := w.history.now()
	switch {
	case err != nil:
		w.history.ended(k, call, neverReturned)
		w.t.Errorf("%s of a key: %v", method, err)
	case a.status >= 500:
		w.history.ended(k, call, neverReturned)
		w.noteUnexpected(method+" of a key", a)
	case a.status == http.StatusNoContent:
		w.history.ended(k, call, ret)
	case a.status == http.StatusCreated:
		w.history.ended(k, call, ret)
		var made newKey
		if err := json.Unmarshal(a.body, &made); err != nil {
			w.t.Error(err)
			return
		}
		w.busy.add(w.addKey(k.member, made))
	case a.status == http.StatusTooManyRequests || a.status == http.StatusUnauthorized:
		w.t.Errorf("%s of a key: %d %s", method, a.status, a.body)
	}
}

// disconnect ends a connected app with its token, as its host does when its user signs out.
func (w *testWorld) disconnect(k *testKey) {
	c := apiClient{base: w.randomURL(), http: w.http}
	call := w.history.now()
	a, err := c.sendForm("/oauth/revoke", url.Values{"token": {k.key}, "client_id": {k.client}})
	ret := w.history.now()
	if err != nil || a.status != http.StatusOK {
		ret = neverReturned
		w.noteFailed("disconnect an app", a, err)
	}
	w.history.ended(k, call, ret)
}

// noteFailed records a response that says that something failed, or that there was none.
func (w *testWorld) noteFailed(call string, a response, err error) {
	if err != nil {
		w.t.Errorf("%s: %v", call, err)
		return
	}
	w.noteUnexpected(call, a)
}

// noteCommand records the effect of a command. One that failed may have had an effect.
func (w *testWorld) noteCommand(r result, note func(ret int64)) {
	if r.code != 0 {
		w.t.Errorf("a command failed with %d: %s", r.code, r.stderr)
		note(neverReturned)
		return
	}
	note(w.history.now())
}

// removeMember removes a member and adds them again. Their keys stay deactivated.
func (w *testWorld) removeMember(s *membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := w.history.now()
	r := run(w.database, "", "member", "remove", s.workspace.id, s.email)
	w.noteCommand(r, func(ret int64) {
		for _, k := range s.keys {
			w.history.ended(k, call, ret)
		}
	})
	w.noteCommand(run(w.database, "", "member", "add", s.workspace.id, s.email), func(int64) {})
}

// changePlan downgrades a workspace, waits while clients call it, and upgrades it again.
func (w *testWorld) changePlan(s *testWorkspace, turns <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := func(plan string, op operation) {
		call := w.history.now()
		r := run(w.database, "", "workspace", "plan", s.id, plan)
		w.noteCommand(r, func(ret int64) { w.history.planChanged(s, op, call, ret) })
	}
	set([]string{"free", "basic"}[rand.IntN(2)], opDowngrade)
	for range 3 {
		<-turns // does not block at the end: the channel is closed then
	}
	set([]string{"pro", "expert"}[rand.IntN(2)], opUpgrade)
}

// refill replaces keys that were called often enough after their end.
func (w *testWorld) refill() {
	for range w.busy.dropFinished() {
		w.create(w.memberships[rand.IntN(len(w.memberships))])
	}
}

func (w *testWorld) create(s *membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &apiClient{base: w.randomURL(), cookie: s.session, http: w.http}
	if len(w.probes) > 1 && rand.IntN(3) == 0 {
		w.connect(s, c)
		return
	}
	a, err := c.call("POST", api+"/keys?workspace_id="+s.workspace.id, map[string]string{"name": "of " + s.email})
	if err == nil && a.status == http.StatusForbidden && a.code() == "api_access_denied" {
		return // the workspace is downgraded at the moment
	}
	if err == nil && a.status >= 500 {
		w.noteUnexpected("create a key", a)
		return
	}
	var made newKey
	if err == nil && a.status == http.StatusCreated {
		err = json.Unmarshal(a.body, &made)
	}
	if err != nil || made.Key == "" {
		w.t.Errorf("create a key: %d %s %v", a.status, a.body, err)
		return
	}
	w.busy.add(w.addKey(s, made))
}

// connect connects an app. The caller holds the mutex of the membership.
func (w *testWorld) connect(s *membership, c *apiClient) {
	app, a, err := c.connect(&apiClient{base: w.randomURL(), http: w.http}, s.workspace.id, "app of "+s.email)
	if err == nil && a.status == http.StatusForbidden {
		return // the workspace is downgraded at the moment
	}
	if err != nil || a.status != http.StatusOK {
		w.noteFailed("connect an app", a, err)
		return
	}
	id, err := c.newestApp(s.workspace.id)
	if err != nil {
		w.t.Error(err)
		return
	}
	k := w.addKey(s, newKey{ID: id, Key: app.Access})
	k.client = app.client
	w.busy.add(k)
}
