package search

import (
	"strings"
	"unicode/utf8"
)

// Span is a part of a text in bytes, from Start up to End.
type Span struct{ Start, End int }

// Marks returns where the terms of the query stand in s, in their order and
// without an overlap: whole words, and in a script without spaces the pairs of
// characters.
func Marks(query []Term, s string) (marks []Span) {
	if len(query) == 0 {
		return nil
	}
	at := 0
	eachRun(s, func(run []rune, unspaced bool) {
		word := string(run)
		// Between two runs there is no character of a word, so the first place is the right one.
		start := at + strings.Index(s[at:], word)
		at = start + len(word)
		if !unspaced {
			if Count(query, word) > 0 {
				marks = append(marks, Span{start, at})
			}
			return
		}
		for _, m := range marksWithin(query, word) {
			m.Start, m.End = m.Start+start, m.End+start
			if n := len(marks); n > 0 && marks[n-1].End >= m.Start {
				marks[n-1].End = max(marks[n-1].End, m.End)
				continue
			}
			marks = append(marks, m)
		}
	})
	return marks
}

// marksWithin marks a run of a script without spaces. Where folding changes the
// number of characters, the places are lost and the whole run is marked.
func marksWithin(query []Term, word string) (marks []Span) {
	if Count(query, word) == 0 {
		return nil
	}
	folded := []rune(fold(word))
	if len(folded) != utf8.RuneCountInString(word) {
		return []Span{{0, len(word)}}
	}
	i := 0
	for start := range word {
		rest := string(folded[i:])
		end := start
		for _, q := range query {
			if strings.HasPrefix(rest, q.Text) {
				end = max(end, start+width(word[start:], utf8.RuneCountInString(q.Text)))
			}
		}
		if end > start {
			marks = append(marks, Span{start, end})
		}
		i++
	}
	return marks
}

// width is the length of the first n characters of s.
func width(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}
