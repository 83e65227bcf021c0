package mcp_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/mcp"
	"memoai.tech/memo/internal/testworld"
)

// TestCallBeyondCapacityIsRefused with 503 and Retry-After, as over REST. A call releases its
// capacity when its response has been written.
func TestCallBeyondCapacityIsRefused(t *testing.T) {
	w := newWorld(t, testworld.Config{Store: storeIn(t), Work: app.WorkLimits{Queries: 2, Wait: 20 * time.Millisecond}})
	id := `{"id":"` + w.Transcriptions[0] + `"}`
	calls := map[string]string{
		"queries":      toolCall(searchTool, `{"query":"price"}`),
		"small_memory": toolCall(getTool, id),
	}
	busy := map[string]string{}
	for limiter, message := range calls {
		busy[message] = limiter
	}
	for _, message := range []string{
		toolCall(exportTool, id), toolCall(bulkTool, `{"ids":["`+w.Transcriptions[0]+`"],"format":"txt"}`),
		toolCall(reportTool, id), request("resources/read", `{"uri":"`+resourcePrefix+w.Transcriptions[0]+`"}`),
	} {
		busy[message] = "small_memory"
	}
	for message, limiter := range busy {
		t.Run(message, func(t *testing.T) {
			w := w.in(t)
			release, err := w.App.Work()[limiter].Acquire(context.Background(), w.Acme.ID, 1<<40)
			w.Must(err)
			a := w.post(w.OlgaKey.Key, message).Want(503, "of this workspace are running. Try again in a moment.")
			if a.Header.Get("Retry-After") == "" {
				t.Errorf("%v %s", a.Header, a.Body)
			}
			w.post(w.EveKey.Key, toolCall(getTool, `{"id":"`+w.OtherTranscription+`"}`)).Want(200)
			release()
			w.post(w.OlgaKey.Key, message).Want(200)
		})
	}
	for name, l := range w.App.Work() {
		if s := l.Stats(); s.Running != 0 {
			t.Errorf("%s: %+v after all calls", name, s)
		}
	}
	w.mustFail(listTool, `{"external_id":"`+strings.Repeat("a", 201)+`"}`, "external_id must have at most 200 characters")
}

// TestCallEndsWithItsRequest: what it waits for is given up, which the SDK does not do by itself.
func TestCallEndsWithItsRequest(t *testing.T) {
	w := newWorld(t, testworld.Config{Store: storeIn(t), Work: app.WorkLimits{Queries: 2, Wait: time.Hour}})
	queries := w.App.Work()["queries"]
	release, err := queries.Acquire(t.Context(), w.Acme.ID, 1<<40)
	w.Must(err)
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(ctx, "POST", w.Server.URL+mcp.Path,
			strings.NewReader(toolCall(searchTool, `{"query":"price"}`)))
		if err == nil {
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+w.OlgaKey.Key)
			_, err = http.DefaultClient.Do(r)
		}
		done <- err
	}()
	waiting := func(want int) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); queries.Stats().Waiting != want; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%+v, want %d calls that wait", queries.Stats(), want)
			}
		}
	}
	waiting(1)
	cancel()
	if err := <-done; err == nil {
		t.Error("the cancelled request has a response")
	}
	waiting(0)
}
