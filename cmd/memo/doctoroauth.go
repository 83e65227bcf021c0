package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"memoai.tech/memo/internal/oauth"
)

// hostAgent is the user agent of a host that connects by the URL. Filters against bots refuse it.
const hostAgent = "Claude-User"

// connectByURL checks that hosts can connect to MCP by the public URL.
func (r *findings) connectByURL(ctx context.Context, u *url.URL) {
	const check = "connect by URL"
	if strings.Trim(u.Path, "/") != "" {
		r.add(check, stateWarning, "not possible, because the public URL has a path",
			"Give Memo a host name of its own, or connect assistants with API keys.")
		return
	}
	for path, want := range map[string]string{
		oauth.ServerPath: u.String(), oauth.ResourcePath: u.JoinPath(oauth.Resource).String(),
	} {
		resp, body, err := fetch(ctx, u.JoinPath(path).String(), hostAgent)
		if err != nil {
			r.failed(check, err, "Check what the proxy does with "+path+".")
			return
		}
		var metadata struct{ Issuer, Resource string }
		known := json.Unmarshal(body, &metadata) == nil
		switch got := metadata.Issuer + metadata.Resource; {
		case resp.StatusCode != http.StatusOK && isFiltered(ctx, u):
			r.add(check, stateWarning, fmt.Sprintf("a filter responds %d to the agent %s", resp.StatusCode, hostAgent),
				"Let hosts through the filter against bots, at least to /mcp, /oauth and /.well-known: claude.ai connects "+
					"from 160.79.104.0/21.")
			return
		case resp.StatusCode != http.StatusOK || !known || got == "":
			r.add(check, stateWarning, fmt.Sprintf("%s responds %d, and not with Memo's metadata", path, resp.StatusCode),
				"Start the server with --public-url "+u.String()+", and let the proxy forward /.well-known/oauth-* to Memo.")
			return
		case got != want:
			r.add(check, stateWarning, fmt.Sprintf("%s names %s instead of %s", path, got, want),
				"Start the server with --public-url "+u.String()+", and let the proxy forward the Host header.")
			return
		}
	}
	r.add(check, stateOK, "hosts can connect to "+u.JoinPath(oauth.Resource).String(), "")
}

// isFiltered reports whether the server responds to this program, and so not to a host.
func isFiltered(ctx context.Context, u *url.URL) bool {
	resp, _, err := fetch(ctx, u.JoinPath(oauth.ServerPath).String(), "")
	return err == nil && resp.StatusCode == http.StatusOK
}
