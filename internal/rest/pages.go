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

// responseCache caches responses under the content version of the workspace. An entry is never
// stale: every change raises the version, and each request reads the version in the row that
// authorises it. Entries that are no longer requested are evicted, within a limit on bytes.
type responseCache struct {
	mu    sync.Mutex
	lru   *simplelru.LRU[responseKey, cachedResponse]
	bytes int
	max   int
}

// responseKey stores a hash of the URL, because a URL may be long.
type responseKey struct {
	workspaceID string
	version     int64
	url         [sha256.Size]byte // of path and query as sent
}

type cachedResponse struct {
	body   []byte
	etag   string
	length string
}

// entryOverhead is the size of an entry in bytes without its body: its key, twice, its ETag
// and its place in the list and the map.
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
		return // one huge entry must not evict all others
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

// responseVersion must be raised when the form of responses changes, so that a client does not
// use a cached body of the old form.
const responseVersion = "1"

func newCachedResponse(k responseKey, body []byte) cachedResponse {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %x", responseVersion, k.workspaceID, k.version, k.url))
	return cachedResponse{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`, strconv.Itoa(len(body))}
}

func (c *request) pageKey() responseKey {
	url := c.r.URL.EscapedPath() // an escaped slash is not a slash
	if c.r.URL.RawQuery != "" {
		url += "?" + c.r.URL.RawQuery
	}
	return responseKey{c.WorkspaceID, c.ContentVersion, sha256.Sum256([]byte(url))}
}

// writeCached writes a cached response if there is one.
func (a *API) writeCached(c *request) bool {
	p, ok := a.pages.get(c.pageKey())
	if ok {
		c.writeCachedResponse(p)
	}
	return ok
}

// cacheAndWrite caches a body until the content version changes, and writes it.
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
