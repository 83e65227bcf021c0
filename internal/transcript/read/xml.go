package read

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"

	"memoai.tech/memo/internal/plaintext"
)

// Limits on XML. The decoder remembers open elements and the attributes of one, so both are bounded.
const (
	maxXMLDepth = 256
	maxXMLToken = 2 << 20 // bytes
)

var (
	errXMLToken = errors.New("has a tag or a text that is too long")
	errXMLDepth = errors.New("has XML that is nested too deeply")
)

// xmlReader reads XML in bounded memory. It expands no entities but those of XML and HTML, so that a file cannot
// define entities that grow.
type xmlReader struct {
	*xml.Decoder
	draft *draft
	in    *bufio.Reader
	left  int // bytes that the current token may still have
	depth int
}

func newXMLReader(d *draft, in io.Reader) *xmlReader {
	x := &xmlReader{draft: d, in: bufio.NewReaderSize(in, 64<<10)}
	x.Decoder = xml.NewDecoder(x)
	x.Decoder.Entity = xml.HTMLEntity
	// The text is UTF-8, whatever the file says of itself.
	x.Decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return x
}

// ReadByte makes the decoder read byte by byte, so that it cannot read beyond the limit of a token.
func (x *xmlReader) ReadByte() (byte, error) {
	if x.left--; x.left < 0 {
		return 0, errXMLToken
	}
	return x.in.ReadByte()
}

// Read is never called.
func (x *xmlReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// next returns the next token, or nil at the end. Its error is a reason for people.
func (x *xmlReader) next() (xml.Token, error) {
	if err := x.draft.checkContext(); err != nil {
		return nil, err
	}
	x.left = maxXMLToken
	token, err := x.Token()
	switch {
	case err == io.EOF:
		return nil, nil
	case errors.Is(err, errXMLToken):
		return nil, refusef(0, "%s", errXMLToken)
	case err != nil:
		line, _ := x.InputPos()
		return nil, refusef(line, "is not valid XML: %s", plaintext.Quote(plaintext.OneLine(err.Error())))
	}
	switch token.(type) {
	case xml.StartElement:
		x.depth++
	case xml.EndElement:
		x.depth--
	}
	if x.depth > maxXMLDepth {
		return nil, refusef(0, "%s", errXMLDepth)
	}
	return token, nil
}

// attribute returns the value of an attribute, whatever its namespace.
func attribute(e xml.StartElement, names ...string) string {
	for _, a := range e.Attr {
		for _, name := range names {
			if a.Name.Local == name {
				return a.Value
			}
		}
	}
	return ""
}
