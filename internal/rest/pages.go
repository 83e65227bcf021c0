package rest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"memoai.tech/memo/internal/httpx"
)

// responseCache keeps rendered answers under the workspace's content version. An entry
// is never stale: a change raises the version, and every request reads the
// version in the same row that authorises it. What nobody asks for any more is
// pushed out by what is asked for, within a bound on bytes.
type responseCache struct {
	mu    sync.Mutex
	lru   *simplelru.LRU[responseKey, cachedResponse]
	bytes int
	max   int
}

// responseKey has no text of the caller's, which may be long: only its hash.
type responseKey struct {
	workspaceID string
	version     int64
	url         [sha256.Size]byte // of path and query, as they were sent
}

type cachedResponse struct {
	body   []byte
	etag   string
	length string
}

// entryOverhead is how many bytes an entry takes besides its body: its key, twice,
// its validator and its places in the list and the map.
const entryOverhead = 512

func newResponseCache(maxBytes int) *responseCache {
	p := &responseCache{max: maxBytes}
	lru, err := simplelru.NewLRU(1<<20, func(k responseKey, v cachedResponse) { p.bytes -= cap(v.body) + entryOverhead })
	if err != nil {
		panic(err) // only a size below 1 is an error
	}
	p.lru = lru
	return p
}

func (p *responseCache) get(k responseKey) (cachedResponse, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lru.Get(k)
}

func (p *responseCache) put(k responseKey, v cachedResponse) {
	size := cap(v.body) + entryOverhead
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

// responseVersion is raised when the form of answers changes, so that no client
// takes an old body for the new form of the same content.
const responseVersion = "1"

func newCachedResponse(k responseKey, body []byte) cachedResponse {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %x", responseVersion, k.workspaceID, k.version, k.url))
	return cachedResponse{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`, strconv.Itoa(len(body))}
}

func (c *request) pageKey() responseKey {
	url := c.r.URL.EscapedPath() // the parts of the escaped path are parts of the path
	if c.r.URL.RawQuery != "" {
		url += "?" + c.r.URL.RawQuery
	}
	return responseKey{c.WorkspaceID, c.ContentVersion, sha256.Sum256([]byte(url))}
}

// writeCached answers from a page that was rendered before, if there is one.
func (a *API) writeCached(c *request) bool {
	p, ok := a.pages.get(c.pageKey())
	if ok {
		c.writeCachedResponse(p)
	}
	return ok
}

// cacheAndWrite renders an answer that holds until the content version changes.
func (c *request) cacheAndWrite(body []byte) {
	k := c.pageKey()
	p := newCachedResponse(k, body)
	c.pages.put(k, p)
	c.writeCachedResponse(p)
}

func (c *request) writeCachedResponse(p cachedResponse) {
	h := c.w.Header()
	h.Set("ETag", p.etag)
	h.Set("Cache-Control", "private, no-cache")
	if httpx.MatchesETag(c.r.Header["If-None-Match"], p.etag) {
		c.w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", p.length)
	h.Set("X-Content-Type-Options", "nosniff")
	httpx.BoundWrite(c.w, len(p.body))
	_, _ = c.w.Write(p.body) // the client may be gone
}
