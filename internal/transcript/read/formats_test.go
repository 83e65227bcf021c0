package read

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"memoai.tech/memo/internal/filename"
)

func formatOf(name, text string) string {
	d := &draft{ctx: context.Background(), name: filename.Parse(name), text: text}
	return d.format().name
}

// TestContentDecidesWithoutKnownExtension: otherwise the extension decides.
func TestContentDecidesWithoutKnownExtension(t *testing.T) {
	for data, want := range map[string]string{
		"WEBVTT":                     "WebVTT",
		"WEBVTT - a\n\n":             "WebVTT",
		"WEBVTTs are files":          "text",
		"\n\n{ \"a\":1}":             "other JSON",
		"{\"a\"":                     "other JSON",
		"{\"segments\":[]}":          "Whisper JSON",
		"{\"text\":\"\"}":            "Whisper JSON",
		"{\"media_type\":\"\"}":      "Memo JSON",
		"[ {}]":                      "Whisper JSON",
		"[]":                         "Whisper JSON",
		"{laughs} hello":             "text",
		"[00:42] Jordan: a":          "text with times",
		"[laughs]":                   "text",
		"1\n00:01,0 --> 00:02,0\na":  "SubRip",
		"\n\n00:01,0 --> 00:02,0\na": "SubRip",
		"a --> b":                    "text",
		"hello":                      "text",
	} {
		for _, name := range []string{"", "a", "a.b/c", "a.md", "a.jsonl", "a.2026"} {
			if got := formatOf(name, data); got != want {
				t.Errorf("%q named %q is %s, want %s", data, name, got, want)
			}
		}
		if got := formatOf(`C:\x\a.SRT`, data); got != "SubRip" {
			t.Errorf("%q named a.SRT is %s, want SubRip", data, got)
		}
	}
}

// TestEveryFormatHasASample, which is detected under its own name and under any other.
func TestEveryFormatHasASample(t *testing.T) {
	missing := map[string]bool{}
	for _, f := range formats {
		missing[f.name] = f.name != "other JSON"
	}
	for _, s := range samples {
		data, err := os.ReadFile(filepath.Join("testdata", "samples", s.file))
		if err != nil {
			t.Fatal(err)
		}
		text, err := decodeText(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{s.name, "x.unknown"} {
			if got := formatOf(name, text); got != s.format {
				t.Errorf("%s named %s is %s, want %s", s.file, name, got, s.format)
			}
		}
		missing[s.format] = false
	}
	for name, is := range missing {
		if is {
			t.Errorf("no sample is %s: add one to samples_test.go", name)
		}
	}
}
