package web

import (
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/store"
)

// BenchmarkKeysPage measures the keys page with 500 keys, each used in every hour of two
// weeks, over a socket until the last byte:
//
//	go test ./internal/web -run '^$' -bench KeysPage
func BenchmarkKeysPage(b *testing.B) {
	w := newWorld(b, sqliteWorld(b))
	now := w.Store.Now()
	hours := map[int64]memo.Calls{}
	for i := range app.UsageFortnight.Bars * app.UsageFortnight.HoursPerBar {
		hours[store.Hour(now)-i] = memo.Calls{Requests: 100 + i, Refused: i % 7}
	}
	var uses []store.KeyUsage
	for range 500 {
		uses = append(uses, store.KeyUsage{
			KeyID: w.Key(w.Acme, w.Mark).ID, At: now, IP: "192.0.2.1", Agent: "curl/8",
			Hours: hours,
		})
	}
	w.Must(w.Store.Write(b.Context(), func(tx *store.Tx) error { return tx.RecordUsage(b.Context(), uses) }))
	olga, keys := w.browser(w.Olga), "/w/"+w.Acme.ID+"/keys"
	for _, span := range []string{"24h", "14d"} {
		b.Run(span, func(b *testing.B) {
			for b.Loop() {
				olga.get(keys + "?span=" + span).want(200)
			}
		})
	}
}
