package rest_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testworld"
)

// TestSlowReaderUsesCapacityOfItsWorkspace: while a client reads a large transcription slowly,
// other large reads of its workspace get 503. Small reads and other workspaces do not.
func TestSlowReaderUsesCapacityOfItsWorkspace(t *testing.T) {
	w := &world{World: testworld.New(t, testworld.Config{
		Store: store.Config{Dir: t.TempDir()}, Work: app.WorkLimits{Memory: 32 << 20, Wait: 50 * time.Millisecond},
		Handler: func(a *app.App, g *admission.Control, _ *slog.Logger) http.Handler {
			return rest.New(rest.Config{App: a, Admission: g}).Handler()
		},
	})}
	line := strings.Repeat(strings.Repeat("é", 100)+" ", 200) + "\n"
	long := strings.Repeat(line, 200) // more than fits into the buffers of the sockets
	id := w.World.Import(w.Acme, "long.txt", long)
	otherID := w.World.Import(w.Other, "long.txt", strings.Repeat(line, 50))
	paths := []string{"/transcriptions/" + id, "/transcriptions/" + id + "/export?format=txt", "/transcriptions/" + id +
		"/export"}
	for _, path := range paths {
		w.get(path, w.OlgaKey.Key).Want(200)
	}
	conn, err := net.Dial("tcp", w.Server.Listener.Addr().String())
	w.Must(err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s/transcriptions/%s HTTP/1.1\r\nHost: memo\r\nAuthorization: Bearer %s\r\n\r\n",
		rest.Prefix, id, w.MarkKey.Key)
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 4096), nil)
	w.Must(err)
	for _, path := range paths {
		a := w.get(path, w.OlgaKey.Key).Want(503)
		if a.Header.Get("Retry-After") == "" || !strings.Contains(string(a.Body),
			"Too many reads of large transcriptions of this workspace are running. Try again in a moment.") {
			t.Errorf("%s: %v %s", path, a.Header, a.Body)
		}
	}
	w.get("/transcriptions/"+w.Transcriptions[0], w.OlgaKey.Key).Want(200)
	w.get("/transcriptions/"+otherID, w.EveKey.Key).Want(200)
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil || n < int64(len(long)) {
		t.Errorf("the slow reader got %d bytes: %v", n, err)
	}
	for _, path := range paths {
		w.get(path, w.OlgaKey.Key).Want(200)
	}
	for name, l := range w.App.Work() {
		if s := l.Stats(); s.Used != 0 || s.Running != 0 || s.Waiting != 0 {
			t.Errorf("%s: %+v after all requests", name, s)
		}
	}
}

func TestLongFilterIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, name := range []string{"status", "language", "external_id", "cursor"} {
			t.Run(name, func(t *testing.T) {
				w := w.in(t)
				a := w.get("/transcriptions?"+name+"="+strings.Repeat("a", 201), w.OlgaKey.Key).Want(422)
				if want := `[{"loc":["query","` + name +
					`"],"msg":"must have at most 200 characters","type":"value_error"}]`; !strings.Contains(string(a.Body), want) {
					t.Errorf("%s: %s", name, a.Body)
				}
			})
		}
		w.get("/transcriptions?q="+strings.Repeat("a", 1001), w.OlgaKey.Key).Want(422)
		w.get("/transcriptions?external_id="+strings.Repeat("%C3%BC", 200), w.OlgaKey.Key).Want(200)
	})
}
