package memo_test

import (
	"testing"

	"memoai.tech/memo"
)

func TestCleanName(t *testing.T) {
	long := make([]rune, memo.MaxName)
	for i := range long {
		long[i] = '長'
	}
	for in, want := range map[string]string{
		"n8n": "n8n", "  trimmed  ": "trimmed", "שלום": "שלום", "<b>bold</b>": "<b>bold</b>", string(long): string(long),
		"a'b\"c": "a'b\"c", "\u200fשלום\u200e": "שלום", "سلام\u200cعلیکم": "سلام\u200cعلیکم", "so\u00adft": "soft",
		"\ufeffAcme": "Acme", "👩\u200d💻": "👩\u200d💻", "a\u200bb": "ab",
	} {
		t.Run(in, func(t *testing.T) {
			if got, err := memo.CleanName("name", in); got != want || err != nil {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		})
	}
	for _, name := range []string{
		"", " ", "\u200e", "\u2066abc", "a\x00b", "a\nb", "a\x1b[31mb", "\u202Eabc",
		string(long) + "x", "\xff", "a\u2028b",
	} {
		t.Run("not "+name, func(t *testing.T) {
			if _, err := memo.CleanName("name", name); memo.KindOf(err) != memo.KindInvalid {
				t.Errorf("got %v, want KindInvalid", err)
			}
		})
	}
}
