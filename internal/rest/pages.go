package rest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"memoai.tech/memo/internal/gate"
)

// pages keeps rendered answers under the workspace's content version. An entry
// is never stale: a change raises the version, and every request reads the
// version in the same row that authorises it. What nobody asks for any more is
// pushed out by what is asked for, within a bound on bytes.
type pages struct {
	mu    sync.Mutex
	lru   *simplelru.LRU[pageKey, page]
	bytes int
	max   int
}

// pageKey has no text of the caller's, which may be long: only its hash.
type pageKey struct {
	workspaceID string
	version     int64
	url         [sha256.Size]byte // of path and query, as they were sent
}

type page struct {
	body   []byte
	etag   string
	length string
}

// perPage is how many bytes an entry takes besides its body: its key, twice,
// its validator and its places in the list and the map.
const perPage = 512

func newPages(maxBytes int) *pages {
	p := &pages{max: maxBytes}
	lru, err := simplelru.NewLRU(1<<20, func(k pageKey, v page) { p.bytes -= cap(v.body) + perPage })
	if err != nil {
		panic(err) // only a size below 1 is an error
	}
	p.lru = lru
	return p
}

func (p *pages) get(k pageKey) (page, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lru.Get(k)
}

func (p *pages) put(k pageKey, v page) {
	size := cap(v.body) + perPage
	if size > p.max/8 {
		return // one huge page must not push out all others
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lru.Contains(k) {
		return
	}
	p.lru.Add(k, v)
	p.bytes += size
	for p.bytes > p.max {
		p.lru.RemoveOldest()
	}
}

// rendering is raised when the form of answers changes, so that no client
// takes an old body for the new form of the same content.
const rendering = "1"

func newPage(k pageKey, body []byte) page {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %x", rendering, k.workspaceID, k.version, k.url))
	return page{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`, strconv.Itoa(len(body))}
}

func (c *call) pageKey() pageKey {
	url := c.r.URL.EscapedPath() // the parts of the escaped path are parts of the path
	if c.r.URL.RawQuery != "" {
		url += "?" + c.r.URL.RawQuery
	}
	return pageKey{c.WorkspaceID, c.ContentVersion, sha256.Sum256([]byte(url))}
}

// answerKept answers from a page that was rendered before, if there is one.
func (a *API) answerKept(c *call) bool {
	p, ok := a.pages.get(c.pageKey())
	if ok {
		c.writePage(p)
	}
	return ok
}

// keep renders an answer that holds until the content version changes.
func (c *call) keep(body []byte) {
	k := c.pageKey()
	p := newPage(k, body)
	c.pages.put(k, p)
	c.writePage(p)
}

func (c *call) writePage(p page) {
	h := c.w.Header()
	h.Set("ETag", p.etag)
	h.Set("Cache-Control", "private, no-cache")
	if matches(c.r.Header["If-None-Match"], p.etag) {
		c.w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", p.length)
	h.Set("X-Content-Type-Options", "nosniff")
	gate.BoundWrite(c.w, len(p.body))
	_, _ = c.w.Write(p.body) // the client may be gone
}

// matches compares as RFC 9110 wants for If-None-Match: weakly.
func matches(headers []string, etag string) bool {
	for _, h := range headers {
		for candidate := range strings.SplitSeq(h, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}
