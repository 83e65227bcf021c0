package web

import (
	"html"
	"html/template"
	"strings"

	"memoai.tech/memo/internal/search"
)

// highlight returns a text as HTML, with the terms of a search in <mark>.
func highlight(terms []search.Term, s string) template.HTML {
	var b strings.Builder
	at := 0
	for _, m := range search.Highlights(terms, s) {
		b.WriteString(html.EscapeString(s[at:m.Start]) + "<mark>" + html.EscapeString(s[m.Start:m.End]) + "</mark>")
		at = m.End
	}
	b.WriteString(html.EscapeString(s[at:]))
	return template.HTML(b.String())
}

// truncateChars shortens a text to at most maxChars characters and an ellipsis.
func truncateChars(s string, maxChars int) string {
	n := 0
	for i := range s {
		if n == maxChars {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
