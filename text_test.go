package memo_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"memoai.tech/memo"
)

func TestPrintable(t *testing.T) {
	key := memo.KeyPrefix + strings.Repeat("aB3", 12)
	for _, c := range []struct{ name, in, want string }{
		{"plain text", "Größe 会議 👍🏽", "Größe 会議 👍🏽"},
		{"invalid UTF-8", "a\xff\xfeb\xc3", "a\uFFFDb\uFFFD"},
		{"control characters", "a\x00\x1b[31mb\r\n\tc\u0085\x7f", "a[31mbc"},
		{"direction marks and separators", "x\u202Ey\u2066z\u200f\u061c\u2028\u2029", "xyz"},
		{"a key", "at " + key + "!", "at mk_live_[redacted]!"},
		{"a key in two parts", "mk_live_\tabcdefgh1234 mk_li\u202eve_abcdefgh", "mk_live_[redacted] mk_live_[redacted]"},
		{"a long text", strings.Repeat("é", 50), strings.Repeat("é", 39) + "…"},
		{"a text of exactly the maximum length", strings.Repeat("é", 40), strings.Repeat("é", 40)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := memo.Printable(c.in, 40); got != c.want {
				t.Errorf("%q: got %q, want %q", c.in, got, c.want)
			}
		})
	}
	for maxChars, want := range map[int]string{0: "", 1: "…", 2: "a…"} {
		t.Run(strconv.Itoa(maxChars)+" characters", func(t *testing.T) {
			if got := memo.Printable("abc", maxChars); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("mk_live_abc\xff\u202e", 10)
	f.Fuzz(func(t *testing.T, s string, maxChars int) {
		got := memo.Printable(s, maxChars)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > max(maxChars, 0) ||
			strings.ContainsFunc(got, unicode.IsControl) || memo.RedactKeys(got) != got {
			t.Fatalf("%q becomes %q", s, got)
		}
	})
}
