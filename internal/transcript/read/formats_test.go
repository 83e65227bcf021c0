package read_test

import (
	"slices"
	"testing"

	"memoai.tech/memo/internal/transcript/read"
)

func checkFormat(t *testing.T, name string, data []byte, want string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		if got, err := read.FormatOf(t.Context(), name, data); got != want || err != nil {
			t.Errorf("the format is %s (%v), want %s", got, err, want)
		}
	})
}

// TestContentDecides, unless it could be anything.
func TestContentDecides(t *testing.T) {
	for data, want := range map[string]string{
		"WEBVTT":                      "WebVTT",
		"WEBVTT - a\n\n":              "WebVTT",
		"WEBVTTs are files":           "text",
		"\n\n{ \"a\":1}":              "other JSON",
		"{\"a\"":                      "other JSON",
		"{\"segments\":[]}":           "other JSON",
		"{\"media_type\":\"\"}":       "other JSON",
		"{\"text\":\"\"}":             "JSON",
		"[ {\"text\":\"\"}]":          "JSON",
		"[ {}]":                       "other JSON",
		"[]":                          "other JSON",
		memoJSON("{\"segments\":[]}"): "Memo JSON",
		"{'text'}":                    "text",
		"start;end;text\n0;1;a":       "CSV",
		"text\tstart\n":               "CSV",
		"Time, text and speakers":     "text",
		"{laughs} hello":              "text",
		"[00:42] Jordan: a":           "text with times",
		"[laughs]":                    "text",
		"1\n00:01,0 --> 00:02,0\na":   "SRT",
		"\n\n00:01,0 --> 00:02,0\na":  "SRT",
		"a --> b":                     "text",
		"hello":                       "text",
	} {
		t.Run(data, func(t *testing.T) {
			for _, name := range []string{"", "a", "a.b/c", "a.log", "a.jsonl", "a.2026"} {
				checkFormat(t, name, []byte(data), want)
			}
			if want == "text" {
				want = "SRT"
			}
			checkFormat(t, `C:\x\a.SRT`, []byte(data), want)
		})
	}
}

// TestEveryFormatHasASample, which is detected under its own name and under any other.
func TestEveryFormatHasASample(t *testing.T) {
	missing := slices.DeleteFunc(read.FormatNames(), func(name string) bool {
		return name == "other JSON" // refused
	})
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			data := sampleData(t, s.file)
			checkFormat(t, s.name, data, s.format)
			checkFormat(t, "x.unknown", data, s.format)
		})
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == s.format })
	}
	if len(missing) > 0 {
		t.Errorf("no sample is %q: add one to samples_test.go", missing)
	}
}
