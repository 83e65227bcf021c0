package web

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/mileusna/useragent"

	"memoai.tech/memo"
)

// accountPage is what a user can change of their own.
type accountPage struct {
	frame
	Name     fields
	Password fields
	Devices  []device
	Now      time.Time
}

// device is where the user is signed in.
type device struct {
	memo.Session
	Name string
}

// deviceName says which browser it is, and on what: "Firefox on Linux".
func deviceName(agent string) string {
	d := useragent.Parse(agent)
	name := cmp.Or(d.Name, "An unknown program")
	if d.OS != "" {
		name += " on " + d.OS
	}
	return name
}

func (v *visit) accountPage() (accountPage, error) {
	p := accountPage{frame: v.frame("Account"), Now: v.Now()}
	name := nameField()
	name.Value = p.User.Name
	p.Name = fields{name}
	p.Password = fields{
		{Name: "present", Label: "Present password", Type: "password", Complete: "current-password", Required: true},
		newPasswordField("password", "New password"),
	}
	sessions, err := v.App.Sessions(v.ctx, v.Caller)
	for _, s := range sessions {
		p.Devices = append(p.Devices, device{s, deviceName(s.Agent)})
	}
	return p, err
}

func showAccount(v *visit) error {
	p, err := v.accountPage()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "account", p)
}

// refused shows the account page again, with what is wrong beside the field.
func (v *visit) refused(err error) error {
	e, ok := errors.AsType[*memo.Error](err)
	if !ok || e.Kind != memo.KindInvalid {
		return err
	}
	p, pageErr := v.accountPage()
	if pageErr != nil {
		return pageErr
	}
	if e.Field == "name" {
		p.Name.fill(v)
	}
	if !p.Name.tell(e) && !p.Password.tell(e) {
		return err
	}
	return v.render(http.StatusUnprocessableEntity, "account", p)
}

func doRename(v *visit) error {
	if err := v.App.Rename(v.ctx, v.Caller, v.r.PostFormValue("name")); err != nil {
		return v.refused(err)
	}
	return v.redirect("/account?done=name")
}

// doPassword ends every session of the user and opens a new one here.
func doPassword(v *visit) error {
	next := v.r.PostFormValue("password")
	u, err := v.App.Account(v.ctx, v.Caller)
	if err != nil {
		return err
	}
	if err := v.App.ChangePassword(v.ctx, v.Caller, v.r.PostFormValue("present"), next); err != nil {
		return v.refused(err)
	}
	return v.signIn(u.Email, next, "/account?done=password")
}

func doEndSession(v *visit) error {
	err := v.App.RevokeSession(v.ctx, v.Caller, v.r.PathValue("id"))
	if err != nil && memo.KindOf(err) != memo.KindNotFound { // it has ended already
		return err
	}
	return v.redirect("/account?done=device")
}

func doEndSessions(v *visit) error {
	if err := v.App.SignOutEverywhere(v.ctx, v.Caller); err != nil {
		return err
	}
	v.Gate.SetToken(v.w, v.r, "", v.Now())
	return v.redirect("/signin?done=everywhere")
}
