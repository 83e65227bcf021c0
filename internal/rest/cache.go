package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"memoai.tech/memo/internal/httpx"
)

// responseCache caches responses under the content version of the workspace. An entry is never
// stale: every change raises the version, and each request reads the current version when it is
// authorised. Beyond a limit on bytes, the least recently used entries are evicted.
//
// A response is cached when it is read for the second time. Most pages are read once, and caching
// them would only make the garbage collector work and evict others.
type responseCache struct {
	mu    sync.Mutex
	lru   *simplelru.LRU[responseKey, cachedResponse]
	bytes int
	max   int
	read  [1 << 14]uint64 // fingerprints of responses that were read lately, each at its own index
}

// responseKey has a hash of the URL, because a URL may be long.
type responseKey struct {
	workspaceID string
	version     int64
	acceptsGzip bool
	url         [sha256.Size]byte // hash of the path and query as sent
}

// cachedResponse is a body and the values of its headers.
type cachedResponse struct {
	body                         []byte
	etag, length, encoding, link []string
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

// isReadAgain notes that a response is read, and reports whether it was read before. It forgets
// responses when others with the same index are read.
func (c *responseCache) isReadAgain(k responseKey) bool {
	fingerprint := binary.LittleEndian.Uint64(k.url[:]) ^ uint64(k.version)
	if k.acceptsGzip {
		fingerprint = ^fingerprint
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	noted := &c.read[fingerprint%uint64(len(c.read))]
	again := *noted == fingerprint
	*noted = fingerprint
	return again
}

// put caches a copy of a response.
func (c *responseCache) put(k responseKey, v cachedResponse) {
	if len(v.body)+entryOverhead > c.max/8 {
		return // one huge entry must not evict all others
	}
	v.body = bytes.Clone(v.body)
	size := cap(v.body) + entryOverhead
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
const responseVersion = "3"

// etag returns the ETag of the response. It follows from the key, so it is known before anything
// is read.
func (k responseKey) etag() string {
	b := append(make([]byte, 0, 128), responseVersion...)
	b = append(append(b, ' '), k.workspaceID...)
	b = strconv.AppendInt(append(b, ' '), k.version, 10)
	b = hex.AppendEncode(append(b, ' '), k.url[:])
	sum := sha256.Sum256(b)
	b = base64.RawURLEncoding.AppendEncode(append(b[:0], '"'), sum[:15])
	if k.acceptsGzip {
		b = append(b, httpx.GzipSuffix...)
	}
	return string(append(b, '"'))
}

func (c *request) cacheKey() responseKey {
	url := c.r.URL.EscapedPath() // an escaped slash is not a slash
	if c.r.URL.RawQuery != "" {
		url += "?" + c.r.URL.RawQuery
	}
	return responseKey{c.WorkspaceID, c.ContentVersion, httpx.AcceptsGzip(c.r.Header), sha256.Sum256([]byte(url))}
}

// writeCached writes the response to a request without reading anything, and reports whether it
// could. A client that sends the current ETag has the response already. Other forms of If-None-Match,
// such as a list or *, are compared when the response exists.
//
// A caller who sees only some projects gets nothing from here, because the version also changes when
// the other projects do.
func (c *request) writeCached() bool {
	if len(c.ProjectIDs) > 0 {
		return false
	}
	c.key = c.cacheKey()
	if match := c.r.Header["If-None-Match"]; len(match) == 1 {
		if etag := c.key.etag(); strings.TrimPrefix(match[0], "W/") == etag {
			c.writeUnchanged([]string{etag})
			return true
		}
	}
	cached, ok := c.cache.get(c.key)
	if ok {
		c.writeCachedResponse(cached)
	}
	return ok
}

// bodies has buffers for the bodies of responses that are not cached.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// maxPooledBody is the capacity up to which such a buffer is used again.
const maxPooledBody = 256 << 10

// cacheAndWrite writes a response. If it was read before, it is cached until the content version
// changes.
func (c *request) cacheAndWrite(out storedJSON) error {
	buffer := bodies.Get().(*[]byte)
	body, err := out.AppendJSON((*buffer)[:0])
	if err != nil {
		return err
	}
	defer putBody(buffer, body)
	ofProjects := len(c.ProjectIDs) > 0
	if ofProjects { // see writeCached
		c.key = responseKey{acceptsGzip: httpx.AcceptsGzip(c.r.Header), url: sha256.Sum256(body)}
	}
	response := cachedResponse{body: body, etag: []string{c.key.etag()}, link: c.w.Header()["Link"]}
	if c.key.acceptsGzip && len(body) >= httpx.MinCompressed {
		buffer := bodies.Get().(*[]byte)
		response.body, response.encoding = httpx.AppendGzip((*buffer)[:0], body), gzipEncoding
		defer putBody(buffer, response.body)
	}
	response.length = []string{strconv.Itoa(len(response.body))}
	c.writeCachedResponse(response)
	if !ofProjects && c.cache.isReadAgain(c.key) {
		c.cache.put(c.key, response)
	}
	return nil
}

// putBody returns a buffer to bodies, with the body that was written to it.
func putBody(buffer *[]byte, body []byte) {
	if *buffer = body; cap(body) <= maxPooledBody {
		bodies.Put(buffer)
	}
}

// writeCachedResponse writes the response, or 304 if the client has it already.
func (c *request) writeCachedResponse(cached cachedResponse) {
	if httpx.MatchesETag(c.r.Header["If-None-Match"], cached.etag[0]) {
		c.writeUnchanged(cached.etag)
		return
	}
	h := c.w.Header()
	h["Etag"], h["Cache-Control"] = cached.etag, revalidated
	h["Content-Type"], h["X-Content-Type-Options"] = jsonType, noSniff
	h["Content-Length"], h["Vary"] = cached.length, c.vary
	if cached.encoding != nil {
		h["Content-Encoding"] = cached.encoding
	}
	if cached.link != nil {
		h["Link"] = cached.link
	}
	httpx.BoundWrite(c.w, len(cached.body))
	_, _ = c.w.Write(cached.body) // the client may be gone
}

// writeUnchanged writes 304.
func (c *request) writeUnchanged(etag []string) {
	h := c.w.Header()
	h["Etag"], h["Cache-Control"], h["Vary"] = etag, revalidated, c.vary
	c.w.WriteHeader(http.StatusNotModified)
}

// Values of headers, which all responses share: net/http only reads them.
var (
	revalidated  = []string{"private, no-cache"}
	jsonType     = []string{"application/json"}
	noSniff      = []string{"nosniff"}
	gzipEncoding = []string{"gzip"}
)
