package web

import (
	"net/http"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// invitePage is the form of a new invitation.
type invitePage struct{ formPage }

// RoleField is the field of the role, and Role the role that is chosen.
func (p invitePage) RoleField() formField { return p.Fields.Get("role") }
func (p invitePage) Role() string         { return p.RoleField().Value }

func showInvite(v *pageRequest) error {
	return v.render("invite", invitePage{formPage{v.newLayout("members", "Invite someone"), v.form(
		formField{
			Name: "recipient", Label: "Name or e-mail", Type: "text", Autocomplete: "off", Max: memo.MaxName, Focus: true,
			Hint: "Optional, so that you can tell invitations apart. Nothing is sent.",
		},
		formField{
			Name: "role", Label: "Role", Value: string(memo.RoleMember),
			Options: []option{
				{string(memo.RoleMember), roleName(memo.RoleMember)}, {string(memo.RoleOwner), roleName(memo.RoleOwner)},
			},
		},
	)}})
}

// invitedPage shows the link of a new invitation. It is shown only once.
type invitedPage struct {
	layout
	Invite memo.Invite
	Link   string
}

// doInvite creates an invitation. Sending the form again creates another.
func doInvite(v *pageRequest) error {
	i, token, err := v.App.Invite(v.ctx, v.Caller, memo.Role(v.r.PostFormValue("role")), v.r.PostFormValue("recipient"))
	if err != nil {
		return v.refuse(showInvite, err, memo.KindConflict, memo.KindInvalid)
	}
	v.status = http.StatusCreated
	return v.render("invited", invitedPage{v.newLayout("members", "Invitation link"), i, v.PublicURL + "/join/" + token})
}

// errInviteGone refuses to revoke an invitation that is not pending.
var errInviteGone = &memo.Error{
	Kind:    memo.KindNotFound,
	Message: "This invitation is no longer pending: it was used or revoked, or it has expired.",
}

func doRevokeInvite(v *pageRequest) error {
	id, ok := app.ParseID(v.r.PathValue("id"))
	if !ok {
		return errNotFound
	}
	err := v.App.RevokeInvite(v.ctx, v.Caller, id)
	if memo.KindOf(err) == memo.KindNotFound {
		err = errInviteGone
	}
	if err != nil {
		return v.refuse(showMembers, err, memo.KindConflict, memo.KindNotFound)
	}
	return v.redirect(v.membersPath() + "?done=inviterevoked")
}
