package web

import (
	"errors"
	"slices"
	"strings"

	"memoai.tech/memo/docs"
	"memoai.tech/memo/internal/transcript"
)

// helpLink is a link to the section of the guide that helps with a refused file.
type helpLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

const (
	guidePath   = "/docs/transcripts"
	notRead     = "what-is-not-read" // the section that is not about tools
	guidePrefix = "Get a transcript out of "
)

// helpWith returns the link for a refusal, or nil if no section helps.
func helpWith(err error) *helpLink {
	e, ok := errors.AsType[*transcript.Error](err)
	if !ok || e.Help == "" {
		return nil
	}
	sections := docs.TranscriptSections()
	i := slices.IndexFunc(sections, func(s docs.Section) bool { return s.Anchor == e.Help })
	if i < 0 {
		return nil
	}
	text := guidePrefix + sections[i].Title
	switch {
	case e.Help == notRead:
		text = "Which files are not read"
	case strings.HasPrefix(sections[i].Title, "Whisper"):
		text = guidePrefix + "a recording"
	}
	return &helpLink{guidePath + "#" + e.Help, text}
}

// toolGuide returns the sections about tools, for the import page.
func toolGuide() []docs.Section {
	return slices.DeleteFunc(docs.TranscriptSections(), func(s docs.Section) bool { return s.Anchor == notRead })
}
