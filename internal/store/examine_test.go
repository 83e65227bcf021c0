package store

import (
	"net"
	"strings"
	"testing"

	"memoai.tech/memo/internal/testenv"
)

// TestOverTLS: PostgreSQL's certificate is checked against the machine's and the
// name.
func TestOverTLS(t *testing.T) {
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
			t.Errorf("%s: %+v, %v", url, c, err)
		}
	}
	if _, err := Open(t.Context(), secure("localhost:"+port)); err == nil ||
		!strings.Contains(err.Error(), "certificate") {
		t.Errorf("under another name: %v", err)
	}
}
