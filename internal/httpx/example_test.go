package httpx_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/ratelimit"
)

func ExampleWriteError() {
	w := httptest.NewRecorder()
	httpx.WriteError(w, httptest.NewRequest("GET", "/", nil), memo.Conflict("key_not_active", "This key has expired."))
	fmt.Println(w.Code, w.Body)
	// Output: 409 {"detail":{"code":"key_not_active","message":"This key has expired."}}
}

func ExampleSetRateLimitHeaders() {
	h := http.Header{}
	httpx.SetRateLimitHeaders(h, ratelimit.Data, ratelimit.Decision{Limit: 500, Remaining: 499, Reset: 59 * time.Second})
	fmt.Println(h.Get("RateLimit-Policy"), h.Get("RateLimit"))
	// Output: "data";q=500;w=60 "data";r=499;t=59
}

func ExampleProxies_ClientAddress() {
	p := httpx.NewProxies([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, nil, nil)
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.1:80"
	r.Header.Set("X-Forwarded-For", "198.51.100.1, 203.0.113.9, 10.0.0.2") // the client may have written the first
	fmt.Println(p.ClientAddress(r))
	// Output: 203.0.113.9
}

func ExampleCanonicalURL() {
	fmt.Println(httpx.CanonicalURL(&url.URL{Scheme: "https", Host: "Memo.Example.com.:443", Path: "/mcp"}))
	// Output: https://memo.example.com
}

func ExampleMatchesETag() {
	fmt.Println(httpx.MatchesETag([]string{`"other", W/"v1"`}, `"v1"`))
	fmt.Println(httpx.MatchesETag([]string{`"v1-gzip"`}, `"v1"`))
	// Output:
	// true
	// true
}
