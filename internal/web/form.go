package web

import (
	"errors"
	"slices"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// formField is one input of a form, with what was typed into it and what is wrong
// with that.
type formField struct {
	Name, Label, Type, Value string
	Complete                 string // autocomplete
	Hint, Problem            string
	Way                      link     // out of the problem, if there is one
	Options                  []option // of a select
	List                     []string // what the browser offers to what is typed
	Required, Focus          bool
	Max                      int
}

// Wrong is the problem as a sentence. A message that ends with a full stop is one
// already; every other is about the label.
func (f formField) Wrong() string {
	if strings.HasSuffix(f.Problem, ".") {
		return f.Problem
	}
	return f.Label + " " + f.Problem + "."
}

// option is an option of a select, or one of several radio buttons.
type option struct {
	Value, Label string
	Chosen       bool
}

// link leads somewhere.
type link struct{ Href, Text string }

// selectOption returns the list with the choice of this value chosen.
func selectOption(value string, list []option) []option {
	list = slices.Clone(list)
	for i := range list {
		list[i].Chosen = list[i].Value == value
	}
	return list
}

// hasOption reports whether a value is one of the list.
func hasOption(list []option, value string) bool {
	return slices.ContainsFunc(list, func(c option) bool { return c.Value == value })
}

// formFields are the inputs of a form, in their order.
type formFields []formField

// showErrors puts what is wrong beside the fields that it is about, and the focus into
// the first of them. It reports whether every problem found its place.
func (f formFields) showErrors(problems ...*memo.Error) bool {
	told := 0
	for _, p := range problems {
		for i := range f {
			if f[i].Name == p.Field {
				f[i].Problem = p.Message
				told++
			}
		}
	}
	first := slices.IndexFunc(f, func(f formField) bool { return f.Problem != "" })
	for i := range f {
		f[i].Focus = i == first
	}
	return told == len(problems)
}

// fill puts what was typed into the inputs, but for passwords.
func (f formFields) fill(v *pageRequest) {
	for i := range f {
		if f[i].Type != "password" {
			f[i].Value = typed(v.r.PostFormValue(f[i].Name))
		}
	}
}

// maxTyped is how many characters of a value that was typed a page repeats: more
// than any value may have.
const maxTyped = search.MaxQuery + 1

// typed is a value from a form or an address, as a page may repeat it.
func typed(s string) string { return memo.Printable(s, maxTyped) }

// asFormError is an error that a form can show: one of these kinds.
func asFormError(err error, kinds ...memo.Kind) (*memo.Error, bool) {
	e, ok := errors.AsType[*memo.Error](err)
	return e, ok && slices.Contains(kinds, e.Kind)
}

func emailField() formField {
	return formField{Name: "email", Label: "E-mail", Type: "email", Complete: "username", Required: true, Max: 254}
}

func nameField() formField {
	return formField{Name: "name", Label: "Your name", Type: "text", Complete: "name", Required: true, Max: memo.MaxName}
}

func newPasswordField(name, label string) formField {
	return formField{
		Name: name, Label: label, Type: "password", Complete: "new-password", Required: true,
		Hint: "At least 8 characters. A few random words work well.",
	}
}
