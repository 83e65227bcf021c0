package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo/internal/outbound"
)

// document is the metadata of a client whose id is the URL of the metadata.
type document struct {
	ID      string   `json:"client_id"`
	Name    string   `json:"client_name"`
	URIs    []string `json:"redirect_uris"`
	Method  string   `json:"token_endpoint_auth_method"`
	Methods []string `json:"token_endpoint_auth_methods_supported"`
}

// isPublic reports whether the client can do without a secret. Some documents name another method
// first and list "none" as well.
func (d document) isPublic() bool {
	return d.Method == "" && len(d.Methods) == 0 || d.Method == "none" || slices.Contains(d.Methods, "none")
}

// known are the documents of hosts that most people use. With them, a server that may not connect to
// the internet works, and so does one whose requests a host refuses.
var known = []document{
	{ID: "https://claude.ai/oauth/mcp-oauth-client-metadata", Name: "Claude", URIs: []string{
		"https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback",
	}},
	{ID: "https://claude.ai/oauth/claude-code-client-metadata", Name: "Claude Code", URIs: []string{
		"http://localhost/callback", "http://127.0.0.1/callback",
	}},
	{ID: "https://chatgpt.com/oauth/client.json", Name: "ChatGPT", URIs: []string{
		"https://chatgpt.com/connector_platform_oauth_redirect",
	}},
	{ID: "https://chatgpt.com/oauth/codex/client.json", Name: "Codex", URIs: []string{
		"http://127.0.0.1/callback", "http://localhost/callback",
	}},
	{ID: "https://vscode.dev/oauth/client-metadata.json", Name: "Visual Studio Code", URIs: []string{
		"http://127.0.0.1/", "http://127.0.0.1", "http://localhost/", "http://localhost", "https://vscode.dev/redirect",
	}},
	{ID: "https://zed.dev/oauth/client-metadata.json", Name: "Zed", URIs: []string{"http://127.0.0.1/callback"}},
}

// documents finds the metadata of clients. Its zero value knows only [known].
type documents struct {
	fetch func(ctx context.Context, id string) (document, error) // nil: never

	mu     sync.Mutex
	cached map[string]cachedDocument
}

type cachedDocument struct {
	document
	err   error
	until time.Time
}

// How long documents and failures are cached, and how many.
const (
	documentTTL  = 24 * time.Hour
	failureTTL   = time.Minute
	maxDocuments = 200
)

// find returns the document of a client whose answers go to asked. A document that is known but
// does not allow that is fetched as well, because it may have changed.
func (d *documents) find(ctx context.Context, id string, asked redirect) (document, error) {
	i := slices.IndexFunc(known, func(k document) bool { return k.ID == id })
	if i >= 0 && (allows(known[i].URIs, asked) || d.fetch == nil) {
		return known[i], nil
	}
	if d.fetch == nil {
		return document{}, errors.New("this server fetches no client metadata")
	}
	d.mu.Lock()
	c, ok := d.cached[id]
	d.mu.Unlock()
	if ok && time.Now().Before(c.until) {
		return c.document, c.err
	}
	c = cachedDocument{until: time.Now().Add(documentTTL)}
	if c.document, c.err = d.fetch(ctx, id); c.err != nil {
		if ctx.Err() != nil { // the member left the page
			return document{}, c.err
		}
		c.until = time.Now().Add(failureTTL)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cached == nil || len(d.cached) >= maxDocuments {
		d.cached = map[string]cachedDocument{}
	}
	d.cached[id] = c
	return c.document, c.err
}

// Limits of fetching a document.
const (
	fetchTimeout = 5 * time.Second
	maxDocument  = 5 << 10 // bytes
)

// newFetchClient returns the client for documents, on a port of public addresses.
func newFetchClient(port uint16) *http.Client {
	return outbound.NewClient(fetchTimeout, outbound.PublicOn(port))
}

// fetchWith returns a function that fetches documents with a client.
func fetchWith(client *http.Client) func(context.Context, string) (document, error) {
	return func(ctx context.Context, id string) (d document, err error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, id, http.NoBody)
		if err != nil {
			return d, err
		}
		r.Header.Set("Accept", "application/json")
		r.Header.Set("User-Agent", "Memo (OAuth client metadata)")
		res, err := client.Do(r)
		if err != nil {
			return d, outbound.Explain(err, fetchTimeout)
		}
		defer res.Body.Close()
		mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
		if res.StatusCode != http.StatusOK {
			return d, fmt.Errorf("it responded %d", res.StatusCode)
		}
		if mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
			return d, errors.New("it is not JSON")
		}
		body, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
		switch {
		case err != nil:
			return d, outbound.Explain(err, fetchTimeout)
		case len(body) > maxDocument:
			return d, errors.New("it is larger than 5 kB")
		case json.Unmarshal(body, &d) != nil:
			return d, errors.New("it is not valid JSON")
		case d.ID != id:
			return d, errors.New("its client_id is not its own URL")
		case !d.isPublic():
			return d, errors.New("it does not allow the token_endpoint_auth_method none")
		}
		return d, nil
	}
}

// isDocumentURL reports whether a client id is the URL of a document: https, on the usual port, with
// a path and the name of a host.
func isDocumentURL(id string) bool {
	u, err := url.Parse(id)
	if err != nil || len(id) > maxRedirect || u.Scheme != "https" || u.User != nil || !hasPlainHost(u) ||
		u.Fragment != "" ||
		u.Port() != "" && u.Port() != "443" || u.Path == "" || u.Path == "/" || strings.Contains(u.Path, "/.") {
		return false
	}
	_, err = netip.ParseAddr(u.Hostname())
	return err != nil && strings.Contains(u.Hostname(), ".")
}
