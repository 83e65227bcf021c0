package read

import "strings"

// The sections of docs/transcripts.md that are not about one tool, as anchors.
const (
	helpRecordings = "whisper-and-other-speech-recognition"
	helpOther      = "what-is-not-read"
)

// toolSections are the sections about single tools: the anchor, what is in the name of a file of the tool, and what is
// in its first lines, in lower case.
var toolSections = []struct {
	anchor         string
	names, content []string
}{
	{"zoom", []string{"zoom", "gmt20", "closed_caption"}, []string{"zoom.us", `"timeline"`}},
	{"microsoft-teams", []string{"teams", "meeting recording"}, []string{"teams.microsoft.com", "microsoft teams"}},
	{"google-meet", []string{"google meet", "gemini"}, []string{"meet.google.com"}},
	{"otter", []string{"otter"}, []string{"otter.ai"}},
	{"fireflies", []string{"fireflies"}, []string{"fireflies.ai"}},
	{"tldv", []string{"tldv", "tl;dv"}, []string{"tldv.io"}},
	{"granola", []string{"granola"}, []string{"granola.ai"}},
	{"plaud", []string{"plaud"}, []string{"plaud.ai"}},
	{"slack", []string{"slack", "huddle"}, []string{"slack.com"}},
	{"youtube", []string{"youtube", ".en-orig"}, []string{"youtube.com", "youtu.be"}},
	{"premiere-avid-and-other-editing-programs", []string{".prproj", ".scc", ".stl"}, []string{"premiere"}},
}

// helpFor returns the section that helps with a refused file: that of its tool, or the one of the refusal.
func helpFor(name string, data []byte, other string) string {
	name = strings.ToLower(name)
	content := strings.ToLower(string(data[:min(len(data), 2<<10)]))
	for _, s := range toolSections {
		for _, word := range s.names {
			if strings.Contains(name, word) {
				return s.anchor
			}
		}
		for _, word := range s.content {
			if strings.Contains(content, word) {
				return s.anchor
			}
		}
	}
	return other
}
