package search

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxSnippets is how many places of one text are shown.
const MaxSnippets = 3

// MaxText is how many bytes of a text's lines are looked at for snippets. It is
// three days of talk.
const MaxText = 4 << 20

// maxLine is how many bytes of one line are looked at for marks and for the
// place of a snippet. A line of a transcript has at most a quarter of it.
const maxLine = 256 << 10

// maxSnippet is the length of a snippet in characters.
const maxSnippet = 240

// BestLines returns the indices of up to [MaxSnippets] lines that contain a term of
// the query. Lines with more different terms come first; lines with equally many
// stay in their order. Match calls line(i) for i from 0 to n-1, and stops when
// the best lines contain all terms, when it has seen [MaxText] bytes, or with
// the error of ctx when that ends.
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

// CountTerms returns how many terms of the query occur in s. It folds s once and
// walks over its words once, or not at all where no term is in the text.
func CountTerms(query []Term, s string) (n int) {
	text := foldText(s)
	var open [maxQueryTerms]Term // whose place may lie within a word: "art" in "start"
	near := open[:0]
	for _, q := range query {
		if strings.Contains(text, q.Text) {
			near = append(near, q)
		}
	}
	if len(near) == 0 {
		return 0
	}
	for r := range runs(text) {
		near = slices.DeleteFunc(near, func(q Term) bool {
			found := q.matches(r.text, r.unspaced)
			if found {
				n++
			}
			return found
		})
		if len(near) == 0 {
			break
		}
	}
	return n
}

// matches reports whether the term is this run of a text.
func (q Term) matches(run string, unspaced bool) bool {
	switch {
	case unspaced:
		return strings.Contains(run, q.Text)
	case q.Prefix:
		return strings.HasPrefix(run, q.Text)
	}
	return run == q.Text
}

// Snippet shortens a line to a snippet around the first term of the query, on the
// borders of words where there are any. It looks for the terms in the first
// [maxLine] bytes, and folds them once.
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

// firstMatch returns the offset of the first of the terms that occurs in the line, or
// 0 when none does. A term occurs at the beginning of a word, and in a script
// without spaces at every character.
func firstMatch(query []Term, line string) (at int) {
	f := foldWithOffsets(line)
	i, inWord := 0, false
	for start, r := range line {
		if !inWord || isUnspaced(r) {
			i = f.next(i, start)
			found := slices.IndexFunc(query, func(q Term) bool { return strings.HasPrefix(f.text[i:], q.Text) })
			if found >= 0 {
				at, query = start, query[:found] // only a term before it can take its place
			}
			if len(query) == 0 {
				break
			}
		}
		inWord = isWord(r)
	}
	return at
}

// head returns the first [maxLine] bytes of a line, up to the end of a character.
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

// forward returns the offset n characters after an offset, or the end of s.
func forward(s string, at, n int) int {
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}

// back returns the offset n characters before an offset, or 0.
func back(s string, at, n int) int {
	for ; n > 0 && at > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(s[:at])
		at -= size
	}
	return at
}
