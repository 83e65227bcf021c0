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

// keysPage lists active or inactive keys: an OWNER sees all keys of the workspace, others
// see their own.
type keysPage struct {
	layout
	Keys                       []keyRow
	ActiveCount, InactiveCount int
	Members                    []memo.KeyCreator // options of the filter by member, for an OWNER
	MemberID                   string            // the selected member
	Days                       bool              // the charts show 14 days instead of 24 hours
	ShowInactive               bool              // inactive keys are listed, not active ones
	Others                     string            // link to the other list
	Newer, Older               string            // links to the pages before and after
	Denied                     string            // why the plan has no API access
}

// keysPerPage is small enough for pages well below 100 kB.
const keysPerPage = 40

// keyRow is a key in the list.
type keyRow struct {
	memo.KeyView
	Link              string
	Mine              bool
	State             keyState
	Used              string // when and from where it was last used
	Next              link   // its replacement
	UsedAfterRotation bool   // an integration still uses it
	Chart             sparkChart
}

// keyState is the state of a key, as a text and as the CSS class of its colour.
type keyState struct{ Class, Words string }

// expiryWarning is how long before its expiry a key gets a warning.
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

// rows adds to each key its usage in the last hours and its replacement.
func (v *pageRequest) rows(keys []memo.KeyView, hours int) ([]keyRow, error) {
	usage, err := v.App.UsageOf(v.ctx, v.Caller, keys, hours)
	if err != nil {
		return nil, err
	}
	replacements, err := v.App.Replacements(v.ctx, v.Caller, keys)
	if err != nil {
		return nil, err
	}
	now := v.Now()
	rows := make([]keyRow, len(keys))
	for i, k := range keys {
		rows[i] = keyRow{
			KeyView: k, Link: v.keyPath(k.ID), Mine: k.CreatedBy.ID == v.UserID, State: keyStateOf(k, now),
			Chart: newSparkChart(usage[i], hours),
		}
		if k.LastUsedAt != nil {
			rows[i].Used = "used " + timeAgo(*k.LastUsedAt, now)
			if k.LastUsedIP != "" {
				rows[i].Used += " from " + string(k.LastUsedIP)
			}
		}
		if n := slices.IndexFunc(replacements, func(r memo.KeyView) bool { return string(r.RotatedFrom) == k.ID }); n >= 0 {
			rows[i].Next = link{v.keyPath(replacements[n].ID), "mk_live_…" + replacements[n].Suffix}
			rows[i].UsedAfterRotation = k.LastUsedAt != nil && k.LastUsedAt.After(replacements[n].CreatedAt)
		}
	}
	return rows, nil
}

func showKeys(v *pageRequest) error {
	q := v.r.URL.Query()
	p := keysPage{
		layout: v.sectionLayout("keys", "API & MCP"), Days: q.Get("span") == "14d",
		ShowInactive: q.Get("show") == "inactive",
	}
	hours := app.UsageDayHours
	if p.Days {
		hours = app.UsageFortnightHours
	}
	if id, ok := app.ParseID(q.Get("member")); ok && v.Role == memo.RoleOwner {
		p.MemberID = id
	}
	creators, err := v.App.KeyCreators(v.ctx, v.Caller)
	if err != nil {
		return err
	}
	for _, c := range creators {
		p.Members = append(p.Members, c.KeyCreator)
		if p.MemberID == "" || p.MemberID == c.ID {
			p.ActiveCount, p.InactiveCount = p.ActiveCount+c.Active, p.InactiveCount+c.Inactive
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
	keys, err := v.App.KeysByOffset(v.ctx, v.Caller, app.KeyOffsetQuery{
		UserID: p.MemberID, Inactive: p.ShowInactive, Offset: from,
		Limit: keysPerPage,
	})
	if err != nil {
		return err
	}
	if p.Keys, err = v.rows(keys, hours); err != nil {
		return err
	}
	if p.Others = v.pathWith("show", "inactive"); p.ShowInactive {
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

// pathWith returns the query of this page with another value of one parameter, or without
// it if the value is empty. It drops the offset and the message of the last form.
func (v *pageRequest) pathWith(name, value string) string {
	q := v.r.URL.Query()
	q.Del("done")
	q.Del("from")
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	return "?" + q.Encode()
}
