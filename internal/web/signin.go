package web

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/telemetry"
)

// showHome redirects to the set-up of an empty server, to the sign-in, or to the first
// workspace of the user.
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
	return v.redirect("/w/" + memberships[0].ID + "/transcriptions")
}

// setupPage creates the first OWNER and the first workspace of a server.
type setupPage struct {
	layout
	Fields formFields
}

func (v *pageRequest) setupPage() setupPage {
	return setupPage{layout: v.newLayout("Set up Memo"), Fields: formFields{
		{
			Name: "code", Label: "Set-up code", Type: "text", Autocomplete: "one-time-code", Required: true, Focus: true,
			Hint: "memo serve prints it to its terminal or log.",
		},
		{
			Name: "workspace", Label: "Workspace", Type: "text", Autocomplete: "organization", Required: true, Max: memo.MaxName,
			Hint: "Your team or company.",
		},
		nameField(), emailField(), newPasswordField("password", "Password"),
	}}
}

func showSetup(v *pageRequest) error {
	ready, err := v.App.IsSetUp(v.ctx)
	if err != nil {
		return err
	}
	if ready {
		return v.redirect("/signin")
	}
	return v.render(http.StatusOK, "setup", v.setupPage())
}

func doSetup(v *pageRequest) error {
	ready, err := v.App.IsSetUp(v.ctx)
	if err != nil {
		return err
	}
	if ready {
		return v.redirect("/signin")
	}
	p := v.setupPage()
	p.Fields.fill(v)
	if err := v.App.TakeSetupAttempt(v.ctx, v.Admission.Client(v.r)); err != nil {
		return err
	}
	in := app.SetupRequest{
		Email: v.r.PostFormValue("email"), Name: v.r.PostFormValue("name"),
		Password: v.r.PostFormValue("password"), Workspace: v.r.PostFormValue("workspace"),
	}
	code := strings.ToLower(strings.TrimSpace(v.r.PostFormValue("code")))
	if v.SetupCode == "" || subtle.ConstantTimeCompare([]byte(code), []byte(v.SetupCode)) != 1 {
		wrong := memo.Invalid("code", "is not the one that memo serve printed when it last started")
		p.Fields.showErrors(append(in.Check(), wrong)...)
		return v.render(http.StatusUnprocessableEntity, "setup", p)
	}
	problems, err := v.App.SetUp(v.ctx, in, v.FirstPlan, v.Admission.Client(v.r))
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		p.Fields.showErrors(problems...)
		return v.render(http.StatusUnprocessableEntity, "setup", p)
	}
	return v.signIn(in.Email, in.Password, "/")
}

// signInPage is the sign-in form.
type signInPage struct {
	layout
	Fields  formFields
	Next    string
	Problem string
}

func (v *pageRequest) signInPage() signInPage {
	email := emailField()
	email.Focus = true
	return signInPage{layout: v.newLayout("Sign in"), Next: localPath(v.r.FormValue("next")), Fields: formFields{
		email, {Name: "password", Label: "Password", Type: "password", Autocomplete: "current-password", Required: true},
	}}
}

func showSignIn(v *pageRequest) error { return v.render(http.StatusOK, "signin", v.signInPage()) }

func doSignIn(v *pageRequest) error {
	p := v.signInPage()
	p.Fields.fill(v)
	err := v.signIn(v.r.PostFormValue("email"), v.r.PostFormValue("password"), p.Next)
	refused, _ := errors.AsType[*memo.Error](err)
	if refused == nil || refused.Kind != memo.KindUnauthorized {
		return err
	}
	telemetry.RequestOf(v.r.Context()).Refusal = refused.Code
	p.Problem = "E-mail or password is wrong."
	return v.render(http.StatusUnauthorized, "signin", p)
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

// endSession ends the session of the browser, if it has one.
func (v *pageRequest) endSession() error {
	visitor, err := v.Admission.SessionUser(v.ctx, v.r)
	if memo.KindOf(err) == memo.KindUnauthorized {
		return nil
	}
	if err != nil {
		return err
	}
	err = v.App.RevokeSession(v.ctx, visitor.Caller, visitor.SessionID)
	if kind := memo.KindOf(err); kind == memo.KindNotFound || kind == memo.KindUnauthorized {
		return nil // the session has already ended
	}
	return err
}

func doSignOut(v *pageRequest) error {
	if err := v.endSession(); err != nil {
		return err
	}
	v.Admission.SetSessionToken(v.w, v.r, "", v.Now())
	return v.redirect("/signin?" + url.Values{"done": {"signedout"}}.Encode())
}
