package bridge_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"memoai.tech/memo/internal/bridge"
)

func TestStreamedMessagesArePassedOn(t *testing.T) {
	const progress = `{"jsonrpc":"2.0","method":"notifications/progress","params":{}}`
	for _, c := range []struct {
		name, events string
		want         []string // a line, or a part of an error message
	}{
		{"only the response", "event: message\nid: 1\ndata: " + resultOf("1") + "\n\n", []string{resultOf("1")}},
		{"with CRLF", "event: message\r\ndata: " + resultOf("1") + "\r\n\r\n", []string{resultOf("1")}},
		{"without a space after data:", "data:" + resultOf("1") + "\n\n", []string{resultOf("1")}},
		{"without a newline at the end", "data: " + resultOf("1"), []string{resultOf("1")}},
		{"a priming event, a comment and a notification first", "id: 0\ndata:\n\n: hello\n\nretry: 5\n\ndata: " + progress +
			"\n\ndata: " + resultOf("1") + "\n\n", []string{progress, resultOf("1")}},
		{
			"a request of the server",
			`data: {"jsonrpc":"2.0","id":1,"method":"ping"}` + "\n\ndata: " + resultOf("1") + "\n\n",
			[]string{`{"jsonrpc":"2.0","id":1,"method":"ping"}`, resultOf("1")},
		},
		{
			"a response on several lines", "data: {\"jsonrpc\":\"2.0\",\ndata: \"id\":1,\ndata:  \"result\":{}}\n\n",
			[]string{resultOf("1")},
		},
		{
			"an error", `data: {"jsonrpc":"2.0","error":{"code":-32601,"message":"no"}}` + "\n\n",
			[]string{`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}`},
		},
		{
			"later events are not awaited", "data: " + resultOf("1") + "\n\ndata: " + progress + "\n\n",
			[]string{resultOf("1")},
		},
		{"an empty stream", "", []string{"closed the connection"}},
		{"no response", "data: " + progress + "\n\n", []string{progress, "closed the connection"}},
		{"broken off in an event", "data: " + progress + "\n\ndata: {\"json", []string{progress, "closed the connection"}},
		{"not JSON", "data: hello\n\n", []string{"is not Memo"}},
		{"other JSON", "data: {}\n\n", []string{"is not Memo"}},
		{"a line too long", "data: " + strings.Repeat("x", bridge.MaxResponse+10) + "\n\n", []string{"longer than 16 MiB"}},
		{
			"an event too long", strings.Repeat("data: "+strings.Repeat("x", 1<<20)+"\n", 18),
			[]string{"longer than 16 MiB"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
				if string(m.ID) == "2" {
					result(w, r, m)
					return
				}
				w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
				io.WriteString(w, c.events)
			})
			h := start(t, s.URL)
			h.send("%s", ping(1))
			for _, want := range c.want {
				if strings.HasPrefix(want, "{") {
					h.wantLine(want)
				} else if got := h.errorMessage("1", bridge.CodeServer); !strings.Contains(got, want) {
					t.Errorf("the error is %q, want one that contains %q", got, want)
				}
			}
			h.send("%s", ping(2))
			h.wantLine(resultOf("2"))
			if err := h.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestStreamIsPassedOnImmediately: each message is passed on before the next one arrives.
func TestStreamIsPassedOnImmediately(t *testing.T) {
	const notification = `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`
	read := make(chan struct{})
	s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 3 {
			io.WriteString(w, "data: "+notification+"\n\n")
			w.(http.Flusher).Flush()
			await(t, read, "the host did not read the notification")
		}
		io.WriteString(w, "data: "+resultOf("1")+"\n\n")
	})
	h := start(t, s.URL)
	h.send("%s", ping(1))
	for range 3 {
		h.wantLine(notification)
		read <- struct{}{}
	}
	h.wantLine(resultOf("1"))
	if err := h.end(); err != nil {
		t.Error(err)
	}
}

// TestCancelledStreamEnds: none of its later messages is passed on.
func TestCancelledStreamEnds(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
		if m.Method != "subscriptions/listen" {
			result(w, r, m)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: "+`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged"}`+"\n\n")
		w.(http.Flusher).Flush()
		await(t, r.Context().Done(), "the stream was not cancelled")
	})
	h := start(t, s.URL)
	h.send(`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}`)
	h.next()
	h.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	h.send("%s", ping(2))
	h.wantLine(resultOf("2"))
	if err := h.end(); err != nil {
		t.Error(err)
	}
}
