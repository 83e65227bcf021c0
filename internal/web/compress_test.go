package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testworld"
)

// TestCompression checks which responses are compressed, and that those that are have the same
// content as the others. The client of the tests does not accept compression unless it says so.
func TestCompression(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	b, visitor := w.browser(w.Olga), w.browser(memo.User{})
	b.client.Transport = &http.Transport{DisableCompression: true}
	visitor.client.Transport = b.client.Transport
	keys := "/w/" + w.Acme.ID + "/keys"
	style, script := w.site.assets.url("style.css"), w.site.assets.url("app.js")
	for _, c := range []struct {
		name, method, path, body string
		header                   []string // names and values
		compressed               bool
	}{
		{name: "page", path: keys, header: fetched("same-origin", "navigate"), compressed: true},
		{name: "typed address", path: keys, header: fetched("none", "navigate"), compressed: true},
		{name: "error", path: keys + "/x", header: fetched("none", "navigate"), compressed: true},
		{name: "by a script", path: keys, header: fetched("same-origin", "cors")},
		{name: "from another site", path: keys, header: []string{"Sec-Fetch-Site", "cross-site"}},
		{name: "from a subdomain", path: keys, header: []string{"Sec-Fetch-Site", "same-site"}},
		{name: "unknown origin", path: keys},
		{
			name: "new key", method: http.MethodPost, path: keys, body: "name=Zipped&expiry=never",
			header: fetched("same-origin", "navigate"),
		},
		{name: "style", path: style, compressed: true},
		{name: "script", path: script, compressed: true},
		{name: "range", path: style, header: []string{"Range", "bytes=0-9"}, compressed: true},
		{name: "not accepted", path: style, header: []string{"Accept-Encoding", "gzip;q=0, identity"}},
		{name: "only Brotli", path: style, header: []string{"Accept-Encoding", "br"}},
		{name: "CSV", path: "/w/" + w.Acme.ID + "/audit.csv", header: fetched("same-origin", "navigate")},
		{
			name: "export", path: w.texts("/" + w.Transcriptions[0] + "/export?format=txt"),
			header: fetched("same-origin", "navigate"),
		},
		{
			name: "ZIP", method: http.MethodPost, path: w.texts("/export"),
			body: "format=txt&id=" + w.Transcriptions[0], header: fetched("same-origin", "navigate"),
		},
	} {
		send := func(accepted string) page {
			method := c.method
			if method == "" {
				method = http.MethodGet
			}
			return b.do(method, c.path, c.body, func(r *http.Request) {
				r.Header.Set("Accept-Encoding", accepted)
				for i := 0; i < len(c.header); i += 2 {
					r.Header.Set(c.header[i], c.header[i+1])
				}
			})
		}
		p := send("gzip, br")
		if got := p.header.Get("Content-Encoding") == "gzip"; got != c.compressed {
			t.Errorf("%s: compressed is %v, want %v: %d %v", c.name, got, c.compressed, p.status, p.header)
			continue
		}
		if tag := p.header.Get("ETag") + p.header.Get("Content-Range"); tag != "" {
			t.Errorf("%s: has %q", c.name, tag)
		}
		if !c.compressed {
			continue
		}
		if vary := p.header.Values("Vary"); strings.Join(vary, ", ") != "Accept-Encoding" {
			t.Errorf("%s: Vary is %q", c.name, vary)
		}
		if length := p.header.Get("Content-Length"); length != "" && length != strconv.Itoa(len(p.body)) {
			t.Errorf("%s: Content-Length is %s for %d bytes", c.name, length, len(p.body))
		}
		z, err := gzip.NewReader(strings.NewReader(p.body))
		w.Must(err)
		plain, err := io.ReadAll(z)
		w.Must(err)
		if raw := send("identity"); raw.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: identity was compressed", c.name)
		} else if strings.HasPrefix(c.path, "/static/") && string(plain) != raw.body {
			t.Errorf("%s: the content differs: %d and %d bytes", c.name, len(plain), len(raw.body))
		}
		if len(plain) < len(p.body)*2 {
			t.Errorf("%s: %d bytes became %d", c.name, len(plain), len(p.body))
		}
	}
	head := visitor.do(http.MethodHead, style, "", testworld.WithHeader("Accept-Encoding", "gzip"))
	if head.status != http.StatusOK || head.body != "" {
		t.Errorf("HEAD: %d with %d bytes", head.status, len(head.body))
	}
}

// fetched returns the headers that a browser adds to say where a request comes from.
func fetched(site, mode string) []string {
	return []string{"Sec-Fetch-Site", site, "Sec-Fetch-Mode", mode}
}
