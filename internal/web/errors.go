package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/telemetry"
)

// errSignIn redirects the visitor to the sign-in page.
var errSignIn = errors.New("web: sign in first")

// errKeyOnPage refuses a request that sends an API key to a page.
var errKeyOnPage = &memo.Error{
	Kind: memo.KindUnauthorized, Code: "page",
	Message: "API keys give access to the API, not to the web app. Sign in with your e-mail and password.",
}

var (
	errNotFound = &memo.Error{
		Kind:    memo.KindNotFound,
		Message: "This page doesn’t exist, or you don’t have access to it.",
	}
	errUnreadable = &httpx.StatusError{
		Status: http.StatusBadRequest,
		Detail: "The form could not be read. Go back and send it again.",
	}
	errOwnerRequired = memo.Forbidden("owner_required", "Only an owner of the workspace can open this page.")
)

// tooOften returns err, with a message for people if it is the refusal by a rate limit.
func tooOften(err error) error {
	e, ok := errors.AsType[*memo.Error](err)
	if !ok || e.Kind != memo.KindRateLimited {
		return err
	}
	return &memo.Error{
		Kind: e.Kind, Message: "You are going a little too fast, so nothing was changed.", RetryAfter: e.RetryAfter,
	}
}

// fail writes an error page that says what is wrong and what to do.
func (v *pageRequest) fail(err error) {
	if errors.Is(err, errSignIn) && v.wantsJSON() {
		err = memo.Unauthorized("not_signed_in", "You are signed out. Sign in again.")
	} else if errors.Is(err, errSignIn) {
		v.redirectToSignIn()
		return
	}
	req := telemetry.RequestOf(v.r.Context())
	p := errorPage{Message: "The server could not complete this. Try again. If it happens again, send the request ID " +
		"below to the operator of this server."}
	v.status = http.StatusInternalServerError
	if e, ok := errors.AsType[*httpx.StatusError](err); ok {
		v.status, p.Message = e.Status, e.Detail
	} else if e, ok := errors.AsType[*memo.Error](err); ok && e.Kind != memo.KindInternal {
		v.status, p.Message = httpx.StatusOf(e.Kind), e.Message
		if !strings.HasSuffix(p.Message, ".") { // "Transcription not found"
			p.Message += "."
		}
		req.Refusal = httpx.RefusalReason(e)
		if e.RetryAfter > 0 {
			wait := httpx.SetRetryAfter(v.w.Header(), e.RetryAfter)
			p.RetryAt = fmt.Sprintf("You can try again in %s, at %s UTC.", memo.Plural(int(wait.Seconds()), "second"),
				v.Now().UTC().Add(wait).Format("15:04:05"))
		}
	} else if httpx.IsTimeout(err) {
		v.status, p.Message = http.StatusServiceUnavailable, "This took too long. Try again in a moment."
		httpx.SetRetryAfter(v.w.Header(), 2*time.Second)
	}
	if v.status >= 500 && httpx.IsClientGone(v.r) {
		v.status = httpx.StatusClientClosed
	}
	if v.status >= 500 {
		req.Err = err
		p.RequestID = req.ID
	}
	if v.wantsJSON() {
		_ = v.renderJSON(importResult{Reason: p.Message})
		return
	}
	if v.UserID == "" && v.status < 500 && v.status != http.StatusTooManyRequests {
		v.identify()
	}
	p.layout = v.newLayout("", cmp.Or(errorHeadings[v.status], "Something went wrong"))
	v.layoutError = nil // the error page needs none of the user's data
	p.Next = v.wayOn(p.layout)
	if err := v.render("error", p); err != nil {
		req.Err = err
		v.w.WriteHeader(http.StatusInternalServerError)
	}
}

// errorHeadings are the headings of error pages.
var errorHeadings = map[int]string{
	http.StatusBadRequest:            "Invalid request",
	http.StatusUnauthorized:          "Sign in first",
	http.StatusForbidden:             "Access denied",
	http.StatusNotFound:              "Page not found",
	http.StatusRequestTimeout:        "Request timed out",
	http.StatusConflict:              "Already done",
	http.StatusRequestEntityTooLarge: "Too large",
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
	Next      buttonPart // where to go from here
}

// sections are the names of pages for the sentence "Back to …", by the part of the path after the
// workspace, or the first part.
var sections = map[string]string{
	"transcriptions": "transcriptions", "import": "import", "keys": "API & MCP", "members": "members",
	"invites": "members", "audit": "activity", "workspace": "settings",
	"account": "your account", "docs": "the docs", "signin": "sign-in",
}

// wayOn returns a button that leads to the page that the visitor came from, or else to their
// workspace, their account or the sign-in.
func (v *pageRequest) wayOn(l layout) buttonPart {
	from := v.pageBefore()
	parts := strings.Split(strings.Trim(from.Path, "/"), "/")
	if len(parts) > 2 && parts[0] == "w" {
		parts = parts[2:]
	}
	switch name := sections[parts[0]]; {
	case name != "" && v.isPage(from.Path) && (from.Path != v.r.URL.Path || v.r.Method != http.MethodGet):
		return newButton("Back to "+name, "", from.RequestURI(), "main")
	case l.Workspace != nil:
		return newButton("Go to transcriptions", "", "/w/"+l.Workspace.ID+"/transcriptions", "main")
	case l.User.ID != "":
		return newButton("Go to your account", "", "/account", "main")
	}
	return newButton("Sign in", "", "/signin", "main")
}

// pageBefore returns the path and query of the page of this site that led to the request, or an
// empty URL.
func (v *pageRequest) pageBefore() *url.URL {
	from, err := url.Parse(v.r.Referer())
	if err != nil || from.Host != v.r.Host && from.Scheme+"://"+from.Host != v.PublicURL {
		return new(url.URL)
	}
	path, err := url.Parse(localPath(from.RequestURI()))
	if err != nil {
		return new(url.URL)
	}
	return path
}

// redirectToSignIn redirects to the sign-in page, which leads back to the requested page
// or, after a POST, to the page with the form.
func (v *pageRequest) redirectToSignIn() {
	next, done := v.r.URL.RequestURI(), ""
	if v.r.Method != http.MethodGet {
		from := v.pageBefore()
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
