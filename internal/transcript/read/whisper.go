package read

import (
	"bytes"

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
		switch name {
		case "segments":
			if segments {
				return f.readSegments()
			}
		case "text":
			if !segments {
				line := f.nextLine()
				var text string
				if err := f.decode(&text); err != nil {
					return err
				}
				return f.draft.addLines(line, text)
			}
		case "language", "detected_language":
			return f.readLanguage()
		case "duration":
			return f.readDuration()
		case "info": // the second return value of faster-whisper
			return f.readInfo()
		}
		return f.SkipValue()
	})
}

func (d *draft) addLines(line int, text string) error {
	for l := (lineScanner{text: text}); l.next(); {
		if err := d.add(cue{line: line, text: l.line()}); err != nil {
			return err
		}
	}
	return nil
}

// readLanguage reads a language, and ignores it if it is not a string.
func (f *jsonFile) readLanguage() error {
	if f.PeekKind() != '"' {
		return f.SkipValue()
	}
	var language string
	err := f.decode(&language)
	f.draft.doc.Language = transcript.Language(language)
	return err
}

// readDuration reads a duration, and ignores it if it is not a number, because some
// versions write a string.
func (f *jsonFile) readDuration() error {
	if f.PeekKind() != '0' {
		return f.SkipValue()
	}
	line := f.nextLine()
	var seconds float64
	if err := f.decode(&seconds); err != nil {
		return err
	}
	return f.draft.setDuration(line, seconds)
}

func (d *draft) setDuration(line int, seconds float64) error {
	duration, ok := memo.RoundSeconds(seconds)
	if !ok {
		return refusef(line, "has a duration that is negative or beyond 1,000 hours")
	}
	d.doc.Duration, d.duration = duration, true
	return nil
}

func (f *jsonFile) readInfo() error {
	if f.PeekKind() != '{' {
		return f.SkipValue()
	}
	return f.members(func(name string) error {
		switch name {
		case "language":
			return f.readLanguage()
		case "duration":
			return f.readDuration()
		}
		return f.SkipValue()
	})
}

// speakerOfWords returns the speaker of most words of a segment, and among equals the
// one who speaks first. WhisperX gives the segment no speaker if it is not sure.
func speakerOfWords(words jsontext.Value) (string, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(words))
	if dec.PeekKind() != '[' {
		return "", nil
	}
	if _, err := dec.ReadToken(); err != nil {
		return "", err
	}
	count := map[string]int{}
	var order []string
	for dec.PeekKind() != ']' {
		var w struct {
			Speaker string `json:"speaker"`
		}
		if err := json.UnmarshalDecode(dec, &w); err != nil {
			return "", err
		}
		if w.Speaker == "" {
			continue
		}
		if count[w.Speaker] == 0 {
			order = append(order, w.Speaker)
		}
		count[w.Speaker]++
	}
	best := ""
	for _, s := range order {
		if count[s] > count[best] {
			best = s
		}
	}
	return best, nil
}
