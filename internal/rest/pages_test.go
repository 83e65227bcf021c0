package rest

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// TestPagesAreBoundedByBytes: small answers to many addresses do not take more
// than the bound, whatever the addresses are.
func TestPagesAreBoundedByBytes(t *testing.T) {
	const most = 1 << 20
	p := newResponseCache(most)
	put := func(i, size int) responseKey {
		k := responseKey{"w", 1, sha256.Sum256([]byte(fmt.Sprint(i)))}
		p.put(k, newCachedResponse(k, make([]byte, size)))
		return k
	}
	for i := range 10_000 {
		put(i, 10)
	}
	if n := p.lru.Len(); p.bytes > most || n > most/entryOverhead || n < most/entryOverhead/2 {
		t.Errorf("%d pages take %d bytes", n, p.bytes)
	}
	large := put(-1, most/8)
	if _, ok := p.get(large); ok {
		t.Error("a large page pushes out all others")
	}
	last := put(-2, most/9)
	if _, ok := p.get(last); !ok || p.bytes > most {
		t.Errorf("%d bytes are stored", p.bytes)
	}
}
