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

// A bulk export that is under way when its key dies is cut within one second
// (contract section 1): nothing is sent after that, what the kernel holds for a
// slow reader is thrown away, and what came does not look like an archive.

// cutWindow bounds what a client's own kernel may hold of a stream that was cut:
// it had arrived before.
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
			_ = run(h.database, "", "member", "add", h.workspace, member) // who may be there already
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

// A stream that nobody ends comes to its end, however slowly it is read.
func TestStreamOfLivingKeyIsWhole(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	ids := fillWorkspace(t, h, 40, 80<<10)
	s := start(t, h.database)
	e := s.export(t, h.newKey(t, "exporter").Key, ids)
	defer e.conn.Close()
	e.read(t, func() bool { return e.size() > 2<<20 }) // slow for some rechecks of the key
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

// fillWorkspace imports transcripts that compress badly, so that the archive is far
// larger than what the buffers on its way hold.
func fillWorkspace(t *testing.T, h installation, n, size int) (ids []string) {
	t.Helper()
	dir := t.TempDir()
	random := rand.NewChaCha8([32]byte{1})
	// One long word a line: it is the bytes that matter, not the search.
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
	got  bytes.Buffer // all bytes of the answer, head and chunks
	err  error        // what ended the reading
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
	e.once() // the head
	if !bytes.HasPrefix(e.got.Bytes(), []byte("HTTP/1.1 200 OK\r\n")) {
		t.Fatalf("the export did not begin: %s %v", e.got.Bytes(), e.err)
	}
	return e
}

func (e *exportResult) size() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.got.Len()
}

// once reads what is there.
func (e *exportResult) once() {
	b := make([]byte, 16<<10)
	_ = e.conn.SetReadDeadline(time.Now().Add(10 * time.Second)) // a hang fails
	n, err := e.conn.Read(b)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got.Write(b[:n])
	e.err = err
}

// read reads slowly, 16 kB at a time, until it is enough or the stream ends.
func (e *exportResult) read(t *testing.T, enough func() bool) {
	t.Helper()
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for e.err == nil && !enough() {
		e.once()
		<-pace.C
	}
}

// drain reads all that is still to come.
func (e *exportResult) drain() {
	for e.err == nil {
		e.once()
	}
}

// mustBeCut goes on reading as before for a second after the key's end was
// acknowledged, and then takes what is left: no more than this side's buffer.
func (e *exportResult) mustBeCut(t *testing.T, acknowledged time.Time, reading bool) {
	t.Helper()
	deadline := acknowledged.Add(time.Second)
	if reading {
		e.read(t, func() bool { return !time.Now().Before(deadline) })
	}
	time.Sleep(time.Until(deadline)) // the second that the contract gives
	at := e.size()
	e.drain()
	if late := e.size() - at; late > cutWindow {
		t.Errorf("%d bytes came later than a second after the end of the key; then: %v", late, e.err)
	}
	if e.err == nil || errors.Is(e.err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection was not cut: %v", e.err)
	}
	if bytes.HasSuffix(e.got.Bytes(), []byte("\r\n0\r\n\r\n")) {
		t.Error("the answer looks whole")
	}
	body := e.body(t)
	if _, err := zip.NewReader(bytes.NewReader(body), int64(len(body))); err == nil {
		t.Error("what came is a readable archive")
	}
}

// body is the answer without its head and its chunk borders.
func (e *exportResult) body(t *testing.T) []byte {
	t.Helper()
	_, rest, ok := bytes.Cut(e.got.Bytes(), []byte("\r\n\r\n"))
	if !ok {
		t.Fatalf("the answer has no end of its head: %.300q", e.got.Bytes())
	}
	b, _ := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(rest))) // a cut stream ends within a chunk
	return b
}
