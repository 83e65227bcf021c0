package web

import (
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
}

// keysPerPage is small enough for pages well below 100 kB.
const keysPerPage = 40

// keyRow is a key with its usage.
type keyRow struct {
	memo.KeyView
	Replacement *memo.KeyView // the newest one
	Chart       sparkChart
}

// UsedAfterRotation reports whether an integration still uses a key that was replaced.
func (k keyRow) UsedAfterRotation() bool {
	return k.Replacement != nil && k.LastUsedAt != nil && k.LastUsedAt.After(k.Replacement.CreatedAt)
}

// expiryWarning is how long before its expiry a key gets a warning.
const expiryWarning = 14 * 24 * time.Hour

// keyStateOf returns the state of a key.
func keyStateOf(k memo.KeyView, now time.Time) pillPart {
	switch k.Status {
	case memo.KeyRevoked:
		return pillPart{"bad", "revoked " + timeAgo(*k.EndedAt, now)}
	case memo.KeyDeactivated:
		return pillPart{"bad", "deactivated " + timeAgo(*k.EndedAt, now) + ": " + k.DeactivationReason}
	case memo.KeyExpired:
		return pillPart{"", "expired " + timeAgo(*k.ExpiresAt, now)}
	}
	expires := ""
	if k.ExpiresAt != nil && k.ExpiresAt.Sub(now) < expiryWarning {
		expires = "expires " + timeAgo(*k.ExpiresAt, now)
	}
	switch {
	case k.ExposedAt != nil && expires != "":
		return pillPart{"bad", "exposed in a URL " + timeAgo(*k.ExposedAt, now) + ", " + expires}
	case k.ExposedAt != nil:
		return pillPart{"bad", "exposed in a URL " + timeAgo(*k.ExposedAt, now)}
	case expires != "":
		return pillPart{"warn", expires}
	case k.LastUsedAt == nil:
		return pillPart{"", "never used"}
	}
	return pillPart{"good", "active"}
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
	rows := make([]keyRow, len(keys))
	for i, k := range keys {
		rows[i] = keyRow{KeyView: k, Chart: newSparkChart(usage[i], hours)}
		if n := slices.IndexFunc(replacements, func(r memo.KeyView) bool { return string(r.RotatedFrom) == k.ID }); n >= 0 {
			rows[i].Replacement = &replacements[n]
		}
	}
	return rows, nil
}

func showKeys(v *pageRequest) error {
	q := v.r.URL.Query()
	p := keysPage{
		layout: v.newLayout("keys", "API & MCP"), Days: q.Get("span") == "14d", ShowInactive: q.Get("show") == "inactive",
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
	count, hours := p.ActiveCount, app.UsageDayHours
	if p.Others = v.pathWith("show", "inactive"); p.ShowInactive {
		count, p.Others = p.InactiveCount, v.pathWith("show", "")
	}
	if p.Days {
		hours = app.UsageFortnightHours
	}
	from, err := strconv.Atoi(q.Get("from"))
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
	if from > 0 {
		p.Newer = v.pathWith("from", strconv.Itoa(max(0, from-keysPerPage)))
	}
	if from+keysPerPage < count {
		p.Older = v.pathWith("from", strconv.Itoa(from+keysPerPage))
	}
	return v.render("keys", p)
}

func (v *pageRequest) keysPath() string { return "/w/" + v.WorkspaceID + "/keys" }

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
