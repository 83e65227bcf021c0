package search

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The functions named simple are the same rules without regard to their cost:
// they fold the rest of the line at every character.

func simpleCut(query []Term, line string) string {
	runes := []rune(line)
	if len(runes) <= maxSnippet {
		return line
	}
	start := max(0, simplePlace(query, runes)-maxSnippet/3)
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

func simplePlace(query []Term, line []rune) int {
	for _, q := range query {
		for i := range line {
			if (i == 0 || !isWord(line[i-1]) || isUnspaced(line[i])) && strings.HasPrefix(foldText(string(line[i:])), q.Text) {
				return i
			}
		}
	}
	return 0
}

func simpleMarks(query []Term, s string) (marks []ByteRange) {
	for r := range runs(s) {
		switch {
		case CountTerms(query, r.text) == 0:
		case r.unspaced:
			for _, m := range simpleMarksWithin(query, r.text) {
				m.Start, m.End = m.Start+r.at, m.End+r.at
				if n := len(marks); n > 0 && marks[n-1].End >= m.Start {
					marks[n-1].End = max(marks[n-1].End, m.End)
					continue
				}
				marks = append(marks, m)
			}
		default:
			marks = append(marks, ByteRange{r.at, r.at + len(r.text)})
		}
	}
	return marks
}

func simpleMarksWithin(query []Term, word string) (marks []ByteRange) {
	folded := []rune(foldText(word))
	i := 0
	for start := range word {
		end := start
		for _, q := range query {
			if strings.HasPrefix(string(folded[i:]), q.Text) {
				end = max(end, forward(word, start, utf8.RuneCountInString(q.Text)))
			}
		}
		if end > start {
			marks = append(marks, ByteRange{start, end})
		}
		i++
	}
	return marks
}

// alphabets have scripts of both kinds, accents in both forms, and characters
// that folding replaces. Where these change the number of characters, the simple
// functions have no marks; and no snippet begins within what they compose.
var alphabets = []struct {
	letters    string
	marks, cut bool
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

// TestLinearIsLikeSimple compares marks and snippets with the simple functions
// on random texts.
func TestLinearIsLikeSimple(t *testing.T) {
	for n, alphabet := range alphabets {
		t.Run(alphabet.letters, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, uint64(n)))
			for range 50 {
				text, q := randomText(rnd, alphabet.letters, rnd.IntN(60)), randomText(rnd, alphabet.letters, rnd.IntN(8))
				query := ParseQuery(q)
				if f := foldWithOffsets(text); f.text != foldText(text) {
					t.Fatalf("%q folds to %q, with offsets to %q", text, foldText(text), f.text)
				}
				if alphabet.marks && len(query) > 0 {
					if got, want := Highlights(query, text), simpleMarks(query, text); !slices.Equal(got, want) {
						t.Fatalf("%q in %q: marks %v, want %v", q, text, got, want)
					}
				}
				long := randomText(rnd, alphabet.letters, maxSnippet) + strings.Repeat(" -", rnd.IntN(60)) + text
				if got, want := Snippet(query, long), simpleCut(query, long); alphabet.cut && got != want {
					t.Fatalf("%q in %q:\ngot  %q\nwant %q", q, long, got, want)
				}
			}
		})
	}
}

// hostile are lines of 64 kB, the most that a line of a transcript has, and 32
// terms that nearly occur in each of their words.
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

// TestALineIsFoldedOnce counts allocations, because every folding of a part of a
// text makes at least one: a folding for each word would be thousands of them.
func TestALineIsFoldedOnce(t *testing.T) {
	query, lines := hostile()
	for name, line := range lines {
		for what, f := range map[string]func(){
			"Count": func() { CountTerms(query, line) },
			"Cut":   func() { Snippet(query, line) },
			"Marks": func() { Highlights(query, line) },
		} {
			if n := testing.AllocsPerRun(1, f); n > 100 {
				t.Errorf("%s of %s allocates %v times", what, name, n)
			}
		}
	}
}

// TestALineIsBounded: what comes after the part that is looked at changes
// nothing but that the snippet is cut.
func TestALineIsBounded(t *testing.T) {
	line := strings.Repeat("会é ", maxLine) + "price"
	if marks := Highlights(ParseQuery("price"), line); len(marks) > 0 {
		t.Errorf("marks %v after %d bytes", marks, maxLine)
	}
	got := Snippet(ParseQuery("price"), line)
	if strings.Contains(got, "price") || utf8.RuneCountInString(got) > maxSnippet+2 || !utf8.ValidString(got) {
		t.Errorf("the snippet is %q", got)
	}
	if h := head(line); !utf8.ValidString(h) || len(h) < maxLine-utf8.UTFMax {
		t.Errorf("head is of %d bytes", len(h))
	}
}

func BenchmarkCut(b *testing.B)   { benchmark(b, func(q []Term, s string) { Snippet(q, s) }) }
func BenchmarkMarks(b *testing.B) { benchmark(b, func(q []Term, s string) { Highlights(q, s) }) }
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
