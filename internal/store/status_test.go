package store

import (
	"net"
	"strings"
	"testing"

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
	secure := func(addr string) Config {
		return Config{URL: strings.Replace(pg.URL(addr), "sslmode=disable", "sslmode=verify-full", 1)}
	}
	s := mustOpen(t, secure(pg.Addr))
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	for url, encrypted := range map[string]bool{secure(pg.Addr).URL: true, pg.URL(pg.Addr): false} {
		if c, err := ReadStatus(t.Context(), Config{URL: url}); err != nil || c.Encrypted != encrypted ||
			c.Host != "127.0.0.1" {
			t.Errorf("%s: got %+v (%v), want encrypted %v", url, c, err, encrypted)
		}
	}
	if _, err := Open(t.Context(), secure("localhost:"+port)); err == nil ||
		!strings.Contains(err.Error(), "certificate") {
		t.Errorf("connecting under a name that the certificate lacks: got %v, want a certificate error", err)
	}
}
