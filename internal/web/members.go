package web

import (
	"net/http"
	"slices"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
)

// membersPage lists who is in the workspace, and who is invited to it.
type membersPage struct {
	layout
	Members []memberRow
	Invites []memo.Invite
	Alone   bool   // the visitor is the only OWNER, who cannot go
	Problem string // why what was tried did not happen
	Now     time.Time
}

// memberRow is a member in the list.
type memberRow struct {
	memo.Member
	Me   bool
	Keys int        // that work
	Used *time.Time // when one of them was used last
}

func (v *pageRequest) membersPage() (membersPage, error) {
	p := membersPage{layout: v.sectionLayout("members", "Members"), Now: v.Now()}
	members, err := v.App.Members(v.ctx, v.Caller, v.WorkspaceID)
	if err != nil {
		return p, err
	}
	holders, err := v.App.KeyCreators(v.ctx, v.Caller)
	if err != nil {
		return p, err
	}
	if p.Invites, err = v.App.Invites(v.ctx, v.Caller); err != nil {
		return p, err
	}
	for _, m := range members {
		row := memberRow{Member: m, Me: m.UserID == v.UserID}
		if i := slices.IndexFunc(holders, func(h app.KeyCreatorStats) bool { return h.ID == m.UserID }); i >= 0 {
			row.Keys, row.Used = holders[i].Living, holders[i].LastUsedAt
		}
		p.Members = append(p.Members, row)
	}
	p.Alone = countOwners(members) == 1
	return p, nil
}

// countOwners counts the OWNERs.
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

// refusedMembers shows the members again, with why what was tried did not happen.
func (v *pageRequest) refusedMembers(err error) error {
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
	if m.Role != role { // what changes nothing leaves no line in the trail
		if _, err := v.App.SetRole(v.ctx, v.Caller, v.WorkspaceID, m.UserID, role); err != nil {
			return v.refusedMembers(err)
		}
	}
	if m.UserID == v.UserID && role != memo.RoleOwner {
		return v.redirect(v.keysPath() + "?done=myrole") // the members are an OWNER's to see
	}
	return v.redirect(v.membersPath() + "?done=role")
}

// removePage asks before a member goes, and shows what goes with them.
type removePage struct {
	layout
	Member  memo.Member
	Me      bool
	Keys    []memo.KeyView // that work, and end
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
	p.Keys, err = v.App.KeysPage(v.ctx, v.Caller, app.KeyPageQuery{UserID: p.Member.UserID, Limit: memo.MaxActiveKeys})
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
		return v.redirect("/account?done=left") // the one page that is theirs in any case
	}
	return v.redirect(v.membersPath() + "?done=removed")
}
