package mcp_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo/internal/app"
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
			w := w.with(t)
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
