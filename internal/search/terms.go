// Package search says what a word is, the same for both databases: text goes
// in, terms come out, and whoever indexes or looks up a text uses these terms.
// That keeps FTS5 and PostgreSQL from differing in their tokenizers, gives
// scripts without spaces (Chinese, Japanese, Thai) a search at all, and leaves
// no way for a query to be read as an operator of either database.
//
// A term is a run of letters, digits and marks, in lower case, without Latin,
// Greek and Cyrillic accents ("Über" is found by "uber", "ещё" by "еще"). A run
// in a script without spaces gives its pairs of characters.
package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The bounds of a query. What lies beyond is refused (length) or ignored
// (terms: the first ones decide).
const (
	MaxQuery      = 1000 // characters
	maxQueryTerms = 32
	maxTerm       = 64 // characters; a longer run is cut here, in texts and queries alike
	prefixFrom    = 3  // a query's word of so many characters also finds longer words
)

// Term is one word that must occur. With Prefix, a longer word that begins
// with it will do.
type Term struct {
	Text   string
	Prefix bool
}

// Terms returns the terms of a text in their order, for an index.
func Terms(text string) []string {
	var out []string
	eachRun(fold(text), func(run []rune, unspaced bool) {
		if !unspaced {
			out = append(out, string(run[:min(len(run), maxTerm)]))
			return
		}
		for i := range run {
			out = append(out, string(run[i:min(i+2, len(run))]))
		}
	})
	return out
}

// Query returns what a text must contain to be found by q, each term once. A q
// without any word gives none, and finds nothing.
func Query(q string) []Term {
	var out []Term
	seen := map[string]bool{}
	add := func(text string, prefix bool) {
		if !seen[text] && len(out) < maxQueryTerms {
			seen[text] = true
			out = append(out, Term{text, prefix})
		}
	}
	eachRun(fold(q), func(run []rune, unspaced bool) {
		switch {
		case !unspaced:
			run = run[:min(len(run), maxTerm)]
			add(string(run), len(run) >= prefixFrom)
		case len(run) == 1:
			add(string(run), true) // as the first of a pair, or alone at the end
		default:
			for i := range len(run) - 1 {
				add(string(run[i:i+2]), false)
			}
		}
	})
	return out
}

// eachRun calls f with every run of word characters that is of one kind.
func eachRun(s string, f func(run []rune, unspaced bool)) {
	var run []rune
	kind := false
	flush := func() {
		if len(run) > 0 {
			f(run, kind)
			run = run[:0]
		}
	}
	for _, r := range s {
		if !isWord(r) {
			flush()
			continue
		}
		if k := isUnspaced(r) || kind && len(run) > 0 && unicode.Is(unicode.M, r); k != kind {
			flush()
			kind = k
		}
		run = append(run, r)
	}
	flush()
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z'
	}
	return unicode.In(r, unicode.L, unicode.N, unicode.M)
}

func isUnspaced(r rune) bool {
	return r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r == 'ー'
}

// IsUnspaced reports whether a term is of a script without spaces.
func IsUnspaced(term string) bool {
	r, _ := utf8.DecodeRuneInString(term)
	return isUnspaced(r)
}

// fold brings a text to the form in which it is compared.
func fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(s) {
		if r < 0x300 || r > 0x36F { // the accents of Latin, Greek and Cyrillic
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return norm.NFC.String(b.String())
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
