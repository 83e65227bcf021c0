// Package rest is the REST API of docs/contract.md#rest: a table of routes, the types of their
// JSON, and one adapter that turns an HTTP request into a call of package app.
//
// A route cannot skip a step: the table says who may call it, and the adapter admits the request,
// decodes it strictly and writes every error. The OpenAPI document is generated from the same
// table and types.
package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/openapi"
	"memoai.tech/memo/internal/params"
	"memoai.tech/memo/internal/telemetry"
)

// Config configures an API.
type Config struct {
	App       *app.App
	Admission *admission.Control
	// PublicURL is the start of the URLs in Link headers; "" makes them relative.
	PublicURL string
	// ServerURL and Version are the server's address and release in the OpenAPI document.
	ServerURL, Version string
	// CORSOrigins are the origins of pages that may call the data API, such as https://app.example.com.
	CORSOrigins []string
	// CacheBytes is the maximum size of the response cache; 0 means 64 MiB.
	CacheBytes int
}

// Prefix is the path of the data and key routes.
const Prefix = "/api/v1/developer"

// API is the REST API.
type API struct {
	app         *app.App
	admission   *admission.Control
	cache       *responseCache
	routes      []route
	publicURL   string // "" if it is not configured
	corsOrigins []string
	vary        []string // Vary of cached responses
	document    *openapi.Document
	openAPI     []byte // the document as JSON
	openAPI30   []byte // the same in version 3.0
}

// New returns the API.
func New(cfg Config) *API {
	bytes := cfg.CacheBytes
	if bytes == 0 {
		bytes = 64 << 20
	}
	a := &API{
		app: cfg.App, admission: cfg.Admission, cache: newResponseCache(bytes), publicURL: cfg.PublicURL,
		corsOrigins: cfg.CORSOrigins, vary: varyEncoding,
	}
	if len(a.corsOrigins) > 0 {
		a.vary = varyBoth
	}
	a.routes = a.table()
	a.document = a.newDocument(cfg.ServerURL, cfg.Version)
	document, err := json.MarshalIndent(a.document, "", "  ")
	if err != nil {
		panic(fmt.Errorf("rest: OpenAPI document: %w", err)) // it depends on constants only
	}
	a.openAPI = append(document, '\n')
	if a.openAPI30, err = openapi.Downgrade(document); err != nil {
		panic(fmt.Errorf("rest: OpenAPI document: %w", err)) // it depends on constants only
	}
	return a
}

// Document returns the OpenAPI document. Callers must not change it.
func (a *API) Document() *openapi.Document { return a.document }

// ServeOpenAPI writes the OpenAPI document.
func (a *API) ServeOpenAPI(w http.ResponseWriter, _ *http.Request) { serveDocument(w, a.openAPI) }

// ServeOpenAPI30 writes the OpenAPI document in version 3.0, for tools that cannot read 3.1.
func (a *API) ServeOpenAPI30(w http.ResponseWriter, _ *http.Request) { serveDocument(w, a.openAPI30) }

func serveDocument(w http.ResponseWriter, document []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(document) // the client may be gone
}

// Handler serves every path under /api/. An unknown path gets 404 as JSON.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	byPath := map[string]map[string]http.Handler{}
	isData := map[string]bool{}
	for _, rt := range a.routes {
		if byPath[rt.path] == nil {
			byPath[rt.path] = map[string]http.Handler{}
		}
		byPath[rt.path][rt.method] = a.handler(rt)
		isData[rt.path] = rt.isData()
	}
	for path, methods := range byPath {
		h, allow := byMethod(methods)
		if isData[path] {
			h = a.withCORS(allow, h)
		}
		mux.Handle(path, h)
	}
	mux.HandleFunc("/", NotFound)
	return refuseUncleanPath(mux)
}

// byMethod returns a handler that calls the one for the method, or writes 405 as JSON, and the methods.
func byMethod(methods map[string]http.Handler) (_ http.Handler, allow string) {
	if get := methods[http.MethodGet]; get != nil {
		methods[http.MethodHead] = get // a HEAD is handled, and counted, like a GET
	}
	var names []string
	for m := range methods {
		names = append(names, m)
	}
	sort.Strings(names)
	allow = strings.Join(names, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := methods[r.Method]
		if h == nil {
			telemetry.RequestOf(r.Context()).Route = r.Pattern
			httpx.WriteError(w, r, &httpx.StatusError{
				Status: http.StatusMethodNotAllowed,
				Detail: "Method not allowed. This path takes " + allow + ".", Allow: allow,
			})
			return
		}
		h.ServeHTTP(w, r)
	}), allow
}

// refuseUncleanPath writes 404 where ServeMux would redirect to the clean path: a client that
// follows a redirect would send its key twice.
func refuseUncleanPath(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.Path
		if strings.Contains(p, "//") || strings.Contains(p, "/./") || strings.Contains(p, "/../") ||
			strings.HasSuffix(p, "/.") || strings.HasSuffix(p, "/..") {
			NotFound(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// NotFound writes 404 for a path that does not exist.
func NotFound(w http.ResponseWriter, r *http.Request) {
	telemetry.RequestOf(r.Context()).Route = "not found"
	detail := "Not found."
	switch p := r.URL.Path; {
	case strings.Contains(p, "//"):
		detail += " The path must not have two slashes in a row."
	case len(p) > 1 && strings.HasSuffix(p, "/"):
		detail += " The path must not end with a slash."
	}
	httpx.WriteError(w, r, &httpx.StatusError{
		Status: http.StatusNotFound, Detail: detail + " The API is described at /openapi.json.",
	})
}

// handler returns the handler of a route, which writes every error.
func (a *API) handler(rt route) http.Handler {
	name, isCached := rt.method+" "+rt.path, rt.isCached()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		telemetry.RequestOf(r.Context()).Route = name
		if err := a.serve(rt, isCached, w, r); err != nil {
			httpx.WriteError(w, r, err)
		}
	})
	if rt.isCompressed() {
		return httpx.Compress(h)
	}
	return h
}

func (a *API) serve(rt route, isCached bool, w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := a.admission.WithDeadline(r)
	defer cancel()
	admitted, err := a.admit(ctx, rt, r)
	admitted.SetLimitHeaders(w.Header())
	if err != nil {
		return err
	}
	c := &request{API: a, w: w, r: r, ctx: ctx, Admission: admitted}
	if isCached && c.writeCached() {
		return nil
	}
	return rt.handle(c)
}

// admit admits a request if its caller may call the route.
func (a *API) admit(ctx context.Context, rt route, r *http.Request) (admission.Admission, error) {
	switch rt.access {
	case byKey:
		return a.admission.DataCall(ctx, r, memo.PermissionREST)
	case byExport:
		return a.admission.DataCall(ctx, r, memo.PermissionREST|memo.PermissionExport)
	case byMember:
		// Admission needs the workspace, so this parameter is decoded before the others.
		var in workspaceParam
		var invalid error
		query, _ := params.ParseQuery(r.URL.RawQuery) // decodeInput reports its faults
		if faults := params.Decode(&in, query, nil); len(faults) > 0 && faults[0].Type != "repeated" {
			invalid = faults
		}
		return a.admission.ManagementCall(ctx, r, string(in.WorkspaceID), invalid)
	case byUser:
		return a.admission.UserCall(ctx, r)
	case bySignIn:
		return admission.Admission{}, a.admission.CheckCrossOrigin(r)
	case public:
		return admission.Admission{}, nil
	}
	return admission.Admission{}, fmt.Errorf("rest: route %s has no admission", rt.name)
}

// request is an admitted request to a route.
type request struct {
	*API
	admission.Admission
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context // that of r, with the deadline of the request
	key responseKey     // of a route whose responses are cached
}
