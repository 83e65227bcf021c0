package search

import "strings"

// ByteRange is a part of a text, from byte Start up to but not including byte End.
type ByteRange struct{ Start, End int }

// Highlights returns where the terms of the query occur in s, in order and without
// overlaps. A match is a whole word or, in scripts without spaces, the matching
// characters. Highlights reads only the first maxLine bytes, and folds them once.
func Highlights(query []Term, s string) (marks []ByteRange) {
	if len(query) == 0 {
		return nil
	}
	s = head(s)
	f := foldWithOffsets(s)
	end := 0
	for r := range runs(s) {
		start := f.next(end, r.at)
		end = f.next(start, r.at+len(r.text))
		word := f.text[start:end]
		switch {
		case !hasAny(query, word):
		case !r.unspaced:
			marks = append(marks, ByteRange{r.at, r.at + len(r.text)})
		default:
			marks = f.appendMarks(marks, query, start, end)
		}
	}
	return marks
}

// appendMarks appends where the terms occur in a run of a script without spaces. The run is
// the part from start to end of the folded text. Adjacent and overlapping ranges become one.
func (f folded) appendMarks(marks []ByteRange, query []Term, start, end int) []ByteRange {
	for i := range f.text[start:end] {
		rest, longest := f.text[start+i:end], 0
		for _, q := range query {
			if len(q.Text) > longest && strings.HasPrefix(rest, q.Text) {
				longest = len(q.Text)
			}
		}
		if longest == 0 {
			continue
		}
		m := f.span(start+i, start+i+longest)
		if n := len(marks); n > 0 && marks[n-1].End >= m.Start {
			marks[n-1].End = max(marks[n-1].End, m.End)
			continue
		}
		marks = append(marks, m)
	}
	return marks
}

// hasAny reports whether a folded text contains a term of the query.
func hasAny(query []Term, folded string) bool {
	for r := range runs(folded) {
		for _, q := range query {
			if q.matches(r.text, r.unspaced) {
				return true
			}
		}
	}
	return false
}
