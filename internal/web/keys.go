package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// keysPage lists the keys: all of the workspace for an OWNER, their own for
// others; those that work, or those that ended.
type keysPage struct {
	layout
	Keys                       []keyRow
	ActiveCount, InactiveCount int
	Members                    []memo.KeyCreator // an OWNER's filter
	MemberID                   string            // the member it is set to
	Days                       bool              // charts of 14 days, not 24 hours
	ShowInactive               bool              // it lists those that ended
	Others                     string            // the page of those that it does not list
	Newer, Older               string            // the pages beside this one
	Denied                     string            // why there is no API access
}

// keysPerPage keeps a page well below 100 kB.
const keysPerPage = 40

// keyRow is a key in the list.
type keyRow struct {
	memo.KeyView
	Link              string
	Mine              bool
	State             keyState
	Used              string // when and from where it was used last
	Next              link   // the key that replaced it
	UsedAfterRotation bool   // it was used after that: somebody still has it
	Chart             sparkChart
}

// keyState is what a key's coloured dot means, in words.
type keyState struct{ Class, Words string }

// expiryWarning is when an expiry is worth a warning.
const expiryWarning = 14 * 24 * time.Hour

func keyStateOf(k memo.KeyView, now time.Time) keyState {
	expires := ""
	if k.ExpiresAt != nil && k.ExpiresAt.Sub(now) < expiryWarning {
		expires = "expires " + timeAgo(*k.ExpiresAt, now)
	}
	switch {
	case k.Status == memo.KeyRevoked:
		return keyState{"bad", "revoked " + timeAgo(*k.EndedAt, now)}
	case k.Status == memo.KeyDeactivated:
		return keyState{"bad", "deactivated " + timeAgo(*k.EndedAt, now) + ": " + k.DeactivationReason}
	case k.Status == memo.KeyExpired:
		return keyState{"", "expired " + timeAgo(*k.ExpiresAt, now)}
	case k.ExposedAt != nil && expires != "":
		return keyState{"bad", "exposed in a URL " + timeAgo(*k.ExposedAt, now) + ", " + expires}
	case k.ExposedAt != nil:
		return keyState{"bad", "exposed in a URL " + timeAgo(*k.ExposedAt, now)}
	case expires != "":
		return keyState{"warn", expires}
	case k.LastUsedAt == nil:
		return keyState{"warn", "never used"}
	}
	return keyState{"good", "active"}
}

// rows are keys with what they asked for in the last so many hours, and what
// replaced them.
func (v *pageRequest) rows(keys []memo.KeyView, hours int) ([]keyRow, error) {
	use, err := v.App.UsageOf(v.ctx, v.Caller, keys, hours)
	if err != nil {
		return nil, err
	}
	next, err := v.App.Replacements(v.ctx, v.Caller, keys)
	if err != nil {
		return nil, err
	}
	now := v.Now()
	rows := make([]keyRow, len(keys))
	for i, k := range keys {
		rows[i] = keyRow{
			KeyView: k, Link: v.keyPath(k.ID), Mine: k.CreatedBy.ID == v.UserID, State: keyStateOf(k, now),
			Chart: newSparkChart(use[i], hours),
		}
		if k.LastUsedAt != nil {
			rows[i].Used = "used " + timeAgo(*k.LastUsedAt, now)
			if k.LastUsedIP != "" {
				rows[i].Used += " from " + string(k.LastUsedIP)
			}
		}
		if n := slices.IndexFunc(next, func(n memo.KeyView) bool { return string(n.RotatedFrom) == k.ID }); n >= 0 {
			rows[i].Next = link{v.keyPath(next[n].ID), "mk_live_…" + next[n].Suffix}
			rows[i].UsedAfterRotation = k.LastUsedAt != nil && k.LastUsedAt.After(next[n].CreatedAt)
		}
	}
	return rows, nil
}

func showKeys(v *pageRequest) error {
	q := v.r.URL.Query()
	p := keysPage{
		layout: v.sectionLayout("keys", "API & MCP"), Days: q.Get("span") == "14d",
		ShowInactive: q.Get("show") == "ended",
	}
	hours := app.UsageDayHours
	if p.Days {
		hours = app.UsageFortnightHours
	}
	if id, ok := app.ParseID(q.Get("member")); ok && v.Role == memo.RoleOwner {
		p.MemberID = id
	}
	holders, err := v.App.KeyCreators(v.ctx, v.Caller)
	if err != nil {
		return err
	}
	for _, h := range holders {
		p.Members = append(p.Members, h.KeyCreator)
		if p.MemberID == "" || p.MemberID == h.ID {
			p.ActiveCount, p.InactiveCount = p.ActiveCount+h.Living, p.InactiveCount+h.Ended
		}
	}
	count := p.ActiveCount
	if p.ShowInactive {
		count = p.InactiveCount
	}
	from, err := strconv.Atoi(cmp.Or(q.Get("from"), "0"))
	if err != nil || from < 0 || from >= count {
		from = 0
	}
	keys, err := v.App.KeysPage(v.ctx, v.Caller, app.KeyPageQuery{
		UserID: p.MemberID, Ended: p.ShowInactive, Offset: from,
		Limit: keysPerPage,
	})
	if err != nil {
		return err
	}
	if p.Keys, err = v.rows(keys, hours); err != nil {
		return err
	}
	if p.Others = v.pathWith("show", "ended"); p.ShowInactive {
		p.Others = v.pathWith("show", "")
	}
	if from > 0 {
		p.Newer = v.pathWith("from", strconv.Itoa(max(0, from-keysPerPage)))
	}
	if from+keysPerPage < count {
		p.Older = v.pathWith("from", strconv.Itoa(from+keysPerPage))
	}
	if err := memo.MayUseAPI(v.Plan); err != nil {
		p.Denied = err.Error()
	}
	return v.render(http.StatusOK, "keys", p)
}

func (v *pageRequest) keysPath() string { return "/w/" + v.WorkspaceID + "/keys" }

func (v *pageRequest) keyPath(id string) string { return v.keysPath() + "/" + id }

// pathWith is this list's address with another value of one parameter. It leads to
// the first page, and says nothing of what was done before.
func (v *pageRequest) pathWith(name, value string) string {
	q := v.r.URL.Query()
	q.Del("done")
	q.Del("from")
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	return "?" + q.Encode()
}
