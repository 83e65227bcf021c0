package rest

// This file tests inside the package: the size of the cache and the conversion of a query do not
// show in responses.

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"memoai.tech/memo/internal/testenv"
)

// TestCacheIsBoundedByBytes: many small responses do not exceed the limit either, because the size
// of an entry includes its overhead.
func TestCacheIsBoundedByBytes(t *testing.T) {
	const maxBytes = 1 << 20
	c := newResponseCache(maxBytes)
	put := func(i, size int) responseKey {
		k := responseKey{"w", 1, false, sha256.Sum256([]byte(fmt.Sprint(i)))}
		c.put(k, cachedResponse{body: make([]byte, size)})
		return k
	}
	for i := range 10_000 {
		put(i, 10)
	}
	if n := c.lru.Len(); c.bytes > maxBytes || n > maxBytes/entryOverhead || n < maxBytes/entryOverhead/2 {
		t.Errorf("%d entries have %d bytes", n, c.bytes)
	}
	large := put(-1, maxBytes/8)
	if _, ok := c.get(large); ok {
		t.Error("a response that would evict most others was cached")
	}
	last := put(-2, maxBytes/9)
	if _, ok := c.get(last); !ok || c.bytes > maxBytes {
		t.Errorf("the last response is not cached, or the cache has %d bytes, want at most %d", c.bytes, maxBytes)
	}
}

// TestResponsesAreCachedWhenReadAgain: a response that is read once takes no memory.
func TestResponsesAreCachedWhenReadAgain(t *testing.T) {
	c := newResponseCache(1 << 20)
	key := func(workspaceID string, version int64, url string) responseKey {
		return responseKey{workspaceID, version, false, sha256.Sum256([]byte(url))}
	}
	for _, k := range []responseKey{key("a", 1, "/x"), key("a", 2, "/x"), key("a", 1, "/y")} {
		if c.isReadAgain(k) {
			t.Errorf("%v is read for the first time and counts as read again", k)
		}
	}
	if !c.isReadAgain(key("a", 1, "/y")) {
		t.Error("a response that is read for the second time does not count as read again")
	}
}

func TestEveryParameterReachesTheQuery(t *testing.T) {
	testenv.EveryFieldReaches(t, listIn.toQuery, "add it to listIn.toQuery")
}
