package web

import (
	"hash/fnv"
	"html"
	"html/template"
	"strconv"
	"strings"
	"unicode"
)

// The data of the components in templates/parts.html. Templates make them with the functions of
// [parsePages]: {{template "button" (button "Create key" "plus" .NewPath "main")}}.

// buttonPart is a button, or a link that looks like one if it has an Href.
type buttonPart struct {
	Text string
	Icon string // optional
	Href string
	Kind string // classes: "main", "danger", "quiet", "small"
}

func newButton(text, icon, href, kind string) buttonPart {
	return buttonPart{Text: text, Icon: icon, Href: href, Kind: kind}
}

// menu is a list of links that a button with popovertarget=ID opens.
type menu struct {
	ID, Label string
	Items     []menuItem
	Last      *lastStep // optional
}

type menuItem struct {
	Text, Note, Icon, Href string
	Current, Danger        bool
	Post                   bool   // a form with a button, not a link
	Name, Value            string // of that button; optional
}

func newMenu(id, label string, items ...menuItem) menu {
	return menu{ID: id, Label: label, Items: items}
}

// lastStep is the end of a menu: a button for what cannot be undone, with a text that says what it
// does. The button sends the form "laststep" of parts.html to Action.
type lastStep struct{ Text, Button, Action string }

func newMenuItem(text, icon, href string) menuItem {
	return menuItem{Text: text, Icon: icon, Href: href}
}

func dangerItem(i menuItem) menuItem {
	i.Danger = true
	return i
}

// pillPart is a state: a coloured dot and a text. Kind is "good", "warn", "bad" or "".
type pillPart struct{ Kind, Text string }

func newPill(kind, text string) pillPart { return pillPart{kind, text} }

// column is the heading of a column of a table. With an Href, it sorts the table.
type column struct {
	Text, Class, Href string
	Hidden            bool   // the text is for screen readers only
	Sort              string // "ascending" or "descending" if the table is sorted by this column
}

func newColumns(texts ...string) []column {
	columns := make([]column, len(texts))
	for i, text := range texts {
		columns[i].Text = text
	}
	return columns
}

// tile is a number with a label. With an Href, it filters the page.
type tile struct {
	Value, Label, Href string
	Kind               string // "", "warn" or "bad"
	Current            bool
}

// emptyPart is what a page shows in place of a list without items: what is missing, and the next
// step.
type emptyPart struct {
	Icon, Title, Text string
	Actions           []buttonPart
	Command           string // does the same in a terminal; optional
}

func newEmpty(icon, title, text string, actions ...buttonPart) emptyPart {
	return emptyPart{icon, title, text, actions, ""}
}

func withCommand(e emptyPart, command string) emptyPart {
	e.Command = command
	return e
}

// bdi isolates a name from the direction of the text around it.
func bdi(name string) template.HTML {
	return template.HTML("<bdi>" + html.EscapeString(name) + "</bdi>")
}

// formatNumber returns a number with commas: 1,234,567.
func formatNumber(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func formatCount(n int64) string { return formatNumber(int(n)) }

// initials returns the first letters of the first and the last word of a name. Of a name without
// capital letters, it is one letter.
func initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 {
		return "?"
	}
	first := []rune(words[0])[0]
	if last := []rune(words[len(words)-1])[0]; len(words) > 1 && unicode.IsUpper(unicode.ToUpper(first)) {
		return strings.ToUpper(string(first) + string(last))
	}
	return strings.ToUpper(string(first))
}

// avatarColours is the number of colours of avatars: the classes c0 to c5.
const avatarColours = 6

// avatarColour returns the colour of a name. It is the same on every page and server.
func avatarColour(name string) int {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int(h.Sum32() % avatarColours)
}
