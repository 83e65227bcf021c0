package mcp_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"

	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
)

var update = flag.Bool("update", false, "write the golden files")

// TestListsMatchGoldenFiles: hosts put these lists at the start of every conversation, so they
// change only on purpose, and that of the tools stays under 8,000 bytes.
func TestListsMatchGoldenFiles(t *testing.T) {
	w := newWorldAt(t, testworld.Config{Store: storeIn(t)}, "https://memo.example.com")
	for name, method := range map[string]string{
		"tools": "tools/list", "prompts": "prompts/list",
		"templates": "resources/templates/list",
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			sent := w.post(w.OlgaKey.Key, request(method, "{}")).Want(200)
			if name == "tools" && len(sent.Body) >= 8000 {
				t.Errorf("tools/list has %d bytes, want fewer than 8,000", len(sent.Body))
			}
			if again := w.post(w.MarkKey.Key, request(method, "{}")); !bytes.Equal(again.Body, sent.Body) {
				t.Errorf("%s differs from one call to the next", method)
			}
			var got bytes.Buffer
			w.Must(json.Indent(&got, sent.Body, "", "  "))
			got.WriteByte('\n')
			testenv.CompareGolden(t, *update, "testdata/"+name+".json", got.Bytes())
		})
	}
}

func TestListTool(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		var page struct {
			Items      []map[string]any
			Total      int
			NextCursor *string `json:"next_cursor"`
		}
		w.mustSucceed(listTool, `{"limit":2}`, &page)
		if len(page.Items) != 2 || page.Total != 3 || page.NextCursor == nil {
			t.Fatalf("%+v", page)
		}
		first := page.Items[0]
		if first["id"] != w.Transcriptions[1] || first["char_count"] == nil || first["summary"] == nil {
			t.Errorf("%v", first)
		}
		for _, absent := range []string{"text", "segments", "prompt_results"} {
			if _, ok := first[absent]; ok {
				t.Errorf("a list item has %s", absent)
			}
		}
		r := w.mustSucceed(listTool, `{"limit":2,"cursor":"`+*page.NextCursor+`"}`, &page)
		if len(page.Items) != 1 || page.NextCursor != nil || page.Items[0]["id"] != w.Transcriptions[3] {
			t.Errorf("%+v", page)
		}
		for _, s := range []string{
			"1 transcription of 3", "2026-05-01 10:00 | Pricing talk | 01:00 | Sales | Alex, Jordan",
			"id " + w.Transcriptions[3], "About the price.",
		} {
			if !strings.Contains(r.Content[0].Text, s) {
				t.Errorf("the text does not contain %q:\n%s", s, r.Content[0].Text)
			}
		}
		if first["updated_at"] != nil || first["status"] != nil || page.Items[0]["topics"] == nil ||
			!strings.Contains(jsonOf(page.Items[0]), `"reports":["Action items"],"speakers":["Alex","Jordan"]`) {
			t.Errorf("%v", page.Items[0])
		}
		page.Items = nil
		w.mustSucceed(listTool, `{"detail":"titles"}`, &page)
		if len(page.Items) != 3 || len(page.Items[0]) != 3 || page.Items[0]["title"] == nil {
			t.Errorf("titles only: %v", page.Items)
		}
		for tool, arguments := range map[string]string{
			listTool: `{"q":"nowhere"}`, searchTool: `{"query":"nowhere"}`,
		} {
			var empty struct{ Hint string }
			if w.mustSucceed(tool, arguments, &empty); !strings.Contains(empty.Hint, "memo_") {
				t.Errorf("%s without results has the hint %q", tool, empty.Hint)
			}
		}
		for arguments, want := range map[string]int{
			`{"status":"queued"}`: 1, `{"language":"de"}`: 1, `{"external_id":"crm-1"}`: 1, `{"q":"price"}`: 1,
			`{"date_from":"2026-05-02","date_to":"2026-05-02"}`:                      1,
			`{"language":"","project_id":"","date_from":"","status":"","cursor":""}`: 3, `{"date_to":"0001-01-01"}`: 0,
			`{"project_id":"` + nowhere + `"}`: 0, `{"project_id":null,"limit":1}`: 1, `{"sort":"duration","limit":50.0}`: 3,
		} {
			t.Run(arguments, func(t *testing.T) {
				if w.in(t).mustSucceed(listTool, arguments, &page); len(page.Items) != want {
					t.Errorf("%d items, want %d", len(page.Items), want)
				}
			})
		}
	})
}

// TestSearchHitHasOffsetOfItsLine: the page at the offset of a hit starts with the line of the hit.
func TestSearchHitHasOffsetOfItsLine(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		var found struct {
			Hits []struct {
				ID, Title, Snippet string
				Time, Speaker      *string
				Offset             int
			}
			Total int
		}
		w.mustSucceed(searchTool, `{"query":"euros"}`, &found)
		if len(found.Hits) != 1 || found.Total != 1 {
			t.Fatalf("%+v", found)
		}
		h := found.Hits[0]
		if h.ID != w.Transcriptions[3] || h.Title != "Pricing talk" || *h.Time != "00:42" || *h.Speaker != "Jordan" ||
			!strings.Contains(h.Snippet, "<b>nine</b> euros") {
			t.Errorf("%+v", h)
		}
		read := w.mustSucceed(getTool, `{"id":"`+h.ID+`","offset":`+jsonOf(h.Offset)+`}`, nil).Content[0].Text
		if lines := strings.Split(read, "\n"); len(lines) != 3 ||
			!strings.HasPrefix(lines[1], "[00:42] Jordan: Of course…") {
			t.Errorf("%q", read)
		}
		w.mustSucceed(searchTool, `{"query":"予算"}`, &found)
		if len(found.Hits) != 1 || found.Hits[0].Offset != 0 {
			t.Errorf("%+v", found)
		}
		found.Hits = nil
		w.mustSucceed(searchTool, `{"query":"Besprechung"}`, &found) // in a title only
		if len(found.Hits) != 1 || found.Hits[0].Time != nil || found.Hits[0].Snippet != "Besprechung über Größe" {
			t.Errorf("%+v", found)
		}
		for _, query := range []string{"%%", `\" OR 1=1`, "Secret", "*"} {
			t.Run(query, func(t *testing.T) {
				if w.in(t).mustSucceed(searchTool, `{"query":"`+query+`"}`, &found); len(found.Hits) != 0 {
					t.Errorf("%+v", found)
				}
			})
		}
		for i := range 5 {
			w.Import(w.Acme, "e.txt", strings.Repeat(fmt.Sprintf("It costs %d euros.\n", i), 4))
		}
		hitsOf := map[string]int{}
		w.mustSucceed(searchTool, `{"query":"euros","limit":4}`, &found)
		for _, h := range found.Hits {
			hitsOf[h.ID]++
		}
		if len(found.Hits) != 4 || found.Total != 6 || hitsOf[found.Hits[0].ID] != 3 {
			t.Errorf("%+v", found)
		}
	})
}

func TestReportTool(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		id := w.Transcriptions[3]
		var list struct {
			Items []struct{ Slug, Name, Status string }
		}
		w.mustSucceed(reportTool, `{"id":"`+id+`"}`, &list)
		if len(list.Items) != 1 || list.Items[0].Slug != "action-items" || list.Items[0].Status != "completed" {
			t.Errorf("%+v", list)
		}
		for _, name := range []string{"action-items", "Action Items", "1"} {
			t.Run(name, func(t *testing.T) {
				r := w.in(t).mustSucceed(reportTool, `{"id":"`+id+`","report":"`+name+`"}`, nil)
				if got := r.Content[0].Text; got != "- send the offer" {
					t.Errorf("%q", got)
				}
			})
		}
		twice := w.Import(w.Acme, "twice.json", strings.NewReplacer("crm-1", "crm-9", `"prompt_results":[`,
			`"prompt_results":[{"name":" Action items ","slug":"action-items","status":"failed","text":"",`+
				`"created_at":"2026-05-01T10:31:00Z"},`).Replace(testworld.Sources[0]))
		r := w.mustSucceed(reportTool, `{"id":"`+twice+`","report":"action-items"}`, nil)
		if r.Content[0].Text != "- send the offer" {
			t.Errorf("the failed report was returned instead of the completed one: %q", r.Content[0].Text)
		}
		reports := w.mustSucceed(reportTool, `{"id":"`+twice+`"}`, nil).Content[0].Text
		failedID, _, _ := strings.Cut(strings.Split(reports, "\n")[1], " ")
		w.mustFail(reportTool, `{"id":"`+twice+`","report":`+failedID+`}`, "has the status failed and no text")
		w.mustFail(reportTool, `{"id":"`+w.Transcriptions[2]+`","report":"action-items"}`, "has no AI reports")
		long := strings.Repeat("A line of a report.\n", 3000)
		id = w.Import(w.Acme, "long.json", strings.NewReplacer(
			"- send the offer", strings.ReplaceAll(long, "\n", `\n`), "crm-1", "crm-2").Replace(testworld.Sources[0]))
		first := w.mustSucceed(reportTool, `{"id":"`+id+`","report":"action-items"}`, nil).Content[0].Text
		if p, err := readPage(first); err != nil || p.to != 10_000 || p.total != len(long) {
			t.Errorf("%v %+v", err, p)
		}
	})
}

func TestBulkExportAndProjectTools(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		own := w.Transcriptions[1:]
		var manifest struct {
			Items []struct {
				ID, Name, Path string
				Size           int
			}
			ZIP struct {
				Method, Path string
				Body         struct {
					IDs    []string
					Format string
				}
			}
		}
		for _, format := range []string{"md", "txt", "srt", "vtt", "json"} {
			w.mustSucceed(bulkTool, `{"ids":["`+strings.Join(append(own, own[0]), `","`)+`"],"format":"`+format+`"}`, &manifest)
			if len(manifest.Items) != 3 || manifest.ZIP.Path != restPrefix+"/transcriptions/export" ||
				manifest.ZIP.Body.Format != format || len(manifest.ZIP.Body.IDs) != 3 {
				t.Fatalf("%+v", manifest)
			}
			for i, it := range manifest.Items {
				text := w.mustSucceed(exportTool, `{"id":"`+it.ID+`","format":"`+format+`","max_chars":45000}`, nil).Content[0].Text
				p, err := readPage(text)
				if err != nil || it.ID != own[i] || it.Size != len(p.text) ||
					!strings.HasSuffix(it.Name, "."+format) ||
					it.Path != restPrefix+"/transcriptions/"+it.ID+"/export?format="+format {
					t.Errorf("%+v: %v, %d bytes", it, err, len(p.text))
				}
				if !strings.Contains(text, " | end | GET "+it.Path+"\n") {
					t.Errorf("the export does not contain its REST path: %.200s", text)
				}
			}
		}
		both := w.mustFail(bulkTool, `{"ids":["`+own[0]+`","`+w.OtherTranscription+`","`+nowhere+`"]}`)
		if !strings.Contains(both, w.OtherTranscription+", "+nowhere) || strings.Contains(both, own[0]) {
			t.Errorf("%q", both)
		}
		for i := range 3 {
			w.Import(w.Acme, "p.json", strings.NewReplacer(
				`"Sales"`, `"P`+jsonOf(i)+`"`, "crm-1", "").Replace(testworld.Sources[0]))
		}
		var page struct {
			Items []struct {
				ID, Name string
				Count    int
			}
			Total int
			Next  *string `json:"next_cursor"`
		}
		w.mustSucceed(projectsTool, `{"limit":3}`, &page)
		if len(page.Items) != 3 || page.Total != 4 || page.Next == nil ||
			page.Items[0].Name != "Sales" || page.Items[0].Count != 2 {
			t.Fatalf("%+v", page)
		}
		w.mustSucceed(projectsTool, `{"limit":3,"cursor":"`+*page.Next+`"}`, &page)
		if len(page.Items) != 1 || page.Next != nil || page.Items[0].Name != "P2" {
			t.Errorf("%+v", page)
		}
	})
}

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestTotalRelation: the structured result and the text say whether the total is exact.
func TestTotalRelation(t *testing.T) {
	cfg := storeIn(t)
	w := newWorld(t, testworld.Config{Store: cfg})
	w.Import(w.Acme, "x.txt", "[00:01] Ann: zebra")
	check := func(tool, arguments string, total int, relation, part string) {
		t.Helper()
		var got struct {
			Total         int
			TotalRelation string `json:"total_relation"`
		}
		r := w.mustSucceed(tool, arguments, &got)
		if got.Total != total || got.TotalRelation != relation || !strings.Contains(r.Content[0].Text, part) {
			t.Errorf("%s %s: %+v\n%s", tool, arguments, got, r.Content[0].Text)
		}
	}
	check(listTool, `{"q":"zebra"}`, 1, "eq", "1 transcription of 1\n")
	check(searchTool, `{"query":"zebra"}`, 1, "eq", "1 hit; 1 transcription with these words")
	testenv.Repeat(t, cfg.Dir, 10_000)
	check(listTool, `{"q":"zebra","limit":2}`, 10_000, "gte", "2 transcriptions of more than 10000\n")
	check(searchTool, `{"query":"zebra","limit":2}`, 10_000, "gte",
		"2 hits; more than 10000 transcriptions with these words")
	check(listTool, `{"limit":1}`, 10_004, "eq", "1 transcription of 10004\n")
}
