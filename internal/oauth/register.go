package oauth

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/httpx"
)

// maxURIs is how many redirect URIs one client may register.
const maxURIs = 10

// maxClientID is the longest client id in bytes.
const maxClientID = 1500

// registeredPrefix is the start of the client ids that register returns.
const registeredPrefix = "mc1."

// registration is what a client says about itself. The client id of a registered client is its
// registration, so that nothing must be stored for a client that never gets the consent of a member,
// and the same client gets the same id each time. A signature would prove nothing, because anyone may
// register.
type registration struct {
	Name string   `json:"n,omitzero"`
	URIs []string `json:"u"` // sorted; loopback URIs without a port
}

func (g registration) clientID() (string, error) {
	b, err := json.Marshal(g, json.Deterministic(true))
	return registeredPrefix + base64.RawURLEncoding.EncodeToString(b), err
}

// parseRegistered returns the registration of a client id, and false if register did not return it.
func parseRegistered(id string) (g registration, ok bool) {
	encoded, ok := strings.CutPrefix(id, registeredPrefix)
	if !ok || len(id) > maxClientID {
		return g, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || json.Unmarshal(b, &g, json.RejectUnknownMembers(true)) != nil {
		return g, false
	}
	again, err := newRegistration(g.Name, g.URIs)
	if err != nil {
		return g, false
	}
	same, err := again.clientID()
	return g, err == nil && same == id
}

// newRegistration returns the registration of a client with a name and redirect URIs.
func newRegistration(name string, uris []string) (registration, error) {
	switch {
	case len(uris) == 0:
		return registration{}, &Error{"invalid_redirect_uri", "The client has no redirect_uris."}
	case len(uris) > maxURIs:
		return registration{}, &Error{"invalid_redirect_uri", "The client has more than 10 redirect_uris."}
	}
	g := registration{Name: cleanName(name)}
	for _, s := range uris {
		r, ok := parseRedirect(s)
		if !ok {
			return g, &Error{"invalid_redirect_uri", "A redirect URI must be https, http on localhost or 127.0.0.1, or a " +
				"private scheme such as com.example.app:/callback, without a fragment and without a password."}
		}
		g.URIs = append(g.URIs, withoutPort(r.url))
	}
	slices.Sort(g.URIs)
	g.URIs = slices.Compact(g.URIs)
	return g, nil
}

// cleanName returns the name of a client as pages show it: short, printable and without an address.
func cleanName(name string) string {
	name = strings.TrimSpace(memo.Printable(strings.ToValidUTF8(name, ""), 80))
	if strings.Contains(name, "://") || strings.Contains(name, "www.") {
		return ""
	}
	return name
}

// register answers a dynamic registration (RFC 7591).
func (s *Server) register(w http.ResponseWriter, r *http.Request, _ string) error {
	if !hasType(r, "application/json") {
		return &Error{"invalid_client_metadata", "Send the metadata as JSON: application/json."}
	}
	ctx, cancel := s.Admission.WithDeadline(r)
	defer cancel()
	if err := s.App.TakeRegistration(ctx, s.Admission.Client(r)); err != nil {
		return err
	}
	body, err := httpx.ReadBody(w, r, maxForm)
	if err != nil {
		return err
	}
	var in struct {
		Name string   `json:"client_name"`
		URIs []string `json:"redirect_uris"`
	}
	if json.Unmarshal(body, &in) != nil {
		return &Error{"invalid_client_metadata", "The metadata must be a JSON object with redirect_uris."}
	}
	g, err := newRegistration(in.Name, in.URIs)
	if err != nil {
		return err
	}
	id, err := g.clientID()
	if err != nil {
		return err
	}
	if len(id) > maxClientID {
		return &Error{"invalid_client_metadata", "The name and the redirect_uris are too long: at most 1 kB together."}
	}
	httpx.WriteJSON(w, r, http.StatusCreated, struct {
		ClientID      string   `json:"client_id"`
		Name          string   `json:"client_name,omitzero"`
		URIs          []string `json:"redirect_uris"`
		GrantTypes    []string `json:"grant_types"`
		ResponseTypes []string `json:"response_types"`
		TokenMethod   string   `json:"token_endpoint_auth_method"`
		Scope         string   `json:"scope"`
	}{
		id, g.Name, in.URIs,
		[]string{"authorization_code", "refresh_token"},
		[]string{"code"},
		"none",
		Scope + " " + offlineAccess,
	})
	return nil
}
