package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A bulk export is cut within one second of the end of its key
// (docs/contract.md#revocation-is-immediate). Nothing is sent after that, data that the
// server's kernel still holds for a slow reader is discarded, and what the client got
// is not a readable archive.

// cutWindow is how much of a cut stream the client's kernel may still hold, because it
// arrived before the cut.
const cutWindow = 256 << 10

func TestStreamIsCutWithinOneSecond(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	const member = "member@example.com"
	addUser(t, h.database, member)
	ids := fillWorkspace(t, h, 100, 80<<10)
	s := start(t, h.database)
	for _, test := range []struct {
		name    string
		reading bool
		end     func(*testing.T, newKey)
	}{
		{"revoked, slow reader", true, func(t *testing.T, k newKey) {
			s.signIn(t, h.owner).must(t, http.StatusNoContent, "DELETE", api+"/keys/"+k.ID, nil)
		}},
		{"revoked, reader stopped", false, func(t *testing.T, k newKey) {
			s.signIn(t, h.owner).must(t, http.StatusNoContent, "DELETE", api+"/keys/"+k.ID, nil)
		}},
		{"revoked by command, reader stopped", false, func(t *testing.T, k newKey) {
			cli[newKey](t, h.database, "key", "revoke", k.ID)
		}},
		{"member removed, slow reader", true, func(t *testing.T, k newKey) {
			cli[namedID](t, h.database, "member", "remove", h.workspace, member)
		}},
		{"plan lowered, slow reader", true, func(t *testing.T, k newKey) {
			cli[namedID](t, h.database, "workspace", "plan", h.workspace, "free")
		}},
		{"plan lowered, reader stopped", false, func(t *testing.T, k newKey) {
			cli[namedID](t, h.database, "workspace", "plan", h.workspace, "basic")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_ = run(h.database, "", "member", "add", h.workspace, member) // fails if they are already a member
			cli[namedID](t, h.database, "workspace", "plan", h.workspace, "pro")
			k := cli[newKey](t, h.database, "key", "create", "--workspace", h.workspace, "--member", member, "--name",
				"exporter")
			e := s.export(t, k.Key, ids)
			defer e.conn.Close()
			if test.reading {
				e.read(t, func() bool { return e.size() > 512<<10 })
			}
			test.end(t, k)
			e.mustBeCut(t, time.Now(), test.reading)
		})
	}
}

// TestStreamWithActiveKeyIsComplete: an export completes while its key is active,
// however slowly it is read.
func TestStreamWithActiveKeyIsComplete(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	ids := fillWorkspace(t, h, 40, 80<<10)
	s := start(t, h.database)
	e := s.export(t, h.newKey(t, "exporter").Key, ids)
	defer e.conn.Close()
	e.read(t, func() bool { return e.size() > 2<<20 }) // slowly, so that the key is rechecked a few times
	e.drain()
	z, err := zip.NewReader(bytes.NewReader(e.body(t)), int64(len(e.body(t))))
	if err != nil || len(z.File) != len(ids) {
		t.Fatalf("the archive: %v", err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err == nil {
			_, err = io.Copy(io.Discard, r) // checks the CRC
		}
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

// fillWorkspace imports transcripts that compress badly, so that their archive is far
// larger than the buffers between server and client.
func fillWorkspace(t *testing.T, h installation, n, size int) (ids []string) {
	t.Helper()
	dir := t.TempDir()
	random := rand.NewChaCha8([32]byte{1})
	// Each line is one long word, because only the size matters, not the search.
	const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01"
	noise := make([]byte, 8<<10)
	for i := range n {
		var b bytes.Buffer
		for second := 0; b.Len() < size; second++ {
			_, _ = random.Read(noise) // never fails
			for j := range noise {
				noise[j] = letters[noise[j]&63]
			}
			fmt.Fprintf(&b, "[%02d:%02d] Alex: %s\n", second/60, second%60, noise)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("call %d.txt", i)), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range cli[imported](t, h.database, "import", "--workspace", h.workspace, dir).Imported {
		ids = append(ids, f.ID)
	}
	if len(ids) != n {
		t.Fatalf("%d of %d files were imported", len(ids), n)
	}
	return ids
}

// exportResult is a bulk export that is being read from a socket.
type exportResult struct {
	conn *net.TCPConn
	mu   sync.Mutex
	got  bytes.Buffer // all bytes of the response, head and chunks
	err  error        // why reading ended
}

// export begins a bulk export on a connection with a small receive buffer.
func (s *server) export(t *testing.T, key string, ids []string) *exportResult {
	t.Helper()
	address := s.url[len("http://"):]
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	e := &exportResult{conn: c.(*net.TCPConn)}
	if err := e.conn.SetReadBuffer(cutWindow / 16); err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"ids": ids, "format": "md"})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c,
		"POST %s/transcriptions/export HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: "+
			"application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		api, address, key, len(body), body)
	e.readOnce() // the head
	if !bytes.HasPrefix(e.got.Bytes(), []byte("HTTP/1.1 200 OK\r\n")) {
		t.Fatalf("the export did not start: %s %v", e.got.Bytes(), e.err)
	}
	return e
}

func (e *exportResult) size() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.got.Len()
}

// readOnce reads what is available.
func (e *exportResult) readOnce() {
	b := make([]byte, 16<<10)
	_ = e.conn.SetReadDeadline(time.Now().Add(10 * time.Second)) // a server that sends nothing fails the test
	n, err := e.conn.Read(b)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got.Write(b[:n])
	e.err = err
}

// read reads slowly, 16 kB at a time, until enough returns true or the stream ends.
func (e *exportResult) read(t *testing.T, enough func() bool) {
	t.Helper()
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for e.err == nil && !enough() {
		e.readOnce()
		<-pace.C
	}
}

// drain reads the rest of the stream.
func (e *exportResult) drain() {
	for e.err == nil {
		e.readOnce()
	}
}

// mustBeCut continues to read, or not to read, until one second after the end of the
// key was acknowledged. What it reads after that may only be what this side's kernel
// holds.
func (e *exportResult) mustBeCut(t *testing.T, acknowledged time.Time, reading bool) {
	t.Helper()
	deadline := acknowledged.Add(time.Second)
	if reading {
		e.read(t, func() bool { return !time.Now().Before(deadline) })
	}
	time.Sleep(time.Until(deadline)) // the time within which the stream must be cut
	at := e.size()
	e.drain()
	if late := e.size() - at; late > cutWindow {
		t.Errorf("%d bytes came more than a second after the end of the key; then: %v", late, e.err)
	}
	if e.err == nil || errors.Is(e.err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection was not cut: %v", e.err)
	}
	if bytes.HasSuffix(e.got.Bytes(), []byte("\r\n0\r\n\r\n")) {
		t.Error("the response has its final chunk")
	}
	body := e.body(t)
	if _, err := zip.NewReader(bytes.NewReader(body), int64(len(body))); err == nil {
		t.Error("the received part is a readable archive")
	}
}

// body returns the body of the response without the chunk headers.
func (e *exportResult) body(t *testing.T) []byte {
	t.Helper()
	_, rest, ok := bytes.Cut(e.got.Bytes(), []byte("\r\n\r\n"))
	if !ok {
		t.Fatalf("the head of the response has no end: %.300q", e.got.Bytes())
	}
	b, _ := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(rest))) // a cut stream ends within a chunk
	return b
}
