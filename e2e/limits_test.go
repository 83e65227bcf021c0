package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// These tests check the default limits of docs/contract.md#rate-limits.

// TestDataLimitIsExact: REST and MCP share the 500 calls of a key, whatever addresses
// the key is used from.
func TestDataLimitIsExact(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	busy, other, id := h.newKey(t, "busy"), h.newKey(t, "other"), importMeeting(t, h)
	s := start(t, h.database)
	one, two := s.client(busy.Key), s.client(busy.Key)
	two.http = newHTTPClientFrom(&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}})
	var r record
	call := r.mixedCall(id, one, two)
	wait := mustAccept(t, atOnce(t, 600, call), "data", 500)
	// Messages that do not count are answered after the limit is reached.
	one.mustSend(t, http.StatusOK, plain(older, "ping"))
	two.mustSend(t, http.StatusOK, plain(newest, "tools/list"))
	// Other keys are not affected, and 401 comes before 429.
	s.client(other.Key).must(t, http.StatusOK, "GET", api+"/me", nil)
	cli[newKey](t, h.database, "key", "revoke", other.ID)
	s.client(other.Key).must(t, http.StatusUnauthorized, "GET", api+"/me", nil)
	s.client(other.Key).mustSend(t, http.StatusUnauthorized, plain(older, "ping"))
	if wait > 61*time.Second {
		t.Fatalf("Retry-After: %v", wait)
	}
	if testing.Short() {
		return // the rest takes a minute
	}
	if err := r.waitAndCheck(t, wait, 600, one, call); err != nil {
		t.Error(err)
	}
}

func TestManagementLimitIsExact(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	owner := s.signIn(t, h.owner)
	responses := owner.atOnce(t, 220, "GET", api+"/keys", nil)
	mustAccept(t, responses, "management", 180)
	// Creating a key is refused as well. Calls with a key still work.
	owner.must(t, http.StatusTooManyRequests, "POST", api+"/keys", map[string]string{"name": "more"})
	s.client(h.newKey(t, "data").Key).must(t, http.StatusOK, "GET", api+"/me", nil)
	// A new session does not help, because the limit is counted per member.
	s.signIn(t, h.owner).must(t, http.StatusTooManyRequests, "GET", api+"/keys", nil)
}

// atOnce makes the same call n times at the same time.
func (c *apiClient) atOnce(t *testing.T, n int, method, path string, body any) []response {
	t.Helper()
	return atOnce(t, n, func(int) (response, error) { return c.call(method, path, body) })
}

// atOnce makes n calls at the same time.
func atOnce(t *testing.T, n int, call func(i int) (response, error)) []response {
	t.Helper()
	return concurrently(t, n, n, call)
}

// concurrently makes n calls, at most parallel of them at a time.
func concurrently(t *testing.T, n, parallel int, call func(i int) (response, error)) []response {
	t.Helper()
	responses := make([]response, n)
	errs := make([]error, n)
	var calls sync.WaitGroup
	startAll := make(chan struct{})
	var next atomic.Int64
	for range parallel {
		calls.Go(func() {
			<-startAll
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				responses[i], errs[i] = call(int(i))
			}
		})
	}
	close(startAll)
	calls.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return responses
}

// mustAccept fails the test unless exactly limit calls were accepted, each with
// another number of remaining calls, and the others were refused with Retry-After.
// It returns the longest Retry-After.
func mustAccept(t *testing.T, responses []response, class string, limit int) (wait time.Duration) {
	t.Helper()
	left := map[int]int{}
	for _, a := range responses {
		switch a.status {
		case http.StatusOK:
			left[a.left(t, class, limit)]++
		case http.StatusTooManyRequests:
			seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
			if err != nil || seconds < 1 || a.left(t, class, limit) != 0 ||
				string(a.body) != fmt.Sprintf(`{"detail":"Rate limit exceeded","retry_after":%d}`, seconds) {
				t.Errorf("unexpected 429: %v %s", a.header, a.body)
			}
			wait = max(wait, time.Duration(seconds)*time.Second)
		default:
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	for i := range limit {
		if left[i] != 1 {
			t.Errorf("%d responses say that %d calls are left, want 1", left[i], i)
		}
	}
	if len(left) != limit {
		t.Errorf("%d calls were accepted instead of %d", len(left), limit)
	}
	return wait
}

// left checks that the headers of the limit agree, and returns the remaining calls.
func (a response) left(t *testing.T, class string, limit int) int {
	t.Helper()
	var remaining, reset int
	if _, err := fmt.Sscanf(a.header.Get("RateLimit"), `"`+class+`";r=%d;t=%d`, &remaining, &reset); err != nil {
		t.Fatalf("%d: RateLimit: %q: %v", a.status, a.header.Get("RateLimit"), err)
	}
	for name, want := range map[string]string{
		"RateLimit":             fmt.Sprintf(`"%s";r=%d;t=%d`, class, remaining, reset),
		"RateLimit-Policy":      fmt.Sprintf(`"%s";q=%d;w=60`, class, limit),
		"X-RateLimit-Limit":     strconv.Itoa(limit),
		"X-RateLimit-Remaining": strconv.Itoa(remaining),
		"X-RateLimit-Reset":     strconv.Itoa(reset),
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%d: %s: %q instead of %q", a.status, name, got, want)
		}
	}
	if reset < 0 || reset > 60 || remaining < 0 || remaining >= limit && limit > 0 {
		t.Errorf("%d: %d left, reset in %d s", a.status, remaining, reset)
	}
	return remaining
}

// TestLimitWhichRESTCallsCount: 200, 304, 404 and 422 count; 401 and 403 do not.
func TestLimitWhichRESTCallsCount(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	k := h.newKey(t, "counted")
	s := start(t, h.database)
	c := s.client(k.Key)
	first := c.must(t, http.StatusOK, "GET", api+"/transcriptions", nil)
	left := first.left(t, "data", 500)
	const unknown = "/3fa85f64-5717-4562-b3fc-2c963f66afa6"
	for _, call := range []struct {
		want         int
		method, path string
		body         any
		headers      []string
	}{
		{200, "GET", "/me", nil, nil},
		{200, "GET", "/projects", nil, nil},
		{200, "HEAD", "/transcriptions", nil, nil},
		{304, "GET", "/transcriptions", nil, []string{"If-None-Match: " + first.header.Get("ETag")}},
		{404, "GET", "/transcriptions" + unknown, nil, nil},
		{404, "HEAD", "/transcriptions" + unknown, nil, nil},
		{404, "GET", "/transcriptions" + unknown + "/export", nil, nil},
		{404, "POST", "/transcriptions/export", map[string]any{"ids": []string{unknown[1:]}}, nil},
		{422, "GET", "/transcriptions?limit=x", nil, nil},
		{422, "GET", "/transcriptions?sort=up&sort=down&more=1", nil, nil},
		{422, "GET", "/transcriptions/x", nil, nil},
		{422, "POST", "/transcriptions/export", "{", nil},
		{200, "GET", "/transcriptions?status=nothing", nil, nil},
	} {
		a := c.must(t, call.want, call.method, api+call.path, call.body, call.headers...)
		left--
		if got := a.left(t, "data", 500); got != left {
			t.Errorf("%s %s: %d left instead of %d", call.method, call.path, got, left)
		}
	}
	// These are refused before the limit is checked.
	c.must(t, 401, "GET", api+"/me?key="+k.Key, nil)
	c.must(t, 401, "GET", api+"/me", nil, "Authorization: Bearer x")
	c.must(t, 403, "GET", api+"/keys", nil)
	cli[namedID](t, h.database, "workspace", "plan", h.workspace, "basic")
	for range 5 {
		if a := c.must(t, 403, "GET", api+"/me", nil); a.header.Get("RateLimit") != "" {
			t.Errorf("a refusal by plan was counted: %v", a.header)
		}
	}
	cli[namedID](t, h.database, "workspace", "plan", h.workspace, "expert")
	if got := c.must(t, 200, "GET", api+"/me", nil).left(t, "data", 500); got != left-1 {
		t.Errorf("%d left instead of %d: 401 and 403 must not count", got, left-1)
	}
}

// TestSignInLimit: after many wrong passwords, sign-ins from the same address are
// refused, even with the right password. It still works from another address.
func TestSignInLimit(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	const neighbour = "neighbour@example.com"
	addUser(t, h.database, neighbour)
	s := start(t, h.database)
	c := s.client("")
	wrong := map[string]string{"email": h.owner, "password": "not this one"}
	right := map[string]string{"email": h.owner, "password": password}
	refused := response{}
	for tries := 0; refused.status != http.StatusTooManyRequests; tries++ {
		if tries > 200 {
			t.Fatal("200 wrong passwords were tried without a 429")
		}
		a, err := c.call("POST", "/api/v1/session", wrong)
		if err != nil || a.status != http.StatusUnauthorized && a.status != http.StatusTooManyRequests {
			t.Fatalf("%d %s %v", a.status, a.body, err)
		}
		refused = a
	}
	if n, err := strconv.Atoi(refused.header.Get("Retry-After")); err != nil || n < 1 || n > 61 || !refused.isRefusal() {
		t.Errorf("Retry-After: %q, %s", refused.header.Get("Retry-After"), refused.body)
	}
	if a := c.must(t, http.StatusTooManyRequests, "POST", "/api/v1/session", right); a.session() != "" {
		t.Error("a refused sign-in set a cookie")
	}
	// An address in a header of an untrusted client is ignored.
	c.must(t, http.StatusTooManyRequests, "POST", "/api/v1/session", right, "X-Forwarded-For: 192.0.2.7",
		"Forwarded: for=192.0.2.7")
	elsewhere := s.client("")
	elsewhere.http = newHTTPClientFrom(&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}})
	elsewhere.must(t, http.StatusOK, "POST", "/api/v1/session", right)
	c.must(t, http.StatusOK, "POST", "/api/v1/session", map[string]string{"email": neighbour, "password": password})
	if log := s.stderr.String(); strings.Contains(log, "not this one") {
		t.Error("a wrong password is in the log")
	}
}
