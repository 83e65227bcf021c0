package bridge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo/internal/remote"
)

// errTimeout is the cancellation cause of a request that took too long.
var errTimeout = errors.New("timeout")

// post sends one message and writes the server's response to the host. It returns
// a message for a person, or the server's own JSON-RPC error.
func (s *run) post(m *message) error {
	ctx, stop := context.WithCancelCause(m.ctx)
	defer stop(nil)
	timer := time.AfterFunc(s.timeout, func() { stop(errTimeout) })
	defer timer.Stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint, bytes.NewReader(m.raw))
	if err != nil {
		return s.transportError(ctx, err)
	}
	r.Header = http.Header{
		"Authorization": {"Bearer " + s.key.Secret()},
		"Content-Type":  {"application/json"},
		"Accept":        {"application/json, text/event-stream"},
		"User-Agent":    {s.userAgent},
		// Every call of Memo may be repeated. net/http does not send this empty
		// header; it makes net/http retry if an idle connection was closed.
		"Idempotency-Key": {},
	}
	agreed, _ := s.version.Load().(string)
	m.setHeaders(r.Header, agreed)
	resp, err := s.http.Do(r)
	if err != nil {
		return s.transportError(ctx, err)
	}
	defer resp.Body.Close()
	accepted := resp.StatusCode/100 == 2
	contentType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if accepted && contentType == "text/event-stream" {
		timer.Stop()
		return s.forwardStream(m, resp.Body)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	switch {
	case err != nil:
		return s.transportError(ctx, err)
	case len(body) > maxResponse:
		return errTooLong
	case !accepted:
		return s.statusError(resp, contentType, body)
	case !m.isRequest():
		return nil
	case contentType != "application/json":
		return remote.NotMemoError(s.endpoint, contentType)
	}
	isResponse, err := s.forward(m, body)
	if err == nil && !isResponse {
		err = remote.NotMemoError(s.endpoint, contentType)
	}
	return err
}

// forward writes a message of the server to the host unchanged, and reports
// whether it is the response to m.
func (s *run) forward(m *message, data []byte) (isResponse bool, err error) {
	var a message
	err = json.Unmarshal(data, &a)
	isResponse = a.Method == "" && (a.Result != nil || a.Error != nil)
	if err != nil || string(a.Version) != `"2.0"` || a.Method == "" && !isResponse {
		return false, remote.NotMemoError(s.endpoint, "application/json")
	}
	if a.Result != nil && m.Method == "initialize" {
		var result struct {
			Version jsontext.Value `json:"protocolVersion"`
		}
		_ = json.Unmarshal(a.Result, &result) // the host reports an invalid result
		s.version.Store(jsonString(result.Version))
	}
	if isResponse && !sameID(a.ID, m.ID) {
		// The server failed before it read the id, or a proxy mixed up responses.
		// The host waits for a response with its own id.
		data = newReply(m.ID, "result", a.Result)
		if a.Error != nil {
			data = newReply(m.ID, "error", a.Error)
		}
	}
	if m.isRequest() || !isResponse {
		s.write(m.ctx, data)
	}
	return isResponse, nil
}

// forwardStream writes the events of a stream to the host as they arrive, up to and
// including the response to m.
func (s *run) forwardStream(m *message, body io.Reader) error {
	var data []byte
	for lines := newLines(body, maxResponse); ; {
		line, tooLong, err := lines.next()
		if tooLong || len(data)+len(line) > maxResponse {
			return errTooLong
		}
		if value, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			data = append(append(data, value...), '\n')
			continue
		}
		if len(line) > 0 {
			continue // the event's name, its id, or a comment
		}
		if event := jsontext.Value(bytes.TrimSpace(data)); len(event) > 0 && (err == nil || event.IsValid()) {
			if isResponse, err := s.forward(m, event); err != nil || isResponse {
				return err
			}
		}
		data = nil
		switch {
		case err == io.EOF && !m.isRequest():
			return nil
		case err != nil:
			return s.transportError(m.ctx, err)
		}
	}
}
