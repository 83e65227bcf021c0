package web

import (
	"errors"
	"slices"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/search"
)

// formField is one input of a form, with its value and its error.
type formField struct {
	Name, Label, Type, Value string
	Autocomplete             string
	Hint, Problem            string
	Remedy                   link     // how to solve the problem; optional
	Options                  []option // of a select
	List                     []string // suggestions of a datalist
	Required, Focus          bool
	Max                      int
}

// ProblemText returns the problem as a sentence. It puts the label before a message that does
// not end with a full stop.
func (f formField) ProblemText() string {
	if strings.HasSuffix(f.Problem, ".") {
		return f.Problem
	}
	return f.Label + " " + f.Problem + "."
}

// option is an option of a select or a group of radio buttons.
type option struct{ Value, Label string }

// link is a link with its text.
type link struct{ Href, Text string }

// hasOption reports whether the list has an option with this value.
func hasOption(list []option, value string) bool {
	return slices.ContainsFunc(list, func(o option) bool { return o.Value == value })
}

// form is the inputs of a form, in order.
type form []formField

// form returns a form with the values that were entered, except for passwords, and with the
// reasons why it was refused. The first field with one gets the focus.
func (v *pageRequest) form(fields ...formField) form {
	refused := -1
	for i := range fields {
		f := &fields[i]
		if v.entered.Has(f.Name) && f.Type != "password" {
			f.Value = typed(v.entered.Get(f.Name))
		}
		for _, p := range v.problems {
			if p.Field == f.Name {
				f.Problem = p.Message
			}
		}
		if refused < 0 && f.Problem != "" {
			refused = i
		}
	}
	for i := range fields {
		fields[i].Focus = i == refused || refused < 0 && fields[i].Focus
	}
	return fields
}

// Get returns the field with this name.
func (f form) Get(name string) formField {
	return f[slices.IndexFunc(f, func(f formField) bool { return f.Name == name })]
}

// show renders the page of a form again, with what was entered and why it was refused.
func (v *pageRequest) show(page func(*pageRequest) error, status int, problems ...*memo.Error) error {
	v.status, v.entered, v.problems = status, v.r.PostForm, problems
	return page(v)
}

// refuse is [pageRequest.show] for an error of one of these kinds. It returns any other error.
func (v *pageRequest) refuse(page func(*pageRequest) error, err error, kinds ...memo.Kind) error {
	e, ok := errors.AsType[*memo.Error](err)
	if !ok || !slices.Contains(kinds, e.Kind) {
		return err
	}
	return v.show(page, httpx.StatusOf(e.Kind), e)
}

// refuseField adds a problem of a field, or of no field if name is empty.
func (v *pageRequest) refuseField(name, message string) {
	v.problems = append(v.problems, memo.Invalid(name, "%s", message))
}

// enteredID returns the id that was chosen from the options of a field, or "".
func (v *pageRequest) enteredID(name string) string {
	if v.entered.Get(name) == "" {
		return ""
	}
	id, ok := app.ParseID(v.entered.Get(name))
	if !ok {
		v.refuseField(name, "must be one of the options")
		return ""
	}
	v.entered.Set(name, id) // in lower case, as in the options
	return id
}

// enteredDate returns the date in a field, or the zero time.
func (v *pageRequest) enteredDate(name, example string) time.Time {
	t, err := time.Parse(time.DateOnly, v.entered.Get(name))
	if err != nil && v.entered.Get(name) != "" {
		v.refuseField(name, "must be a date such as "+example)
	}
	return t
}

// maxTyped is how many characters of a submitted value a page shows again. It is longer
// than any valid value.
const maxTyped = search.MaxQuery + 1

// typed makes a value from a form or URL printable, so that a page can show it again.
func typed(s string) string { return memo.Printable(s, maxTyped) }

func emailField() formField {
	return formField{Name: "email", Label: "E-mail", Type: "email", Autocomplete: "username", Required: true, Max: 254}
}

func nameField() formField {
	return formField{
		Name: "name", Label: "Your name", Type: "text", Autocomplete: "name", Required: true, Max: memo.MaxName,
	}
}

func newPasswordField(name, label string) formField {
	return formField{
		Name: name, Label: label, Type: "password", Autocomplete: "new-password", Required: true,
		Hint: "At least 8 characters. A few random words work well.",
	}
}
