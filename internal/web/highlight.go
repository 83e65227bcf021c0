package web

import "memoai.tech/memo/internal/search"

// highlighted is a text in parts, so that a template can put a <mark> around the
// words that were searched for and escape every part by itself.
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

// truncateChars cuts a text for a list, to so many characters.
func truncateChars(s string, most int) string {
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
