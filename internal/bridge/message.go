package bridge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// message is what the bridge reads from a JSON-RPC message of the host or the server.
type message struct {
	Version jsontext.Value `json:"jsonrpc"`
	ID      jsontext.Value `json:"id"`
	Method  string         `json:"method"`
	Params  jsontext.Value `json:"params"`
	Result  jsontext.Value `json:"result"`
	Error   jsontext.Value `json:"error"`

	// Of a message of the host:
	raw    []byte
	ctx    context.Context
	cancel context.CancelFunc
}

// parseMessage parses a line from the host.
func parseMessage(line []byte, tooLong bool) (*message, *jsonrpc.Error) {
	m, v := &message{raw: line}, jsontext.Value(line)
	code, text := jsonrpc.CodeInvalidRequest, ""
	switch {
	case tooLong:
		text = fmt.Sprintf("The message is too long. The maximum is %d bytes.", maxMessage)
	case !v.IsValid():
		code, text = jsonrpc.CodeParseError, "This line is not valid JSON."
	case v.Kind() == jsontext.KindBeginArray:
		text = "Batches are not accepted. Send each message on its own line."
	case v.Kind() != jsontext.KindBeginObject || json.Unmarshal(line, m) != nil:
		text = "This is not a JSON-RPC message. It must be an object whose method is a string."
	default:
		return m, nil
	}
	return nil, &jsonrpc.Error{Code: int64(code), Message: text}
}

// isRequest reports whether the host waits for a response.
func (m *message) isRequest() bool {
	return m.Method != "" && len(m.ID) > 0 && m.ID.Kind() != jsontext.KindNull
}

// cancelledID returns the id of the request that a notifications/cancelled names.
func (m *message) cancelledID() string {
	var p struct {
		RequestID jsontext.Value `json:"requestId"`
	}
	_ = json.Unmarshal(m.Params, &p) // without an id nothing is cancelled
	return string(p.RequestID)
}

// setHeaders sets the headers that the protocol requires. Since revision
// 2026-07-28 each message contains its version, and the headers repeat the version,
// the method, and the name or URI in the parameters. Before, the only header is the
// version that initialize agreed on.
func (m *message) setHeaders(h http.Header, agreed string) {
	var p struct {
		Meta struct {
			Version string `json:"io.modelcontextprotocol/protocolVersion"`
		} `json:"_meta"`
		Name jsontext.Value `json:"name"`
		URI  jsontext.Value `json:"uri"`
	}
	_ = json.Unmarshal(m.Params, &p) // parameters of another form contain none of these
	set := func(name, value string) {
		if value != "" {
			h.Set(name, headerValue(value))
		}
	}
	if p.Meta.Version == "" {
		if m.Method != "initialize" {
			set("MCP-Protocol-Version", agreed)
		}
		return
	}
	set("MCP-Protocol-Version", p.Meta.Version)
	set("Mcp-Method", m.Method)
	switch m.Method {
	case "tools/call", "prompts/get":
		set("Mcp-Name", jsonString(p.Name))
	case "resources/read":
		set("Mcp-Name", jsonString(p.URI))
	}
}

// jsonString returns the text of a JSON string, or "" for any other value.
func jsonString(v jsontext.Value) string {
	var s string
	_ = json.Unmarshal(v, &s)
	return s
}

// headerValue returns s unchanged if it is a valid header value, because servers
// compare it with the body. Otherwise it returns s encoded as Base64.
func headerValue(s string) string {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if strings.ContainsFunc(s, control) || s != strings.Trim(s, " ") {
		return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
	}
	return s
}

// codeServer is the code of an error that is not about the form of a message.
const codeServer = -32000

// newError returns an error as a response to the request with this id, which is nil if it could
// not be read.
func newError(id jsontext.Value, e *jsonrpc.Error) []byte {
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // a number, a string and valid JSON always marshal
	}
	return newReply(id, "error", data)
}

// newReply returns a response to the request with this id; member is "error" or
// "result".
func newReply(id jsontext.Value, member string, value jsontext.Value) []byte {
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,%q:%s}`, id, member, value) // a nil id is formatted as null
}

// sameID reports whether two ids are equal, even if their strings use different
// escapes.
func sameID(a, b jsontext.Value) bool {
	return bytes.Equal(a, b) || a.Kind() == '"' && b.Kind() == '"' && jsonString(a) == jsonString(b)
}

// formatLine returns a JSON text as one line. If it contains the API key, the key
// is redacted.
func (b *Bridge) formatLine(data []byte) []byte {
	v := jsontext.Value(bytes.Clone(bytes.TrimSpace(data)))
	if bytes.ContainsAny(v, "\r\n") {
		_ = v.Compact() // it was parsed before, so it is valid
	}
	if key := b.key.Secret(); key != "" {
		v = bytes.ReplaceAll(v, []byte(key), []byte(b.key.String()))
	}
	return append(v, '\n')
}

// lineReader reads lines of at most max bytes.
type lineReader struct {
	r   *bufio.Reader
	max int
}

func newLines(r io.Reader, max int) *lineReader {
	return &lineReader{bufio.NewReaderSize(r, 64<<10), max}
}

// next returns the next line without leading and trailing white space. If the line
// is too long, next skips it and returns tooLong.
func (l *lineReader) next() (line []byte, tooLong bool, err error) {
	for {
		part, err := l.r.ReadSlice('\n')
		if tooLong = tooLong || len(line)+len(part) > l.max+len("\r\n"); tooLong {
			line = nil
		} else {
			line = append(line, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && (len(line) > 0 || tooLong):
			err = nil // the last line may lack a line break
		}
		return bytes.TrimSpace(line), tooLong, err
	}
}
