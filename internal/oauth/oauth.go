// Package oauth is the protocol of the authorization server, through which hosts connect to MCP by
// its URL: OAuth 2.1 with PKCE for public clients, as the MCP specification requires it. It reads
// requests, checks them and writes responses.
//
// It has no rules about access. A connected app is a key of package app; package web has
// the consent page.
package oauth

import (
	"mime"
	"net/http"
	"net/url"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/telemetry"
)

// The paths of the endpoints. Package web serves [AuthorizePath].
const (
	// Resource is what tokens are for: MCP.
	Resource = "/mcp"
	// ResourcePath has the metadata from which a host learns how to connect without a key (RFC 9728).
	ResourcePath  = "/.well-known/oauth-protected-resource" + Resource
	ServerPath    = "/.well-known/oauth-authorization-server"
	AuthorizePath = "/oauth/authorize"
	TokenPath     = "/oauth/token"
	RegisterPath  = "/oauth/register"
	RevokePath    = "/oauth/revoke"
)

// Scope is what a connected app may do. There is only one.
const Scope = "transcriptions:read"

// offlineAccess is the scope with which clients ask for a refresh token. They get one in any case.
const offlineAccess = "offline_access"

// Config is what a Server needs.
type Config struct {
	App       *app.App
	Admission *admission.Control
	// FetchDocuments allows the server to fetch the metadata of clients that are not known to it.
	FetchDocuments bool
}

// Server is the authorization server.
type Server struct {
	Config
	documents documents
}

// New returns a Server.
func New(cfg Config) *Server {
	s := &Server{Config: cfg}
	if cfg.FetchDocuments {
		s.documents.fetch = fetchWith(newFetchClient(443))
	}
	return s
}

// Mount adds the endpoints to a mux. The handler for /register is also for hosts that do not read
// the metadata.
func (s *Server) Mount(mux *http.ServeMux) {
	root := strings.TrimSuffix(ResourcePath, Resource) // where some hosts look first
	for path, e := range map[string]endpoint{
		root:         {http.MethodGet, s.serveResource},
		ResourcePath: {http.MethodGet, s.serveResource},
		ServerPath:   {http.MethodGet, s.serveMetadata},
		RegisterPath: {http.MethodPost, s.register},
		"/register":  {http.MethodPost, s.register},
		TokenPath:    {http.MethodPost, s.token},
		RevokePath:   {http.MethodPost, s.revoke},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			telemetry.RequestOf(r.Context()).Route = e.method + " " + path
			s.serve(w, r, e)
		})
	}
}

// endpoint handles the requests to a path that have one method. handle gets the issuer.
type endpoint struct {
	method string
	handle func(w http.ResponseWriter, r *http.Request, issuer string) error
}

// serve handles a request to an endpoint. If the server has no address for OAuth, it responds as if
// it had no OAuth at all.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, e endpoint) {
	issuer := s.Admission.Issuer(r)
	switch {
	case issuer == "" && r.Method == http.MethodPost:
		httpx.WriteJSON(w, r, http.StatusBadRequest, errNoOAuth)
		return
	case issuer == "":
		httpx.WriteError(w, r, &httpx.StatusError{Status: http.StatusNotFound, Detail: "Not Found"})
		return
	}
	// Pages of other sites may read these responses: they depend on no cookie.
	w.Header().Set("Access-Control-Allow-Origin", "*")
	switch {
	case r.Method == http.MethodOptions:
		writePreflight(w)
		return
	case r.Method != e.method && (r.Method != http.MethodHead || e.method != http.MethodGet):
		w.Header().Set("Allow", e.method)
		httpx.WriteJSON(w, r, http.StatusMethodNotAllowed, &Error{"invalid_request", "Use " + e.method + "."})
		return
	}
	if err := e.handle(w, r, issuer); err != nil {
		writeError(w, r, err)
	}
}

// errNoOAuth does not show the form of the header, because some hosts redact what looks like a secret.
var errNoOAuth = &Error{
	"invalid_client_metadata",
	"OAuth needs the server's HTTPS address: the operator sets it with --public-url. Or create an API key in Memo under " +
		"Settings → API & MCP, and set it as the bearer token of this MCP server.",
}

// writePreflight lets the pages of browser-based hosts send requests.
func writePreflight(w http.ResponseWriter) {
	w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
	w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Authorization, MCP-Protocol-Version")
	w.Header().Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// serveResource writes the metadata of the protected resource (RFC 9728).
func (s *Server) serveResource(w http.ResponseWriter, r *http.Request, issuer string) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	httpx.WriteJSON(w, r, http.StatusOK, struct {
		Resource             string   `json:"resource"`
		Name                 string   `json:"resource_name"`
		AuthorizationServers []string `json:"authorization_servers"`
		Scopes               []string `json:"scopes_supported"`
		Methods              []string `json:"bearer_methods_supported"`
	}{issuer + Resource, "Memo", []string{issuer}, []string{Scope}, []string{"header"}})
	return nil
}

// serveMetadata writes the metadata of the authorization server (RFC 8414).
func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request, issuer string) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	httpx.WriteJSON(w, r, http.StatusOK, struct {
		Issuer            string   `json:"issuer"`
		Authorize         string   `json:"authorization_endpoint"`
		Token             string   `json:"token_endpoint"`
		Register          string   `json:"registration_endpoint"`
		Revoke            string   `json:"revocation_endpoint"`
		ResponseTypes     []string `json:"response_types_supported"`
		ResponseModes     []string `json:"response_modes_supported"`
		GrantTypes        []string `json:"grant_types_supported"`
		ChallengeMethods  []string `json:"code_challenge_methods_supported"`
		TokenMethods      []string `json:"token_endpoint_auth_methods_supported"`
		RevocationMethods []string `json:"revocation_endpoint_auth_methods_supported"`
		Scopes            []string `json:"scopes_supported"`
		ResponseHasIssuer bool     `json:"authorization_response_iss_parameter_supported"`
		ClientDocuments   bool     `json:"client_id_metadata_document_supported"`
	}{
		issuer, issuer + AuthorizePath, issuer + TokenPath, issuer + RegisterPath, issuer + RevokePath,
		[]string{"code"},
		[]string{"query"},
		[]string{"authorization_code", "refresh_token"},
		[]string{"S256"},
		[]string{"none"},
		[]string{"none"},
		[]string{Scope, offlineAccess},
		true, true,
	})
	return nil
}

// Error is an error of OAuth, in its response form.
type Error struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *Error) Error() string { return e.Code + ": " + e.Description }

// writeError writes an error of the token, revocation or registration endpoint.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	e, ok := err.(*Error)
	if !ok {
		httpx.WriteError(w, r, err)
		return
	}
	telemetry.RequestOf(r.Context()).Refusal = e.Code
	httpx.WriteJSON(w, r, http.StatusBadRequest, e)
}

// readForm reads the form of a request. Each parameter may occur once, as OAuth demands.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if !hasType(r, "application/x-www-form-urlencoded") {
		return nil, &Error{"invalid_request", "Send the parameters as a form: application/x-www-form-urlencoded."}
	}
	body, err := httpx.ReadBody(w, r, maxForm)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &Error{"invalid_request", "The form is malformed."}
	}
	return form, checkRepeated(form)
}

// hasType reports whether the body of a request has this media type.
func hasType(r *http.Request, want string) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == want
}

// maxForm is the largest form or registration in bytes.
const maxForm = 16 << 10

// checkRepeated refuses a parameter that occurs twice. A request may name several resources.
func checkRepeated(form url.Values) error {
	for name, values := range form {
		if len(values) > 1 && name != "resource" {
			return &Error{"invalid_request", "The parameter " + memo.Printable(name, 50) + " occurs twice."}
		}
	}
	return nil
}

// checkResource refuses a token for another server. Clients name this server by its MCP address, by
// its issuer, or not at all.
func checkResource(form url.Values, issuer string) error {
	for _, resource := range form["resource"] {
		switch resource {
		case "", issuer, issuer + "/", issuer + Resource, issuer + Resource + "/":
		default:
			return &Error{"invalid_target", "The resource is not this server: " + issuer + Resource}
		}
	}
	return nil
}
