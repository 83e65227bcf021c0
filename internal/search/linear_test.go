// The tests are internal because they compare unexported functions with simple ones.
package search

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The functions named simple follow the same rules, but are simple and slow: they fold the rest
// of the line at every character.

func simpleSnippet(query []Term, line string) string {
	runes := []rune(line)
	if len(runes) <= maxSnippet {
		return line
	}
	start := max(0, simpleIndex(query, runes)-maxSnippet/3)
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

func simpleIndex(query []Term, line []rune) int {
	for _, q := range query {
		for i := range line {
			if (i == 0 || !isWord(line[i-1]) || isUnspaced(line[i])) && strings.HasPrefix(Fold(string(line[i:])), q.Text) {
				return i
			}
		}
	}
	return 0
}

func simpleHighlights(query []Term, s string) (ranges []ByteRange) {
	for r := range runs(s) {
		switch {
		case CountTerms(query, r.text) == 0:
		case r.unspaced:
			for _, m := range simpleHighlightsWithin(query, r.text) {
				m.Start, m.End = m.Start+r.at, m.End+r.at
				if n := len(ranges); n > 0 && ranges[n-1].End >= m.Start {
					ranges[n-1].End = max(ranges[n-1].End, m.End)
					continue
				}
				ranges = append(ranges, m)
			}
		default:
			ranges = append(ranges, ByteRange{r.at, r.at + len(r.text)})
		}
	}
	return ranges
}

func simpleHighlightsWithin(query []Term, word string) (ranges []ByteRange) {
	folded := []rune(Fold(word))
	i := 0
	for start := range word {
		end := start
		for _, q := range query {
			if strings.HasPrefix(string(folded[i:]), q.Text) {
				end = max(end, forward(word, start, utf8.RuneCountInString(q.Text)))
			}
		}
		if end > start {
			ranges = append(ranges, ByteRange{start, end})
		}
		i++
	}
	return ranges
}

// alphabets have scripts with and without spaces, accents in both forms, and characters
// that folding replaces. Where folding changes the number of characters, the simple
// functions cannot compute highlights or snippets, and the flags turn the comparison off.
var alphabets = []struct {
	letters             string
	highlights, snippet bool
}{
	{"ab AB,.", true, true},
	{"abç Éñ ёй.", true, true},
	{"会議室でスー予 ab,", true, true},
	{"ไทยก่ลา ab ", true, true},
	{"مرحبا \u064b\u0651 हिन्दी", true, true},
	{"a\u0301e\u0308 \u0301ё é", false, true},
	{"½ﬁ™①㍿ x 会ｶ Ａ", false, true},
	{"가각\u1100\u1161\u11a8 ab", false, true},
	{"か\u3099ｶﾞ \u0f73\u0344x", false, false},
	{"\ufffd\u200d👍🏽 a会", true, true},
}

func randomText(rnd *rand.Rand, letters string, n int) string {
	runes, text := []rune(letters), make([]rune, n)
	for i := range text {
		text[i] = runes[rnd.IntN(len(runes))]
	}
	return string(text)
}

// TestFastFunctionsMatchSimpleOnes compares highlights and snippets with those of the
// simple functions on random texts.
func TestFastFunctionsMatchSimpleOnes(t *testing.T) {
	for n, alphabet := range alphabets {
		t.Run(alphabet.letters, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, uint64(n)))
			for range 50 {
				text, q := randomText(rnd, alphabet.letters, rnd.IntN(60)), randomText(rnd, alphabet.letters, rnd.IntN(8))
				query := ParseQuery(q)
				if f := foldWithOffsets(text); f.text != Fold(text) {
					t.Fatalf("%q folds to %q, with offsets to %q", text, Fold(text), f.text)
				}
				if alphabet.highlights && len(query) > 0 {
					if got, want := Highlights(query, text), simpleHighlights(query, text); !slices.Equal(got, want) {
						t.Fatalf("%q in %q: highlights %v, want %v", q, text, got, want)
					}
				}
				long := randomText(rnd, alphabet.letters, maxSnippet) + strings.Repeat(" -", rnd.IntN(60)) + text
				if got, want := Snippet(query, long), simpleSnippet(query, long); alphabet.snippet && got != want {
					t.Fatalf("%q in %q:\ngot  %q\nwant %q", q, long, got, want)
				}
			}
		})
	}
}

// hostile returns lines of 64 kB, the maximum for a line of a transcript, and 32 terms
// that almost occur in each word.
func hostile() (query []Term, lines map[string]string) {
	var words []string
	for i := range maxQueryTerms {
		words = append(words, fmt.Sprintf("%02d", i)+strings.Repeat("a", 27))
	}
	pairs := "会議会室会予会算会決会定会来会年会本会日会中会国会人会大会小会上会下"
	return append(ParseQuery(strings.Join(words, " "))[:16], ParseQuery(pairs)[:16]...), map[string]string{
		"accents":  strings.Repeat("é ", 20<<10) + words[15],
		"prefixes": strings.Repeat("00"+strings.Repeat("a", 26)+" ", 2200) + "é",
		"unspaced": strings.Repeat("会", 21<<10),
		"ascii":    strings.Repeat("a ", 32<<10),
	}
}

// TestLineIsFoldedOnce counts allocations, because folding a part of a text makes at
// least one: folding word by word would make thousands.
func TestLineIsFoldedOnce(t *testing.T) {
	query, lines := hostile()
	for name, line := range lines {
		for desc, f := range map[string]func(){
			"CountTerms": func() { CountTerms(query, line) },
			"Snippet":    func() { Snippet(query, line) },
			"Highlights": func() { Highlights(query, line) },
		} {
			t.Run(desc+" of "+name, func(t *testing.T) {
				if n := testing.AllocsPerRun(1, f); n > 100 {
					t.Errorf("%v allocations, want at most 100", n)
				}
			})
		}
	}
}

// TestOnlyTheStartOfALineIsSearched: the text after the first maxLine bytes has no
// highlights and no snippet.
func TestOnlyTheStartOfALineIsSearched(t *testing.T) {
	line := strings.Repeat("会é ", maxLine) + "price"
	if ranges := Highlights(ParseQuery("price"), line); len(ranges) > 0 {
		t.Errorf("highlights %v after %d bytes", ranges, maxLine)
	}
	got := Snippet(ParseQuery("price"), line)
	if strings.Contains(got, "price") || utf8.RuneCountInString(got) > maxSnippet+2 || !utf8.ValidString(got) {
		t.Errorf("the snippet is %q", got)
	}
	if h := head(line); !utf8.ValidString(h) || len(h) < maxLine-utf8.UTFMax {
		t.Errorf("head returns %d bytes", len(h))
	}
}

func BenchmarkSnippet(b *testing.B)    { benchmark(b, func(q []Term, s string) { Snippet(q, s) }) }
func BenchmarkHighlights(b *testing.B) { benchmark(b, func(q []Term, s string) { Highlights(q, s) }) }

func BenchmarkCountLine(b *testing.B) {
	benchmark(b, func(q []Term, s string) { CountTerms(q, s) })
}

func benchmark(b *testing.B, f func([]Term, string)) {
	query, lines := hostile()
	for name, line := range lines {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				f(query, line)
			}
		})
	}
}
