package filename_test

import (
	"fmt"
	"mime"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"memoai.tech/memo/internal/filename"
)

func TestFileNameIsDateAndTitle(t *testing.T) {
	day := time.Date(2026, 5, 20, 23, 30, 0, 0, time.FixedZone("", -3600)) // the 21st in UTC
	for title, want := range map[string]string{
		"Acme — discovery call": "2026-05-21 Acme — discovery call.md",
		"../../etc/passwd":      "2026-05-21 etc-passwd.md",
		`C:\x`:                  "2026-05-21 C--x.md",
		"/abs":                  "2026-05-21 abs.md",
		"CON":                   "2026-05-21 CON.md",
		"a. . .":                "2026-05-21 a.md",
		"-rf *":                 "2026-05-21 rf -.md",
		"a\nb\r\x1b[31mc\x00":   "2026-05-21 a b c.md",
		"\u202egpj.exe\u2066":   "2026-05-21 gpj.exe.md",
		"\"q\" <a> |b| ?":       "2026-05-21 'q' -a- -b- -.md",
		"":                      "2026-05-21 Untitled.md",
		" \t. .\u200b":          "2026-05-21 Untitled.md",
		"Протокол № 5: «Итоги»": "2026-05-21 Протокол № 5- «Итоги».md",
		"👩‍👩‍👧 می\u200cخواهم": "2026-05-21 👩‍👩‍👧 می\u200cخواهم.md",
		"a\xffb":                       "2026-05-21 ab.md",
		"a   b\u3000c":                 "2026-05-21 a b c.md",
		strings.Repeat("é", 200):       "2026-05-21 " + strings.Repeat("é", 120) + ".md",
		strings.Repeat("😀", 300):       "2026-05-21 " + strings.Repeat("😀", 60) + ".md",
		strings.Repeat("e\u0301", 200): "2026-05-21 " + strings.Repeat("e\u0301", 80) + ".md",
	} {
		t.Run(title, func(t *testing.T) {
			if got := filename.Of(title, day, "md"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	for title, want := range map[string]string{
		"CON": "_CON.txt", "con .x": "_con .x.txt", "Com1": "_Com1.txt", "lpt¹.tar": "_lpt¹.tar.txt",
		"COM10": "COM10.txt", "console": "console.txt", "-": "Untitled.txt", ".hidden": "hidden.txt",
	} {
		t.Run(title, func(t *testing.T) {
			if got := filename.Of(title, time.Time{}, "txt"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestFileNameIsSafe for any title.
func TestFileNameIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		title, created := rapid.String().Draw(t, "title"), time.Time{}
		if rapid.Bool().Draw(t, "dated") {
			created = time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 0)
		}
		checkFileName(t, filename.Of(title, created, "json"))
	})
}

func checkFileName(t rapid.TB, name string) {
	t.Helper()
	stem := strings.TrimSuffix(name, ".json")
	switch {
	case len(name) > 255, !utf8.ValidString(name), stem == "" || stem == name,
		strings.ContainsAny(name, `/\:*?"<>|`), strings.ContainsFunc(name, unicode.IsControl),
		strings.ContainsAny(name,
			"\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"),
		stem != strings.Trim(stem, " ."), name[0] == '-', filename.IsReserved(name), strings.Contains(stem, "  "):
		t.Errorf("unsafe name %q", name)
	}
}

func TestRepeatedNamesAreNumbered(t *testing.T) {
	for _, tt := range []struct{ names, want []string }{
		{[]string{}, []string{}},
		{[]string{"a.md", "b.md"}, []string{"a.md", "b.md"}},
		{[]string{"a.md", "A.MD", "a.md"}, []string{"a.md", "A (2).MD", "a (3).md"}},
		{[]string{"a (2).md", "a.md", "a.md"}, []string{"a (2).md", "a.md", "a (3).md"}},
		{[]string{"é.md", "e\u0301.md", "É.md"}, []string{"é.md", "e\u0301 (2).md", "É (3).md"}},
		{[]string{"straße.md", "STRASSE.md"}, []string{"straße.md", "STRASSE (2).md"}},
		{[]string{"ΣΑΣ", "σας"}, []string{"ΣΑΣ", "σας (2)"}},
		{[]string{"", ""}, []string{"", " (2)"}},
		{
			[]string{strings.Repeat("é", 126) + ".md", strings.Repeat("É", 126) + ".md"},
			[]string{strings.Repeat("é", 126) + ".md", strings.Repeat("É", 124) + " (2).md"},
		},
	} {
		t.Run(strings.Join(tt.names, " "), func(t *testing.T) {
			if diff := cmp.Diff(tt.want, filename.Unique(tt.names)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	same := make([]string, 20_000)
	for i := range same {
		same[i] = "x.md"
	}
	if got := filename.Unique(same); got[len(same)-1] != fmt.Sprintf("x (%d).md", len(same)) {
		t.Errorf("the last of many equal names is %s", got[len(same)-1])
	}
}

func TestUniqueNamesAreUnique(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.SampledFrom([]string{
			"a.md", "A.md", "a (2).md", "a (2) (2).md", "a (3).md", "é.md", "e\u0301.md", strings.Repeat("x", 252) + ".md",
			strings.Repeat("X", 252) + ".md", "", "(2)",
		}), 0, 30).Draw(t, "names")
		got := filename.Unique(names)
		if len(got) != len(names) {
			t.Fatalf("got %d names, want %d", len(got), len(names))
		}
		for i := range got {
			if len(got[i]) > 255 {
				t.Fatalf("%q has %d bytes", got[i], len(got[i]))
			}
			for j := range i {
				if strings.EqualFold(got[i], got[j]) {
					t.Fatalf("%q occurs twice in %q", got[i], got)
				}
			}
		}
	})
}

func TestContentDispositionHasAnASCIIFallback(t *testing.T) {
	for name, want := range map[string]string{
		"a.md":           `attachment; filename=a.md; filename*=UTF-8''a.md`,
		"Acme — call.md": `attachment; filename="Acme - call.md"; filename*=UTF-8''Acme%20%E2%80%94%20call.md`,
		"Café “x”.md":    `attachment; filename="Cafe 'x'.md"; filename*=UTF-8''Caf%C3%A9%20%E2%80%9Cx%E2%80%9D.md`,
		"豆腐.md":          `attachment; filename=_.md; filename*=UTF-8''%E8%B1%86%E8%85%90.md`,
		"a\"; x=\"\r\nSet: b.md": `attachment; filename="a'; x='Set: b.md"; ` +
			`filename*=UTF-8''a%22%3B%20x%3D%22Set%3A%20b.md`,
		`../%41\x.md`: `attachment; filename=..__41_x.md; filename*=UTF-8''.._%2541_x.md`,
		"":            `attachment; filename=download; filename*=UTF-8''download`,
		"'*'\xff":     `attachment; filename='*'; filename*=UTF-8''%27%2A%27`,
	} {
		t.Run(name, func(t *testing.T) {
			if got := filename.ContentDisposition(name); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

// TestContentDispositionIsParsedByClients for any title.
func TestContentDispositionIsParsedByClients(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := filename.Of(rapid.String().Draw(t, "title"), time.Time{}, "srt")
		header := filename.ContentDisposition(name)
		if strings.ContainsFunc(header, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q is not a valid header value", header)
		}
		disposition, params, err := mime.ParseMediaType(header)
		if err != nil || disposition != "attachment" || params["filename"] != name {
			t.Fatalf("%s gives %q, %v; want %q", header, params, err, name)
		}
	})
}
