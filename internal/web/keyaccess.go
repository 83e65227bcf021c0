package web

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// keyPermissions are the inputs for what a new key may do. All are optional.
type keyPermissions struct {
	Open     bool // something was entered or refused
	Scopes   []check
	Projects []check
	Fields   form
}

// check is a checkbox or an option that may be chosen with others.
type check struct {
	Value, Label, Hint string
	On                 bool
}

// allowedIPs is the input for addresses.
func allowedIPs(hint string, value []string) formField {
	return formField{
		Name: "allowed_ips", Label: "Allowed addresses", Type: "text", Autocomplete: "off", Value: strings.Join(value, " "),
		Hint: hint + " Separate addresses or ranges with spaces, such as 192.0.2.7 and 2001:db8::/32.",
	}
}

// words are the values of a text input in which they are separated by spaces or commas.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' })
}

// keyPermissions returns the inputs, with what was entered.
func (v *pageRequest) keyPermissions() (p keyPermissions, err error) {
	p.Fields = v.form(
		formField{Name: "scopes", Label: "Permissions"}, formField{Name: "project_ids", Label: "Projects"},
		allowedIPs("Leave empty to allow all.", nil),
	)
	for _, f := range p.Fields {
		p.Open = p.Open || f.Problem != "" || f.Value != "" && f.Name != "scopes"
	}
	entered := v.entered.Has("name")
	for _, info := range memo.Scopes[1:] {
		on := !entered || slices.Contains(v.entered["scopes"], string(info.Scope))
		p.Scopes = append(p.Scopes, check{string(info.Scope), info.Title, info.Text, on})
		p.Open = p.Open || !on
	}
	projects, err := v.App.ProjectNames(v.ctx, v.Caller)
	for _, project := range projects {
		on := slices.Contains(v.entered["project_ids"], project.ID)
		p.Projects = append(p.Projects, check{Value: project.ID, Label: project.Name, On: on})
	}
	return p, err
}

// readKeyAccess reads the submitted inputs. Package app checks them.
func readKeyAccess(submitted url.Values) (a memo.KeyAccess) {
	for _, s := range submitted["scopes"] {
		a.Scopes = append(a.Scopes, memo.Scope(s))
	}
	if len(a.Scopes) == len(memo.Scopes)-1 {
		a.Scopes = nil // everything
	}
	for _, id := range submitted["project_ids"] {
		if id, ok := app.ParseID(id); ok {
			a.ProjectIDs = append(a.ProjectIDs, id)
		}
	}
	a.AllowedIPs = words(submitted.Get("allowed_ips"))
	return a
}

// accessFacts is what a key may do, for its page. The slices are empty if it has no limit.
type accessFacts struct{ Scopes, Projects []string }

func (v *pageRequest) accessFacts(a memo.KeyAccess) (f accessFacts, err error) {
	for _, info := range memo.Scopes {
		if slices.Contains(a.Scopes, info.Scope) {
			f.Scopes = append(f.Scopes, info.Title)
		}
	}
	if len(a.ProjectIDs) == 0 {
		return f, nil
	}
	projects, err := v.App.ProjectNames(v.ctx, v.Caller)
	for _, id := range a.ProjectIDs {
		name := id
		if i := slices.IndexFunc(projects, func(p memo.ProjectRef) bool { return p.ID == id }); i >= 0 {
			name = projects[i].Name
		}
		f.Projects = append(f.Projects, name)
	}
	return f, err
}

// fittingExpiries returns those options that the key policy of a workspace allows, and at least one
// number of days.
func fittingExpiries(options []option, p memo.KeyPolicy) (fit []option) {
	days := false
	for _, o := range options {
		n, err := strconv.Atoi(o.Value)
		switch {
		case err == nil && p.MaxLifetimeDays != nil && n > *p.MaxLifetimeDays:
		case o.Value == "never" && (p.ExpiryRequired || p.MaxLifetimeDays != nil):
		default:
			fit, days = append(fit, o), days || err == nil
		}
	}
	if !days && p.MaxLifetimeDays != nil {
		most := strconv.Itoa(*p.MaxLifetimeDays)
		fit = append([]option{{most, memo.Plural(*p.MaxLifetimeDays, "day")}}, fit...)
	}
	return fit
}

// preferred returns the value of the option that is selected at first: this one, or else the last one
// with a number of days.
func preferred(value string, options []option) string {
	if hasOption(options, value) {
		return value
	}
	for _, o := range slices.Backward(options) {
		if _, err := strconv.Atoi(o.Value); err == nil {
			return o.Value
		}
	}
	return options[0].Value
}

// refuseKey shows the form of a key again if its values are not valid, or break the key policy.
func (v *pageRequest) refuseKey(page func(*pageRequest) error, err error) error {
	if e, ok := errors.AsType[*memo.Error](err); ok && e.Kind == memo.KindInvalid && e.Code == memo.CodeKeyPolicy {
		err = memo.Invalid("date", "%s", e.Message)
	}
	return v.refuse(page, err, memo.KindInvalid)
}
