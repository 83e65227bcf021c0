package web

import (
	"testing"

	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testworld"
)

// BenchmarkKeysPage is the page of the keys with 500 of them, from the request
// to the last byte, over a socket:
//
//	go test ./internal/web -run '^$' -bench KeysPage
func BenchmarkKeysPage(b *testing.B) {
	w := newWorld(b, testworld.Config{Store: store.Config{Dir: b.TempDir()}})
	for range 500 {
		w.Key(w.Acme, w.Mark)
	}
	olga, keys := w.browser(w.Olga), "/w/"+w.Acme.ID+"/keys"
	for b.Loop() {
		olga.get(keys).want(200)
	}
}
