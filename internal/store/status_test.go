package store_test

import (
	"net"
	"strings"
	"testing"

	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
)

// TestPostgresCertificateIsVerified: with sslmode=verify-full the certificate must
// come from an authority that the system trusts, and name the host.
func TestPostgresCertificateIsVerified(t *testing.T) {
	_, certificate, key := testenv.Certificate(t)
	t.Setenv("SSL_CERT_FILE", certificate)
	pg := testenv.StartPostgres(t, "ssl=on", "ssl_cert_file="+certificate, "ssl_key_file="+key)
	_, port, err := net.SplitHostPort(pg.Addr)
	if err != nil {
		t.Fatal(err)
	}
	secure := func(addr string) store.Config {
		return store.Config{URL: strings.Replace(pg.URL(addr), "sslmode=disable", "sslmode=verify-full", 1)}
	}
	s := open(t, secure(pg.Addr))
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		cfg       store.Config
		encrypted bool
	}{"encrypted": {secure(pg.Addr), true}, "plain": {store.Config{URL: pg.URL(pg.Addr)}, false}} {
		t.Run(name, func(t *testing.T) {
			got, err := store.ReadStatus(t.Context(), c.cfg)
			if err != nil || got.Encrypted != c.encrypted || got.Host != "127.0.0.1" {
				t.Errorf("got %+v (%v), want encrypted %v", got, err, c.encrypted)
			}
		})
	}
	if _, err := store.Open(t.Context(), secure("localhost:"+port)); err == nil ||
		!strings.Contains(err.Error(), "certificate") {
		t.Errorf("connecting under a name that the certificate lacks: got %v, want a certificate error", err)
	}
}
