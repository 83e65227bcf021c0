package web

import (
	"slices"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// membersPage lists the members and the pending invitations of the workspace.
type membersPage struct {
	layout
	Members   []memo.Member // of this page
	Pages     pageLinks
	Keys      map[string]memo.KeyCreatorStats // by user
	Invites   []memo.Invite
	OnlyOwner bool // there is only one OWNER, who cannot leave
}

// membersPerPage is small enough for pages below 120 kB, even with the longest names.
const membersPerPage = 40

func showMembers(v *pageRequest) (err error) {
	p := membersPage{layout: v.newLayout("members", "Members"), Keys: map[string]memo.KeyCreatorStats{}}
	members, err := v.App.Members(v.ctx, v.Caller, v.WorkspaceID)
	if err != nil {
		return err
	}
	p.OnlyOwner = countOwners(members) == 1
	from := min(v.offset(), len(members))
	p.Members = members[from:min(from+membersPerPage, len(members))]
	p.Pages = v.pageLinks("members", from, membersPerPage, from+membersPerPage < len(members))
	creators, err := v.App.KeyCreators(v.ctx, v.Caller)
	if err != nil {
		return err
	}
	if p.Invites, err = v.App.Invites(v.ctx, v.Caller); err != nil {
		return err
	}
	for _, c := range creators {
		p.Keys[c.ID] = c
	}
	return v.render("members", p)
}

// MenuOf returns the menu of a member.
func (p membersPage) MenuOf(m memo.Member) menu {
	path, me := "/w/"+p.Workspace.ID+"/members/"+m.UserID, m.UserID == p.User.ID
	out := menu{ID: "menu-" + m.UserID, Label: "Actions for " + m.Name, Items: []menuItem{
		{Text: "Show activity", Href: "/w/" + p.Workspace.ID + "/audit?member=" + m.UserID},
	}}
	if me && p.OnlyOwner {
		return out
	}
	role := menuItem{Text: "Make owner", Href: path, Post: true, Name: "role", Value: string(memo.RoleOwner)}
	if m.Role == memo.RoleOwner {
		role.Text, role.Value = "Make member", string(memo.RoleMember)
	}
	remove := menuItem{Text: "Remove member", Href: path + "/remove", Danger: true}
	if me {
		remove.Text = "Leave workspace"
	}
	out.Items = append(out.Items, role)
	if !me {
		out.Items = append(out.Items, menuItem{Text: "Create password link", Href: path + "/password", Post: true})
	}
	out.Items = append(out.Items, remove)
	return out
}

// countOwners returns the number of OWNERs.
func countOwners(members []memo.Member) (n int) {
	for _, m := range members {
		if m.Role == memo.RoleOwner {
			n++
		}
	}
	return n
}

func (v *pageRequest) membersPath() string { return "/w/" + v.WorkspaceID + "/members" }

// member reads the member in the path.
func (v *pageRequest) member() (memo.Member, error) {
	id, ok := app.ParseID(v.r.PathValue("id"))
	if !ok {
		return memo.Member{}, errNotFound
	}
	members, err := v.App.Members(v.ctx, v.Caller, v.WorkspaceID)
	if err != nil {
		return memo.Member{}, err
	}
	i := slices.IndexFunc(members, func(m memo.Member) bool { return m.UserID == id })
	if i < 0 {
		return memo.Member{}, memo.NotFound("Member")
	}
	return members[i], nil
}

func doSetRole(v *pageRequest) error {
	m, err := v.member()
	if err != nil {
		return err
	}
	role := memo.Role(v.r.PostFormValue("role"))
	if m.Role != role { // without a change, no audit event
		if _, err := v.App.SetRole(v.ctx, v.Caller, v.WorkspaceID, m.UserID, role); err != nil {
			return v.refuse(showMembers, err, memo.KindConflict, memo.KindNotFound)
		}
	}
	if m.UserID == v.UserID && role != memo.RoleOwner {
		return v.redirect(v.keysPath() + "?done=myrole") // a member cannot open the members page
	}
	return v.redirect(v.membersPath() + "?done=role")
}

// removePage asks for confirmation before a member is removed or leaves, and shows their keys.
type removePage struct {
	layout
	Member memo.Member
	Me     bool
	Keys   []memo.KeyView // active keys, which will be deactivated
}

func showRemoveMember(v *pageRequest) error {
	m, err := v.member()
	if err != nil {
		return err
	}
	p := removePage{Member: m, Me: m.UserID == v.UserID}
	title := "Leave the workspace"
	if !p.Me {
		if title = "Remove " + m.Name; v.Role != memo.RoleOwner {
			return errOwnerRequired
		}
	}
	p.layout = v.newLayout("members", title)
	p.Keys, err = v.App.KeysByOffset(v.ctx, v.Caller, app.KeyOffsetQuery{UserID: m.UserID, Limit: memo.MaxActiveKeys})
	if err != nil {
		return err
	}
	return v.render("removemember", p)
}

func doRemoveMember(v *pageRequest) error {
	m, err := v.member()
	if err != nil {
		return err
	}
	if err := v.App.RemoveMember(v.ctx, v.Caller, v.WorkspaceID, m.UserID); err != nil {
		return v.refuse(showRemoveMember, err, memo.KindConflict)
	}
	if m.UserID == v.UserID {
		return v.redirect("/account?done=left") // every user can open this page
	}
	return v.redirect(v.membersPath() + "?done=removed")
}
