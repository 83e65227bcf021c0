package read

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
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
	kinds     map[string]jsontext.Kind // what is at which path; see shape
	nonFinite int                      // the offset of the first NaN or Infinity, or -1
	oneLine   bool                     // a line number would not help
	dialect   *dialect                 // of a file that is not Memo JSON, or nil

	offset, line int // the last offset that lineAt was called for, and its line
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

// isDialect reports whether the file has a list of segments or words, or at least a text.
func isDialect(f *jsonFile) bool {
	f.dialect = f.findDialect()
	return f.dialect != nil || f.hasText()
}

// hasText reports whether the file has a text at one of the places of properties.
func (f *jsonFile) hasText() bool {
	root := &jsonNode{}
	(&dialect{}).addProperties(root)
	return f.hasTextAt(root, "")
}

func (f *jsonFile) hasTextAt(n *jsonNode, path string) bool {
	if n.role == roleTranscript && f.kinds[path] == '"' {
		return true
	}
	for name, child := range n.members {
		if f.hasTextAt(child, strings.TrimPrefix(path+"."+name, ".")) {
			return true
		}
	}
	return n.first[0] != nil && f.hasTextAt(n.first[0], path+"[]")
}

func readDialect(f *jsonFile) error {
	if f.dialect == nil {
		return f.readTranscript()
	}
	return f.readDialect(f.dialect)
}

// refuseJSON says why a file has none of the JSON formats.
func refuseJSON(d *draft) error {
	f := parseJSON(d)
	switch {
	case f.fault != nil:
		return f.fault
	case f.kinds["timeline"] == '[' && f.kinds["timeline[].users"] == '[':
		return refusef(0, "has no words: it is Zoom's timeline of who spoke when. "+
			"Import the transcript of the recording (.vtt)")
	}
	for _, list := range []string{"segments", ""} {
		if f.kinds[list] == '[' && f.kinds[list+"[]"] == 0 {
			return refusef(0, "contains no text")
		}
	}
	return refusef(0, "is JSON, but no list of texts with times was found in it, and no text")
}

// parseJSON reads the file once, at the first call. The decoder refuses duplicate names,
// invalid UTF-8, lone surrogates and more than 10,000 levels of nesting.
func parseJSON(d *draft) *jsonFile {
	if d.json != nil {
		return d.json
	}
	f := &jsonFile{draft: d, line: 1, kinds: map[string]jsontext.Kind{}}
	f.oneLine = !strings.ContainsAny(strings.TrimSpace(d.text), "\n\r")
	d.json = f
	f.text, f.nonFinite = withoutNonFinite(arrayOfLines(d.text))
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

// arrayOfLines turns JSON Lines, with an object on each line, into one array. Line numbers do not change.
func arrayOfLines(text string) string {
	lines := 0
	for line := range strings.Lines(strings.Trim(text, jsonSpace)) {
		if !strings.HasPrefix(line, "{") || !strings.HasSuffix(strings.TrimRight(line, jsonSpace), "}") {
			return text
		}
		lines++
	}
	if lines < 2 {
		return text
	}
	return "[" + strings.ReplaceAll(strings.Trim(text, jsonSpace), "\n", ",\n") + "]"
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
	if err := f.shape("", 0); err != nil {
		return err
	}
	if f.kind != '{' && f.kind != '[' {
		return refusef(1, "is JSON, but neither an object nor an array")
	}
	_, err := f.ReadToken()
	if err == nil {
		return refusef(f.lineAt(int(f.InputOffset())), "has more text after the end of the JSON")
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// How much of a file is remembered as its shape: enough for every known format.
const (
	shapeDepth    = 12
	shapeElements = 8 // of an array
	shapePaths    = 4000
	shapeName     = 200 // bytes of a path
)

// shape reads the next value and remembers what is at which path. Elements of an array have the same path, "a[]".
func (f *jsonFile) shape(path string, depth int) error {
	kind := f.PeekKind()
	if known := f.kinds[path]; known == 0 || known == 'n' {
		f.kinds[path] = kind
	}
	switch {
	case depth == shapeDepth || len(f.kinds) >= shapePaths || len(path) > shapeName || kind != '{' && kind != '[':
		return f.check()
	case kind == '{':
		return f.members(func(name string) error {
			if path == "" {
				return f.shape(name, depth+1)
			}
			return f.shape(path+"."+name, depth+1)
		})
	}
	if _, err := f.ReadToken(); err != nil {
		return err
	}
	for i := 0; f.PeekKind() != ']'; i++ {
		var err error
		if i < shapeElements {
			err = f.shape(path+"[]", depth+1)
		} else {
			err = cmp.Or(f.draft.checkContext(), f.check())
		}
		if err != nil {
			return err
		}
	}
	_, err := f.ReadToken()
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

// lineFor returns the line of an offset for a message, or 0 if the file has one line only.
func (f *jsonFile) lineFor(offset int) int {
	if f.oneLine {
		return 0
	}
	return f.lineAt(offset)
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
		return refusef(f.lineFor(int(e.ByteOffset)), "has the wrong type of value at %s",
			plaintext.Quote(string(e.JSONPointer)))
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		reason, offset := "is not valid JSON: "+plaintext.OneLine(e.Err.Error()), int(e.ByteOffset)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			reason, offset = "is truncated: the JSON does not end", len(f.text)
		}
		if where := f.element(offset); where != "" {
			return refusef(0, "%s (%s)", reason, where)
		}
		return refusef(lineAt(f.text, offset), "%s", reason)
	}
	return refusef(0, "is not valid JSON: %s", plaintext.OneLine(err.Error()))
}

// element says in which element of a list an offset is, if the file has only one line and a line number would not help.
func (f *jsonFile) element(offset int) string {
	if !f.oneLine {
		return ""
	}
	var element int64
	for level := 1; level <= f.StackDepth() && element < 2; level++ {
		if kind, n := f.StackIndex(level); kind == '[' {
			element = max(element, n)
		}
	}
	if element == 0 {
		return ""
	}
	const near = 2000 // bytes before the offset, in which the time of the element is
	before := f.text[max(offset-near, 0):min(offset, len(f.text))]
	i := strings.LastIndex(before, `"start`)
	if i < 0 {
		return fmt.Sprintf("element %d", element)
	}
	start, _, _ := strings.Cut(before[i:], ",")
	return fmt.Sprintf("element %d, at %s", element, plaintext.OneLine(plaintext.Truncate(start, 40)))
}
