package filename_test

import (
	"testing"

	"memoai.tech/memo/internal/filename"
)

func TestTitleAndDateComeFromTheFileName(t *testing.T) {
	for name, want := range map[string][2]string{
		"":                                       {"Untitled", ""},
		"/tmp/a_b__c.vtt":                        {"a b c", ""},
		`C:\Users\a b\Call 3.txt`:                {"Call 3", ""},
		"2026-05-20 Acme — call.md":              {"Acme — call", "2026-05-20 00:00:00"},
		"2026-05-20_Acme_call.vtt":               {"Acme call", "2026-05-20 00:00:00"},
		"2026-05-20.vtt":                         {"2026-05-20", "2026-05-20 00:00:00"},
		"2025-02-29 x.vtt":                       {"2025-02-29 x", ""},
		"2026-05-20x.vtt":                        {"2026-05-20x", ""},
		"GMT20260520-091400_Recording.cc.vtt":    {"Zoom recording", "2026-05-20 09:14:00"},
		"GMT20260520-091400_Sales-Call_2x3.vtt":  {"Sales Call", "2026-05-20 09:14:00"},
		"GMT20260520-091400_Recording_640x360.x": {"Zoom recording", "2026-05-20 09:14:00"},
		"GMT20269920-091400_Recording.vtt":       {"GMT20269920-091400 Recording", ""},
		"Version 2.5":                            {"Version 2.5", ""},
		".vtt":                                   {"Untitled", ""},
		"a\x1b[31m\nb\xff.vtt":                   {"a b", ""},
		"..":                                     {"..", ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := filename.Parse(name)
			created := ""
			if !n.Created.IsZero() {
				created = n.Created.Format("2006-01-02 15:04:05")
			}
			if got := [2]string{n.Title, created}; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
