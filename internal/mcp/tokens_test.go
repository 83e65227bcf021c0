package mcp_test

import (
	"strings"
	"testing"

	"memoai.tech/memo/internal/demo"
	"memoai.tech/memo/internal/testworld"
)

// TestTasksNeedFewTokens bounds what a host's model reads for frequent tasks over the sample workspace. Hosts
// pass on the text or the structured form of a result, so the longer one counts. A token has about four bytes.
func TestTasksNeedFewTokens(t *testing.T) {
	w := newWorld(t, testworld.Config{Store: storeIn(t)})
	ids := map[string]string{}
	for name, data := range demo.Files() {
		ids[name[:2]] = w.Import(w.Acme, name, string(data))
	}
	type call struct{ tool, arguments, part string }
	for _, task := range []struct {
		name     string
		maxBytes int
		calls    []call
	}{
		{"what did we promise Acme, with dates", 5_500, []call{
			{searchTool, `{"query":"what did we promise Acme, with dates"}`, ids["01"]},
			{reportTool, `{"id":"` + ids["01"] + `","report":"Action items"}`, "today by 17:00"},
			{reportTool, `{"id":"` + ids["01"] + `","report":"Follow-up e-mail"}`, "8 June to 17 July"},
		}},
		{"the meetings of May", 4_600, []call{
			{listTool, `{"date_from":"2026-05-01","date_to":"2026-05-31"}`, "Decisions"},
		}},
		{"the titles of all meetings", 2_400, []call{{listTool, `{"limit":50,"detail":"titles"}`, ids["12"]}}},
		{"Seun's salary", 2_000, []call{
			{searchTool, `{"query":"What salary does Seun expect?","limit":5}`, ids["04"]},
		}},
		{"why the batteries failed, in Russian", 1_800, []call{
			{searchTool, `{"query":"В чём была причина сбоя прошивки?","limit":5}`, ids["05"]},
			{reportTool, `{"id":"` + ids["05"] + `","report":"root-cause"}`, "212"},
		}},
	} {
		size := 0
		for _, c := range task.calls {
			r := w.mustSucceed(c.tool, c.arguments, nil)
			text := r.Content[0].Text
			if !strings.Contains(text, c.part) {
				t.Errorf("%s: %s does not return %q:\n%s", task.name, c.tool, c.part, text)
			}
			size += max(len(text), len(r.Structured))
		}
		t.Logf("%s: %d calls, %d bytes, about %d tokens", task.name, len(task.calls), size, size/4)
		if size > task.maxBytes {
			t.Errorf("%s: %d bytes, want at most %d", task.name, size, task.maxBytes)
		}
	}
}
