package search

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxSnippets is the maximum number of snippets that are shown for one text.
const MaxSnippets = 3

// MaxText is how many bytes of a text are read to find snippets: about three days of speech.
const MaxText = 4 << 20

// maxLine is how many bytes of a line are read to find highlights and the place of a
// snippet: four times the length of the longest line that a transcript can have.
const maxLine = 256 << 10

// maxSnippet is the length of a snippet in characters.
const maxSnippet = 240

// BestLines returns the indices of up to [MaxSnippets] lines that contain terms of the
// query. Lines with more different terms come first; lines with the same number remain
// in order. BestLines calls line(i) for i from 0 to n-1. It stops when [MaxSnippets] lines
// contain all terms, when it has read [MaxText] bytes, or with an error when ctx ends.
func BestLines(ctx context.Context, query []Term, n int, line func(i int) string) ([]int, error) {
	type hit struct{ at, terms int }
	var best []hit
	for i, seen := 0, 0; i < n && seen < MaxText; i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := line(i)
		seen += len(s) + 1
		found := CountTerms(query, s)
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
		best = slices.Insert(best, at, hit{i, found})
		best = best[:min(len(best), MaxSnippets)]
		if len(best) == MaxSnippets && best[MaxSnippets-1].terms == len(query) {
			break
		}
	}
	out := make([]int, len(best))
	for i, h := range best {
		out[i] = h.at
	}
	return out, nil
}

// CountTerms returns how many terms of the query occur in s. It folds s once. It reads
// the words of s at most once, and not at all if s contains none of the terms as a
// substring.
func CountTerms(query []Term, s string) (n int) {
	text := Fold(s)
	var buf [maxQueryTerms]Term
	candidates := buf[:0] // substrings of s, perhaps only within a word: "art" in "start"
	for _, q := range query {
		if strings.Contains(text, q.Text) {
			candidates = append(candidates, q)
		}
	}
	if len(candidates) == 0 {
		return 0
	}
	for r := range runs(text) {
		candidates = slices.DeleteFunc(candidates, func(q Term) bool {
			found := q.matches(r.text, r.unspaced)
			if found {
				n++
			}
			return found
		})
		if len(candidates) == 0 {
			break
		}
	}
	return n
}

// matches reports whether the term occurs in a run: anywhere in a run of a script without
// spaces; otherwise as the whole run or, with Prefix, at its start.
func (q Term) matches(run string, unspaced bool) bool {
	switch {
	case unspaced:
		return strings.Contains(run, q.Text)
	case q.Prefix:
		return strings.HasPrefix(run, q.Text)
	}
	return run == q.Text
}

// Snippet returns the part of a line around the first term of the query, cut between
// words where possible. It looks for terms in the first maxLine bytes only, and folds
// them once.
func Snippet(query []Term, line string) string {
	if forward(line, 0, maxSnippet) == len(line) {
		return line
	}
	start := back(line, firstMatch(query, head(line)), maxSnippet/3)
	end := forward(line, start, maxSnippet)
	if end == len(line) {
		start = back(line, end, maxSnippet)
	}
	out := line[start:end]
	if start > 0 {
		if i := strings.IndexByte(out, ' '); i >= 0 && i < 40 {
			out = out[i+1:]
		}
		out = "…" + out
	}
	if end < len(line) {
		if i := strings.LastIndexByte(out, ' '); i > len(out)-60 {
			out = out[:i]
		}
		out += "…"
	}
	return out
}

// firstMatch returns the offset of the first term of the query that occurs in the line,
// or 0 if none occurs. Terms are in the order of the query, not of the line. A term can
// occur at the start of a word and, in scripts without spaces, at every character.
func firstMatch(query []Term, line string) (at int) {
	f := foldWithOffsets(line)
	i, inWord := 0, false
	for start, r := range line {
		if !inWord || isUnspaced(r) {
			i = f.next(i, start)
			found := slices.IndexFunc(query, func(q Term) bool { return strings.HasPrefix(f.text[i:], q.Text) })
			if found >= 0 {
				at, query = start, query[:found] // only an earlier term of the query can replace it
			}
			if len(query) == 0 {
				break
			}
		}
		inWord = isWord(r)
	}
	return at
}

// head returns the first maxLine bytes of a line, or a few less so as not to split a character.
func head(line string) string {
	if len(line) <= maxLine {
		return line
	}
	end := maxLine
	for end > maxLine-utf8.UTFMax && !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end]
}

// forward returns the offset that is n characters after at, or the end of s.
func forward(s string, at, n int) int {
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}

// back returns the offset that is n characters before at, or 0.
func back(s string, at, n int) int {
	for ; n > 0 && at > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(s[:at])
		at -= size
	}
	return at
}
