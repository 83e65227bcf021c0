package read

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
)

// isWhisper reports whether the file is an array of segments, or has segments or at least a
// text.
func isWhisper(f *jsonFile) bool {
	return f.kind == '[' || f.kinds["segments"] == '[' || f.kinds["text"] == '"'
}

// readWhisper reads the JSON of openai-whisper, OpenAI's API, faster-whisper and
// WhisperX. They have one format, of which each omits some members. In a file without
// "segments", "text" is read as a transcript without times.
func readWhisper(f *jsonFile) error {
	var err error
	if f.kind == '[' {
		err = f.readSegments()
	} else {
		err = f.readWhisperObject()
	}
	if err == nil {
		f.closeLast()
	}
	return err
}

func (f *jsonFile) readWhisperObject() error {
	segments := f.kinds["segments"] == '['
	return f.members(func(name string) error {
		switch {
		case name == "segments" && segments:
			return f.readSegments()
		case name == "text" && !segments:
			line := f.nextLine()
			var text string
			if err := f.decode(&text); err != nil {
				return err
			}
			return f.draft.addLines(line, text)
		case name == "info" && f.PeekKind() == '{': // the second return value of faster-whisper
			return f.members(f.readProperty)
		}
		return f.readProperty(name)
	})
}

// readProperty reads a member that is not about a segment. It ignores a value of the wrong
// type: some versions write a string for the duration.
func (f *jsonFile) readProperty(name string) error {
	switch kind := f.PeekKind(); {
	case (name == "language" || name == "detected_language") && kind == '"':
		var language string
		err := f.decode(&language)
		f.draft.doc.Language = transcript.Language(language)
		return err
	case name == "duration" && kind == '0':
		line := f.nextLine()
		var seconds float64
		if err := f.decode(&seconds); err != nil {
			return err
		}
		return f.draft.setDuration(line, seconds)
	}
	return f.SkipValue()
}

func (d *draft) addLines(line int, text string) error {
	for l := (lineScanner{text: text}); l.next(); {
		if err := d.add(cue{line: line, text: l.line()}); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) setDuration(line int, seconds float64) error {
	duration, ok := memo.RoundSeconds(seconds)
	if !ok {
		return refusef(line, "has a duration that is negative or beyond 1,000 hours")
	}
	d.doc.Duration, d.duration = duration, true
	return nil
}

// speakerOfWords returns the speaker of most words of a segment, and among equals the
// one who speaks first. WhisperX gives the segment no speaker if it is not sure.
func speakerOfWords(words jsontext.Value) (best string, err error) {
	var list []struct {
		Speaker string `json:"speaker"`
	}
	if words.Kind() == '[' {
		err = json.Unmarshal(words, &list)
	}
	count := map[string]int{}
	for _, w := range list {
		count[w.Speaker]++
	}
	count[""] = 0
	for _, w := range list {
		if count[w.Speaker] > count[best] {
			best = w.Speaker
		}
	}
	return best, err
}
