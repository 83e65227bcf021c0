package web

import (
	"testing"

	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
)

// TestRefusalsLinkToTheGuide: a refused file of a known tool or kind has a link to the section about it.
func TestRefusalsLinkToTheGuide(t *testing.T) {
	for _, tt := range []struct{ name, data, href, text string }{
		{"GMT20260520-091400_Recording.mp4", "\x00\x00\x00\x18ftypmp42\xff", "#zoom", "Get a transcript out of Zoom"},
		{
			"timeline.json", `{"timeline":[{"ts":"00:00:01","users":[{"username":"A"}]}]}`, "#zoom",
			"Get a transcript out of Zoom",
		},
		{"talk.mp3", "ID3\x04\xff", "#whisper-and-other-speech-recognition", "Get a transcript out of a recording"},
		{"page.html", "<html><a href=https://www.youtube.com/>", "#youtube", "Get a transcript out of YouTube"},
		{"teams.html", "<html>", "#microsoft-teams", "Get a transcript out of Microsoft Teams"},
		{"meet.html", "<html>https://meet.google.com/x", "#google-meet", "Get a transcript out of Google Meet"},
		{"a.html", "<html>https://otter.ai/u/x", "#otter", "Get a transcript out of Otter"},
		{"a.html", "<html>app.fireflies.ai", "#fireflies", "Get a transcript out of Fireflies"},
		{"a.html", "<html>https://tldv.io/app", "#tldv", "Get a transcript out of tl;dv"},
		{"granola.html", "<html>", "#granola", "Get a transcript out of Granola"},
		{"plaud note.html", "<html>", "#plaud", "Get a transcript out of Plaud"},
		{"slack.html", "<html>", "#slack", "Get a transcript out of Slack"},
		{
			"cut.prproj", "\x1f\x8b\x08\xff", "#premiere-avid-and-other-editing-programs",
			"Get a transcript out of Premiere, Avid and other editing programs",
		},
		{"a.pdf", "%PDF-1.7", "#what-is-not-read", "Which files are not read"},
		{"empty.txt", "", "", ""},
	} {
		_, err := read.File(t.Context(), tt.name, []byte(tt.data), transcript.DefaultLimits)
		if err == nil {
			t.Errorf("%s was not refused", tt.name)
			continue
		}
		got := helpWith(err)
		switch {
		case tt.href == "" && got != nil:
			t.Errorf("%s has the link %+v, want none", tt.name, *got)
		case tt.href != "" && (got == nil || *got != helpLink{guidePath + tt.href, tt.text}):
			t.Errorf("%s has the link %+v, want %s %q", tt.name, got, tt.href, tt.text)
		}
	}
}
