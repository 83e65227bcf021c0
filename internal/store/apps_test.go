package store

import (
	"testing"
	"time"

	"memoai.tech/memo/internal/credential"
)

// TestTokensOfAnAppAreBounded: the newest ones stay.
func TestTokensOfAnAppAreBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		now := time.Now()
		cfg.Now = func() time.Time { return now }
		h := newHarness(t, cfg, 2)
		add := func(key int) (access credential.Hash) {
			now = now.Add(time.Millisecond)
			access, refresh := credential.NewAccessToken().Hash(), credential.NewRefreshToken().Hash()
			if err := h.Write(t.Context(), func(tx *Tx) error {
				return tx.AddAppTokens(t.Context(), keyID(key), access, refresh, now.Add(time.Hour), now.Add(time.Hour))
			}); err != nil {
				t.Fatal(err)
			}
			return access
		}
		other, first, last := add(1), add(0), credential.Hash{}
		for range maxAppTokens {
			last = add(0)
		}
		if n := h.count("app_tokens"); n != maxAppTokens+2 {
			t.Errorf("%d tokens are stored, want %d and 2 of another app", n, maxAppTokens)
		}
		for hash, want := range map[credential.Hash]bool{other: true, first: false, last: true} {
			if _, ok, err := h.ReadTokenState(t.Context(), hash); err != nil || ok != want {
				t.Errorf("a token is stored: %v, want %v (%v)", ok, want, err)
			}
		}
	})
}
