package web

import (
	"net/http"
	"net/url"
	"slices"

	"memoai.tech/memo"
)

// joinPage is the page of an invitation's link. It has a button for signed-in users and the
// form of a new account for others.
type joinPage struct {
	layout
	Invite   memo.Invite
	Token    string
	RoleText string     // what the role may do
	Fields   formFields // of a new account
	Member   bool       // the visitor is already a member
	Next     string     // path of the sign-in that leads back here
	Problem  string
}

// joinPage reads the invitation in the path and, if the visitor is signed in, the user.
func (v *pageRequest) joinPage() (joinPage, error) {
	token := v.r.PathValue("token")
	i, err := v.App.InviteByToken(v.ctx, token)
	if err != nil {
		return joinPage{}, err
	}
	visitor, err := v.Admission.SessionUser(v.ctx, v.r)
	if err != nil && memo.KindOf(err) != memo.KindUnauthorized {
		return joinPage{}, err
	}
	v.Caller = visitor.Caller
	p := joinPage{
		layout: v.newLayout("Join " + i.Workspace), Invite: i, Token: token, RoleText: roleTexts[i.Role],
		Fields: formFields{emailField(), nameField(), newPasswordField("password", "Password")},
		Next:   "/signin?" + url.Values{"next": {"/join/" + token}}.Encode(),
	}
	p.Member = slices.ContainsFunc(p.Workspaces, func(m memo.Membership) bool { return m.ID == i.WorkspaceID })
	return p, nil
}

func showJoin(v *pageRequest) error {
	p, err := v.joinPage()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "join", p)
}

// joinedPath is the path of the page after joining.
func joinedPath(i memo.Invite) string { return "/w/" + i.WorkspaceID + "/transcriptions?done=joined" }

// doJoin accepts the invitation for a signed-in user. If the session has ended, it shows
// the page again, where the visitor can sign in.
func doJoin(v *pageRequest) error {
	p, err := v.joinPage()
	if err != nil {
		return err
	}
	if v.UserID == "" {
		return v.redirect("/join/" + p.Token)
	}
	i, err := v.App.AcceptInvite(v.ctx, v.Caller, p.Token)
	if err != nil {
		return v.showJoinError(p, err)
	}
	return v.redirect(joinedPath(i))
}

// doJoinNew creates a user who accepts the invitation, and signs them in.
func doJoinNew(v *pageRequest) error {
	p, err := v.joinPage()
	if err != nil {
		return err
	}
	p.Fields.fill(v)
	email, password := v.r.PostFormValue("email"), v.r.PostFormValue("password")
	i, problems, err := v.App.SignUpWithInvite(v.ctx, p.Token, email, v.r.PostFormValue("name"), password,
		v.Admission.Client(v.r))
	if err != nil {
		return v.showJoinError(p, err)
	}
	if len(problems) > 0 {
		p.Fields.showErrors(problems...)
		return v.render(http.StatusUnprocessableEntity, "join", p)
	}
	return v.signIn(email, password, joinedPath(i))
}

// showJoinError shows the page again with the reason. If the e-mail already has an account,
// the reason is at its field.
func (v *pageRequest) showJoinError(p joinPage, err error) error {
	e, ok := asFormError(err, memo.KindConflict)
	if !ok {
		return err
	}
	if e.Code == "email_taken" {
		p.Fields.showErrors(memo.Invalid("email", "already has an account"))
		p.Fields[0].Remedy = link{p.Next, "Sign in to join"}
	} else {
		p.Problem = e.Message
	}
	return v.render(http.StatusConflict, "join", p)
}
