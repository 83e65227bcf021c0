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

// message is what the bridge must know of a JSON-RPC message of the host.
type message struct {
	ID     jsontext.Value `json:"id"`
	Method string         `json:"method"`
	Params jsontext.Value `json:"params"`

	raw    []byte
	cancel context.CancelFunc
}

// parseMessage reads a line of the host.
func parseMessage(line []byte) (*message, *rpcError) {
	switch v := jsontext.Value(line); {
	case !v.IsValid():
		return nil, &rpcError{Code: codeParse, Message: "This line is not valid JSON."}
	case v.Kind() == jsontext.KindBeginArray:
		return nil, &rpcError{
			Code:    codeInvalidRequest,
			Message: "Batches are not accepted: send each message on a line of its own.",
		}
	}
	m := &message{raw: line}
	if err := json.Unmarshal(line, m); err != nil || line[0] != '{' {
		return nil, &rpcError{
			Code:    codeInvalidRequest,
			Message: "This is not a JSON-RPC message: it must be an object, and its method a string.",
		}
	}
	return m, nil
}

// isRequest reports whether the host waits for an answer.
func (m *message) isRequest() bool {
	return m.Method != "" && len(m.ID) > 0 && m.ID.Kind() != jsontext.KindNull
}

// cancelledID returns the id of the request that a notifications/cancelled names.
func (m *message) cancelledID() string {
	var p struct {
		RequestID jsontext.Value `json:"requestId"`
	}
	_ = json.Unmarshal(m.Params, &p) // one that names nothing cancels nothing
	return string(p.RequestID)
}

// setHeaders repeats in headers what the protocol wants there. From 2026-07-28
// on, each message says its version, and its method and the name of what it is
// about are repeated; before, the version is the one that initialize agreed on.
func (m *message) setHeaders(h http.Header, agreed string) {
	var p struct {
		Meta struct {
			Version string `json:"io.modelcontextprotocol/protocolVersion"`
		} `json:"_meta"`
		Name jsontext.Value `json:"name"`
		URI  jsontext.Value `json:"uri"`
	}
	_ = json.Unmarshal(m.Params, &p) // of another form, they have none of it
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

// jsonString returns a JSON string's text, and nothing for any other value.
func jsonString(v jsontext.Value) string {
	var s string
	_ = json.Unmarshal(v, &s)
	return s
}

// headerValue returns s as it is wherever HTTP can carry that, since servers
// compare it with the body as it is, and encoded where HTTP cannot.
func headerValue(s string) string {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if strings.ContainsFunc(s, control) || s != strings.Trim(s, " ") {
		return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
	}
	return s
}

// Codes of JSON-RPC errors that the bridge itself answers with.
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeServer         = -32000
)

// rpcError is a JSON-RPC error, of the bridge or of the server.
type rpcError struct {
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    jsontext.Value `json:"data,omitzero"`
}

func (e *rpcError) Error() string { return e.Message }

// reply answers the request of this id; nil where the id could not be read.
func (e *rpcError) reply(id jsontext.Value) []byte {
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // a number and a string that is clean
	}
	return newReply(id, "error", data)
}

// newReply is an error or a result as the answer to the request of this id.
func newReply(id jsontext.Value, member string, value jsontext.Value) []byte {
	if id == nil {
		id = jsontext.Value("null")
	}
	return bytes.Join([][]byte{[]byte(`{"jsonrpc":"2.0","id":`), id, []byte(`,"` + member + `":`), value, []byte(`}`)},
		nil)
}

// sameID compares two ids, which may be written with other escapes.
func sameID(a, b jsontext.Value) bool {
	return bytes.Equal(a, b) || a.Kind() == '"' && b.Kind() == '"' && jsonString(a) == jsonString(b)
}

// handleLine makes one line of a JSON text. Should a server send the key back, that
// is taken out.
func (b *Bridge) handleLine(data []byte) []byte {
	v := jsontext.Value(bytes.Clone(bytes.TrimSpace(data)))
	if bytes.ContainsAny(v, "\r\n") {
		_ = v.Compact() // it is valid: somebody has parsed it
	}
	if key := b.key.Secret(); key != "" {
		v = bytes.ReplaceAll(v, []byte(key), []byte(b.key.String()))
	}
	return append(v, '\n')
}

// lineReader reads lines of bounded length.
type lineReader struct {
	r   *bufio.Reader
	max int
}

func newLines(r io.Reader, max int) *lineReader {
	return &lineReader{bufio.NewReaderSize(r, 64<<10), max}
}

// next returns the next line without blanks at its ends. Of a line that is too
// long it tells only that, and skips it.
func (l *lineReader) next() (line []byte, long bool, err error) {
	for {
		part, err := l.r.ReadSlice('\n')
		if long = long || len(line)+len(part) > l.max+len("\r\n"); long {
			line = nil
		} else {
			line = append(line, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && (len(line) > 0 || long):
			err = nil // the last line needs no end
		}
		return bytes.TrimSpace(line), long, err
	}
}
