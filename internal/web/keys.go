package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// keysPage lists keys: an OWNER sees all keys of the workspace, others see their own.
type keysPage struct {
	layout
	Counts  memo.KeyCounts
	Tiles   []tile
	Chart   usageChart
	Lists   menu // the links to active and inactive keys
	Set     memo.KeySet
	Columns []column
	Keys    []keyRow
	Q       string
	Hidden  []option // the parameters of the page that a search does not change
	All     string   // link to the list without search
	Pages   pageLinks
	Command string // connects an assistant
}

// keysPerPage is small enough for pages below 100 kB, even with the longest names.
const keysPerPage = 30

// keyRow is a key with its usage.
type keyRow struct {
	memo.KeyView
	Replacement *memo.KeyView // the newest one
	Chart       sparkChart    // of 24 hours
	Menu        menu
}

// UsedAfterRotation reports whether an integration still uses a key that was replaced.
func (k keyRow) UsedAfterRotation() bool {
	return k.Replacement != nil && k.LastUsedAt != nil && k.LastUsedAt.After(k.Replacement.CreatedAt)
}

// keyState is the state of a key, with a note on when and why it has it.
type keyState struct {
	pillPart
	Note string
}

// keyStateOf returns the state of a key. It is red or amber only if somebody should act.
func keyStateOf(k memo.KeyView, now time.Time) keyState {
	switch k.Status {
	case memo.KeyRevoked:
		return keyState{pillPart{"", "Revoked"}, timeAgo(*k.EndedAt, now)}
	case memo.KeyDeactivated:
		return keyState{pillPart{"", "Deactivated"}, timeAgo(*k.EndedAt, now) + ": " + k.DeactivationReason}
	case memo.KeyExpired:
		return keyState{pillPart{"", "Expired"}, timeAgo(*k.EndedAt, now)}
	}
	expires := ""
	if k.ExpiresAt != nil && k.ExpiresAt.Sub(now) <= memo.ExpiryWarning {
		expires = "expires " + timeAgo(*k.ExpiresAt, now)
	}
	switch {
	case k.ExposedAt != nil && expires != "":
		return keyState{pillPart{"bad", "Exposed in a URL"}, timeAgo(*k.ExposedAt, now) + ", " + expires}
	case k.ExposedAt != nil:
		return keyState{pillPart{"bad", "Exposed in a URL"}, timeAgo(*k.ExposedAt, now)}
	case expires != "":
		return keyState{pillPart{"warn", "E" + expires[1:]}, ""}
	case k.LastUsedAt == nil:
		return keyState{pillPart{"", "Never used"}, ""}
	}
	return keyState{pillPart{"good", "Active"}, ""}
}

// rows adds to each key its usage in the last day, its replacement and its menu.
func (v *pageRequest) rows(keys []memo.KeyView) ([]keyRow, error) {
	usage, err := v.App.UsageOf(v.ctx, v.Caller, keys, app.UsageDay)
	if err != nil {
		return nil, err
	}
	rows := make([]keyRow, len(keys))
	for i, k := range keys {
		path := v.keysPath() + "/" + k.ID
		rows[i] = keyRow{KeyView: k, Chart: newSparkChart(usage[i], sparkHeight), Menu: newMenu("m"+strconv.Itoa(i),
			"Actions for "+k.Name, newMenuItem("View key", "", path))}
		if k.Status == memo.KeyActive {
			rows[i].Menu.Last = v.revokeStep(k)
		}
	}
	return rows, v.addReplacements(rows)
}

// revokeStep revokes a key.
func (v *pageRequest) revokeStep(k memo.KeyView) *lastStep {
	used := "It was never used."
	if k.LastUsedAt != nil {
		used = "It was last used " + timeAgo(*k.LastUsedAt, v.Now()) + "."
	}
	warning := "Requests with this key will get a 401 immediately. " + used + " This cannot be undone."
	if k.Kind == memo.KindApp {
		warning = "The app loses access immediately. " + used + " You can connect it again from the app."
	}
	return &lastStep{
		warning, endVerb(k.Kind),
		v.keysPath() + "/" + k.ID + "/revoke",
	}
}

// endVerb is the text of the button that ends a key.
func endVerb(kind memo.KeyKind) string {
	if kind == memo.KindApp {
		return "Disconnect app"
	}
	return "Revoke key"
}

func (v *pageRequest) addReplacements(rows []keyRow) error {
	keys := make([]memo.KeyView, len(rows))
	for i, row := range rows {
		keys[i] = row.KeyView
	}
	replacements, err := v.App.Replacements(v.ctx, v.Caller, keys)
	for i, k := range keys {
		if n := slices.IndexFunc(replacements, func(r memo.KeyView) bool { return string(r.RotatedFrom) == k.ID }); n >= 0 {
			rows[i].Replacement = &replacements[n]
		}
	}
	return err
}

// keyTiles are the tiles of the keys page. Each is a link to the keys that it counts.
func (v *pageRequest) keyTiles(n memo.KeyCounts, current memo.KeySet) (tiles []tile) {
	for _, t := range []struct {
		set         memo.KeySet
		n           int
		label, kind string
	}{
		{memo.KeysActive, n.Active, "active", ""},
		{memo.KeysExposed, n.Exposed, "exposed in a URL", "bad"},
		{memo.KeysExpiring, n.Expiring, "expiring within 7 days", "warn"},
		{memo.KeysUnused, n.Unused, "never used", ""},
	} {
		p := tile{Value: formatNumber(t.n), Label: t.label, Href: v.keySetPath(t.set), Current: t.set == current}
		if t.n > 0 {
			p.Kind = t.kind
		}
		tiles = append(tiles, p)
	}
	return tiles
}

// keySetPath returns the query of this page for another set of keys.
func (v *pageRequest) keySetPath(set memo.KeySet) string {
	if set == memo.KeysActive {
		set = ""
	}
	return v.pathWith("show", string(set))
}

// keySet returns the keys that the page shows.
func (v *pageRequest) keySet() memo.KeySet {
	set := memo.KeySet(v.r.URL.Query().Get("show"))
	if slices.Contains([]memo.KeySet{memo.KeysInactive, memo.KeysExposed, memo.KeysExpiring, memo.KeysUnused}, set) {
		return set
	}
	return memo.KeysActive
}

// keySorts are the columns of the table that sort it.
var keySorts = []struct {
	sort         memo.KeySort
	text, class  string
	highestFirst bool
}{
	{memo.KeysByName, "Name", "", false},
	{memo.KeysByMember, "Created by", "extra", false},
	{memo.KeysByAttention, "Status", "", true}, // the most urgent first, and no other way
	{memo.KeysByUse, "Last used", "more", true},
	{memo.KeysByRequests, "24 h", "extra num", true},
}

// keyColumns returns the columns of the table and sets the sort of the query. A minus sign in the
// parameter "sort" is for descending.
func (v *pageRequest) keyColumns(in *app.KeyOffsetQuery) (columns []column) {
	by, descending := strings.CutPrefix(v.r.URL.Query().Get("sort"), "-")
	if in.Sort = memo.KeysByAttention; by != "" {
		for _, c := range keySorts {
			if string(c.sort) == by {
				in.Sort, in.Descending = c.sort, descending
			}
		}
	}
	if in.Set != memo.KeysInactive {
		columns = append(columns, column{Text: "Select", Hidden: true})
	}
	for _, c := range keySorts {
		if c.sort == memo.KeysByMember && v.Role != memo.RoleOwner {
			continue
		}
		next, down := string(c.sort), c.highestFirst
		col := column{Text: c.text, Class: c.class}
		if c.sort == in.Sort {
			if down = !in.Descending; c.sort == memo.KeysByAttention || in.Descending {
				col.Sort = "descending"
			} else {
				col.Sort = "ascending"
			}
		}
		if down {
			next = "-" + next
		}
		if c.sort == memo.KeysByAttention {
			next = ""
		}
		col.Href = v.pathWith("sort", next)
		columns = append(columns, col)
	}
	return append(columns, column{Text: "Actions", Hidden: true})
}

func showKeys(v *pageRequest) error {
	p := keysPage{
		layout: v.newLayout("keys", "API & MCP"), Set: v.keySet(), Q: v.parameter("q"),
		Command: clientSetups(v.PublicURL, keyFromEnvironment)[0].Snippet,
	}
	in := app.KeyOffsetQuery{
		Set: p.Set, Search: p.Q, Offset: v.offset(), Limit: keysPerPage + 1, // one more, to know whether there are more
	}
	p.Columns = v.keyColumns(&in)
	var err error
	if p.Counts, err = v.App.KeyCounts(v.ctx, v.Caller); err != nil {
		return err
	}
	usage, err := v.App.Usage(v.ctx, v.Caller, v.spanOf())
	if err != nil {
		return err
	}
	keys, err := v.App.KeysByOffset(v.ctx, v.Caller, in)
	if err != nil {
		return err
	}
	p.Pages = v.pageLinks("keys", in.Offset, keysPerPage, len(keys) > keysPerPage)
	if p.Keys, err = v.rows(keys[:min(len(keys), keysPerPage)]); err != nil {
		return err
	}
	p.Tiles, p.Chart, p.All = v.keyTiles(p.Counts, p.Set), v.usageChart(usage), v.pathWith("q", "")
	p.Lists = newMenu("", "Keys",
		menuItem{
			Text: "Active " + formatNumber(p.Counts.Active), Href: v.keySetPath(memo.KeysActive),
			Current: p.Set != memo.KeysInactive,
		},
		menuItem{
			Text: "Ended " + formatNumber(p.Counts.Inactive), Href: v.keySetPath(memo.KeysInactive),
			Current: p.Set == memo.KeysInactive,
		})
	for _, name := range keyParameters {
		if value := v.parameter(name); name != "q" && value != "" {
			p.Hidden = append(p.Hidden, option{Value: value, Label: name})
		}
	}
	return v.render("keys", p)
}

// pageLinks are the links to the pages of a list before and after the current one.
type pageLinks struct{ Noun, Previous, Next string }

// pageLinks returns the links of the page that starts at an offset. The first page has no parameter.
func (v *pageRequest) pageLinks(noun string, offset, perPage int, more bool) pageLinks {
	p := pageLinks{Noun: noun}
	switch {
	case offset > perPage:
		p.Previous = v.pathWith("from", strconv.Itoa(offset-perPage))
	case offset > 0:
		p.Previous = v.pathWith("from", "")
	}
	if more {
		p.Next = v.pathWith("from", strconv.Itoa(offset+perPage))
	}
	return p
}

// offset returns where the page begins in its list.
func (v *pageRequest) offset() int {
	from, _ := strconv.Atoi(v.r.URL.Query().Get("from"))
	return min(max(from, 0), 1_000_000)
}

func (v *pageRequest) keysPath() string { return "/w/" + v.WorkspaceID + "/keys" }

// keyParameters are the parameters of the pages of keys. Links between them keep these.
var keyParameters = []string{"show", "q", "sort", "span"}

// parameter returns a parameter of a page of keys.
func (v *pageRequest) parameter(name string) string {
	return strings.TrimSpace(memo.Printable(v.r.URL.Query().Get(name), memo.MaxName))
}

// pathWith returns the query of this page with another value of one parameter, or without
// it if the value is empty. It drops the offset and the message of the last form.
func (v *pageRequest) pathWith(name, value string) string {
	q := url.Values{}
	for _, other := range keyParameters {
		if was := v.parameter(other); was != "" {
			q.Set(other, was)
		}
	}
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	return "?" + q.Encode()
}
