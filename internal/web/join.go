package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"memoai.tech/memo"
)

// joinPage is the page of an invitation's link. It has a button for signed-in users and the
// form of a new account for others.
type joinPage struct {
	formPage
	Invite memo.Invite
	Token  string
	Member bool   // the visitor is already a member
	SignIn string // path of the sign-in that leads back here
}

// invite reads the invitation in the path and, if the visitor is signed in, the user.
func (v *pageRequest) invite() (memo.Invite, error) {
	i, err := v.App.InviteByToken(v.ctx, v.r.PathValue("token"))
	if err != nil {
		return i, err
	}
	visitor, err := v.Admission.SessionUser(v.ctx, v.r)
	if err != nil && memo.KindOf(err) != memo.KindUnauthorized {
		return i, err
	}
	v.Caller = visitor.Caller
	return i, nil
}

func showJoin(v *pageRequest) error {
	i, err := v.invite()
	if err != nil {
		return err
	}
	token := v.r.PathValue("token")
	p := joinPage{Invite: i, Token: token, SignIn: "/signin?" + url.Values{"next": {"/join/" + token}}.Encode()}
	email := emailField()
	if v.status == http.StatusConflict {
		email.Remedy = link{p.SignIn, "Sign in to join"}
	}
	p.formPage = formPage{
		v.newLayout("", "Join "+i.Workspace), v.form(email, nameField(), newPasswordField("password", "Password")),
	}
	p.Member = slices.ContainsFunc(p.Workspaces, func(m memo.Membership) bool { return m.ID == i.WorkspaceID })
	return v.render("join", p)
}

// joinedPath is the path of the page after joining.
func joinedPath(i memo.Invite) string { return "/w/" + i.WorkspaceID + "/transcriptions?done=joined" }

// doJoin accepts the invitation for a signed-in user. If the session has ended, it shows
// the page again, where the visitor can sign in.
func doJoin(v *pageRequest) error {
	if _, err := v.invite(); err != nil {
		return err
	}
	token := v.r.PathValue("token")
	if v.UserID == "" {
		return v.redirect("/join/" + token)
	}
	i, err := v.App.AcceptInvite(v.ctx, v.Caller, token)
	if err != nil {
		return v.refuse(showJoin, err, memo.KindConflict)
	}
	return v.redirect(joinedPath(i))
}

// doJoinNew creates a user who accepts the invitation, and signs them in.
func doJoinNew(v *pageRequest) error {
	if _, err := v.invite(); err != nil {
		return err
	}
	email, password := v.r.PostFormValue("email"), v.r.PostFormValue("password")
	i, problems, err := v.App.SignUpWithInvite(v.ctx, v.r.PathValue("token"), email, v.r.PostFormValue("name"), password,
		v.Admission.Client(v.r))
	if e, ok := errors.AsType[*memo.Error](err); ok && e.Code == "email_taken" {
		return v.show(showJoin, http.StatusConflict, memo.Invalid("email", "already has an account"))
	}
	if err != nil {
		return v.refuse(showJoin, err, memo.KindConflict)
	}
	if len(problems) > 0 {
		return v.show(showJoin, http.StatusUnprocessableEntity, problems...)
	}
	return v.signIn(email, password, joinedPath(i))
}
