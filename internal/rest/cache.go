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
// stale: every change raises the version, and each request reads the current version when it is
// authorised. Beyond a limit on bytes, the least recently used entries are evicted.
type responseCache struct {
	mu    sync.Mutex
	lru   *simplelru.LRU[responseKey, cachedResponse]
	bytes int
	max   int
}

// responseKey has a hash of the URL, because a URL may be long.
type responseKey struct {
	workspaceID string
	version     int64
	url         [sha256.Size]byte // hash of the path and query as sent
}

type cachedResponse struct {
	body   []byte
	etag   string
	length string // Content-Length
}

// entryOverhead is the size of an entry in bytes without its body: its key, twice, its ETag
// and its elements in the list and the map.
const entryOverhead = 512

func newResponseCache(maxBytes int) *responseCache {
	c := &responseCache{max: maxBytes}
	lru, err := simplelru.NewLRU(1<<20, func(k responseKey, v cachedResponse) { c.bytes -= cap(v.body) + entryOverhead })
	if err != nil {
		panic(err) // only a size below 1 is an error
	}
	c.lru = lru
	return c
}

func (c *responseCache) get(k responseKey) (cachedResponse, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Get(k)
}

func (c *responseCache) put(k responseKey, v cachedResponse) {
	size := cap(v.body) + entryOverhead
	if size > c.max/8 {
		return // one huge entry must not evict all others
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lru.Contains(k) {
		return
	}
	c.lru.Add(k, v)
	c.bytes += size
	for c.bytes > c.max {
		c.lru.RemoveOldest()
	}
}

// responseVersion is part of every ETag. Raise it when the format of responses changes, so that
// clients do not keep bodies in the old format.
const responseVersion = "1"

func newCachedResponse(k responseKey, body []byte) cachedResponse {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %x", responseVersion, k.workspaceID, k.version, k.url))
	return cachedResponse{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`, strconv.Itoa(len(body))}
}

func (c *request) cacheKey() responseKey {
	url := c.r.URL.EscapedPath() // an escaped slash is not a slash
	if c.r.URL.RawQuery != "" {
		url += "?" + c.r.URL.RawQuery
	}
	return responseKey{c.WorkspaceID, c.ContentVersion, sha256.Sum256([]byte(url))}
}

// writeCached writes the cached response to a request, and reports whether there is one.
func (a *API) writeCached(c *request) bool {
	cached, ok := a.cache.get(c.cacheKey())
	if ok {
		c.writeCachedResponse(cached)
	}
	return ok
}

// cacheAndWrite caches a body until the content version changes, and writes it.
func (c *request) cacheAndWrite(body []byte) {
	k := c.cacheKey()
	cached := newCachedResponse(k, body)
	c.cache.put(k, cached)
	c.writeCachedResponse(cached)
}

// writeCachedResponse writes the response, or 304 if the client has it already.
func (c *request) writeCachedResponse(cached cachedResponse) {
	h := c.w.Header()
	h.Set("ETag", cached.etag)
	h.Set("Cache-Control", "private, no-cache")
	if httpx.MatchesETag(c.r.Header["If-None-Match"], cached.etag) {
		c.w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", cached.length)
	h.Set("X-Content-Type-Options", "nosniff")
	httpx.BoundWrite(c.w, len(cached.body))
	_, _ = c.w.Write(cached.body) // the client may be gone
}
