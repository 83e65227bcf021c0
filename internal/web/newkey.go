package web

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
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
		{"never", "Never"},
		{"date", "Custom date"},
	}
	expiryChanges = append([]option{{"keep", "Keep current"}}, expiryOptions...)
)

// expiryNote is what an option means: "until 30 December 2026".
func expiryNote(value string, now time.Time) string {
	switch days, err := strconv.Atoi(value); {
	case err == nil:
		return "until " + lastDay(now.AddDate(0, 0, days))
	case value == "never":
		return "until you revoke it"
	}
	return ""
}

// lastDay is the last day in UTC, at least in part, before a key expires: Dec 30, 2026.
func lastDay(t time.Time) string { return t.Add(-time.Millisecond).UTC().Format("Jan 2, 2006") }

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
	return v.expiryAfter(choice), nil
}

// expiryAfter returns the expiry of an option that is a number of days, and nil for any other one:
// never, or keep the current expiry.
func (v *pageRequest) expiryAfter(choice string) *time.Time {
	days, err := strconv.Atoi(choice)
	if err != nil {
		return nil
	}
	return new(memo.TruncateToMillis(v.Now().AddDate(0, 0, days)))
}

// newKeyPage is the form that creates a key.
type newKeyPage struct {
	formPage
	Tabs        []navLink
	ID          string // id of the new key, so that sending the form twice creates one key
	Permissions keyPermissions
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
	options, err := v.newExpiries()
	if err != nil {
		return err
	}
	permissions, err := v.keyPermissions()
	if err != nil {
		return err
	}
	return v.render("newkey", newKeyPage{formPage{
		v.newLayout("keys", "Create an API key"), v.keyForm(name, preferred("90", options), options),
	}, v.keyTabs("/new"), id, permissions})
}

// newExpiries returns the options for the expiry of a new key.
func (v *pageRequest) newExpiries() ([]option, error) {
	policy, err := v.App.KeyPolicy(v.ctx, v.Caller)
	return fittingExpiries(expiryOptions, policy), err
}

func doCreateKey(v *pageRequest) error {
	id, ok := app.ParseID(v.r.PostFormValue("id"))
	if !ok {
		return errNotFound
	}
	options, err := v.newExpiries()
	if err != nil {
		return err
	}
	name, expires, problems := v.readKeyForm(options)
	// A page of the previous version, which may still be open, has no inputs for permissions.
	if v.r.PostForm.Has("allowed_ips") && len(v.r.PostForm["scopes"]) == 0 {
		problems = append(problems, memo.Invalid("scopes", "Select REST, MCP or both."))
	}
	if len(problems) > 0 {
		return v.show(showNewKey, http.StatusUnprocessableEntity, problems...)
	}
	k, err := v.App.CreateKey(v.ctx, v.Caller, app.KeyRequest{
		Name: name, ExpiresAt: expires, ID: id, Access: readKeyAccess(v.r.PostForm),
	})
	if memo.KindOf(err) == memo.KindInvalid {
		return v.refuseKey(showNewKey, err)
	}
	if err != nil {
		return v.refuseSecondForm(err, id)
	}
	return v.showCreatedKey(k, "")
}

// shownPage is the response to the form of a key that was sent a second time, usually by a reload.
type shownPage struct {
	layout
	ID string // of the key
}

// refuseSecondForm shows where the key is if a form was sent twice. It returns any other error.
func (v *pageRequest) refuseSecondForm(err error, id string) error {
	if !app.IsKeyExists(err) {
		return err
	}
	v.status = http.StatusConflict
	return v.render("shown", shownPage{v.newLayout("keys", "This key was already shown"), id})
}

// createdPage shows a new key. It is shown only once.
type createdPage struct {
	layout
	firstCall
	Key      memo.CreatedKey
	Clients  []clientSetup
	Replaces string // what happens to the key that it replaces
}

func (v *pageRequest) showCreatedKey(k memo.CreatedKey, replaces string) error {
	v.status = http.StatusCreated
	return v.render("created", createdPage{
		v.newLayout("keys", "Your new API key"), v.firstCall(k.KeyView), k, clientSetups(v.PublicURL, k.Key), replaces,
	})
}

// firstCall is what is known of the first call with a key.
type firstCall struct {
	KeyPath string // of the key
	State   string // "waiting", "used", or the status of a key that was never used
	Client  string // "curl 8.5 from 10.0.0.7"
	Did     string // "listed 20 transcriptions"
}

// firstCallWait is how long after the first call its page waits to learn what the call did.
const firstCallWait = 2 * time.Second

func (v *pageRequest) firstCall(k memo.KeyView) firstCall {
	f := firstCall{KeyPath: v.keysPath() + "/" + k.ID, State: "waiting"}
	switch {
	case k.LastUsedAt != nil && (k.FirstCall != "" || v.Now().Sub(*k.LastUsedAt) > firstCallWait):
		f.State, f.Client = "used", clientName(string(k.LastUsedAgent))
		if k.LastUsedIP != "" {
			f.Client += " from " + string(k.LastUsedIP)
		}
		f.Did = cmp.Or(k.FirstCall, "used this key")
	case k.Status != memo.KeyActive:
		f.State = string(k.Status)
	}
	return f
}

// keyStatusPage is the page about the first call with a key. The script of the page of a new key
// asks only for its part that changes.
type keyStatusPage struct {
	layout
	firstCall
	Name string // of the key
}

func showKeyStatus(v *pageRequest) error {
	k, err := v.key()
	if err != nil {
		return err
	}
	p := keyStatusPage{firstCall: v.firstCall(k), Name: k.Name}
	if v.r.URL.Query().Has("part") {
		return v.renderPart("keystatus", "firstcall", p)
	}
	p.layout = v.newLayout("keys", "First request")
	return v.render("keystatus", p)
}

// clientName is the program of a user agent, with a short version: "curl 8.5".
func clientName(agent string) string {
	product, _, _ := strings.Cut(agent, " ")
	name, version, _ := strings.Cut(product, "/")
	switch known, ok := clientNames[strings.ToLower(name)]; {
	case name == "":
		return "A client"
	case strings.EqualFold(name, "Mozilla"):
		return deviceName(agent)
	case ok:
		name = known
	}
	if parts := strings.SplitN(version, ".", 3); version != "" {
		name += " " + strings.Join(parts[:min(2, len(parts))], ".")
	}
	return name
}

// clientNames are the names of programs, by the lower-case name in their user agent.
var clientNames = map[string]string{
	"claude-code": "Claude Code", "claude-ai": "Claude", "cursor": "Cursor", "node": "Node.js",
	"python-urllib": "Python", "python-requests": "Python Requests", "go-http-client": "Go", "memo": "memo mcp",
}
