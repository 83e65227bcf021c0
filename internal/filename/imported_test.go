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
		// Zoom's local recordings and captions
		"GMT20260520-091400_RecordingnewChat.txt":                      {"Zoom recording (chat)", "2026-05-20 09:14:00"},
		"2026-05-20 09.14.31 Acme call/meeting_saved_new_chat.txt":     {"Acme call", "2026-05-20 09:14:31"},
		`D:\2026-05-20 09.14.31 Acme\meeting_saved_closed_caption.txt`: {"Acme", "2026-05-20 09:14:31"},
		"/home/acme/transcript.txt":                                    {"transcript", ""},
		// Teams
		"Acme call-20260520_091400-Meeting Recording.vtt":  {"Acme call", "2026-05-20 09:14:00"},
		"Acme call-20260520_091400-Meeting Transcript.mp4": {"Acme call", "2026-05-20 09:14:00"},
		// Google Meet
		"Acme call (2026-05-20 at 09_14 GMT+2) – Transcript.txt":   {"Acme call", "2026-05-20 07:14:00"},
		"Acme call - 2026_05_20 09_14 CEST - Notes by Gemini.docx": {"Acme call", "2026-05-20 09:14:00"},
		"Acme call (2026-05-20 at 09_14 GMT-11) - Transcript.txt":  {"Acme call", "2026-05-20 20:14:00"},
		// Otter, yt-dlp, recorders and dictation
		"Acme call_otter_ai.txt":         {"Acme call", ""},
		"Acme call [jNQXAC9IVRw].en.vtt": {"Acme call [jNQXAC9IVRw]", ""},
		"Recording 20260520_091400.txt":  {"Recording", "2026-05-20 09:14:00"},
		"20260520 0914 - Acme call.txt":  {"Acme call", "2026-05-20 09:14:00"},
		"2026-05-20_09-14-31 Acme.srt":   {"Acme", "2026-05-20 09:14:31"},
		"2026-05-20T09-14-31.json":       {"2026-05-20T09-14-31", "2026-05-20 09:14:31"},
		"call.mp3.srt":                   {"call", ""},
		"voice memo.AMR.txt":             {"voice memo", ""},
		"Acme call-20261320_091400.vtt":  {"Acme call-20261320 091400", ""},
		"Phone 020 1234 5678.txt":        {"Phone 020 1234 5678", ""},
		"Budget 2026.txt":                {"Budget 2026", ""},
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

func TestLanguageComesFromTheFileName(t *testing.T) {
	for name, want := range map[string][2]string{ // title and language
		"talk.en.vtt":     {"talk", "en"},
		"talk.pt-BR.srt":  {"talk", "pt"},
		"talk.new.srt":    {"talk.new", ""},
		"talk.x.srt":      {"talk.x", ""},
		"en.vtt":          {"en", ""},
		".en.vtt":         {".en", ""},
		"talk.mp4.de.vtt": {"talk", "de"},
	} {
		t.Run(name, func(t *testing.T) {
			n := filename.Parse(name)
			if got := [2]string{n.Title, n.Language}; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestRecordingsAreKnownByTheirExtension(t *testing.T) {
	for name, want := range map[string]string{ // the stem, or "no"
		"call.mp3":       "call",
		"a.b/Call.M4A":   "a.b/Call",
		"voice memo.amr": "voice memo",
		".wav":           "",
		"call.mp3.srt":   "no",
		"call.":          "no",
		"mp3":            "no",
	} {
		t.Run(name, func(t *testing.T) {
			stem, ok := filename.CutRecordingExtension(name)
			if ok != (want != "no") || ok && stem != want || !ok && stem != name {
				t.Errorf("got %q, %v, want %q", stem, ok, want)
			}
		})
	}
}
