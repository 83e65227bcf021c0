package e2e

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
)

// connection is a connected app and the secrets of its OAuth flow.
type connection struct {
	client, code, verifier string
	Access                 string `json:"access_token"`
	Refresh                string `json:"refresh_token"`
}

const (
	appCallback = "http://127.0.0.1:4711/callback"
	// The verifier and its challenge of RFC 7636, appendix B.
	appVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	appChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

var codeInPage = regexp.MustCompile(`url=` + regexp.QuoteMeta(appCallback) + `\?code=([0-9A-Za-z_-]+)`)

// connect registers a client, allows it as the signed-in member c, and redeems its code on another
// server, or the same. The response is the one that decided: that of the first step that failed.
func (c *apiClient) connect(redeemAt *apiClient, workspace, name string) (app connection, a response, err error) {
	a, err = c.call("POST", "/oauth/register", map[string]any{"client_name": name, "redirect_uris": []string{appCallback}})
	if err != nil || a.status != http.StatusCreated {
		return app, a, err
	}
	var registered struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal(a.body, &registered); err != nil {
		return app, a, err
	}
	app.client, app.verifier = registered.ID, appVerifier
	a, err = c.sendForm("/oauth/authorize", url.Values{
		"client_id": {app.client}, "redirect_uri": {appCallback}, "response_type": {"code"}, "state": {"s"},
		"code_challenge": {appChallenge}, "code_challenge_method": {"S256"},
		"workspace": {workspace}, "expiry": {"30"}, "decision": {"allow"},
	})
	if err != nil || a.status != http.StatusOK {
		return app, a, err
	}
	code := codeInPage.FindStringSubmatch(html.UnescapeString(string(a.body)))
	if code == nil {
		return app, a, fmt.Errorf("no code: %.500s", a.body)
	}
	app.code = code[1]
	a, err = redeemAt.sendForm("/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {app.client}, "redirect_uri": {appCallback},
		"code": {app.code}, "code_verifier": {app.verifier},
	})
	if err == nil && a.status == http.StatusOK {
		err = json.Unmarshal(a.body, &app)
	}
	return app, a, err
}

// newestApp returns the id of the newest key of the signed-in member c, which must be an app.
func (c *apiClient) newestApp(workspace string) (id string, err error) {
	a, err := c.call("GET", api+"/keys?limit=1&workspace_id="+workspace, nil)
	if err != nil {
		return "", err
	}
	var page struct {
		Items []struct{ ID, Kind string }
	}
	if err := json.Unmarshal(a.body, &page); err != nil || len(page.Items) == 0 || page.Items[0].Kind != "app" {
		return "", fmt.Errorf("the newest key is not an app: %.500s", a.body)
	}
	return page.Items[0].ID, nil
}
