package search

import (
	"slices"
	"strings"
)

// MaxSnippets is how many places of one text are shown (contract section 2).
const MaxSnippets = 3

// maxSnippet is the length of a snippet in characters.
const maxSnippet = 240

// Match returns the indices of up to [MaxSnippets] lines that contain a term of
// the query, those with the most different terms first come first; equal ones
// keep their order. line(i) is called for 0 ≤ i < n until enough are found that
// contain them all.
func Match(query []Term, n int, line func(i int) string) []int {
	type hit struct{ at, terms int }
	var best []hit
	for i := range n {
		found := Count(query, line(i))
		if found == 0 {
			continue
		}
		at := len(best)
		for at > 0 && best[at-1].terms < found {
			at--
		}
		if at >= MaxSnippets {
			continue
		}
		best = append(best[:at], append([]hit{{i, found}}, best[at:]...)...)
		best = best[:min(len(best), MaxSnippets)]
		if len(best) == MaxSnippets && best[MaxSnippets-1].terms == len(query) {
			break
		}
	}
	out := make([]int, len(best))
	for i, h := range best {
		out[i] = h.at
	}
	return out
}

// Count returns how many terms of the query occur in s. It walks over the words
// once, and not at all where no term is in the text.
func Count(query []Term, s string) (n int) {
	folded := fold(s)
	var open [maxQueryTerms]Term // whose place may lie within a word: "art" in "start"
	near := open[:0]
	for _, q := range query {
		if strings.Contains(folded, q.Text) {
			near = append(near, q)
		}
	}
	if len(near) == 0 {
		return 0
	}
	eachRun(folded, func(run []rune, unspaced bool) {
		word := string(run)
		near = slices.DeleteFunc(near, func(q Term) bool {
			found := q.is(word, unspaced)
			if found {
				n++
			}
			return found
		})
	})
	return n
}

// is reports whether the term is this run of a text.
func (q Term) is(run string, unspaced bool) bool {
	switch {
	case unspaced:
		return strings.Contains(run, q.Text)
	case q.Prefix:
		return strings.HasPrefix(run, q.Text)
	}
	return run == q.Text
}

// Cut shortens a line to a snippet around the first term of the query, on the
// borders of words where there are any.
func Cut(query []Term, line string) string {
	runes := []rune(line)
	if len(runes) <= maxSnippet {
		return line
	}
	start := max(0, place(query, runes)-maxSnippet/3)
	start = min(start, len(runes)-maxSnippet)
	out := string(runes[start : start+maxSnippet])
	if start > 0 {
		if i := strings.IndexByte(out, ' '); i >= 0 && i < 40 {
			out = out[i+1:]
		}
		out = "…" + out
	}
	if start+maxSnippet < len(runes) {
		if i := strings.LastIndexByte(out, ' '); i > len(out)-60 {
			out = out[:i]
		}
		out += "…"
	}
	return out
}

// place returns where the first of the terms stands that stands there at all, as
// an index of a character; 0 if none does.
func place(query []Term, line []rune) int {
	for _, q := range query {
		n := len([]rune(q.Text))
		for i := range line {
			if (i == 0 || !isWord(line[i-1]) || isUnspaced(line[i])) && strings.HasPrefix(fold(string(line[i:min(i+2*n+2, len(line))])), q.Text) {
				return i
			}
		}
	}
	return 0
}
