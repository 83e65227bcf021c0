package web

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/telemetry"
)

// showHome redirects to the set-up of an empty server, to the sign-in, or to the workspace that
// the user visited last.
func showHome(v *pageRequest) error {
	ready, err := v.App.IsSetUp(v.ctx)
	if err != nil {
		return err
	}
	if !ready {
		return v.redirect("/setup")
	}
	visitor, err := v.Admission.SessionUser(v.ctx, v.r)
	if memo.KindOf(err) == memo.KindUnauthorized {
		return v.redirect("/signin")
	}
	if err != nil {
		return err
	}
	memberships, err := v.App.Memberships(v.ctx, visitor.Caller)
	if err != nil {
		return err
	}
	if len(memberships) == 0 {
		return v.redirect("/account")
	}
	return v.redirect("/w/" + v.lastWorkspace(memberships).ID + "/transcriptions")
}

// formPage is a page with one form and nothing else.
type formPage struct {
	layout
	Fields form
}

// showSetup shows the form that creates the first OWNER and the first workspace of a server.
func showSetup(v *pageRequest) error {
	ready, err := v.App.IsSetUp(v.ctx)
	if err != nil {
		return err
	}
	if ready {
		return v.redirect("/signin")
	}
	return v.render("setup", formPage{v.newLayout("", "Set up Memo"), v.form(
		formField{
			Name: "code", Label: "Set-up code", Type: "text", Autocomplete: "one-time-code", Required: true, Focus: true,
			Hint: "The link that memo serve printed to its terminal or log ends with it.",
		},
		formField{
			Name: "workspace", Label: "Workspace", Type: "text", Autocomplete: "organization", Required: true, Max: memo.MaxName,
			Hint: "Your team or company.",
		},
		nameField(), emailField(), newPasswordField("password", "Password"),
	)})
}

func doSetup(v *pageRequest) error {
	ready, err := v.App.IsSetUp(v.ctx)
	if err != nil {
		return err
	}
	if ready {
		return v.redirect("/signin")
	}
	if err := v.App.TakeSetupAttempt(v.ctx, v.Admission.Client(v.r)); err != nil {
		return err
	}
	in := app.SetupRequest{
		Email: v.r.PostFormValue("email"), Name: v.r.PostFormValue("name"),
		Password: v.r.PostFormValue("password"), Workspace: v.r.PostFormValue("workspace"),
	}
	var problems []*memo.Error
	code := strings.ToLower(strings.TrimSpace(v.r.PostFormValue("code")))
	if v.SetupCode == "" || subtle.ConstantTimeCompare([]byte(code), []byte(v.SetupCode)) != 1 {
		problems = append(in.Check(), memo.Invalid("code", "is not the one that memo serve printed when it last started"))
	} else if problems, err = v.App.SetUp(v.ctx, in, v.FirstPlan, v.Admission.Client(v.r)); err != nil {
		return err
	}
	if len(problems) > 0 {
		return v.show(showSetup, http.StatusUnprocessableEntity, problems...)
	}
	return v.signIn(in.Email, in.Password, "/")
}

// signInPage is the sign-in form.
type signInPage struct {
	formPage
	Next string
}

func showSignIn(v *pageRequest) error {
	if isConsent(v.r.FormValue("next")) {
		v.openToOpener()
	}
	email := emailField()
	email.Focus = true
	return v.render("signin", signInPage{formPage{v.newLayout("", "Sign in"), v.form(
		email,
		formField{Name: "password", Label: "Password", Type: "password", Autocomplete: "current-password", Required: true},
	)}, localPath(v.r.FormValue("next"))})
}

func doSignIn(v *pageRequest) error {
	if isConsent(v.r.FormValue("next")) {
		v.openToOpener()
	}
	err := v.signIn(v.r.PostFormValue("email"), v.r.PostFormValue("password"), localPath(v.r.FormValue("next")))
	refused, _ := errors.AsType[*memo.Error](err)
	if refused == nil || refused.Kind != memo.KindUnauthorized {
		return err
	}
	telemetry.RequestOf(v.r.Context()).Refusal = httpx.RefusalReason(refused)
	return v.show(showSignIn, http.StatusUnauthorized, memo.Invalid("", "E-mail or password is wrong."))
}

// signIn opens a new session, ends the browser's old one, and redirects to a page.
func (v *pageRequest) signIn(email, password, to string) error {
	token, s, _, err := v.App.SignIn(v.ctx, app.SignIn{
		Email: email, Password: password,
		Replaces: v.Admission.SessionToken(v.r),
	}, v.Admission.Client(v.r))
	if err != nil {
		return err
	}
	v.Admission.SetSessionToken(v.w, v.r, token, s.ExpiresAt)
	return v.redirect(to)
}

// doSignOut ends the session of the browser, if it has one.
func doSignOut(v *pageRequest) error {
	visitor, err := v.Admission.SessionUser(v.ctx, v.r)
	if err == nil {
		err = v.App.RevokeSession(v.ctx, visitor.Caller, visitor.SessionID)
	}
	// Otherwise the session has already ended.
	if kind := memo.KindOf(err); err != nil && kind != memo.KindNotFound && kind != memo.KindUnauthorized {
		return err
	}
	v.Admission.SetSessionToken(v.w, v.r, "", v.Now())
	return v.redirect("/signin?done=signedout")
}
