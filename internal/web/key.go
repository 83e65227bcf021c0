package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// key reads the key in the path.
func (v *pageRequest) key() (memo.KeyView, error) {
	id, ok := app.ParseID(v.r.PathValue("id"))
	if !ok {
		return memo.KeyView{}, errNotFound
	}
	return v.App.GetKey(v.ctx, v.Caller, id)
}

// keyPage shows one key with the forms that change it.
type keyPage struct {
	formPage
	Key      keyRow
	NewID    string // id of the replacement, so that sending the form twice creates one key
	Overlaps []overlapOption
	Replaced *memo.KeyView // the key that this one replaces, if it is still active
	Chart    usageChart
	Revoke   menu // of an active key
	EndVerb  string
	Access   accessFacts
}

// refusalRow is how many calls were refused for a reason.
type refusalRow struct {
	Reason, Remedy string
	Calls          int64
}

// refusalTexts are the reasons of refusals in the order of the table, and what helps.
var refusalTexts = []struct {
	why            memo.Refusal
	reason, remedy string
}{
	{memo.RefusedByLimit, "Too many requests", "The key was over its rate limit. Wait for the time in Retry-After."},
	{memo.RefusedByPlan, "No API access", "The plan of the workspace did not include the API."},
	{memo.RefusedEnded, "Key no longer active", "Something still sends this key. Give it a new one."},
	{memo.RefusedInURL, "Key in the URL", "Send the key in the Authorization header."},
	{memo.RefusedForbidden, "Not allowed for keys", "Only people who are signed in can manage keys."},
	{memo.RefusedByScope, "Permission missing", "Create a key with this permission."},
	{memo.RefusedByAddress, "Address not allowed", "Call from an allowed address, or create a key for this one."},
	{memo.RefusedByPolicy, "Against the key policy", "Create a new key, with an expiry that the key policy allows."},
}

// Refusals returns the reasons of the refusals in the chart.
func (p keyPage) Refusals() (rows []refusalRow) {
	unknown := p.Chart.Sum.Refused
	for _, t := range refusalTexts {
		if n := p.Chart.Sum.Reasons[t.why]; n > 0 {
			rows = append(rows, refusalRow{t.reason, t.remedy, n})
			unknown -= n
		}
	}
	if unknown > 0 {
		rows = append(rows, refusalRow{"Other", "A previous version of Memo refused them and did not store why.", unknown})
	}
	return rows
}

func (v *pageRequest) keyPage() (keyPage, error) {
	k, err := v.key()
	if err != nil {
		return keyPage{}, err
	}
	rows := []keyRow{{KeyView: k}}
	if err := v.addReplacements(rows); err != nil {
		return keyPage{}, err
	}
	p := keyPage{
		formPage: formPage{v.newLayout("keys", k.Name), v.keyForm(formField{Value: k.Name}, "keep", expiryChanges)},
		Key:      rows[0], NewID: uuid.Must(uuid.NewV7()).String(), Overlaps: overlapOptions,
	}
	if p.Access, err = v.accessFacts(k.KeyAccess); err != nil {
		return keyPage{}, err
	}
	p.EndVerb = endVerb(k.Kind)
	if k.Status == memo.KeyActive {
		p.Revoke = newMenu("revoke", p.EndVerb)
		p.Revoke.Last = v.revokeStep(k)
	}
	if k.RotatedFrom == "" {
		return p, nil
	}
	old, err := v.App.GetKey(v.ctx, v.Caller, string(k.RotatedFrom))
	if err == nil && old.Status == memo.KeyActive {
		p.Replaced = &old
	}
	return p, err
}

func showKey(v *pageRequest) error {
	p, err := v.keyPage()
	if err != nil {
		return err
	}
	usage, err := v.App.UsageOf(v.ctx, v.Caller, []memo.KeyView{p.Key.KeyView}, v.spanOf())
	if err != nil {
		return err
	}
	p.Chart = v.usageChart(usage[0])
	return v.render("key", p)
}

func doChangeKey(v *pageRequest) error {
	k, err := v.key()
	if err != nil {
		return err
	}
	name, expires, problems := v.readKeyForm(expiryChanges)
	if len(problems) > 0 {
		return v.show(showKey, http.StatusUnprocessableEntity, problems...)
	}
	change := app.KeyChange{Name: &name}
	if v.r.PostFormValue("expiry") != "keep" {
		change.ExpiresAt = &expires
	}
	if _, err := v.App.ChangeKey(v.ctx, v.Caller, k.ID, change); err != nil {
		return v.refuseKey(showKey, err)
	}
	return v.redirect(v.keysPath() + "?done=saved")
}

// overlapOption is how long the old key of a rotation stays active.
type overlapOption struct {
	Value, Label string
	done         string         // message after the rotation
	duration     *time.Duration // nil: until it is revoked
}

// overlapOptions are the options of the form. The first is the default.
var overlapOptions = []overlapOption{
	{"24h", "Keep active for 24 hours", "The old key stays active for 24 hours.", new(24 * time.Hour)},
	{"7d", "Keep active for 7 days", "The old key stays active for 7 days.", new(7 * 24 * time.Hour)},
	{"until", "Keep active until I revoke it", "The old key stays active until you revoke it.", nil},
	{"0", "Revoke now", "The old key is revoked.", new(time.Duration(0))},
}

func doRotateKey(v *pageRequest) error {
	k, err := v.key()
	if err != nil {
		return err
	}
	id, ok := app.ParseID(v.r.PostFormValue("id"))
	if !ok {
		return errNotFound
	}
	i := slices.IndexFunc(overlapOptions, func(o overlapOption) bool { return o.Value == v.r.PostFormValue("overlap") })
	if i < 0 {
		return memo.Invalid("overlap", "Choose how long the old key stays active.")
	}
	next, err := v.App.RotateKey(v.ctx, v.Caller, k.ID, id, overlapOptions[i].duration)
	if err != nil {
		return v.refuseSecondForm(err, id)
	}
	return v.showCreatedKey(next, overlapOptions[i].done)
}

func doRevokeKey(v *pageRequest) error {
	k, err := v.key()
	if err != nil {
		return err
	}
	if err := v.App.RevokeKey(v.ctx, v.Caller, k.ID); err != nil {
		return err
	}
	return v.redirect(v.keysPath() + "?done=revoked")
}

// revokeKeysPage asks for confirmation before several keys are revoked.
type revokeKeysPage struct {
	layout
	Keys []memo.KeyView
}

// maxRevoked is how many keys one form revokes.
const maxRevoked = 100

// selectedKeys returns the active keys that a form selects and the caller sees.
func (v *pageRequest) selectedKeys(values []string) ([]memo.KeyView, error) {
	ids := []string{}
	for _, value := range values {
		if id, ok := app.ParseID(value); ok {
			ids = append(ids, id)
		}
	}
	if len(ids) > maxRevoked {
		return nil, memo.Invalid("", "Select at most %d keys.", maxRevoked)
	}
	return v.App.KeysByOffset(v.ctx, v.Caller, app.KeyOffsetQuery{
		IDs: ids, Sort: memo.KeysByAttention, Limit: maxRevoked,
	})
}

func showRevokeKeys(v *pageRequest) error {
	keys, err := v.selectedKeys(v.r.URL.Query()["id"])
	if err != nil {
		return err
	}
	title := "Revoke " + memo.Plural(len(keys), "key") + "?"
	if len(keys) == 0 {
		title = "Revoke keys"
	}
	return v.render("revokekeys", revokeKeysPage{v.newLayout("keys", title), keys})
}

// doRevokeKeys revokes one key after the other: if it fails, those before stay revoked, and the form
// can be sent again.
func doRevokeKeys(v *pageRequest) error {
	keys, err := v.selectedKeys(v.r.PostForm["id"])
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := v.App.RevokeKey(v.ctx, v.Caller, k.ID); err != nil {
			return err
		}
	}
	switch len(keys) {
	case 0: // all were revoked before, or no key was selected
		return v.redirect(v.keysPath())
	case 1:
		return v.redirect(v.keysPath() + "?done=revoked")
	}
	return v.redirect(v.keysPath() + "?done=revokedmany")
}
