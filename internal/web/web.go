// Package web is the site: what members and OWNERs do in a browser (the seed's
// "in the web app"). Pages are rendered here, whole, into a buffer, from typed
// structs; they work without JavaScript but for the copy buttons, the line that
// waits for a new key's first request, and the progress of uploads.
//
// Whoever is signed in is a memo.Caller like any other, and every page goes
// through the same use cases as REST: no rule stands here. A form is a POST
// that answers with 303, but for the two that show a secret and the import: those
// answer with the page itself, and sending them again shows no secret and imports
// nothing twice.
package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/gate"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/telemetry"
)

// Config is what the site needs.
type Config struct {
	App  *app.App
	Gate *gate.Gate
	Log  *slog.Logger
	// PublicURL is the server's address as the pages show it, without a slash at
	// its end.
	PublicURL string
	// OpenAPI is the OpenAPI document of the REST API, for its reference in the docs.
	OpenAPI []byte
	// SetupCode opens the page that sets up an empty server, once. Empty: no code does.
	SetupCode string
	// Plan is what the first workspace gets.
	Plan memo.Plan
	Now  func() time.Time
}

// Site is the web app.
type Site struct {
	Config
	pages  pages
	routes []route
	assets assets
	// uploads are the imports that go on.
	uploads uploads
	docs    []operation // of the REST reference
}

// New makes the site. To add a page, see [Site.table].
func New(cfg Config) *Site {
	s := &Site{Config: cfg, assets: readAssets()}
	s.pages = parsePages(s.assets)
	s.routes = s.table()
	s.docs = readOperations(cfg.OpenAPI, cfg.PublicURL)
	return s
}

// access says who may open a route.
type access uint8

const (
	open   access = iota // anybody
	user                 // who is signed in
	member               // a member of the workspace in the path
	owner                // an OWNER of it
)

// route is one address of the site.
type route struct {
	method, path string
	access       access
	// managed counts the call as key management (contract section 1).
	managed bool
	handle  func(*visit) error
}

// visit is one request to a page.
type visit struct {
	*Site
	memo.Caller
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context
	// body is the request's without the bound of a form, for an upload.
	body io.ReadCloser
}

// timeout bounds one page, as it does a call of REST.
const timeout = 30 * time.Second

// Handler serves every page. What else the server has at its root is added to it.
func (s *Site) Handler() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range s.routes {
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { s.serve(rt, w, r) })
	}
	mux.HandleFunc("GET /static/{version}/{file}", s.assets.serve)
	return mux
}

func (s *Site) serve(rt route, w http.ResponseWriter, r *http.Request) {
	telemetry.Of(r.Context()).Route = rt.method + " " + rt.path
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	secure(w.Header())
	v := &visit{Site: s, w: w, r: r, ctx: ctx}
	err := v.admit(rt)
	if err == nil {
		err = rt.handle(v)
	}
	if err != nil {
		v.fail(err)
	}
}

// secure sets what every page says to the browser: nothing from elsewhere,
// nothing inline, no frame around it, and no copy kept.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	// Not no-referrer: with that, browsers send "Origin: null" with our own forms.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cache-Control", "private, no-store")
}

// errSignIn sends the visitor to the page where one signs in.
var errSignIn = errors.New("web: sign in first")

// errNoKeys answers an API key, which opens the API and no page.
var errNoKeys = &memo.Error{Kind: memo.KindUnauthorized, Code: "page", Message: "API keys open the API, not the web app. Sign in with your e-mail and password."}

// admit checks who comes, and sets the caller.
func (v *visit) admit(rt route) error {
	if len(v.r.Header["Authorization"]) > 0 {
		return errNoKeys
	}
	if rt.method == http.MethodPost {
		if err := v.Gate.CheckOrigin(v.r); err != nil {
			return err
		}
		v.body, v.r.Body = v.r.Body, http.MaxBytesReader(v.w, v.r.Body, maxForm)
	}
	if rt.access == open {
		return nil
	}
	token, origin := v.Gate.Token(v.r), v.Gate.Origin(v.r)
	var err error
	if rt.access == user {
		v.Caller, err = v.App.AuthoriseUser(v.ctx, token, origin)
	} else {
		id, ok := app.ParseID(v.r.PathValue("workspace"))
		if !ok {
			return errNotFound
		}
		v.Caller, err = v.App.AuthoriseSession(v.ctx, token, id, origin)
	}
	switch {
	case err != nil:
		return noAccess(err)
	case rt.access == owner && v.Role != memo.RoleOwner:
		return errOwners
	case rt.managed:
		_, err = v.App.Spend(v.ctx, v.Caller, ratelimit.Management)
		return err
	}
	return nil
}

// recheck reads the truth about the visitor's membership again, for an answer
// or an upload that takes long.
func (v *visit) recheck(ctx context.Context) error {
	_, err := v.App.AuthoriseSession(ctx, v.Gate.Token(v.r), v.WorkspaceID, v.Gate.Origin(v.r))
	return noAccess(err)
}

// noAccess is what a refused visitor gets: the sign-in, or a page that is not
// there. Any other error stays as it is.
func noAccess(err error) error {
	switch memo.KindOf(err) {
	case memo.KindUnauthorized:
		return errSignIn
	case memo.KindNotFound:
		return errNotFound
	}
	return err
}

// maxForm bounds a form; an upload of files has a bound of its own.
const maxForm = 64 << 10

var (
	errNotFound = memo.NotFound("Page")
	errOwners   = memo.Forbidden("owner_required", "Only an OWNER of the workspace sees this page.")
)

// fail answers with a page that says what is wrong and what to do.
func (v *visit) fail(err error) {
	if errors.Is(err, errSignIn) && v.wantsJSON() {
		err = &memo.Error{Kind: memo.KindUnauthorized, Message: "You are signed out. Sign in again."}
	} else if errors.Is(err, errSignIn) {
		v.toSignIn()
		return
	}
	p := errorPage{Message: "Something went wrong on our side. Try again; if it happens again, tell whoever runs this server the number below."}
	status := http.StatusInternalServerError
	if e, ok := errors.AsType[*memo.Error](err); ok && e.Kind != memo.KindInternal {
		status, p.Message = gate.StatusOf(e.Kind), e.Message
		if e.RetryAfter > 0 {
			seconds := int(e.RetryAfter.Seconds()) + 1
			v.w.Header().Set("Retry-After", fmt.Sprint(seconds))
			p.Again = fmt.Sprintf("You can go on in %s, at %s UTC.", plural(seconds, "second"), v.Now().UTC().Add(e.RetryAfter+time.Second).Format("15:04:05"))
		}
	} else if errors.Is(err, context.DeadlineExceeded) {
		status, p.Message = http.StatusServiceUnavailable, "This took too long. Try again in a moment."
		v.w.Header().Set("Retry-After", "2")
	} else if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		status, p.Message = http.StatusRequestEntityTooLarge, "The form is too large."
	}
	req := telemetry.Of(v.r.Context())
	if status >= 500 {
		req.Err = err
		p.RequestID = req.ID
	}
	if v.wantsJSON() {
		_ = v.renderJSON(status, importAnswer{Reason: p.Message})
		return
	}
	p.frame = v.frame(http.StatusText(status))
	v.render(status, "error", p)
}

// errorPage is any refusal.
type errorPage struct {
	frame
	Message   string
	Again     string
	RequestID string
}

// toSignIn sends the visitor to sign in, and back to a page that they wanted to
// see. What they wanted to send has to be sent again.
func (v *visit) toSignIn() {
	to := "/signin"
	if v.r.Method == http.MethodGet && v.r.URL.Path != "/" {
		to += "?next=" + url.QueryEscape(v.r.URL.RequestURI())
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
}

// localPath returns a path of this site that came as a parameter, or "/": one
// that a browser could take for another site's address is none.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return u.RequestURI()
}

// redirect ends a form.
func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// render writes a page. A template that fails has written nothing yet.
func (v *visit) render(status int, name string, data any) error {
	var b bytes.Buffer
	if err := v.pages[name].Execute(&b, data); err != nil {
		return fmt.Errorf("web: page %s: %w", name, err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes()) // the browser may be gone
	return nil
}
