// Package web is the web app. It renders each page from a typed struct into a buffer and
// then sends it. Pages work without JavaScript, which adds only the copy buttons, the status of
// a new key, "Select all", and uploads with progress and whole folders.
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

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/telemetry"
)

// Config configures a [Site].
type Config struct {
	App       *app.App
	Admission *admission.Control
	Log       *slog.Logger
	// PublicURL is the server's URL as pages show it, without a trailing slash.
	PublicURL string
	// OpenAPI is the OpenAPI document that the REST reference is generated from.
	OpenAPI []byte
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

// errSignIn redirects the visitor to the sign-in page.
var errSignIn = errors.New("web: sign in first")

// errKeyOnPage refuses a request that sends an API key to a page.
var errKeyOnPage = &memo.Error{
	Kind: memo.KindUnauthorized, Code: "page",
	Message: "API keys give access to the API, not to the web app. Sign in with your e-mail and password.",
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
		err = v.Admission.Count(v.ctx, &a, class)
		a.SetLimitHeaders(v.w.Header())
	}
	return err
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
	_, err := v.authorise(ctx)
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

var (
	errNotFound = &memo.Error{
		Kind:    memo.KindNotFound,
		Message: "This page does not exist, or you do not have access to it.",
	}
	errUnreadable = &httpx.StatusError{
		Status: http.StatusBadRequest,
		Detail: "The form could not be read. Go back and send it again.",
	}
	errOwnerRequired = memo.Forbidden("owner_required", "Only an OWNER of the workspace can open this page.")
)

// fail writes an error page that says what is wrong and what to do.
func (v *pageRequest) fail(err error) {
	if errors.Is(err, errSignIn) && v.wantsJSON() {
		err = &memo.Error{Kind: memo.KindUnauthorized, Message: "You are signed out. Sign in again."}
	} else if errors.Is(err, errSignIn) {
		v.redirectToSignIn()
		return
	}
	p := errorPage{Message: "Something went wrong on our side. Try again. If it keeps happening, send the request ID " +
		"below to the operator of this server."}
	status := http.StatusInternalServerError
	if e, ok := errors.AsType[*httpx.StatusError](err); ok {
		status, p.Message = e.Status, e.Detail
	} else if e, ok := errors.AsType[*memo.Error](err); ok && e.Kind != memo.KindInternal {
		status, p.Message = httpx.StatusOf(e.Kind), e.Message
		if e.RetryAfter > 0 {
			wait := httpx.SetRetryAfter(v.w.Header(), e.RetryAfter)
			p.RetryAt = fmt.Sprintf("You can try again in %s, at %s UTC.", memo.Plural(int(wait.Seconds()), "second"),
				v.Now().UTC().Add(wait).Format("15:04:05"))
		}
	} else if httpx.IsTimeout(err) {
		status, p.Message = http.StatusServiceUnavailable, "This took too long. Try again in a moment."
		httpx.SetRetryAfter(v.w.Header(), 2*time.Second)
	}
	if status >= 500 && httpx.IsClientGone(v.r) {
		status = httpx.StatusClientClosed
	}
	req := telemetry.RequestOf(v.r.Context())
	if status >= 500 {
		req.Err = err
		p.RequestID = req.ID
	}
	if v.wantsJSON() {
		_ = v.renderJSON(status, importResult{Reason: p.Message})
		return
	}
	p.layout = v.newLayout(cmp.Or(errorHeadings[status], "Something went wrong"))
	v.layoutError = nil // the error page needs none of the user's data
	if err := v.render(status, "error", p); err != nil {
		req.Err = err
		v.w.WriteHeader(http.StatusInternalServerError)
	}
}

// errorHeadings are the headings of error pages.
var errorHeadings = map[int]string{
	http.StatusBadRequest:            "Invalid request",
	http.StatusUnauthorized:          "Sign-in required",
	http.StatusForbidden:             "Access denied",
	http.StatusNotFound:              "Page not found",
	http.StatusRequestTimeout:        "Request timed out",
	http.StatusConflict:              "Conflict",
	http.StatusRequestEntityTooLarge: "Request too large",
	http.StatusUnprocessableEntity:   "Invalid input",
	http.StatusTooManyRequests:       "Too many requests",
	http.StatusServiceUnavailable:    "Temporarily unavailable",
}

// errorPage shows an error.
type errorPage struct {
	layout
	Message   string
	RetryAt   string // a sentence; empty if it is not known
	RequestID string
}

// redirectToSignIn redirects to the sign-in page, which leads back to the requested page
// or, after a POST, to the page with the form.
func (v *pageRequest) redirectToSignIn() {
	next, done := v.r.URL.RequestURI(), ""
	if v.r.Method != http.MethodGet {
		from, err := url.Parse(v.r.Referer())
		if err != nil {
			from = new(url.URL)
		}
		next, done = from.RequestURI(), "ended"
		if !v.isPage(from.Path) { // the form was in the response to another form
			next = "/"
		}
	}
	to := url.Values{}
	if next = localPath(next); next != "/" {
		to.Set("next", next)
	}
	if done != "" {
		to.Set("done", done)
	}
	http.Redirect(v.w, v.r, (&url.URL{Path: "/signin", RawQuery: to.Encode()}).String(), http.StatusSeeOther)
}

// isPage reports whether a path can be requested with GET.
func (s *Site) isPage(path string) bool {
	_, pattern := s.mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}})
	return pattern != ""
}

// localPath returns next if it is a path of this site, and "/" otherwise. It refuses
// everything that a browser could treat as a URL of another site.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	q := u.Query()
	if q.Has("done") { // it is about an earlier form
		q.Del("done")
		u.RawQuery = q.Encode()
	}
	return u.RequestURI()
}

// redirect responds to a form with 303.
func (v *pageRequest) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// render writes a page. If the template fails, nothing has been sent yet.
func (v *pageRequest) render(status int, name string, data any) error {
	if v.layoutError != nil {
		return v.layoutError
	}
	var b bytes.Buffer
	if err := v.pages[name].Execute(&b, data); err != nil {
		return fmt.Errorf("web: page %s: %w", name, err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	httpx.BoundWrite(v.w, b.Len())
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes()) // the browser may be gone
	return nil
}
