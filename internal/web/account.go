package web

import (
	"cmp"
	"net/http"
	"time"

	"github.com/mileusna/useragent"

	"memoai.tech/memo"
)

// accountPage shows what users can change about themselves.
type accountPage struct {
	layout
	Name          formFields
	Password      formFields
	Keys          int  // active keys of the user, in all workspaces
	RevokeKeys    bool // the form asks to revoke them
	OwnWorkspaces []userWorkspace
	Devices       []signedInDevice
	Now           time.Time
}

// userWorkspace is a workspace of the user.
type userWorkspace struct {
	memo.Membership
	OnlyOwner bool // the user is the only OWNER and cannot leave
}

// signedInDevice is a session of the user.
type signedInDevice struct {
	memo.Session
	Name string
}

// deviceName describes the client of a user agent: "Firefox on Linux".
func deviceName(agent string) string {
	d := useragent.Parse(agent)
	name := cmp.Or(d.Name, "Unknown client")
	if d.OS != "" {
		name += " on " + d.OS
	}
	return name
}

func (v *pageRequest) accountPage() (accountPage, error) {
	p := accountPage{layout: v.newLayout("Account"), Now: v.Now()}
	name := nameField()
	name.Value = p.User.Name
	p.Name = formFields{name}
	p.Password = formFields{
		{Name: "current", Label: "Current password", Type: "password", Autocomplete: "current-password", Required: true},
		newPasswordField("password", "New password"),
	}
	for _, w := range p.Workspaces {
		row := userWorkspace{Membership: w}
		if w.Role == memo.RoleOwner {
			members, err := v.App.Members(v.ctx, v.Caller, w.ID)
			if err != nil {
				return p, err
			}
			row.OnlyOwner = countOwners(members) == 1
		}
		p.OwnWorkspaces = append(p.OwnWorkspaces, row)
	}
	var err error
	if p.Keys, err = v.App.CountOwnKeys(v.ctx, v.Caller); err != nil {
		return p, err
	}
	sessions, err := v.App.Sessions(v.ctx, v.Caller)
	for _, s := range sessions {
		p.Devices = append(p.Devices, signedInDevice{s, deviceName(s.Agent)})
	}
	return p, err
}

func showAccount(v *pageRequest) error {
	p, err := v.accountPage()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "account", p)
}

// showAccountError shows the account page with the error at its field.
func (v *pageRequest) showAccountError(err error) error {
	e, ok := asFormError(err, memo.KindInvalid)
	if !ok {
		return err
	}
	p, pageErr := v.accountPage()
	if pageErr != nil {
		return pageErr
	}
	if e.Field == "name" {
		p.Name.fill(v)
	}
	p.RevokeKeys = v.revokeKeys()
	if !p.Name.showErrors(e) && !p.Password.showErrors(e) {
		return err
	}
	return v.render(http.StatusUnprocessableEntity, "account", p)
}

func doRename(v *pageRequest) error {
	if err := v.App.RenameUser(v.ctx, v.Caller, v.r.PostFormValue("name")); err != nil {
		return v.showAccountError(err)
	}
	return v.redirect("/account?done=name")
}

// revokeKeys reports whether the password form asks to revoke the keys as well.
func (v *pageRequest) revokeKeys() bool { return v.r.PostFormValue("keys") == "revoke" }

// doPassword changes the password, which ends every session of the user and, if the form
// asks for it, their keys. It opens a new session for this browser.
func doPassword(v *pageRequest) error {
	next := v.r.PostFormValue("password")
	u, err := v.App.Account(v.ctx, v.Caller)
	if err != nil {
		return err
	}
	if err := v.App.ChangePassword(v.ctx, v.Caller, v.r.PostFormValue("current"), next, v.revokeKeys()); err != nil {
		return v.showAccountError(err)
	}
	done := "password"
	if v.revokeKeys() {
		done = "passwordkeys"
	}
	return v.signIn(u.Email, next, "/account?done="+done)
}

func doEndSession(v *pageRequest) error {
	err := v.App.RevokeSession(v.ctx, v.Caller, v.r.PathValue("id"))
	if err != nil && memo.KindOf(err) != memo.KindNotFound { // not found: the session has already ended
		return err
	}
	return v.redirect("/account?done=device")
}

func doEndSessions(v *pageRequest) error {
	if err := v.App.SignOutEverywhere(v.ctx, v.Caller); err != nil {
		return err
	}
	v.Admission.SetSessionToken(v.w, v.r, "", v.Now())
	return v.redirect("/signin?done=everywhere")
}
