package read

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

// jsonFile is a JSON file while it is being read. It is read twice: once for its syntax
// and shape, and once for its content, one segment at a time.
type jsonFile struct {
	draft *draft
	text  string
	data  []byte // the text again, for the decoder
	*jsontext.Decoder

	offset, line int // the last offset that lineAt was called for, and its line
	open         int // the index of the cue that has no end yet, plus 1; 0 if there is none
}

// readJSON reads any of the JSON formats: an array of segments, or an object of Whisper
// or Memo with "segments". The decoder refuses duplicate names, invalid UTF-8, lone
// surrogates and more than 10,000 levels of nesting.
func readJSON(d *draft, text string) error {
	text, nonFinite := withoutNonFinite(text)
	f := &jsonFile{draft: d, text: text, data: []byte(text), line: 1}
	f.Decoder = jsontext.NewDecoder(bytes.NewBuffer(f.data))
	shape, err := f.shape()
	if err != nil {
		return f.explain(err)
	}
	if i := escapedNUL(text); i >= 0 {
		return refusef(lineAt(text, i), "has a NUL character, which a text cannot have")
	}
	f.Decoder = jsontext.NewDecoder(bytes.NewBuffer(f.data), jsontext.AllowDuplicateNames(true)) // already checked
	switch {
	case shape.memoJSON && nonFinite >= 0: // exports never have one
		return refusef(lineAt(text, nonFinite), "is not valid JSON: NaN and Infinity are not JSON numbers")
	case shape.array:
		err = f.readSegments()
	case shape.memoJSON && !shape.segments:
		return refusef(1, `is a transcription without "segments". Export it as json; lists leave the text out`)
	case shape.memoJSON:
		err = readMemoJSON(f)
	case shape.segments || shape.text:
		err = readWhisper(f, shape.segments)
	default:
		return refusef(1, `is JSON, but not from Whisper or Memo: it has no "segments"`)
	}
	if err != nil {
		return f.explain(err)
	}
	f.closeLast()
	return nil
}

// escapedNUL returns the offset of the first \u0000 in valid JSON, or -1.
func escapedNUL(text string) int {
	const escape = `\u0000`
	for from := 0; ; {
		i := strings.Index(text[from:], escape)
		if i < 0 {
			return -1
		}
		i += from
		before := strings.TrimRight(text[from:i], `\`)
		if (i-from-len(before))%2 == 0 { // otherwise the backslash is itself escaped
			return i
		}
		from = i + len(escape)
	}
}

// jsonShape says which members a JSON file has.
type jsonShape struct {
	array    bool // the file is an array
	segments bool
	text     bool
	memoJSON bool // it has a member that only Memo JSON has
}

// shape reads the whole file and checks its syntax, so that the second reading can rely
// on it.
func (f *jsonFile) shape() (s jsonShape, err error) {
	switch f.PeekKind() {
	case '{':
		err = f.members(func(name string) error {
			switch name {
			case "segments":
				s.segments = f.PeekKind() == '['
			case "text":
				s.text = f.PeekKind() == '"'
			case "prompt_results", "duration_seconds", "media_type", "created_at":
				s.memoJSON = true
			}
			return f.check()
		})
	case '[':
		s.array = true
		err = f.check()
	default:
		if err = f.check(); err == nil {
			err = refusef(1, "is JSON, but neither an object nor an array")
		}
	}
	if err != nil {
		return s, err
	}
	_, err = f.ReadToken()
	switch {
	case err == io.EOF:
		return s, nil
	case err == nil:
		return s, refusef(f.lineAt(int(f.InputOffset())), "has more text after the end of the JSON")
	}
	return s, err
}

// maxMembers is the number of members that an object may have. No format needs 30. The
// decoder remembers every name to find duplicates, which takes far more memory than the
// text.
const maxMembers = 10_000

// check reads the next value only to check its syntax.
func (f *jsonFile) check() error {
	for depth := f.StackDepth(); ; {
		if _, err := f.ReadToken(); err != nil {
			return err
		}
		if f.StackDepth() == depth {
			return nil
		}
		if err := cmp.Or(f.draft.checkContext(), f.checkMembers()); err != nil {
			return err
		}
	}
}

func (f *jsonFile) checkMembers() error {
	if kind, tokens := f.StackIndex(f.StackDepth()); kind == '{' && tokens > 2*maxMembers {
		return refusef(f.lineAt(int(f.InputOffset())), "has an object with more than %d members", maxMembers)
	}
	return nil
}

// members reads the object that comes next. It calls read for each member, which must
// consume the value.
func (f *jsonFile) members(read func(name string) error) error {
	if _, err := f.ReadToken(); err != nil {
		return err
	}
	for {
		token, err := f.ReadToken()
		if err != nil {
			return err
		}
		if token.Kind() == '}' {
			return nil
		}
		if err := f.checkMembers(); err != nil {
			return err
		}
		if err := read(token.String()); err != nil {
			return err
		}
	}
}

// nextLine returns the line on which the next array element starts.
func (f *jsonFile) nextLine() int {
	i := int(f.InputOffset())
	for i < len(f.text) && (f.text[i] == ' ' || f.text[i] == '\t' || f.text[i] == '\r' || f.text[i] == '\n' ||
		f.text[i] == ',') {
		i++
	}
	return f.lineAt(i)
}

// lineAt returns the line of an offset. It is faster than the function lineAt if offsets
// only increase, because it continues to count from the last one.
func (f *jsonFile) lineAt(offset int) int {
	offset = min(offset, len(f.text))
	if offset < f.offset {
		return lineAt(f.text, offset)
	}
	f.line += lineAt(f.text[f.offset:offset], offset-f.offset) - 1
	f.offset = offset
	return f.line
}

// explain turns an error of the decoder into an *Error with a line and a reason.
func (f *jsonFile) explain(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*transcript.Error](err); ok {
		return err
	}
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return refusef(lineAt(f.text, int(e.ByteOffset)), "has the wrong type of value at %s",
			plaintext.Quote(string(e.JSONPointer)))
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return refusef(lineAt(f.text, len(f.text)), "is truncated: the JSON does not end")
		}
		return refusef(lineAt(f.text, int(e.ByteOffset)), "is not valid JSON: %s", plaintext.OneLine(e.Err.Error()))
	}
	return refusef(0, "is not valid JSON: %s", plaintext.OneLine(err.Error()))
}
