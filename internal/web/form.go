package web

import (
	"errors"
	"slices"
	"strings"

	"memoai.tech/memo"
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
type option struct {
	Value, Label string
	Chosen       bool
}

// link is a link with its text.
type link struct{ Href, Text string }

// selectOption returns a copy of the list with the option of this value chosen.
func selectOption(value string, list []option) []option {
	list = slices.Clone(list)
	for i := range list {
		list[i].Chosen = list[i].Value == value
	}
	return list
}

// hasOption reports whether the list has an option with this value.
func hasOption(list []option, value string) bool {
	return slices.ContainsFunc(list, func(c option) bool { return c.Value == value })
}

// formFields are the inputs of a form, in order.
type formFields []formField

// showErrors sets the problems of the fields and focuses the first field with one. It
// reports whether every problem belongs to a field.
func (f formFields) showErrors(problems ...*memo.Error) bool {
	shown := 0
	for _, p := range problems {
		for i := range f {
			if f[i].Name == p.Field {
				f[i].Problem = p.Message
				shown++
			}
		}
	}
	first := slices.IndexFunc(f, func(f formField) bool { return f.Problem != "" })
	for i := range f {
		f[i].Focus = i == first
	}
	return shown == len(problems)
}

// fill sets the fields to the submitted values, except for passwords.
func (f formFields) fill(v *pageRequest) {
	for i := range f {
		if f[i].Type != "password" {
			f[i].Value = typed(v.r.PostFormValue(f[i].Name))
		}
	}
}

// maxTyped is how many characters of a submitted value a page shows again. It is longer
// than any valid value.
const maxTyped = search.MaxQuery + 1

// typed makes a value from a form or URL printable, so that a page can show it again.
func typed(s string) string { return memo.Printable(s, maxTyped) }

// asFormError returns err as a [memo.Error] and reports whether it has one of these kinds.
func asFormError(err error, kinds ...memo.Kind) (*memo.Error, bool) {
	e, ok := errors.AsType[*memo.Error](err)
	return e, ok && slices.Contains(kinds, e.Kind)
}

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
