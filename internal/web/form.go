package web

import (
	"memoai.tech/memo"
)

// field is one input of a form, with what was typed into it and what is wrong
// with that.
type field struct {
	Name, Label, Type, Value string
	Complete                 string // autocomplete
	Hint, Problem            string
	Required, Focus          bool
	Max                      int
}

// fields are the inputs of a form, in their order.
type fields []field

// tell puts what is wrong beside the fields that it is about, and reports
// whether every problem found its place.
func (f fields) tell(problems ...*memo.Error) bool {
	told := 0
	for _, p := range problems {
		for i := range f {
			if f[i].Name == p.Field {
				f[i].Problem = p.Message
				told++
			}
		}
	}
	return told == len(problems)
}

// fill puts what was typed into the inputs, but for passwords.
func (f fields) fill(v *visit) {
	for i := range f {
		if f[i].Type != "password" {
			f[i].Value = v.r.PostFormValue(f[i].Name)
		}
	}
}

func emailField() field {
	return field{Name: "email", Label: "E-mail", Type: "email", Complete: "username", Required: true, Max: 254}
}

func nameField() field {
	return field{Name: "name", Label: "Your name", Type: "text", Complete: "name", Required: true, Max: memo.MaxName}
}

func newPasswordField(name, label string) field {
	return field{Name: name, Label: label, Type: "password", Complete: "new-password", Required: true, Hint: "At least 8 characters. A few words are good."}
}
