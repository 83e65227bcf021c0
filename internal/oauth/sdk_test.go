package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"memoai.tech/memo/internal/oauth"
)

// TestSDKClient: the client of the Go SDK connects by the URL alone, with a registration or with a
// document, and must sign in again after its app was disconnected.
func TestSDKClient(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		b := w.browser(w.Olga)
		for name, client := range map[string]auth.AuthorizationCodeHandlerConfig{
			"registration": {DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{
				Metadata: &oauthex.ClientRegistrationMetadata{ClientName: "SDK", RedirectURIs: []string{callback}},
			}},
			"document": {ClientIDMetadataDocumentConfig: &auth.ClientIDMetadataDocumentConfig{
				URL: "https://chatgpt.com/oauth/codex/client.json",
			}},
		} {
			t.Run(name, func(t *testing.T) {
				w := w.in(t)
				signIns := 0
				client.RedirectURL, client.RequestRefreshToken = callback, true
				client.AuthorizationCodeFetcher = func(
					_ context.Context, args *auth.AuthorizationArgs,
				) (*auth.AuthorizationResult, error) {
					signIns++
					u, err := url.Parse(args.URL)
					if err != nil {
						return nil, err
					}
					answer := b.consent(u.Query(), "allow")
					return &auth.AuthorizationResult{
						Code: answer.Get("code"), State: answer.Get("state"), Iss: answer.Get("iss"),
					}, nil
				}
				handler, err := auth.NewAuthorizationCodeHandler(&client)
				w.Must(err)
				session, err := sdk.NewClient(&sdk.Implementation{Name: "test"}, nil).Connect(t.Context(),
					&sdk.StreamableClientTransport{
						Endpoint: w.Server.URL + oauth.Resource, OAuthHandler: handler, HTTPClient: http.DefaultClient,
						DisableStandaloneSSE: true,
					}, nil)
				w.Must(err)
				defer session.Close()
				call := func() {
					t.Helper()
					r, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "memo_list_projects"})
					if err != nil || r.IsError {
						t.Fatalf("got %+v (%v)", r, err)
					}
				}
				call()
				if signIns != 1 {
					t.Fatalf("the member signed in %d times", signIns)
				}
				apps := w.apps()
				b.post("/w/"+w.Acme.ID+"/keys/"+apps[0].ID+"/revoke", nil, 200)
				call()
				if signIns != 2 {
					t.Errorf("after the app was disconnected, the member signed in %d times", signIns)
				}
			})
		}
	})
}
