package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold returns a text in the form in which texts are compared: in lower case, without
// compatibility forms, and without the accents of Latin, Greek and Cyrillic.
func Fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(s) {
		if !isAccent(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return norm.NFC.String(b.String())
}

// isAccent reports whether r is a combining accent of Latin, Greek or Cyrillic.
func isAccent(r rune) bool { return 0x300 <= r && r <= 0x36F }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// folded is a folded text with the offsets of its bytes in the original text.
type folded struct {
	text string
	// from has, for each byte of text and for its end, the offset of the original
	// character. It is nil if every offset is the same in both texts.
	from []int
}

// foldWithOffsets folds a text as Fold does, in linear time. If folding changes the number
// of characters in a group ("½", "ﬁ", or a letter with a separate accent), every byte of the
// result gets the offset of the first character of the group.
func foldWithOffsets(s string) folded {
	if isASCII(s) {
		return folded{text: strings.ToLower(s)}
	}
	stripped := folded{from: make([]int, 0, len(s)+1)}
	var text strings.Builder
	text.Grow(len(s))
	var group norm.Iter
	for group.InitString(norm.NFKD, s); !group.Done(); {
		at := group.Pos()
		decomposed := group.Next()
		added := text.Len()
		for len(decomposed) > 0 {
			r, size := utf8.DecodeRune(decomposed)
			if decomposed = decomposed[size:]; !isAccent(r) {
				text.WriteRune(unicode.ToLower(r))
			}
		}
		stripped.from = appendOffsets(stripped.from, text.String()[added:], s[at:group.Pos()], folded{}, at)
	}
	stripped.text, stripped.from = text.String(), append(stripped.from, len(s))
	return stripped.composed()
}

// composed composes letters with the marks that folding does not remove.
func (f folded) composed() folded {
	from := make([]int, 0, len(f.from))
	var text strings.Builder
	text.Grow(len(f.text))
	var group norm.Iter
	for group.InitString(norm.NFC, f.text); !group.Done(); {
		at, added := group.Pos(), text.Len()
		text.Write(group.Next())
		from = appendOffsets(from, text.String()[added:], f.text[at:group.Pos()], f, at)
	}
	return folded{text.String(), append(from, f.from[len(f.text)])}
}

// appendOffsets appends the original offset of each byte of added, which was made from group,
// the characters at offset at of f.
func appendOffsets(from []int, added, group string, f folded, at int) []int {
	if utf8.RuneCountInString(added) != utf8.RuneCountInString(group) {
		for range len(added) {
			from = append(from, f.origin(at))
		}
		return from
	}
	for i := range group {
		_, size := utf8.DecodeRuneInString(added)
		for range size {
			from = append(from, f.origin(at+i))
		}
		added = added[size:]
	}
	return from
}

// origin returns the offset of the original character for byte i of the text.
func (f folded) origin(i int) int {
	if f.from == nil {
		return i
	}
	return f.from[i]
}

// next returns the index of the first byte of the text, from i on, whose original offset is at
// least at.
func (f folded) next(i, at int) int {
	if f.from == nil {
		return max(i, at)
	}
	for i < len(f.text) && f.from[i] < at {
		i++
	}
	return i
}

// span returns the range of the original text that bytes i to j of the folded text come from.
func (f folded) span(i, j int) ByteRange {
	if f.from == nil {
		return ByteRange{i, j}
	}
	for j < len(f.text) && f.from[j] == f.from[j-1] {
		j++
	}
	return ByteRange{f.from[i], f.from[j]}
}
