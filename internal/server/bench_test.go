package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
)

// discarded is a ResponseWriter that costs nothing, so that only the handlers are measured.
type discarded struct {
	header http.Header
	status int
}

func (w *discarded) Header() http.Header         { return w.header }
func (w *discarded) WriteHeader(status int)      { w.status = status }
func (w *discarded) Write(p []byte) (int, error) { return len(p), nil }

// restCalls are the calls over REST whose cost is measured: a list of 20, one transcription of 30 KB, and an
// archive of 20 of them.
func restCalls(t testing.TB) (h http.Handler, calls map[string]func() *http.Request) {
	w := newAllSurfaces(t, store.Config{Dir: t.TempDir()})
	for i := range 20 {
		w.Import(w.Acme, fmt.Sprint(i, ".json"), strings.ReplaceAll(testworld.Sources[0], "Pricing", fmt.Sprint("Call ", i)))
	}
	var longs []string
	for i := range 20 {
		text := strings.Repeat(fmt.Sprintf("Ann: A line that somebody says in meeting %d.\n", i), 650)
		longs = append(longs, w.Import(w.Acme, "long.txt", text))
	}
	long, ids := longs[0], `{"ids":["`+strings.Join(longs, `","`)+`"]}`
	list, get := rest.Prefix+"/transcriptions?limit=20", rest.Prefix+"/transcriptions/"+long
	request := func(path, etag string) func() *http.Request {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+w.OlgaKey.Key)
		r.Header.Set("User-Agent", "Go-http-client/1.1")
		if etag != "" {
			r.Header.Set("If-None-Match", etag)
		}
		ctx := context.Background()
		return func() *http.Request { return r.WithContext(ctx) }
	}
	// read returns requests with another spelling each time, so that no response is cached.
	n := 0
	read := func(path, spelled string) func() *http.Request {
		next := request(path, "")
		return func() *http.Request {
			r := next()
			url := *r.URL
			n++
			if text := spell(spelled, n); url.RawQuery != "" {
				url.RawQuery += "&" + text
			} else {
				url.RawPath = url.Path + text
				url.Path += spelled
			}
			r.URL = &url
			return r
		}
	}
	first := httptest.NewRecorder()
	w.handler.ServeHTTP(first, request(list, "")())
	return w.handler, map[string]func() *http.Request{
		"list/cached": request(list, ""), "get/cached": request(get, ""),
		"list/304":  request(list, first.Header().Get("ETag")),
		"list/read": read(list, "status=completed&sort=-created_at"), "get/read": read(rest.Prefix+"/transcriptions/", long),
		"zip": func() *http.Request {
			r := httptest.NewRequest("POST", rest.Prefix+"/transcriptions/export", strings.NewReader(ids))
			r.Header.Set("Authorization", "Bearer "+w.OlgaKey.Key)
			r.Header.Set("Content-Type", "application/json")
			return r
		},
	}
}

// spell percent-encodes those characters of s for which n has a bit.
func spell(s string, n int) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte("=&-", s[i]) < 0 && n&1 == 1 {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
		if strings.IndexByte("=&-", s[i]) < 0 {
			n >>= 1
		}
	}
	return b.String()
}

// BenchmarkCall measures the handlers of a call over REST, without net/http and the socket:
//
//	go test ./internal/server -run '^$' -bench Call -benchmem
//
// ./bench measures the CPU time of a request over a socket.
func BenchmarkCall(b *testing.B) {
	h, calls := restCalls(b)
	for name, next := range calls {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w := &discarded{header: http.Header{}}
			for b.Loop() {
				clear(w.header)
				h.ServeHTTP(w, next())
			}
		})
	}
}

// TestCallsAllocateLittle holds the number of allocations of the handlers. It is a measure of their
// work that does not depend on the machine.
func TestCallsAllocateLittle(t *testing.T) {
	if testenv.Race {
		t.Skip("the race detector allocates")
	}
	h, calls := restCalls(t)
	for name, most := range map[string]float64{
		"list/304": 45, "list/cached": 45, "get/cached": 45, "list/read": 280, "get/read": 100, "zip": 2000,
	} {
		w, next := &discarded{header: http.Header{}}, calls[name]
		n := testing.AllocsPerRun(100, func() {
			clear(w.header)
			h.ServeHTTP(w, next())
		})
		if w.status != 0 && w.status != 200 && w.status != 304 || n > most {
			t.Errorf("%s: status %d with %v allocations, want at most %v", name, w.status, n, most)
		}
	}
}
