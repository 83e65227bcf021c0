package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// keyForm is what a member says of a key: its name, and how long it lives.
type keyForm struct {
	Fields formFields // the name, and the date that goes with one of the choices
	Expiry []option
	Today  string
}

// Name and Date are the fields.
func (f keyForm) Name() formField { return f.Fields[0] }
func (f keyForm) Date() formField { return f.Fields[1] }

// expiryOptions are the expiries that the form offers.
var expiryOptions = []option{
	{Value: "7", Label: "7 days"},
	{Value: "30", Label: "30 days"},
	{Value: "90", Label: "90 days"},
	{Value: "365", Label: "365 days"},
	{Value: "date", Label: "Custom date"},
	{Value: "never", Label: "Never"},
}

func (v *pageRequest) keyForm(name formField, life string, lives []option) keyForm {
	name.Name, name.Label, name.Type, name.Required, name.Max, name.Complete = "name", "Name", "text", true, memo.MaxName,
		"off"
	date := formField{
		Name: "date", Label: "The expiry", Type: "date",
		Hint: "With a custom date, the key expires at the end of that day in UTC.",
	}
	return keyForm{formFields{name, date}, selectOption(life, lives), formatDay(v.Now())}
}

// read takes what was typed. What is wrong with it stands in the form then, all
// at once, and ok is false. A nil expiry is never.
func (f *keyForm) read(v *pageRequest) (name string, expires *time.Time, ok bool) {
	f.Fields.fill(v)
	life := v.r.PostFormValue("life")
	f.Expiry = selectOption(life, f.Expiry)
	var problems []*memo.Error
	name, err := memo.CleanName("name", f.Name().Value)
	if e, bad := asFormError(err, memo.KindInvalid); bad {
		problems = append(problems, e)
	}
	expires, err = f.expiry(life, v.Now())
	if e, bad := asFormError(err, memo.KindInvalid); bad {
		problems = append(problems, e)
	}
	if len(problems) > 0 {
		f.Fields.showErrors(problems...)
		return "", nil, false
	}
	return name, expires, true
}

// expiry reads the choice. A date beside another choice is refused: nobody can
// know which of the two was meant.
func (f *keyForm) expiry(life string, now time.Time) (*time.Time, error) {
	date := f.Date().Value
	switch {
	case !hasOption(f.Expiry, life):
		return nil, memo.Invalid("date", "must be one of the options")
	case life != "date" && date != "":
		return nil, memo.Invalid("date", "You entered a date but selected another option.")
	case life == "date":
		if _, err := time.Parse(time.DateOnly, date); err != nil {
			return nil, memo.Invalid("date", "Choose a date.")
		}
		t, err := memo.ParseExpiry("date", date, now)
		return &t, err
	}
	days, err := strconv.Atoi(life)
	if err != nil {
		return nil, nil // never, or as it is
	}
	t := memo.TruncateToMillis(now.AddDate(0, 0, days))
	return &t, nil
}

// newKeyPage is the form of a new key.
type newKeyPage struct {
	layout
	keyForm
	ID     string // of the key to be: sent twice, the form makes one
	Denied string
}

func (v *pageRequest) newKeyPage() newKeyPage {
	p := newKeyPage{
		layout: v.sectionLayout("keys", "Create an API key"), ID: uuid.Must(uuid.NewV7()).String(),
		keyForm: v.keyForm(formField{
			Focus: true,
			Hint:  "For example, “Claude on my laptop”. Create one key for each integration, to revoke each one separately.",
		}, "90", expiryOptions),
	}
	if err := memo.MayUseAPI(v.Plan); err != nil {
		p.Denied = err.Error()
	}
	return p
}

func showNewKey(v *pageRequest) error { return v.render(http.StatusOK, "newkey", v.newKeyPage()) }

func doCreateKey(v *pageRequest) error {
	id, ok := app.ParseID(v.r.PostFormValue("id"))
	if !ok {
		return errNotFound
	}
	p := v.newKeyPage()
	name, expires, ok := p.read(v)
	if !ok {
		p.ID = id
		return v.render(http.StatusUnprocessableEntity, "newkey", p)
	}
	k, err := v.App.CreateKey(v.ctx, v.Caller, app.KeyRequest{Name: name, ExpiresAt: expires, ID: id})
	if err != nil {
		return err
	}
	return v.showCreatedKey(k, "")
}

// createdPage shows a key, the only time.
type createdPage struct {
	layout
	Key      memo.CreatedKey
	Clients  []clientSetup
	Replaces string // what becomes of the key that it replaces
}

func (v *pageRequest) showCreatedKey(k memo.CreatedKey, replaces string) error {
	return v.render(http.StatusCreated, "created", createdPage{
		layout: v.sectionLayout("keys", "Your new API key"), Key: k, Clients: clientSetups(v.PublicURL, k.Key),
		Replaces: replaces,
	})
}

// keyStatus tells the page of a new key whether it has been used.
func keyStatus(v *pageRequest) error {
	k, err := v.key()
	if err != nil {
		return err
	}
	return v.renderJSON(http.StatusOK, struct {
		Connected bool           `json:"connected"`
		From      memo.Optional  `json:"from"`
		Status    memo.KeyStatus `json:"status"`
	}{k.LastUsedAt != nil, k.LastUsedIP, k.Status})
}
