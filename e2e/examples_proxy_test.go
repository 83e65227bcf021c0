package e2e

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// refusingProxy refuses the first call of each path and forwards the others. It
// records the client's mistakes.
type refusingProxy struct {
	url      string
	mu       sync.Mutex
	refused  map[string]time.Time // by path
	retried  map[string]bool      // by path
	mistakes []error
}

func newRefusingProxy(t *testing.T, server string) *refusingProxy {
	p := &refusingProxy{refused: map[string]time.Time{}, retried: map[string]bool{}}
	next := newProxy(t, server)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.admit(w, r) {
			next.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(proxy.Close)
	p.url = proxy.URL
	return p
}

func (p *refusingProxy) admit(w http.ResponseWriter, r *http.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.Contains(r.RequestURI, "mk_live_") {
		p.mistakes = append(p.mistakes, errors.New("the key is in the URL"))
	}
	at, ok := p.refused[r.URL.Path]
	if !ok {
		p.refused[r.URL.Path] = time.Now()
		w.Header().Set("Retry-After", "1")
		status := http.StatusServiceUnavailable
		if r.Method == http.MethodGet {
			status = http.StatusTooManyRequests
		}
		w.WriteHeader(status)
		fmt.Fprint(w, `{"detail":"Not now"}`)
		return false
	}
	if waited := time.Since(at); !p.retried[r.URL.Path] && waited < time.Second {
		p.mistakes = append(p.mistakes, fmt.Errorf("%s was called again after only %v", r.URL.Path, waited))
	}
	p.retried[r.URL.Path] = true
	return true
}

func (p *refusingProxy) check(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, err := range p.mistakes {
		t.Error(err)
	}
	if len(p.retried) != 3 { // list, export, ZIP
		t.Errorf("want retries of the list, the export and the ZIP, got %v", p.retried)
	}
}

// newCuttingProxy forwards everything, but cuts a ZIP after 1,000 bytes.
func newCuttingProxy(t *testing.T, server string) string {
	next := newProxy(t, server)
	next.ModifyResponse = func(resp *http.Response) error {
		if resp.Header.Get("Content-Type") == "application/zip" {
			cut := io.MultiReader(io.LimitReader(resp.Body, 1000), iotest.ErrReader(io.ErrUnexpectedEOF))
			resp.Body = struct {
				io.Reader
				io.Closer
			}{cut, resp.Body}
		}
		return nil
	}
	proxy := httptest.NewServer(next)
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func newProxy(t *testing.T, server string) *httputil.ReverseProxy {
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	next := httputil.NewSingleHostReverseProxy(target)
	next.ErrorLog = log.New(io.Discard, "", 0)
	return next
}
