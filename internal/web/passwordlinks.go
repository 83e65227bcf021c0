package web

import (
	"net/http"

	"memoai.tech/memo"
)

// passwordPage is the page of a password link.
type passwordPage struct {
	formPage
	Email, Token string
	RevokeKeys   bool
}

func showPassword(v *pageRequest) error {
	token := v.r.PathValue("token")
	l, err := v.App.PasswordLinkByToken(v.ctx, token)
	if err != nil {
		return err
	}
	password := newPasswordField("password", "New password")
	password.Focus = true
	return v.render("password", passwordPage{
		formPage{v.newLayout("", "Set a new password"), v.form(password)}, l.Email, token, v.revokeKeys(),
	})
}

// doSetPassword sets the password of the link's user, and signs them in.
func doSetPassword(v *pageRequest) error {
	password := v.r.PostFormValue("password")
	l, err := v.App.SetPasswordWithLink(v.ctx, v.r.PathValue("token"), password, v.revokeKeys(), v.Admission.Client(v.r))
	if err != nil {
		return v.refuse(showPassword, err, memo.KindInvalid)
	}
	return v.signIn(l.Email, password, v.passwordDonePath())
}

// passwordLinkPage shows a new link. It is shown only once.
type passwordLinkPage struct {
	layout
	PasswordLink memo.PasswordLink
	Link         string
}

// doPasswordLink creates a link for a member. Sending the form again replaces it.
func doPasswordLink(v *pageRequest) error {
	m, err := v.member()
	if err != nil {
		return err
	}
	l, token, err := v.App.CreatePasswordLink(v.ctx, v.Caller, m.UserID)
	if err != nil {
		return v.refuse(showMembers, err, memo.KindConflict)
	}
	v.status = http.StatusCreated
	return v.render("passwordlink", passwordLinkPage{
		v.newLayout("members", "Password link"), l, v.PublicURL + "/password/" + token,
	})
}
