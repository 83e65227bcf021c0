package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

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
	Newer, Older string            // the pages beside this one
	Denied       string            // why there is no API access
}

// keysPerPage keeps a page well below 100 kB.
const keysPerPage = 40

// keyRow is a key in the list.
type keyRow struct {
	memo.KeyView
	Mine  bool
	State state
	Used  string
	Chart spark
}

// keyInList is a row with the page around it, for the template of rows.
type keyInList struct {
	Page keysPage
	Row  keyRow
}

// state is what a key's coloured dot means, in words.
type state struct{ Class, Words string }

// soon is when an expiry is worth a warning.
const soon = 14 * 24 * time.Hour

func stateOf(k memo.KeyView, now time.Time) state {
	switch {
	case k.Status == memo.KeyRevoked:
		return state{"bad", "revoked"}
	case k.Status == memo.KeyExpired:
		return state{"", "expired " + ago(*k.ExpiresAt, now)}
	case k.Status == memo.KeyDeactivated:
		return state{"bad", "deactivated: " + k.DeactivatedBy}
	case k.ExposedAt != nil:
		return state{"bad", "exposed in a URL " + ago(*k.ExposedAt, now)}
	case k.ExpiresAt != nil && k.ExpiresAt.Sub(now) < soon:
		return state{"warn", "expires " + ago(*k.ExpiresAt, now)}
	case k.LastUsedAt == nil:
		return state{"warn", "never used"}
	}
	return state{"good", "active"}
}

// rows are keys with what they asked for in the last so many hours.
func (v *visit) rows(keys []memo.KeyView, hours int) ([]keyRow, error) {
	use, err := v.App.UseOf(v.ctx, keys, hours)
	if err != nil {
		return nil, err
	}
	now := v.Now()
	rows := make([]keyRow, len(keys))
	for i, k := range keys {
		rows[i] = keyRow{KeyView: k, Mine: k.CreatedBy.ID == v.UserID, State: stateOf(k, now), Chart: sparkline(use[i], hours)}
		if k.LastUsedAt != nil {
			rows[i].Used = "used " + ago(*k.LastUsedAt, now)
			if k.LastUsedIP != "" {
				rows[i].Used += " from " + string(k.LastUsedIP)
			}
		}
	}
	return rows, nil
}

func showKeys(v *visit) error {
	q := v.r.URL.Query()
	p := keysPage{frame: v.in("keys", "API & MCP"), Of: q.Get("member"), Days: q.Get("span") == "14d", Ended: q.Get("show") == "ended"}
	hours := app.Day
	if p.Days {
		hours = app.Fortnight
	}
	keys, err := v.App.ListKeys(v.ctx, v.Caller, "")
	if err != nil {
		return err
	}
	var chosen []memo.KeyView
	for _, k := range keys {
		if !slices.Contains(p.Members, k.CreatedBy) {
			p.Members = append(p.Members, k.CreatedBy)
		}
		if p.Of != "" && p.Of != k.CreatedBy.ID {
			continue
		}
		works := k.Status == memo.KeyActive
		if works {
			p.Living++
		} else {
			p.Dead++
		}
		if works != p.Ended {
			chosen = append(chosen, k)
		}
	}
	slices.SortFunc(p.Members, func(a, b memo.KeyCreator) int { return cmp.Compare(a.Name, b.Name) })
	from, err := strconv.Atoi(cmp.Or(q.Get("from"), "0"))
	if err != nil || from < 0 || from > len(chosen) {
		from = 0
	}
	if p.Keys, err = v.rows(chosen[from:min(from+keysPerPage, len(chosen))], hours); err != nil {
		return err
	}
	if from > 0 {
		p.Newer = v.with("from", strconv.Itoa(max(0, from-keysPerPage)))
	}
	if from+keysPerPage < len(chosen) {
		p.Older = v.with("from", strconv.Itoa(from+keysPerPage))
	}
	if err := memo.MayUseAPI(v.Plan); err != nil {
		p.Denied = err.Error()
	}
	return v.render(http.StatusOK, "keys", p)
}

// with is this page's address with another value of one parameter.
func (v *visit) with(name, value string) string {
	q := v.r.URL.Query()
	q.Set(name, value)
	return "?" + q.Encode()
}

// lives are the expiries that the form offers.
var lives = []struct{ Value, Label string }{
	{"7", "7 days"}, {"30", "30 days"}, {"90", "90 days"}, {"365", "365 days"}, {"date", "A date"}, {"never", "Never"},
}

// expiryChoice is one of [lives] in a form.
type expiryChoice struct {
	Value, Label string
	Chosen       bool
}

// newKeyPage is the form of a new key.
type newKeyPage struct {
	frame
	Fields  fields
	ID      string // of the key to be: sent twice, the form makes one
	Life    []expiryChoice
	Date    string
	Today   string
	Problem string // with the expiry
	Denied  string
}

func (v *visit) newKeyPage(life, date string) newKeyPage {
	p := newKeyPage{
		frame: v.in("keys", "Create an API key"), Date: date, Today: day(v.Now()), ID: uuid.Must(uuid.NewV7()).String(),
		Fields: fields{{
			Name: "name", Label: "Name", Type: "text", Required: true, Max: memo.MaxName, Focus: true, Complete: "off",
			Hint: "What it is for, such as “Claude on my laptop”. One key for each, so that each can be revoked by itself.",
		}},
	}
	for _, l := range lives {
		p.Life = append(p.Life, expiryChoice{l.Value, l.Label, l.Value == life})
	}
	if err := memo.MayUseAPI(v.Plan); err != nil {
		p.Denied = err.Error()
	}
	return p
}

func showNewKey(v *visit) error {
	return v.render(http.StatusOK, "newkey", v.newKeyPage("90", ""))
}

// expiry reads the form's choice; nil is never.
func (v *visit) expiry(life, date string) (*time.Time, error) {
	switch life {
	case "never":
		return nil, nil
	case "date":
		t, err := memo.ParseExpiry("expires", date, v.Now())
		return &t, err
	}
	days, err := strconv.Atoi(life)
	if err != nil || days < 1 || days > 365 {
		return nil, memo.Invalid("expires", "must be one of the choices")
	}
	t := memo.Millis(v.Now().AddDate(0, 0, days))
	return &t, nil
}

func doCreateKey(v *visit) error {
	name, life, date := v.r.PostFormValue("name"), v.r.PostFormValue("life"), v.r.PostFormValue("date")
	id, ok := app.ParseID(v.r.PostFormValue("id"))
	if !ok {
		return errNotFound
	}
	expires, err := v.expiry(life, date)
	if err == nil {
		var k memo.NewKeyView
		if k, err = v.App.CreateKey(v.ctx, v.Caller, app.NewKey{Name: name, ExpiresAt: expires, ID: id}); err == nil {
			return v.showOnce(k, "")
		}
	}
	e, ok := errors.AsType[*memo.Error](err)
	if !ok || e.Kind != memo.KindInvalid {
		return err
	}
	p := v.newKeyPage(life, date)
	p.ID = id
	p.Fields.fill(v)
	if e.Field == "expires" {
		p.Problem = e.Message
	}
	p.Fields.tell(e)
	return v.render(http.StatusUnprocessableEntity, "newkey", p)
}

// createdPage shows a key, the only time.
type createdPage struct {
	frame
	Key      memo.NewKeyView
	Clients  []client
	Replaces string // what becomes of the key that it replaces
}

func (v *visit) showOnce(k memo.NewKeyView, replaces string) error {
	return v.render(http.StatusCreated, "created", createdPage{
		frame: v.in("keys", "Your new API key"), Key: k, Clients: clients(v.PublicURL, k.Key), Replaces: replaces,
	})
}

// keyStatus tells the page of a new key whether it has been used.
func keyStatus(v *visit) error {
	k, err := v.key()
	if err != nil {
		return err
	}
	b, err := json.Marshal(struct {
		Connected bool           `json:"connected"`
		From      memo.Optional  `json:"from"`
		Status    memo.KeyStatus `json:"status"`
	}{k.LastUsedAt != nil, k.LastUsedIP, k.Status})
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	_, _ = v.w.Write(b) // the browser may be gone
	return nil
}

// key reads the key in the path.
func (v *visit) key() (memo.KeyView, error) {
	id, ok := app.ParseID(v.r.PathValue("id"))
	if !ok {
		return memo.KeyView{}, errNotFound
	}
	return v.App.GetKey(v.ctx, v.Caller, id)
}

// keyPage is one key, with what can be done to it.
type keyPage struct {
	frame
	Key      keyRow
	NewID    string // of the key that a rotation makes
	Fields   fields
	Life     []expiryChoice
	Date     string
	Today    string
	Problem  string
	Replaced *memo.KeyView // the key that this one replaces, if it is still alive
	Now      time.Time
}

func (v *visit) keyPage() (keyPage, error) {
	k, err := v.key()
	if err != nil {
		return keyPage{}, err
	}
	rows, err := v.rows([]memo.KeyView{k}, app.Fortnight)
	if err != nil {
		return keyPage{}, err
	}
	p := keyPage{frame: v.in("keys", k.Name), Key: rows[0], NewID: uuid.Must(uuid.NewV7()).String(), Today: day(v.Now()), Now: v.Now()}
	if k.RotatedFrom != "" {
		old, err := v.App.GetKey(v.ctx, v.Caller, string(k.RotatedFrom))
		if err != nil {
			return keyPage{}, err
		}
		if old.Status == memo.KeyActive {
			p.Replaced = &old
		}
	}
	p.Fields = fields{{Name: "name", Label: "Name", Type: "text", Required: true, Max: memo.MaxName, Value: k.Name, Complete: "off"}}
	p.Life = []expiryChoice{{"keep", "As it is", true}}
	for _, l := range lives {
		p.Life = append(p.Life, expiryChoice{l.Value, l.Label, false})
	}
	return p, nil
}

func showKey(v *visit) error {
	p, err := v.keyPage()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "key", p)
}

func (v *visit) keysPath() string { return "/w/" + v.WorkspaceID + "/keys" }

func doChangeKey(v *visit) error {
	k, err := v.key()
	if err != nil {
		return err
	}
	name, life := v.r.PostFormValue("name"), v.r.PostFormValue("life")
	change := app.KeyChange{Name: &name}
	if life != "keep" {
		var expires *time.Time
		if expires, err = v.expiry(life, v.r.PostFormValue("date")); err == nil {
			change.ExpiresAt = &expires
		}
	}
	if err == nil {
		if _, err = v.App.ChangeKey(v.ctx, v.Caller, k.ID, change); err == nil {
			return v.redirect(v.keysPath() + "?done=saved")
		}
	}
	e, ok := errors.AsType[*memo.Error](err)
	if !ok || e.Kind != memo.KindInvalid {
		return err
	}
	p, err := v.keyPage()
	if err != nil {
		return err
	}
	p.Fields.fill(v)
	if !p.Fields.tell(e) {
		p.Problem = e.Message
	}
	p.Date = v.r.PostFormValue("date")
	for i := range p.Life {
		p.Life[i].Chosen = p.Life[i].Value == life
	}
	return v.render(http.StatusUnprocessableEntity, "key", p)
}

// overlaps are how long the old key of a rotation goes on.
var overlaps = map[string]struct {
	time  time.Duration
	words string
}{
	"0":   {0, "The old key is revoked."},
	"24h": {24 * time.Hour, "The old key works for another 24 hours."},
	"7d":  {7 * 24 * time.Hour, "The old key works for another 7 days."},
}

func doRotateKey(v *visit) error {
	k, err := v.key()
	if err != nil {
		return err
	}
	id, ok := app.ParseID(v.r.PostFormValue("id"))
	if !ok {
		return errNotFound
	}
	var overlap *time.Duration
	words := "The old key goes on until you revoke it."
	if o, ok := overlaps[v.r.PostFormValue("overlap")]; ok {
		overlap, words = &o.time, o.words
	}
	next, err := v.App.RotateKey(v.ctx, v.Caller, k.ID, id, overlap)
	if err != nil {
		return err
	}
	return v.showOnce(next, words)
}

func doRevokeKey(v *visit) error {
	k, err := v.key()
	if err != nil {
		return err
	}
	if err := v.App.RevokeKey(v.ctx, v.Caller, k.ID); err != nil {
		return err
	}
	return v.redirect(v.keysPath() + "?done=revoked")
}
