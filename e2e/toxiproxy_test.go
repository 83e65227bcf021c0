package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"memoai.tech/memo/internal/testenv"
)

// toxiproxy stands between a server and its database, and spoils the line. Its
// program is one of the tools (tools/go.mod): as a library it would bring a dozen
// modules into the product's go.mod.
var buildToxiproxy = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "toxiproxy")
	out, err := exec.Command("go", "build", "-modfile=../tools/go.mod", "-o", path,
		"github.com/Shopify/toxiproxy/v2/cmd/server").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("toxiproxy: %w\n%s", err, out)
	}
	return path, err
})

// crossing is one way through a toxiproxy.
type crossing struct {
	t      testing.TB
	Listen string // where it is entered
	api    string
}

// newCrossing leads to upstream until the end of the test.
func newCrossing(t testing.TB, upstream string) *crossing {
	t.Helper()
	path, err := buildToxiproxy()
	if err != nil {
		t.Fatal(err)
	}
	api, listen := testenv.FreeAddr(), testenv.FreeAddr()
	host, port, err := net.SplitHostPort(api)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), serverLife)
	cmd := exec.CommandContext(ctx, path, "-host", host, "-port", port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	l := &crossing{t: t, Listen: listen, api: "http://" + api + "/proxies"}
	eventually(t, "toxiproxy", func() bool {
		resp, err := http.Get(l.api)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	l.post("", map[string]any{"name": "line", "listen": l.Listen, "upstream": upstream, "enabled": true})
	return l
}

// cut refuses connections, and ends those that are.
func (l *crossing) cut() { l.post("/line", map[string]any{"enabled": false}) }

// spoil adds a toxic to what comes from upstream, such as "timeout", which says
// nothing any more, or "latency".
func (l *crossing) spoil(kind string, attributes map[string]any) {
	l.post("/line/toxics", map[string]any{"name": "toxic", "type": kind, "stream": "downstream", "attributes": attributes})
}

// mend takes everything back.
func (l *crossing) mend() {
	req, err := http.NewRequest(http.MethodDelete, l.api+"/line/toxics/toxic", nil)
	if err != nil {
		l.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	resp.Body.Close() // 404 where there is none
	l.post("/line", map[string]any{"enabled": true})
}

func (l *crossing) post(path string, body any) {
	l.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		l.t.Fatal(err)
	}
	resp, err := http.Post(l.api+path, "application/json", bytes.NewReader(b))
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(resp.Body)
		l.t.Fatalf("toxiproxy: %s %d %s", path, resp.StatusCode, text)
	}
}
