// Package web is the web app. It renders each page from a typed struct into a buffer and
// then sends it. Pages work without JavaScript, which adds only what a person can do without:
// local times, copy buttons, uploads with progress and whole folders, a palette, and
// lists that stay up to date.
//
// A signed-in user is a [memo.Caller], and every page uses the same use cases of package
// app as REST: this package has no business rules. A form is a POST that redirects with
// 303. The exceptions are the forms that show a secret, and the import: they respond
// with a page. Sending such a form again shows no secret a second time and imports no file
// twice.
package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/openapi"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/telemetry"
)

// Config configures a [Site].
type Config struct {
	App       *app.App
	Admission *admission.Control
	OAuth     *oauth.Server
	Log       *slog.Logger
	// PublicURL is the server's URL as pages show it, without a trailing slash.
	PublicURL string
	// OpenAPI is the OpenAPI document that the REST reference is generated from.
	OpenAPI *openapi.Document
	// SetupCode allows the setup of an empty server, once. If empty, every code is refused.
	SetupCode string
	// FirstPlan is the plan of the first workspace.
	FirstPlan memo.Plan
	Now       func() time.Time
}

// Site is the web app.
type Site struct {
	Config
	pages  pageTemplates
	mux    *http.ServeMux
	assets assets
	docs   []operation // of the REST reference
}

// New returns a site. To add a page, see [Site.table].
func New(cfg Config) *Site {
	s := &Site{Config: cfg, assets: readAssets()}
	s.pages = parsePages(s.assets)
	s.mux = s.newMux()
	s.docs = readOperations(cfg.OpenAPI, cfg.PublicURL)
	return s
}

// accessLevel says who may open a route.
type accessLevel uint8

const (
	public     accessLevel = iota // everyone
	signedIn                      // signed-in users
	memberOnly                    // a member of the workspace in the path
	ownerOnly                     // an OWNER of the workspace in the path
)

// routeMode says how a request is limited and read before its handler runs.
type routeMode uint8

const (
	ordinary           routeMode = iota
	countsAsManagement           // counts against the limit of management calls
	changing                     // counts against the limit of changes; routes that end access do not
	readsOwnBody                 // the handler reads the body
)

// limitOfMode has the rate limit of each mode that has one.
var limitOfMode = map[routeMode]ratelimit.Class{countsAsManagement: ratelimit.Management, changing: ratelimit.Changes}

// route is a method and path of the site.
type route struct {
	method, path string
	access       accessLevel
	mode         routeMode
	handle       func(*pageRequest) error
}

// pageRequest is one request for a page.
type pageRequest struct {
	*Site
	memo.Caller
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context
	access accessLevel // of the route

	status   int           // of the page; 0: 200
	entered  url.Values    // what a form shows again
	problems []*memo.Error // why a form was refused
	// layoutError is why the layout could not be read. render returns it.
	layoutError error
}

// Handler returns the mux that serves every page. The server adds its other routes to it.
func (s *Site) Handler() *http.ServeMux { return s.mux }

// Patterns returns the method and path of every route, for tests.
func (s *Site) Patterns() []string {
	var out []string
	for _, rt := range s.table() {
		out = append(out, rt.method+" "+rt.path)
	}
	return out
}

func (s *Site) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range s.table() {
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { s.serve(rt, w, r) })
	}
	mux.HandleFunc("GET /static/{version}/{file}", s.assets.serve)
	return mux
}

func (s *Site) serve(rt route, w http.ResponseWriter, r *http.Request) {
	telemetry.RequestOf(r.Context()).Route = rt.method + " " + rt.path
	ctx, cancel := s.Admission.WithDeadline(r)
	defer cancel()
	setSecurityHeaders(w.Header())
	v := &pageRequest{Site: s, w: w, r: r, ctx: ctx, access: rt.access}
	if rt.path == oauth.AuthorizePath {
		v.openToOpener()
	}
	err := v.admit(rt)
	if err == nil {
		err = rt.handle(v)
	}
	if err != nil {
		v.fail(err)
	}
}

// WantsPage reports whether a browser requests a page to show.
func WantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

// NotFound writes the page for a path that does not exist. It redirects a path with extra
// slashes to the clean one.
func (s *Site) NotFound(w http.ResponseWriter, r *http.Request) {
	s.serve(route{method: http.MethodGet, path: "not found", handle: func(v *pageRequest) error {
		if clean := path.Clean(r.URL.Path); clean != r.URL.Path {
			return v.redirect((&url.URL{Path: clean, RawQuery: r.URL.RawQuery}).String())
		}
		v.identify()
		return errNotFound
	}}, w, r)
}

// setSecurityHeaders sets the headers of every page: no content from other sites, nothing
// inline, no framing and no caching.
func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "+
			"frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	// With no-referrer, browsers would send "Origin: null" with our own forms.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cache-Control", "private, no-store")
}

// admit authorises the caller and counts the call.
func (v *pageRequest) admit(rt route) error {
	// A reverse proxy may require Basic authentication, and browsers send its password along.
	for _, value := range v.r.Header.Values("Authorization") {
		if scheme, _, _ := strings.Cut(value, " "); !strings.EqualFold(scheme, "basic") {
			return errKeyOnPage
		}
	}
	if rt.method == http.MethodPost {
		if err := v.Admission.CheckCrossOrigin(v.r); err != nil {
			return err
		}
		// Read the form before authorising: the session may end while a slow form arrives.
		if rt.mode != readsOwnBody {
			if err := v.readForm(); err != nil {
				return err
			}
		}
	}
	if rt.access == public {
		return nil
	}
	a, err := v.authorise(v.ctx)
	v.Caller = a.Caller // also on an error, whose page has the user's navigation
	if err != nil {
		return err
	}
	if class, ok := limitOfMode[rt.mode]; ok {
		err = tooOften(v.Admission.Count(v.ctx, &a, class))
		a.SetLimitHeaders(v.w.Header())
	}
	if err == nil && v.WorkspaceID != "" && v.WorkspaceID != v.Admission.LastWorkspace(v.r) {
		v.Admission.SetLastWorkspace(v.w, v.r, v.WorkspaceID, v.Now().AddDate(1, 0, 0))
	}
	return err
}

// identify reads who the visitor of a public page is, for the navigation. An error counts as not
// signed in.
func (v *pageRequest) identify() {
	if visitor, err := v.Admission.SessionUser(v.ctx, v.r); err == nil {
		v.Caller = visitor.Caller
	}
}

// authorise reads the current state of the session and decides whether it may open the
// page. If not, it returns errSignIn, errNotFound or errOwnerRequired.
func (v *pageRequest) authorise(ctx context.Context) (a admission.Admission, err error) {
	if v.access == signedIn {
		a, err = v.Admission.SessionUser(ctx, v.r)
	} else if id, ok := app.ParseID(v.r.PathValue("workspace")); ok {
		a, err = v.Admission.SessionMember(ctx, v.r, id)
	} else {
		err = errNotFound
	}
	switch memo.KindOf(err) {
	case memo.KindUnauthorized:
		return a, errSignIn
	case memo.KindNotFound:
		return a, errNotFound
	}
	if err == nil && v.access == ownerOnly && a.Role != memo.RoleOwner {
		err = errOwnerRequired
	}
	return a, err
}

// recheck authorises again while a long response or upload is in progress.
func (v *pageRequest) recheck(ctx context.Context) error {
	// The handler may end first, and the log then reads the request.
	_, err := v.authorise(telemetry.WithRequest(ctx, new(telemetry.Request)))
	return err
}

// readForm reads the whole form into memory.
func (v *pageRequest) readForm() error {
	body, err := httpx.ReadBody(v.w, v.r, maxForm)
	if _, known := errors.AsType[*httpx.StatusError](err); known {
		return err
	} else if err != nil {
		return errUnreadable
	}
	v.r.Body = io.NopCloser(bytes.NewReader(body))
	if v.r.ParseForm() != nil {
		return errUnreadable
	}
	return nil
}

// maxForm is the largest form, in bytes. Uploads of files have their own limits.
const maxForm = 64 << 10

// redirect responds to a form with 303.
func (v *pageRequest) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// render writes a page. If the template fails, nothing has been sent yet.
func (v *pageRequest) render(name string, page any) error {
	if v.layoutError != nil {
		return v.layoutError
	}
	var b bytes.Buffer
	if err := v.pages[name].Execute(&b, page); err != nil {
		return fmt.Errorf("web: page %s: %w", name, err)
	}
	v.send("text/html; charset=utf-8", b.Bytes())
	return nil
}

// renderPart writes one template of a page, for a script that replaces it.
func (v *pageRequest) renderPart(name, part string, data any) error {
	var b bytes.Buffer
	if err := v.pages[name].ExecuteTemplate(&b, part, data); err != nil {
		return fmt.Errorf("web: part %s of page %s: %w", part, name, err)
	}
	v.send("text/html; charset=utf-8", b.Bytes())
	return nil
}

// renderJSON responds to a script.
func (v *pageRequest) renderJSON(value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	v.send("application/json", b)
	return nil
}

func (v *pageRequest) send(contentType string, content []byte) {
	v.w.Header().Set("Content-Type", contentType)
	httpx.BoundWrite(v.w, len(content))
	write := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(cmp.Or(v.status, http.StatusOK))
		_, _ = w.Write(content) // the client may be gone
	}
	if v.mayCompress() {
		write = compress(http.HandlerFunc(write))
	}
	write(v.w, v.r)
}

// wantsJSON reports whether a script sent the request.
func (v *pageRequest) wantsJSON() bool { return v.r.Header.Get("Accept") == "application/json" }
