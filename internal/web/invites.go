package web

import (
	"net/http"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// invitedPage shows the link of a new invitation. It is shown only once.
type invitedPage struct {
	layout
	Invite   memo.Invite
	Link     string
	RoleText string // what the role may do
}

// roleTexts says what each role may do in a workspace.
var roleTexts = map[memo.Role]string{
	memo.RoleOwner: "An OWNER can do everything a MEMBER can, and also manage members, the keys of all members and the " +
		"workspace, and read the audit trail.",
	memo.RoleMember: "A MEMBER can read, search and import transcriptions, and create API keys.",
}

// doInvite creates an invitation. Sending the form again creates another.
func doInvite(v *pageRequest) error {
	role := memo.Role(v.r.PostFormValue("role"))
	i, token, err := v.App.Invite(v.ctx, v.Caller, role)
	if err != nil {
		return v.showMembersError(err)
	}
	return v.render(http.StatusCreated, "invited", invitedPage{
		layout: v.sectionLayout("members", "Invitation link"), Invite: i, Link: v.PublicURL + "/join/" + token,
		RoleText: roleTexts[role],
	})
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
		return v.showMembersError(err)
	}
	return v.redirect(v.membersPath() + "?done=inviterevoked")
}
