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

// How many calls with keys a history has, in each set-up. The promise is held
// to 100,000 over both with
//
//	go test -race ./e2e -run TestHistory -checks 50000 -timeout 30m -v
var historyChecks = flag.Int("checks", 10_000, "calls in each history of keys that are ended meanwhile")

func checksNow() int {
	if testing.Short() {
		return min(*historyChecks, 3_000)
	}
	return *historyChecks
}

// unlimitedOptions keeps the limits out of a history.
var unlimitedOptions = []string{"--limit-data", "1000000", "--limit-management", "1000000"}

func TestHistoryOfTwoServersOnPostgres(t *testing.T) {
	p := onPostgres(t)
	a, b := start(t, p, unlimitedOptions...), start(t, p, unlimitedOptions...)
	w := newWorld(t, a, a.url, b.url)
	w.live(checksNow())
	w.mustHold(checksNow() / 100) // a busy PostgreSQL is taken for one that does not answer
}

func TestHistoryOfServerAndCommandsOnSQLite(t *testing.T) {
	s := start(t, onSQLite(t), unlimitedOptions...)
	w := newWorld(t, s, s.url)
	w.live(checksNow())
	w.mustHold(0)
}

// A cache of good keys in front of the server must not pass, whichever door it
// stands at: otherwise the two tests above prove nothing.
func TestHistoryFindsCachedKey(t *testing.T) {
	t.Run("REST", func(t *testing.T) { findCachedKey(t, doorsOfREST) })
	t.Run("MCP", func(t *testing.T) { findCachedKey(t, doorsOfMCP) })
}

func findCachedKey(t *testing.T, doors []door) {
	s := start(t, onSQLite(t), unlimitedOptions...)
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	caching := httptest.NewServer(&cachingClient{
		server: httputil.NewSingleHostReverseProxy(target),
		until:  map[string]time.Time{},
	})
	defer caching.Close()
	w := newWorld(t, s, caching.URL)
	w.doors = [][]door{doors}
	w.live(1_500)
	v := w.diary.judge(t)
	if len(v.illegal) == 0 || v.stale == 0 {
		t.Errorf("a cache of keys went unnoticed: %d histories are illegal, %d acceptances too late", len(v.illegal), v.stale)
	}
}

// cachingClient answers for a key from memory for a while, as a server with a cache
// of keys would.
type cachingClient struct {
	server http.Handler
	mu     sync.Mutex
	until  map[string]time.Time
}

func (f *cachingClient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Authorization")
	f.mu.Lock()
	known := time.Now().Before(f.until[key])
	f.mu.Unlock()
	if known {
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

// live makes n calls by several clients, on keys that administrators end.
func (w *testWorld) live(n int) {
	w.refill()
	turns := make(chan struct{}, 3)
	var administrators, clients sync.WaitGroup
	for range cap(turns) {
		administrators.Go(func() {
			for range turns {
				w.act(turns)
			}
		})
	}
	var made atomic.Int64
	for c := range clientsPerServer * len(w.urls) {
		clients.Go(func() {
			for i := made.Add(1); i <= int64(n); i = made.Add(1) {
				w.check(w.hot.any(), c)
				if i%4 == 0 {
					select {
					case turns <- struct{}{}:
					default: // they are all busy
					}
				}
			}
		})
	}
	clients.Wait()
	close(turns)
	administrators.Wait()
}

// clientsPerServer is how many call one server and no other: while it stands
// still the others go on.
const clientsPerServer = 4

// check calls with a key, as the script or the assistant of that number does,
// and notes the answer.
func (w *testWorld) check(k *testKey, number int) {
	d, c := w.anyDoor(), &apiClient{base: w.urls[number%len(w.urls)], key: k.key, http: w.http}
	call := w.diary.now()
	a, err := d.call(c, k)
	ret := w.diary.now()
	if err != nil {
		w.t.Errorf("%s: %v", d.name, err)
		return
	}
	out, err := d.outcome(a)
	if err != nil {
		w.stray(d.name, a)
		return
	}
	w.diary.checked(k, d, out, porcupine.Operation{ClientId: number, Input: opCheck, Output: out, Call: call, Return: ret})
}

// act does one thing that an administrator does.
func (w *testWorld) act(turns <-chan struct{}) {
	k := w.hot.living()
	switch roll := rand.IntN(100); {
	case k == nil:
	case roll < 40:
		w.end(k, "DELETE", "", w.as(k.seat))
	case roll < 62:
		w.end(k, "POST", "/rotate", k.seat.session)
	case roll < 78:
		call := w.diary.now()
		r := run(w.place, "", "key", "revoke", k.id)
		w.noteCommand(r, func(ret int64) { w.diary.ended(k, call, ret) })
	case roll < 86:
		w.removeMember(k.seat)
	default:
		w.changePlan(k.seat.space, turns)
	}
	w.refill()
}

// as is somebody who may revoke: the owner or the creator.
func (w *testWorld) as(s *membership) string {
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
		k.seat.mu.Lock() // a removal must not miss the new key
		defer k.seat.mu.Unlock()
	}
	c := apiClient{base: w.anyURL(), cookie: session, http: w.http}
	call := w.diary.now()
	a, err := c.call(method, api+"/keys/"+k.id+suffix+"?workspace_id="+k.seat.space.id, body)
	ret := w.diary.now()
	switch {
	case err != nil:
		w.diary.ended(k, call, neverReturned)
		w.t.Errorf("%s of a key: %v", method, err)
	case a.status >= 500:
		w.diary.ended(k, call, neverReturned)
		w.stray(method+" of a key", a)
	case a.status == http.StatusNoContent:
		w.diary.ended(k, call, ret)
	case a.status == http.StatusCreated:
		w.diary.ended(k, call, ret)
		var made newKey
		if err := json.Unmarshal(a.body, &made); err != nil {
			w.t.Error(err)
			return
		}
		w.hot.put(w.meet(k.seat, made))
	case a.status == http.StatusTooManyRequests || a.status == http.StatusUnauthorized:
		w.t.Errorf("%s of a key: %d %s", method, a.status, a.body)
	}
}

// noteCommand notes a command's effect: one that failed may have had it.
func (w *testWorld) noteCommand(r result, note func(ret int64)) {
	if r.code != 0 {
		w.t.Errorf("a command failed with %d: %s", r.code, r.stderr)
		note(neverReturned)
		return
	}
	note(w.diary.now())
}

// removeMember takes a member out and in again: their keys stay dead.
func (w *testWorld) removeMember(s *membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := w.diary.now()
	r := run(w.place, "", "member", "remove", s.space.id, s.email)
	w.noteCommand(r, func(ret int64) {
		for _, k := range s.keys {
			w.diary.ended(k, call, ret)
		}
	})
	w.noteCommand(run(w.place, "", "member", "add", s.space.id, s.email), func(int64) {})
}

// changePlan lowers a plan, lets the clients run into it, and raises it again.
func (w *testWorld) changePlan(s *testWorkspace, turns <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := func(plan string, what operation) {
		call := w.diary.now()
		r := run(w.place, "", "workspace", "plan", s.id, plan)
		w.noteCommand(r, func(ret int64) { w.diary.planned(s, what, call, ret) })
	}
	set([]string{"free", "basic"}[rand.IntN(2)], opDowngrade)
	for range 3 {
		<-turns // closed at the end, so it does not wait for nobody
	}
	set([]string{"pro", "expert"}[rand.IntN(2)], opUpgrade)
}

// refill replaces the keys that have been dead for long enough by new ones.
func (w *testWorld) refill() {
	for range w.hot.room() {
		w.create(w.seats[rand.IntN(len(w.seats))])
	}
}

func (w *testWorld) create(s *membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := apiClient{base: w.anyURL(), cookie: s.session, http: w.http}
	a, err := c.call("POST", api+"/keys?workspace_id="+s.space.id, map[string]string{"name": "of " + s.email})
	if err == nil && a.status == http.StatusForbidden && a.code() == "api_access_denied" {
		return // the plan is low just now
	}
	if err == nil && a.status >= 500 {
		w.stray("create a key", a)
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
	w.hot.put(w.meet(s, made))
}
