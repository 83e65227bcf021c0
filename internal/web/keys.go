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
	frame
	Keys         []keyRow
	Living, Dead int
	Members      []memo.KeyCreator // an OWNER's filter
	Of           string            // the member it is set to
	Days         bool              // charts of 14 days, not 24 hours
	Ended        bool              // it lists those that ended
	Others       string            // the page of those that it does not list
	Newer, Older string            // the pages beside this one
	Denied       string            // why there is no API access
}

// keysPerPage keeps a page well below 100 kB.
const keysPerPage = 40

// keyRow is a key in the list.
type keyRow struct {
	memo.KeyView
	Link  string
	Mine  bool
	State state
	Used  string // when and from where it was used last
	Next  link   // the key that replaced it
	Held  bool   // it was used after that: somebody still has it
	Chart spark
}

// state is what a key's coloured dot means, in words.
type state struct{ Class, Words string }

// soon is when an expiry is worth a warning.
const soon = 14 * 24 * time.Hour

func stateOf(k memo.KeyView, now time.Time) state {
	expires := ""
	if k.ExpiresAt != nil && k.ExpiresAt.Sub(now) < soon {
		expires = "expires " + ago(*k.ExpiresAt, now)
	}
	switch {
	case k.Status == memo.KeyRevoked:
		return state{"bad", "revoked " + ago(*k.EndedAt, now)}
	case k.Status == memo.KeyDeactivated:
		return state{"bad", "deactivated " + ago(*k.EndedAt, now) + ": " + k.DeactivationReason}
	case k.Status == memo.KeyExpired:
		return state{"", "expired " + ago(*k.ExpiresAt, now)}
	case k.ExposedAt != nil && expires != "":
		return state{"bad", "exposed in a URL " + ago(*k.ExposedAt, now) + ", " + expires}
	case k.ExposedAt != nil:
		return state{"bad", "exposed in a URL " + ago(*k.ExposedAt, now)}
	case expires != "":
		return state{"warn", expires}
	case k.LastUsedAt == nil:
		return state{"warn", "never used"}
	}
	return state{"good", "active"}
}

// rows are keys with what they asked for in the last so many hours, and what
// replaced them.
func (v *visit) rows(keys []memo.KeyView, hours int) ([]keyRow, error) {
	use, err := v.App.UsageOf(v.ctx, keys, hours)
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
		rows[i] = keyRow{KeyView: k, Link: v.keyPath(k.ID), Mine: k.CreatedBy.ID == v.UserID, State: stateOf(k, now), Chart: sparkline(use[i], hours)}
		if k.LastUsedAt != nil {
			rows[i].Used = "used " + ago(*k.LastUsedAt, now)
			if k.LastUsedIP != "" {
				rows[i].Used += " from " + string(k.LastUsedIP)
			}
		}
		if n := slices.IndexFunc(next, func(n memo.KeyView) bool { return string(n.RotatedFrom) == k.ID }); n >= 0 {
			rows[i].Next = link{v.keyPath(next[n].ID), "mk_live_…" + next[n].Suffix}
			rows[i].Held = k.LastUsedAt != nil && k.LastUsedAt.After(next[n].CreatedAt)
		}
	}
	return rows, nil
}

func showKeys(v *visit) error {
	q := v.r.URL.Query()
	p := keysPage{frame: v.in("keys", "API & MCP"), Days: q.Get("span") == "14d", Ended: q.Get("show") == "ended"}
	hours := app.UsageDayHours
	if p.Days {
		hours = app.UsageFortnightHours
	}
	if id, ok := app.ParseID(q.Get("member")); ok && v.Role == memo.RoleOwner {
		p.Of = id
	}
	holders, err := v.App.KeyCreators(v.ctx, v.Caller)
	if err != nil {
		return err
	}
	for _, h := range holders {
		p.Members = append(p.Members, h.KeyCreator)
		if p.Of == "" || p.Of == h.ID {
			p.Living, p.Dead = p.Living+h.Living, p.Dead+h.Ended
		}
	}
	count := p.Living
	if p.Ended {
		count = p.Dead
	}
	from, err := strconv.Atoi(cmp.Or(q.Get("from"), "0"))
	if err != nil || from < 0 || from >= count {
		from = 0
	}
	keys, err := v.App.KeysPage(v.ctx, v.Caller, app.KeyPageQuery{UserID: p.Of, Ended: p.Ended, Offset: from, Limit: keysPerPage})
	if err != nil {
		return err
	}
	if p.Keys, err = v.rows(keys, hours); err != nil {
		return err
	}
	if p.Others = v.with("show", "ended"); p.Ended {
		p.Others = v.with("show", "")
	}
	if from > 0 {
		p.Newer = v.with("from", strconv.Itoa(max(0, from-keysPerPage)))
	}
	if from+keysPerPage < count {
		p.Older = v.with("from", strconv.Itoa(from+keysPerPage))
	}
	if err := memo.MayUseAPI(v.Plan); err != nil {
		p.Denied = err.Error()
	}
	return v.render(http.StatusOK, "keys", p)
}

func (v *visit) keysPath() string { return "/w/" + v.WorkspaceID + "/keys" }

func (v *visit) keyPath(id string) string { return v.keysPath() + "/" + id }

// with is this list's address with another value of one parameter. It leads to
// the first page, and says nothing of what was done before.
func (v *visit) with(name, value string) string {
	q := v.r.URL.Query()
	q.Del("done")
	q.Del("from")
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	return "?" + q.Encode()
}
