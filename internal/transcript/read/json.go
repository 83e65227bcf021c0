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
	text  string // with nonFinite replaced
	*jsontext.Decoder

	fault     error                    // why it is not valid, or nil
	kind      jsontext.Kind            // '{' or '['
	kinds     map[string]jsontext.Kind // of the values of its members
	nonFinite int                      // the offset of the first NaN or Infinity, or -1

	offset, line int // the last offset that lineAt was called for, and its line
	open         int // the index of the cue that has no end yet, plus 1; 0 if there is none
}

// looksLikeJSON reports whether the text starts like an object or an array of objects. Lines
// such as "[00:42] Jordan: …" start with a bracket as well.
func looksLikeJSON(d *draft) bool {
	for _, start := range []struct{ bracket, next string }{{"{", `"}`}, {"[", "{]"}} {
		rest, ok := strings.CutPrefix(strings.TrimLeft(d.text, jsonSpace), start.bracket)
		rest = strings.TrimLeft(rest, jsonSpace)
		if ok && rest != "" && strings.IndexByte(start.next, rest[0]) >= 0 {
			return true
		}
	}
	return false
}

const jsonSpace = " \t\r\n"

// jsonFormat returns a format of valid JSON: is reports whether a file has it, and the errors of
// read can be those of the decoder.
func jsonFormat(name string, is func(*jsonFile) bool, read func(*jsonFile) error) format {
	detect := func(d *draft) match {
		return matchIf((d.name.Extension == "json" || looksLikeJSON(d)) && parseJSON(d).fault == nil && is(d.json), certain)
	}
	return format{name, []string{"json"}, detect, func(d *draft) error { return d.json.explain(read(d.json)) }}
}

// isOtherJSON reports whether the text starts like JSON. The formats of JSON come before it.
func isOtherJSON(d *draft) match { return matchIf(looksLikeJSON(d), likely) }

// refuseJSON says why a file has none of the JSON formats.
func refuseJSON(d *draft) error {
	return cmp.Or(parseJSON(d).fault, refusef(1, `is JSON, but not from Whisper or Memo: it has no "segments"`))
}

// parseJSON reads the file once, at the first call. The decoder refuses duplicate names,
// invalid UTF-8, lone surrogates and more than 10,000 levels of nesting.
func parseJSON(d *draft) *jsonFile {
	if d.json != nil {
		return d.json
	}
	f := &jsonFile{draft: d, line: 1, kinds: map[string]jsontext.Kind{}}
	d.json = f
	f.text, f.nonFinite = withoutNonFinite(d.text)
	data := []byte(f.text)
	f.Decoder = jsontext.NewDecoder(bytes.NewBuffer(data))
	if f.fault = f.explain(f.readShape()); f.fault != nil {
		return f
	}
	if i := escapedNUL(f.text); i >= 0 {
		f.fault = refusef(lineAt(f.text, i), "has a NUL character, which a text cannot have")
	}
	f.Decoder = jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true)) // already checked
	return f
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

// readShape reads the whole file and checks its syntax, so that the second reading can rely
// on it.
func (f *jsonFile) readShape() error {
	f.kind = f.PeekKind()
	var err error
	if f.kind == '{' {
		err = f.members(func(name string) error {
			f.kinds[name] = f.PeekKind()
			return f.check()
		})
	} else {
		err = f.check()
	}
	if err != nil {
		return err
	}
	if f.kind != '{' && f.kind != '[' {
		return refusef(1, "is JSON, but neither an object nor an array")
	}
	_, err = f.ReadToken()
	if err == nil {
		return refusef(f.lineAt(int(f.InputOffset())), "has more text after the end of the JSON")
	}
	if err == io.EOF {
		return nil
	}
	return err
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
	rest := strings.TrimLeft(f.text[f.InputOffset():], jsonSpace+",")
	return f.lineAt(len(f.text) - len(rest))
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
