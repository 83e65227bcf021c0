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
)

// errTimeout is the cause of the end of a request that took too long.
var errTimeout = errors.New("timeout")

// post sends one message and writes what the server answers. The error is a
// sentence for a person, or the server's own JSON-RPC error.
func (s *run) post(ctx context.Context, m *message) error {
	if s.configError != nil {
		return s.configError
	}
	timed, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	timer := time.AfterFunc(s.timeout, func() { stop(errTimeout) })
	defer timer.Stop()
	r, err := http.NewRequestWithContext(timed, http.MethodPost, s.endpoint, bytes.NewReader(m.raw))
	if err != nil {
		return s.unreachable(timed, err)
	}
	r.Header = http.Header{
		"Authorization": {"Bearer " + s.key.Secret()},
		"Content-Type":  {"application/json"},
		"Accept":        {"application/json, text/event-stream"},
		"User-Agent":    {s.agent},
		// Every call of Memo's may be repeated. This is not sent: it tells
		// net/http to try again when a kept connection turns out to be closed.
		"Idempotency-Key": {},
	}
	s.mu.Lock()
	agreed := s.version
	s.mu.Unlock()
	m.setHeaders(r.Header, agreed)
	resp, err := s.http.Do(r)
	if err != nil {
		return s.unreachable(timed, err)
	}
	defer resp.Body.Close()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode/100 == 2 && kind == "text/event-stream" {
		timer.Stop()
		return s.forwardStream(ctx, m, resp.Body)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	switch {
	case err != nil:
		return s.unreachable(timed, err)
	case len(body) > maxResponse:
		return errTooLong
	case resp.StatusCode/100 != 2:
		return s.refused(resp, kind, body)
	case !m.isRequest():
		return nil
	}
	if kind != "application/json" {
		return s.foreign(kind)
	}
	answered, err := s.forward(ctx, m, body)
	if err == nil && !answered {
		err = s.foreign(kind)
	}
	return err
}

// serverMessage is what the bridge must know of a message of the server.
type serverMessage struct {
	JSONRPC string         `json:"jsonrpc"`
	ID      jsontext.Value `json:"id"`
	Method  jsontext.Value `json:"method"`
	Result  jsontext.Value `json:"result"`
	Error   jsontext.Value `json:"error"`
}

// forward writes a message of the server as it is and reports whether it is the
// answer to m.
func (s *run) forward(ctx context.Context, m *message, data []byte) (answered bool, err error) {
	var a serverMessage
	err = json.Unmarshal(data, &a)
	answered = a.Method == nil && (a.Result != nil || a.Error != nil)
	if err != nil || a.JSONRPC != "2.0" || a.Method == nil && !answered {
		return false, s.foreign("application/json")
	}
	if a.Result != nil && m.Method == "initialize" {
		var result struct {
			Version jsontext.Value `json:"protocolVersion"`
		}
		_ = json.Unmarshal(a.Result, &result) // the host sees what it is
		s.mu.Lock()
		s.version = jsonString(result.Version)
		s.mu.Unlock()
	}
	if answered && m.isRequest() && !sameID(a.ID, m.ID) {
		// A server that had not read the id yet, or something in between that
		// mixes answers up: the host waits for its own.
		if a.Error != nil {
			data = newReply(m.ID, "error", a.Error)
		} else {
			data = newReply(m.ID, "result", a.Result)
		}
	}
	if m.isRequest() || !answered {
		s.write(ctx, data)
	}
	return answered, nil
}

// forwardStream passes the events of a stream on as they come, up to the answer.
func (s *run) forwardStream(ctx context.Context, m *message, body io.Reader) error {
	lines := newLines(body, maxResponse)
	var data []byte
	for {
		line, long, err := lines.next()
		if long || len(data)+len(line) > maxResponse {
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
			if answered, failed := s.forward(ctx, m, event); failed != nil || answered {
				return failed
			}
		}
		data = nil
		if err == io.EOF && m.isRequest() {
			err = io.ErrUnexpectedEOF
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return s.unreachable(ctx, err)
		}
	}
}
