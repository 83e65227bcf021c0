package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// expiryOptions are the options for the expiry of a new key, and expiryChanges those of a key
// that exists.
var (
	expiryOptions = []option{
		{"7", "7 days"},
		{"30", "30 days"},
		{"90", "90 days"},
		{"365", "365 days"},
		{"date", "Custom date"},
		{"never", "Never"},
	}
	expiryChanges = append([]option{{"keep", "Keep current"}}, expiryOptions...)
)

// keyForm returns the form with the name and expiry of a key.
func (v *pageRequest) keyForm(name formField, expiry string, options []option) form {
	name.Name, name.Label, name.Type, name.Autocomplete = "name", "Name", "text", "off"
	name.Required, name.Max = true, memo.MaxName
	return v.form(name, formField{Name: "expiry", Value: expiry, Options: options}, formField{
		Name: "date", Label: "The expiry", Type: "date",
		Hint: "With a custom date, the key expires at the end of that day in UTC.",
	})
}

// readKeyForm reads the submitted form and returns all problems. A nil expiry means never.
func (v *pageRequest) readKeyForm(options []option) (name string, expires *time.Time, problems []*memo.Error) {
	name, nameErr := memo.CleanName("name", typed(v.r.PostFormValue("name")))
	expires, expiryErr := v.expiry(options)
	for _, err := range []error{nameErr, expiryErr} {
		if e, ok := errors.AsType[*memo.Error](err); ok {
			problems = append(problems, e)
		}
	}
	return name, expires, problems
}

// expiry returns the chosen expiry. It refuses a date together with another option, because
// it is not clear which one was meant.
func (v *pageRequest) expiry(options []option) (*time.Time, error) {
	choice, date := v.r.PostFormValue("expiry"), typed(v.r.PostFormValue("date"))
	switch {
	case !hasOption(options, choice):
		return nil, memo.Invalid("date", "must be one of the options")
	case choice != "date" && date != "":
		return nil, memo.Invalid("date", "You entered a date but selected another option.")
	case choice == "date":
		if _, err := time.Parse(time.DateOnly, date); err != nil {
			return nil, memo.Invalid("date", "Choose a date.")
		}
		t, err := memo.ParseExpiry("date", date, v.Now())
		return &t, err
	}
	days, err := strconv.Atoi(choice)
	if err != nil {
		return nil, nil // never, or keep the current expiry
	}
	return new(memo.TruncateToMillis(v.Now().AddDate(0, 0, days))), nil
}

// newKeyPage is the form that creates a key.
type newKeyPage struct {
	formPage
	ID string // id of the new key, so that sending the form twice creates one key
}

func showNewKey(v *pageRequest) error {
	id, ok := app.ParseID(v.entered.Get("id"))
	if !ok {
		id = uuid.Must(uuid.NewV7()).String()
	}
	name := formField{
		Focus: true,
		Hint:  "For example, “Claude on my laptop”. Create one key for each integration, to revoke each one separately.",
	}
	return v.render("newkey", newKeyPage{formPage{
		v.newLayout("keys", "Create an API key"), v.keyForm(name, "90", expiryOptions),
	}, id})
}

func doCreateKey(v *pageRequest) error {
	id, ok := app.ParseID(v.r.PostFormValue("id"))
	if !ok {
		return errNotFound
	}
	name, expires, problems := v.readKeyForm(expiryOptions)
	if len(problems) > 0 {
		return v.show(showNewKey, http.StatusUnprocessableEntity, problems...)
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
	v.status = http.StatusCreated
	return v.render("created", createdPage{
		v.newLayout("keys", "Your new API key"), k, clientSetups(v.PublicURL, k.Key), replaces,
	})
}

// keyStatus reports to the page of a new key whether the key has been used.
func keyStatus(v *pageRequest) error {
	k, err := v.key()
	if err != nil {
		return err
	}
	return v.renderJSON(struct {
		Connected bool           `json:"connected"`
		From      memo.Optional  `json:"from"`
		Status    memo.KeyStatus `json:"status"`
	}{k.LastUsedAt != nil, k.LastUsedIP, k.Status})
}
