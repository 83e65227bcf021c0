package web

import (
	"net/http"
	"slices"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
)

// membersPage lists the members and the pending invitations of the workspace.
type membersPage struct {
	layout
	Members   []memberRow
	Invites   []memo.Invite
	OnlyOwner bool   // there is only one OWNER, who cannot leave
	Problem   string // why the last form was refused
	Now       time.Time
}

// memberRow is a member in the list.
type memberRow struct {
	memo.Member
	Me   bool
	Keys int        // active keys
	Used *time.Time // last use of any key
}

func (v *pageRequest) membersPage() (membersPage, error) {
	p := membersPage{layout: v.sectionLayout("members", "Members"), Now: v.Now()}
	members, err := v.App.Members(v.ctx, v.Caller, v.WorkspaceID)
	if err != nil {
		return p, err
	}
	creators, err := v.App.KeyCreators(v.ctx, v.Caller)
	if err != nil {
		return p, err
	}
	if p.Invites, err = v.App.Invites(v.ctx, v.Caller); err != nil {
		return p, err
	}
	for _, m := range members {
		row := memberRow{Member: m, Me: m.UserID == v.UserID}
		if i := slices.IndexFunc(creators, func(c memo.KeyCreatorStats) bool { return c.ID == m.UserID }); i >= 0 {
			row.Keys, row.Used = creators[i].Active, creators[i].LastUsedAt
		}
		p.Members = append(p.Members, row)
	}
	p.OnlyOwner = countOwners(members) == 1
	return p, nil
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

func showMembers(v *pageRequest) error {
	p, err := v.membersPage()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "members", p)
}

// showMembersError shows the page again with the reason of a refusal.
func (v *pageRequest) showMembersError(err error) error {
	e, ok := asFormError(err, memo.KindConflict, memo.KindNotFound)
	if !ok {
		return err
	}
	p, pageErr := v.membersPage()
	if pageErr != nil {
		return pageErr
	}
	p.Problem = e.Message
	return v.render(httpx.StatusOf(e.Kind), "members", p)
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
			return v.showMembersError(err)
		}
	}
	if m.UserID == v.UserID && role != memo.RoleOwner {
		return v.redirect(v.keysPath() + "?done=myrole") // only an OWNER can open the members page
	}
	return v.redirect(v.membersPath() + "?done=role")
}

// removePage asks for confirmation before a member is removed or leaves, and shows their keys.
type removePage struct {
	layout
	Member  memo.Member
	Me      bool
	Keys    []memo.KeyView // active keys, which will be deactivated
	Problem string
	Now     time.Time
}

func (v *pageRequest) removePage() (removePage, error) {
	p := removePage{Now: v.Now()}
	var err error
	if p.Member, err = v.member(); err != nil {
		return p, err
	}
	if p.Me = p.Member.UserID == v.UserID; !p.Me && v.Role != memo.RoleOwner {
		return p, errOwnerRequired
	}
	p.layout = v.sectionLayout("members", "Remove "+p.Member.Name)
	if p.Me {
		p.Title = "Leave the workspace"
	}
	p.Keys, err = v.App.KeysByOffset(v.ctx, v.Caller, app.KeyOffsetQuery{
		UserID: p.Member.UserID, Limit: memo.MaxActiveKeys,
	})
	return p, err
}

func showRemoveMember(v *pageRequest) error {
	p, err := v.removePage()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "removemember", p)
}

func doRemoveMember(v *pageRequest) error {
	m, err := v.member()
	if err != nil {
		return err
	}
	err = v.App.RemoveMember(v.ctx, v.Caller, v.WorkspaceID, m.UserID)
	if e, ok := asFormError(err, memo.KindConflict); ok {
		p, err := v.removePage()
		if err != nil {
			return err
		}
		p.Problem = e.Message
		return v.render(http.StatusConflict, "removemember", p)
	}
	if err != nil {
		return err
	}
	if m.UserID == v.UserID {
		return v.redirect("/account?done=left") // every user can open this page
	}
	return v.redirect(v.membersPath() + "?done=removed")
}
