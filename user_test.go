package memo

import "testing"

func TestCleanName(t *testing.T) {
	long := make([]rune, MaxName)
	for i := range long {
		long[i] = '長'
	}
	for _, name := range []string{"n8n", "  trimmed  ", "שלום", "<b>bold</b>", string(long), "a'b\"c"} {
		if _, err := CleanName("name", name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for in, want := range map[string]string{
		"\u200fשלום\u200e": "שלום", "سلام\u200cعلیکم": "سلام\u200cعلیکم", "so\u00adft": "soft", "\ufeffAcme": "Acme",
		"👩\u200d💻": "👩\u200d💻", "a\u200bb": "ab",
	} {
		if got, err := CleanName("name", in); got != want || err != nil {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
	for _, name := range []string{
		"", " ", "\u200e", "\u2066abc", "a\x00b", "a\nb", "a\x1b[31mb", "\u202Eabc",
		string(long) + "x", "\xff", "a\u2028b",
	} {
		if _, err := CleanName("name", name); KindOf(err) != KindInvalid {
			t.Errorf("%q: got %v, want KindInvalid", name, err)
		}
	}
}
