package web

import "memoai.tech/memo/internal/search"

// highlighted is a text in parts, so that a template can escape every part and put the
// terms of a search in <mark>.
type highlighted []highlightPart

type highlightPart struct {
	Text string
	Hit  bool
}

func highlight(query []search.Term, s string) highlighted {
	var out highlighted
	at := 0
	for _, m := range search.Highlights(query, s) {
		if m.Start > at {
			out = append(out, highlightPart{s[at:m.Start], false})
		}
		out = append(out, highlightPart{s[m.Start:m.End], true})
		at = m.End
	}
	if at < len(s) {
		out = append(out, highlightPart{s[at:], false})
	}
	return out
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
