package web

import (
	"cmp"

	"github.com/mileusna/useragent"

	"memoai.tech/memo"
)

// accountPage shows what users can change about themselves.
type accountPage struct {
	layout
	Name, Password form
	Keys           int             // active keys of the user, in all workspaces
	RevokeKeys     bool            // the form asks to revoke them
	OnlyOwner      map[string]bool // by workspace: the user is the only OWNER and cannot leave
	Devices        []memo.Session
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

func showAccount(v *pageRequest) (err error) {
	p := accountPage{
		layout: v.newLayout("account", "Account"), RevokeKeys: v.revokeKeys(), OnlyOwner: map[string]bool{},
		Password: v.form(
			formField{
				Name: "current", Label: "Current password", Type: "password", Autocomplete: "current-password", Required: true,
			},
			newPasswordField("password", "New password")),
	}
	name := nameField()
	name.Value = p.User.Name
	p.Name = v.form(name)
	for _, w := range p.Workspaces {
		if w.Role != memo.RoleOwner {
			continue
		}
		members, err := v.App.Members(v.ctx, v.Caller, w.ID)
		if err != nil {
			return err
		}
		p.OnlyOwner[w.ID] = countOwners(members) == 1
	}
	if p.Keys, err = v.App.CountOwnKeys(v.ctx, v.Caller); err != nil {
		return err
	}
	if p.Devices, err = v.App.Sessions(v.ctx, v.Caller); err != nil {
		return err
	}
	return v.render("account", p)
}

func doRename(v *pageRequest) error {
	if err := v.App.RenameUser(v.ctx, v.Caller, v.r.PostFormValue("name")); err != nil {
		return v.refuse(showAccount, err, memo.KindInvalid)
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
		return v.refuse(showAccount, err, memo.KindInvalid)
	}
	return v.signIn(u.Email, next, v.passwordDonePath())
}

// passwordDonePath is the path of the page after a new password.
func (v *pageRequest) passwordDonePath() string {
	if v.revokeKeys() {
		return "/account?done=passwordkeys"
	}
	return "/account?done=password"
}

func doEndSession(v *pageRequest) error {
	err := v.App.RevokeSession(v.ctx, v.Caller, v.r.PathValue("id"))
	if err != nil && memo.KindOf(err) != memo.KindNotFound { // not found: the session has already ended
		return err
	}
	return v.redirect("/account?done=device")
}

func doEndSessions(v *pageRequest) error {
	if v.r.PostFormValue("keep") != "" {
		if err := v.App.SignOutElsewhere(v.ctx, v.Caller); err != nil {
			return err
		}
		return v.redirect("/account?done=elsewhere")
	}
	if err := v.App.SignOutEverywhere(v.ctx, v.Caller); err != nil {
		return err
	}
	v.Admission.SetSessionToken(v.w, v.r, "", v.Now())
	return v.redirect("/signin?done=everywhere")
}
