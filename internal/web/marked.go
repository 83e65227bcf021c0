package web

import "memoai.tech/memo/internal/search"

// marked is a text in parts, so that a template can put a <mark> around the
// words that were searched for and escape every part by itself.
type marked []part

type part struct {
	Text string
	Hit  bool
}

func mark(query []search.Term, s string) marked {
	var out marked
	at := 0
	for _, m := range search.Highlights(query, s) {
		if m.Start > at {
			out = append(out, part{s[at:m.Start], false})
		}
		out = append(out, part{s[m.Start:m.End], true})
		at = m.End
	}
	if at < len(s) {
		out = append(out, part{s[at:], false})
	}
	return out
}

// shorten cuts a text for a list, to so many characters.
func shorten(s string, most int) string {
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
