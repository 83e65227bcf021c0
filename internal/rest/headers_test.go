package rest_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/testworld"
)

const corsOrigin = "https://app.example.com"

// TestLongResponsesAreCompressed: the text is the same, and each form has its own ETag, of which either
// gives 304 for both.
func TestLongResponsesAreCompressed(t *testing.T) {
	w := newWorld(t, storeIn(t), limits{})
	id := w.Transcriptions[1]
	for _, path := range []string{"/transcriptions", "/transcriptions?sort=created_at", "/openapi.json"} {
		for range 3 { // not cached, then cached
			get := func(set ...func(*http.Request)) testworld.Response {
				return w.request(http.DefaultClient, "GET", path, "", append(set, testworld.WithKey(w.OlgaKey.Key))...)
			}
			plain := get(testworld.WithHeader("Accept-Encoding", "gzip;q=0, br")).Want(200)
			short := get(testworld.WithHeader("Accept-Encoding", "br, GZIP;q=0.5")).Want(200)
			if plain.Header.Get("Content-Encoding") != "" || short.Header.Get("Content-Encoding") != "gzip" {
				t.Fatalf("%s: encodings %v, %v", path, plain.Header, short.Header)
			}
			for _, a := range []testworld.Response{plain, short} {
				if !strings.Contains(strings.Join(a.Header["Vary"], ","), "Accept-Encoding") {
					t.Errorf("%s: Vary is %q", path, a.Header["Vary"])
				}
			}
			unzipped, err := gzip.NewReader(bytes.NewReader(short.Body))
			w.Must(err)
			text, err := io.ReadAll(unzipped)
			w.Must(err)
			if !bytes.Equal(text, plain.Body) || len(short.Body) >= len(plain.Body) {
				t.Errorf("%s: %d bytes unzipped from %d, want %d", path, len(text), len(short.Body), len(plain.Body))
			}
			a, b := plain.Header.Get("ETag"), short.Header.Get("ETag")
			if path == "/openapi.json" {
				continue
			}
			if a == b || a == "" || b == "" {
				t.Errorf("%s: ETags %s and %s", path, a, b)
			}
			for _, etag := range []string{a, b, "W/" + b} {
				for _, coding := range []string{"gzip", "identity"} {
					got := get(testworld.WithHeader("If-None-Match", etag), testworld.WithHeader("Accept-Encoding", coding)).Want(304)
					if got.Header.Get("ETag") != map[string]string{"gzip": b, "identity": a}[coding] {
						t.Errorf("%s for %s, %s: ETag %s", path, etag, coding, got.Header.Get("ETag"))
					}
				}
			}
		}
	}
	asked := testworld.WithHeader("Accept-Encoding", "gzip")
	for _, path := range []string{"/me", "/transcriptions?status=failed"} {
		a := w.request(http.DefaultClient, "GET", path, "", asked, testworld.WithKey(w.OlgaKey.Key)).Want(200)
		if a.Header.Get("Content-Encoding") != "" && len(a.Body) < 200 {
			t.Errorf("%s: a short response is compressed", path)
		}
	}
	zip := w.request(http.DefaultClient, "POST", "/transcriptions/export", `{"ids":["`+id+`"]}`, asked,
		testworld.WithKey(w.OlgaKey.Key)).Want(200)
	if zip.Header.Get("Content-Encoding") != "" || !bytes.HasPrefix(zip.Body, []byte("PK")) {
		t.Errorf("an archive is compressed again: %v", zip.Header)
	}
	keys := w.request(w.signedIn(w.Olga), "GET", "/keys", "", asked).Want(200)
	if keys.Header.Get("Content-Encoding") != "" {
		t.Error("a response for a session is compressed")
	}
}

// TestLinksLeadThroughAList: the link "next" leads to every item once, and "first" to the first page.
func TestLinksLeadThroughAList(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		link := regexp.MustCompile(`<([^>]*)>; rel="(\w+)"`)
		follow := func(path string, client *http.Client, set ...func(*http.Request)) (ids []string) {
			for first := ""; path != ""; {
				a := w.request(client, "GET", path, "", set...).Want(200)
				var page struct{ Items []struct{ ID string } }
				a.Decode(&page)
				for _, it := range page.Items {
					ids = append(ids, it.ID)
				}
				links := map[string]string{}
				for _, m := range link.FindAllStringSubmatch(a.Header.Get("Link"), -1) {
					links[m[2]] = m[1]
				}
				if links["first"] == "" || first != "" && links["first"] != first {
					t.Errorf("%s: Link is %q", path, a.Header.Get("Link"))
				}
				first, path = links["first"], links["next"]
			}
			return ids
		}
		key := testworld.WithKey(w.OlgaKey.Key)
		for path, want := range map[string]int{
			"/transcriptions?limit=1&sort=created_at": 3, "/transcriptions?limit=2&language=&q=": 3,
			"/transcriptions?q=price&sort=relevance&limit=1": 1, "/projects?limit=1": 1, "/projects": 1,
		} {
			for range 3 { // the third is cached
				if ids := follow(path, http.DefaultClient, key); len(ids) != want {
					t.Errorf("%s: %v, want %d", path, ids, want)
				}
			}
		}
		if ids := follow("/keys?limit=1", w.signedIn(w.Olga)); len(ids) < 2 {
			t.Errorf("keys: %v", ids)
		}
		if a := w.get("/transcriptions?sort=no", w.OlgaKey.Key).Want(422); a.Header.Get("Link") != "" {
			t.Errorf("a refusal has Link: %v", a.Header)
		}
	})
}

// TestCORS: pages of configured origins may call the data API with a key, and nothing with a cookie.
func TestCORS(t *testing.T) {
	w := newWorld(t, storeIn(t), limits{})
	preflight := testworld.WithHeader("Access-Control-Request-Method", "GET")
	from := func(origin string) func(*http.Request) { return testworld.WithHeader("Origin", origin) }
	a := w.request(http.DefaultClient, "OPTIONS", "/transcriptions/export", "", preflight, from(corsOrigin)).Want(204)
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": corsOrigin, "Access-Control-Allow-Methods": "POST",
		"Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match", "Vary": "Origin",
		"Access-Control-Allow-Credentials": "",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, path := range []string{"/transcriptions", "/transcriptions/" + w.Transcriptions[1], "/me"} {
		for _, key := range []string{w.OlgaKey.Key, "x"} { // a page must be able to read a 401
			a := w.request(http.DefaultClient, "GET", path, "", testworld.WithKey(key), from(corsOrigin))
			exposed := a.Header.Get("Access-Control-Expose-Headers")
			if a.Header.Get("Access-Control-Allow-Origin") != corsOrigin || !strings.Contains(exposed, "ETag, Link, ") ||
				!strings.Contains(fmt.Sprint(a.Header["Vary"]), "Origin") {
				t.Errorf("%s: %v", path, a.Header)
			}
		}
	}
	for _, c := range []struct{ method, path, origin string }{
		{"GET", "/transcriptions", "https://evil.example"},
		{"GET", "/transcriptions", "null"},
		{"OPTIONS", "/transcriptions", "https://app.example.com.evil.example"},
		{"OPTIONS", "/transcriptions", ""},
		{"OPTIONS", "/keys", corsOrigin},
		{"GET", "/keys", corsOrigin},
		{"OPTIONS", "/api/v1/session", corsOrigin},
		{"OPTIONS", rest.Prefix + "/nothing", corsOrigin},
	} {
		a := w.request(http.DefaultClient, c.method, c.path, "", testworld.WithKey(w.OlgaKey.Key), preflight, from(c.origin))
		if a.Header.Get("Access-Control-Allow-Origin") != "" || a.Status == 204 {
			t.Errorf("%+v: %d %v", c, a.Status, a.Header)
		}
	}
}
