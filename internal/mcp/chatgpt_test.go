package mcp_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"memoai.tech/memo/internal/testworld"
)

// TestToolsOfChatGPT: search and fetch have its names, arguments and shapes, as text and as the structured
// form, at a public URL only.
func TestToolsOfChatGPT(t *testing.T) {
	w := newWorldAt(t, testworld.Config{Store: storeIn(t)}, "https://memo.example.com/sub")
	id := w.Transcriptions[3]
	url := "https://memo.example.com/sub/w/" + w.Acme.ID + "/transcriptions/" + id
	r := w.mustSucceed("search", `{"query":"what is the price"}`, nil)
	want := `{"results":[{"id":"` + id + `","title":"Pricing talk","url":"` + url + `"}]}`
	if string(r.Structured) != want || r.Content[0].Text != want {
		t.Errorf("got %s and %s, want %s", r.Structured, r.Content[0].Text, want)
	}
	if r := w.mustSucceed("search", `{"query":"nowhere"}`, nil); string(r.Structured) != `{"results":[]}` {
		t.Errorf("without a result: %s", r.Structured)
	}
	var doc struct {
		ID, Title, Text, URL string
		Metadata             map[string]string
	}
	r = w.mustSucceed("fetch", `{"id":"`+id+`"}`, &doc)
	if doc.ID != id || doc.Title != "Pricing talk" || doc.URL != url ||
		doc.Metadata["created_at"] != "2026-05-01T10:00:00Z" ||
		!strings.Contains(doc.Text, "Of course…") || !strings.Contains(doc.Text, "- send the offer") ||
		doc.Metadata["next"] != "" || !bytes.Equal(r.Structured, []byte(r.Content[0].Text)) {
		t.Errorf("%s", r.Structured)
	}
	var members map[string]any
	if err := json.Unmarshal(r.Structured, &members); err != nil || len(members) != 5 {
		t.Errorf("%v has other members", members)
	}
	long := w.Import(w.Acme, "long.txt", strings.Repeat("Это строка.\n", 6000))
	w.mustSucceed("fetch", `{"id":"`+long+`"}`, &doc)
	if !strings.Contains(doc.Metadata["next"], "Call memo_export_transcription with this id and offset=44994") {
		t.Errorf("of a long text: %v", doc.Metadata)
	}
	w.mustFail("fetch", `{"id":"`+nowhere+`"}`)
	w.mustFail("fetch", `{"id":"`+w.OtherTranscription+`"}`)
	if text := w.call("fetch", `{"id":"x"}`); !text.IsError || !strings.Contains(text.Content[0].Text, "must be a UUID") {
		t.Errorf("of no UUID: %+v", text)
	}
	local := newWorld(t, testworld.Config{Store: storeIn(t)})
	local.post(local.OlgaKey.Key, toolCall("search", `{"query":"price"}`)).Want(200, "Unknown tool")
}

// TestLenientArguments: models send numbers as strings and instants as days.
func TestLenientArguments(t *testing.T) {
	w := newWorld(t, testworld.Config{Store: storeIn(t)})
	for arguments, want := range map[string]int{
		`{"limit":"2"}`: 2,
		`{"date_from":"2026-05-01T00:00:00Z","date_to":"2026-05-01T23:59:59+02:00"}`: 1,
		`{"date_from":"2026-05-01 10:00:00","date_to":"2026-05-01T11:00"}`:           1,
	} {
		var page struct{ Items []any }
		if w.mustSucceed(listTool, arguments, &page); len(page.Items) != want {
			t.Errorf("%s: %d items, want %d", arguments, len(page.Items), want)
		}
	}
	for _, arguments := range []string{`{"limit":"two"}`, `{"limit":"51"}`, `{"date_from":"May 1"}`} {
		w.mustFail(listTool, arguments)
	}
}
