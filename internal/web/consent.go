package web

import (
	"cmp"
	"errors"
	"html"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/ratelimit"
)

// consentPage asks a member whether an app may read a workspace.
type consentPage struct {
	formPage
	Request *oauth.Request
	Hidden  []option // the parameters of the request, which are checked again
	Only    string   // the workspace, if there is no choice
	Denied  string   // why no workspace can be read; optional
}

// consentParams are the parameters of a request that the form sends again.
var consentParams = []string{
	"client_id", "redirect_uri", "response_type", "response_mode", "code_challenge", "code_challenge_method", "state",
	"scope", "resource",
}

// appExpiries are the options for the expiry of a connected app. The first is the default.
var appExpiries = []option{
	{"90", "90 days"}, {"30", "30 days"}, {"365", "1 year"}, {"never", "Until I disconnect it"},
}

// openToOpener lets the page of a host that opened this one in a window of its own see when it is
// done. With the policy of other pages, the host would see a closed window.
// Browsers look at redirects as well.
func (v *pageRequest) openToOpener() { v.w.Header().Set("Cross-Origin-Opener-Policy", "unsafe-none") }

// consentRequest reads the request of the app. The result is nil if the response has been written.
func (v *pageRequest) consentRequest(params url.Values) (*oauth.Request, error) {
	issuer := v.Admission.Issuer(v.r)
	if issuer == "" {
		return nil, errNotFound
	}
	// The request may make the server fetch the app's metadata.
	if err := v.Admission.Count(v.ctx, &admission.Admission{Caller: v.Caller}, ratelimit.Management); err != nil {
		return nil, tooOften(err)
	}
	q, err := v.OAuth.ReadRequest(v.ctx, params, issuer)
	if refused, ok := errors.AsType[*oauth.RefusedRequest](err); ok {
		return nil, v.render("returned", returnPage{
			layout: v.newLayout("", "Not connected"), URL: template.URL(refused.URL), Host: refused.Host,
			Message: "The app asked for something that Memo does not do: " + refused.Err.Description,
		})
	}
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		return nil, &memo.Error{Kind: memo.KindInvalid, Message: e.Description}
	}
	return q, err
}

func showConsent(v *pageRequest) error {
	params := v.r.URL.Query()
	if v.r.Method == http.MethodPost {
		params = v.r.PostForm
	}
	q, err := v.consentRequest(params)
	if q == nil {
		return err
	}
	memberships, err := v.App.Memberships(v.ctx, v.Caller)
	if err != nil {
		return err
	}
	p := consentPage{Request: q}
	var workspaces []option
	denied := ""
	for _, m := range memberships {
		if err := memo.MayUseAPI(m.Plan); err != nil {
			denied = err.Error()
			continue
		}
		workspaces = append(workspaces, option{m.ID, m.Name})
	}
	if len(workspaces) == 0 {
		v.status = http.StatusForbidden
		p.Denied = cmp.Or(denied, "You are not a member of a workspace yet. Ask an owner for an invitation.")
	}
	for _, name := range consentParams {
		for _, value := range params[name] {
			p.Hidden = append(p.Hidden, option{name, value})
		}
	}
	selected := v.Admission.LastWorkspace(v.r)
	if !hasOption(workspaces, selected) && len(workspaces) > 0 {
		selected = workspaces[0].Value
	}
	expiries := appExpiries
	if len(workspaces) == 1 {
		policy, err := v.App.KeyPolicy(v.ctx, memo.Caller{UserID: v.UserID, WorkspaceID: selected})
		if err != nil {
			return err
		}
		expiries = fittingExpiries(appExpiries, policy)
		p.Only = workspaces[0].Label
		p.Hidden = append(p.Hidden, option{"workspace", selected})
	}
	p.formPage = formPage{v.newLayout("", "Connect "+q.Client.Name), v.form(
		formField{Name: "workspace", Label: "Workspace", Value: selected, Options: workspaces},
		formField{Name: "expiry", Label: "For how long", Value: expiries[0].Value, Options: expiries},
	)}
	return v.render("consent", p)
}

func doConsent(v *pageRequest) error {
	q, err := v.consentRequest(v.r.PostForm)
	if q == nil {
		return err
	}
	if v.r.PostForm.Get("decision") != "allow" {
		return v.returnToApp(q.DeniedURL(), "You did not connect the app. It has no access to your transcriptions.")
	}
	var problems []*memo.Error
	workspace, ok := app.ParseID(v.r.PostForm.Get("workspace"))
	if !ok {
		problems = append(problems, memo.Invalid("workspace", "must be one of the options"))
	}
	expiry := v.r.PostForm.Get("expiry")
	if days, err := strconv.Atoi(expiry); !hasOption(appExpiries, expiry) && (err != nil || days < 1 || days > 365) {
		problems = append(problems, memo.Invalid("expiry", "must be one of the options"))
	}
	if len(problems) > 0 {
		return v.show(showConsent, http.StatusUnprocessableEntity, problems...)
	}
	a, err := v.Admission.SessionMember(v.ctx, v.r, workspace)
	if err != nil {
		return err
	}
	if err := v.Admission.Count(v.ctx, &a, ratelimit.Changes); err != nil {
		return tooOften(err)
	}
	code, err := v.App.AllowApp(v.ctx, a.Caller, app.Consent{
		Client: q.Client, RedirectURI: q.RedirectURI, Challenge: q.Challenge, ExpiresAt: v.expiryAfter(expiry),
	})
	if e, ok := errors.AsType[*memo.Error](err); ok && e.Code == memo.CodeKeyPolicy && e.Kind == memo.KindInvalid {
		return v.show(showConsent, http.StatusUnprocessableEntity, memo.Invalid("expiry", "%s", e.Message))
	}
	if err != nil {
		return err
	}
	return v.returnToApp(q.CodeURL(code), "")
}

// returnPage sends the browser back to an app. It is a page and not a redirect, because browsers apply
// the form-action of the policy to the redirects of a form as well.
type returnPage struct {
	layout
	URL     template.URL      // of the app
	Host    string            // to show, if the member has not decided anything yet
	Refresh template.HTMLAttr // of the meta element that opens it; empty: only with a click
	Message string            // why it gets no access; empty if it does
}

// returnToApp sends the browser back to an app, whose URL package oauth has checked, after the member
// has decided. Before that it must not leave this site by itself, because anyone may register an app
// and give people a link to this page.
func (v *pageRequest) returnToApp(to, message string) error {
	title := "Connected"
	if message != "" {
		title = "Not connected"
	}
	refresh := `content="0; url=` + html.EscapeString(to) + `"`
	return v.render("returned", returnPage{
		layout: v.newLayout("", title), URL: template.URL(to), Refresh: template.HTMLAttr(refresh), Message: message,
	})
}

// isConsent reports whether a path of this site is that of the consent page.
func isConsent(path string) bool {
	return path == oauth.AuthorizePath || strings.HasPrefix(path, oauth.AuthorizePath+"?")
}
