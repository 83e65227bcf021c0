package bridge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// message is what the bridge reads from a JSON-RPC message of the host.
type message struct {
	ID     jsontext.Value `json:"id"`
	Method string         `json:"method"`
	Params jsontext.Value `json:"params"`

	raw    []byte
	cancel context.CancelFunc
}

// parseMessage parses a line from the host.
func parseMessage(line []byte) (*message, *rpcError) {
	switch v := jsontext.Value(line); {
	case !v.IsValid():
		return nil, &rpcError{Code: codeParse, Message: "This line is not valid JSON."}
	case v.Kind() == jsontext.KindBeginArray:
		return nil, &rpcError{
			Code:    codeInvalidRequest,
			Message: "Batches are not accepted. Send each message on its own line.",
		}
	}
	m := &message{raw: line}
	if err := json.Unmarshal(line, m); err != nil || line[0] != '{' {
		return nil, &rpcError{
			Code:    codeInvalidRequest,
			Message: "This is not a JSON-RPC message. It must be an object whose method is a string.",
		}
	}
	return m, nil
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
	version := p.Meta.Version
	if version == "" {
		if agreed != "" && m.Method != "initialize" {
			h.Set("MCP-Protocol-Version", headerValue(agreed))
		}
		return
	}
	h.Set("MCP-Protocol-Version", headerValue(version))
	h.Set("Mcp-Method", headerValue(m.Method))
	name := ""
	switch m.Method {
	case "tools/call", "prompts/get":
		name = jsonString(p.Name)
	case "resources/read":
		name = jsonString(p.URI)
	}
	if name != "" {
		h.Set("Mcp-Name", headerValue(name))
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

// Codes of JSON-RPC errors that the bridge creates.
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeServer         = -32000
)

// rpcError is a JSON-RPC error from the bridge or the server.
type rpcError struct {
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    jsontext.Value `json:"data,omitzero"`
}

func (e *rpcError) Error() string { return e.Message }

// reply returns the error as a response to the request with this id, which is nil
// if it could not be read.
func (e *rpcError) reply(id jsontext.Value) []byte {
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // a number, a string and valid JSON always marshal
	}
	return newReply(id, "error", data)
}

// newReply returns a response to the request with this id; member is "error" or
// "result".
func newReply(id jsontext.Value, member string, value jsontext.Value) []byte {
	if id == nil {
		id = jsontext.Value("null")
	}
	return bytes.Join([][]byte{[]byte(`{"jsonrpc":"2.0","id":`), id, []byte(`,"` + member + `":`), value, []byte(`}`)},
		nil)
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
