// Package docs has the documents that the web app also shows.
package docs

import (
	_ "embed"
	"strings"
)

// Transcripts says how to get transcripts out of other tools, in Markdown.
//
//go:embed transcripts.md
var Transcripts string

// Section is a section of a document: its heading, and the anchor that GitHub and the web app give it.
type Section struct{ Anchor, Title string }

// TranscriptSections returns the sections of [Transcripts], in their order.
func TranscriptSections() (list []Section) {
	for line := range strings.Lines(Transcripts) {
		if title, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok {
			list = append(list, Section{anchor(title), title})
		}
	}
	return list
}

// anchor returns a heading in lower case without marks, and with hyphens for spaces.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case strings.ContainsRune(",;.:'()", r):
			return -1
		}
		return r
	}, strings.ToLower(title))
}
