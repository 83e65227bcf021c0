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

// buildToxiproxy builds the toxiproxy program and returns its path. It is one of the
// tools in tools/go.mod: as a library it would add a dozen modules to go.mod.
var buildToxiproxy = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(commandProgram), "toxiproxy")
	out, err := exec.Command("go", "build", "-modfile=../tools/go.mod", "-o", path,
		"github.com/Shopify/toxiproxy/v2/cmd/server").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("toxiproxy: %w\n%s", err, out)
	}
	return path, err
})

// toxiproxy is a proxy between a server and its database that can disturb the connection.
type toxiproxy struct {
	t      testing.TB
	Listen string // the address that the server connects to
	api    string
}

// startToxiproxy starts a proxy to upstream, which runs until the end of the test.
func startToxiproxy(t testing.TB, upstream string) *toxiproxy {
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
	ctx, stop := context.WithTimeout(context.Background(), maxServerLife)
	cmd := exec.CommandContext(ctx, path, "-host", host, "-port", port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	p := &toxiproxy{t: t, Listen: listen, api: "http://" + api + "/proxies"}
	eventually(t, "toxiproxy answers", func() bool {
		resp, err := http.Get(p.api)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	p.post("", map[string]any{"name": "line", "listen": p.Listen, "upstream": upstream, "enabled": true})
	return p
}

// refuseConnections refuses new connections and closes the open ones.
func (p *toxiproxy) refuseConnections() { p.post("/line", map[string]any{"enabled": false}) }

// addToxic disturbs the data from upstream: "latency" delays it, and "timeout" stops
// it.
func (p *toxiproxy) addToxic(kind string, attributes map[string]any) {
	p.post("/line/toxics", map[string]any{"name": "toxic", "type": kind, "stream": "downstream", "attributes": attributes})
}

// repair removes the disturbance.
func (p *toxiproxy) repair() {
	req, err := http.NewRequest(http.MethodDelete, p.api+"/line/toxics/toxic", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close() // 404 if no toxic was added
	p.post("/line", map[string]any{"enabled": true})
}

func (p *toxiproxy) post(path string, body any) {
	p.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.Post(p.api+path, "application/json", bytes.NewReader(b))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(resp.Body)
		p.t.Fatalf("toxiproxy: %s %d %s", path, resp.StatusCode, text)
	}
}
