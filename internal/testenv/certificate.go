package testenv

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// Certificate returns a self-signed certificate for 127.0.0.1, but not for
// localhost, and two files with the certificate and its private key. PostgreSQL can
// read the files, and clients must trust certFile.
func Certificate(t testing.TB) (cert tls.Certificate, certFile, keyFile string) {
	t.Helper()
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	cert = web.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "memo-cert-") // only its owner can read t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	chown := func(path string) string {
		if _, err := chownToPostgres(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	chown(dir)
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return chown(path)
	}
	return cert, write("cert.pem", "CERTIFICATE", cert.Certificate[0]), write("key.pem", "PRIVATE KEY", key)
}
