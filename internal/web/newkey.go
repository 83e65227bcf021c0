package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// keyForm is the name and expiry of a key, as a form.
type keyForm struct {
	Fields formFields // the name and the custom date
	Expiry []option
	Today  string
}

// Name and Date return the fields.
func (f keyForm) Name() formField { return f.Fields[0] }
func (f keyForm) Date() formField { return f.Fields[1] }

// expiryOptions are the options for the expiry.
var expiryOptions = []option{
	{Value: "7", Label: "7 days"},
	{Value: "30", Label: "30 days"},
	{Value: "90", Label: "90 days"},
	{Value: "365", Label: "365 days"},
	{Value: "date", Label: "Custom date"},
	{Value: "never", Label: "Never"},
}

func (v *pageRequest) keyForm(name formField, expiry string, options []option) keyForm {
	name.Name, name.Label, name.Type, name.Autocomplete = "name", "Name", "text", "off"
	name.Required, name.Max = true, memo.MaxName
	date := formField{
		Name: "date", Label: "The expiry", Type: "date",
		Hint: "With a custom date, the key expires at the end of that day in UTC.",
	}
	return keyForm{formFields{name, date}, selectOption(expiry, options), formatDay(v.Now())}
}

// read reads the submitted form. If a field is invalid, it sets all problems in the form and
// ok is false. A nil expiry means never.
func (f *keyForm) read(v *pageRequest) (name string, expires *time.Time, ok bool) {
	f.Fields.fill(v)
	choice := v.r.PostFormValue("expiry")
	f.Expiry = selectOption(choice, f.Expiry)
	var problems []*memo.Error
	name, err := memo.CleanName("name", f.Name().Value)
	if e, bad := asFormError(err, memo.KindInvalid); bad {
		problems = append(problems, e)
	}
	expires, err = f.expiry(choice, v.Now())
	if e, bad := asFormError(err, memo.KindInvalid); bad {
		problems = append(problems, e)
	}
	if len(problems) > 0 {
		f.Fields.showErrors(problems...)
		return "", nil, false
	}
	return name, expires, true
}

// expiry returns the chosen expiry. It refuses a date together with another option, because
// it is not clear which one was meant.
func (f *keyForm) expiry(choice string, now time.Time) (*time.Time, error) {
	date := f.Date().Value
	switch {
	case !hasOption(f.Expiry, choice):
		return nil, memo.Invalid("date", "must be one of the options")
	case choice != "date" && date != "":
		return nil, memo.Invalid("date", "You entered a date but selected another option.")
	case choice == "date":
		if _, err := time.Parse(time.DateOnly, date); err != nil {
			return nil, memo.Invalid("date", "Choose a date.")
		}
		t, err := memo.ParseExpiry("date", date, now)
		return &t, err
	}
	days, err := strconv.Atoi(choice)
	if err != nil {
		return nil, nil // never, or keep the current expiry
	}
	t := memo.TruncateToMillis(now.AddDate(0, 0, days))
	return &t, nil
}

// newKeyPage is the form that creates a key.
type newKeyPage struct {
	layout
	keyForm
	ID     string // id of the new key, so that sending the form twice creates one key
	Denied string // why the plan has no API access
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

// createdPage shows a new key. It is shown only once.
type createdPage struct {
	layout
	Key      memo.CreatedKey
	Clients  []clientSetup
	Replaces string // what happens to the key that it replaces
}

func (v *pageRequest) showCreatedKey(k memo.CreatedKey, replaces string) error {
	return v.render(http.StatusCreated, "created", createdPage{
		layout: v.sectionLayout("keys", "Your new API key"), Key: k, Clients: clientSetups(v.PublicURL, k.Key),
		Replaces: replaces,
	})
}

// keyStatus reports to the page of a new key whether the key has been used.
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
