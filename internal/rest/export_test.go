package rest

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGetHasEverything(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		var got, want map[string]any
		w.get("/transcriptions/"+w.meetings[3], w.olgaKey.Key).want(200).decode(&got)
		w.must(json.Unmarshal([]byte(meetings[0]), &want))
		want["text"] = "[00:00] Alex: What does it cost?\n[00:42] Jordan: Of course… the price is <b>nine</b> euros & \"tax\"."
		for _, given := range []map[string]any{got, got["project"].(map[string]any), got["prompt_results"].([]any)[0].(map[string]any)} {
			if given["id"] == nil {
				t.Errorf("no id in %v", given)
			}
			delete(given, "id")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestExportAndImportLoseNothing: the JSON export of one workspace, taken into
// another, gives the same export.
func TestExportAndImportLoseNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, id := range w.meetings {
			first := w.get("/transcriptions/"+id+"/export?format=json", w.olgaKey.Key).want(200)
			copied := w.importFile(w.other, "x.json", string(first.body))
			second := w.get("/transcriptions/"+copied+"/export?format=json", w.eveKey.Key).want(200)
			if diff := cmp.Diff(withoutIDs(t, first.body), withoutIDs(t, second.body)); diff != "" {
				t.Error(diff)
			}
		}
	})
}

// withoutIDs decodes a document and drops the ids, which belong to one database.
func withoutIDs(t *testing.T, doc []byte) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	delete(v, "id")
	if p, ok := v["project"].(map[string]any); ok {
		delete(p, "id")
	}
	for _, r := range v["prompt_results"].([]any) {
		delete(r.(map[string]any), "id")
	}
	return v
}

func TestExportFormats(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for format, want := range map[string]struct{ kind, has string }{
			"":     {"text/markdown; charset=utf-8", "# Pricing talk"},
			"md":   {"text/markdown; charset=utf-8", "## Transcript"},
			"txt":  {"text/plain; charset=utf-8", "[00:42] Jordan: Of course…"},
			"srt":  {"application/x-subrip; charset=utf-8", "00:00:42,000 --> 00:00:45,200"},
			"vtt":  {"text/vtt; charset=utf-8", "<v Jordan>Of course… the price is &lt;b&gt;nine"},
			"json": {"application/json", `"external_id":"crm-1"`},
		} {
			path := "/transcriptions/" + w.meetings[3] + "/export"
			if format != "" {
				path += "?format=" + format
			}
			a := w.get(path, w.olgaKey.Key).want(200, want.has)
			_, params, err := mime.ParseMediaType(a.header.Get("Content-Disposition"))
			if got := a.header.Get("Content-Type"); got != want.kind || err != nil || !strings.HasPrefix(params["filename"], "2026-05-01 Pricing talk.") {
				t.Errorf("%s: Content-Type %s, file name %q, %v", format, got, params["filename"], err)
			}
			if a.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: a browser may guess the type", format)
			}
		}
		a := w.get("/transcriptions/"+w.meetings[1]+"/export", w.olgaKey.Key).want(200)
		if _, params, err := mime.ParseMediaType(a.header.Get("Content-Disposition")); err != nil || params["filename"] != "2026-05-03 会議.md" {
			t.Errorf("file name %q, %v", params["filename"], err)
		}
		w.get("/transcriptions/"+w.meetings[1]+"/export?format=MD", w.olgaKey.Key).want(422, `["query","format"]`)
	})
}

func TestBulkExport(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, title := range []string{"../../etc/passwd", `C:\x`, "/abs", "CON", "a.", "pricing TALK", "Pricing Talk", "-rf", " ", strings.Repeat("🎉", 300), "two\nlines", "\u202Eexe"} {
			doc, err := json.Marshal(map[string]any{
				"title": title, "status": "completed", "created_at": "2026-05-01T00:00:00Z",
				"segments": []map[string]any{{"start": 0, "end": 1, "text": "in " + title}},
			})
			w.must(err)
			w.meetings = append(w.meetings, w.importFile(w.acme, "x.json", string(doc)))
		}
		ids := append(slices.Clone(w.meetings), w.meetings[0], strings.ToUpper(w.meetings[1])) // duplicates count once
		for _, format := range []string{"md", "txt", "srt", "vtt", "json"} {
			body, err := json.Marshal(map[string]any{"ids": ids, "format": format})
			w.must(err)
			a := w.post("/transcriptions/export", w.olgaKey.Key, string(body)).want(200)
			z, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body)))
			w.must(err)
			if len(z.File) != len(w.meetings) {
				t.Fatalf("%s: %d files, want %d", format, len(z.File), len(w.meetings))
			}
			seen := map[string]bool{}
			for i, f := range z.File {
				r, err := f.Open()
				w.must(err)
				content, err := io.ReadAll(r) // checks the CRC
				w.must(err)
				if f.NonUTF8 || f.Modified.Year() < 2026 {
					t.Errorf("%s: %q says NonUTF8 %v and is of %v", format, f.Name, f.NonUTF8, f.Modified)
				}
				if ascii := strings.IndexFunc(f.Name, func(r rune) bool { return r > 127 }) < 0; f.Flags&0x800 == 0 && !ascii {
					t.Errorf("%s: %q is not marked as UTF-8", format, f.Name)
				}
				single := w.get("/transcriptions/"+w.meetings[i]+"/export?format="+format, w.olgaKey.Key)
				if !bytes.Equal(content, single.body) {
					t.Errorf("%s: file %d differs from its own export:\n%.300s\n%.300s", format, i, content, single.body)
				}
				if lower := strings.ToLower(f.Name); seen[lower] || strings.ContainsAny(f.Name, "/\\:\n\u202E") || len(f.Name) > 255 || strings.HasPrefix(f.Name, "-") {
					t.Errorf("unsafe or repeated name %q", f.Name)
				} else {
					seen[lower] = true
				}
			}
		}
	})
}

func TestBadBulkExports(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		many := strings.TrimSuffix(strings.Repeat(`"`+w.meetings[0]+`",`, 101), ",")
		for body, want := range map[string][]string{
			`{"ids":[]}`: {`["body","ids"]`}, `{}`: {`["body","ids"]`}, `{"ids":[` + many + `]}`: {`["body","ids"]`},
			`{"ids":null}`: {`["body","ids"]`}, `{"ids":[1,2]}`: {`["body","ids",0]`}, `{"ids":[["` + w.meetings[0] + `"]]}`: {`["body","ids",0]`},
			`{"ids":[".."]}`: {`["body","ids",0]`}, `{"ids":["\u0000"]}`: {`["body","ids",0]`},
			`{"ids":["x","` + w.meetings[0] + `","y"],"format":"exe"}`:          {`["body","ids",0]`, `["body","ids",2]`, `["body","format"]`},
			`{"ids":5,"format":7,"x":1}`:                                        {`["body","ids"]`, `["body","format"]`, `["body","x"]`},
			`{"ids":["` + w.meetings[0] + `"],"format":"exe"}`:                  {`["body","format"]`},
			`{"ids":["` + w.meetings[0] + `"],"ids":["` + w.meetings[0] + `"]}`: {`["body","ids"]`},
			`{"IDS":["` + w.meetings[0] + `"]}`:                                 {`["body","IDS"]`},
			`{"ids":["` + w.meetings[0] + `"]} trailing`:                        {`["body"]`},
			`{"ids":["` + w.meetings[0] + `"]`:                                  {`["body"`},
			"{\"ids\":[\"\xff\"]}":                                              {`["body"`},
			`{"ids":["\ud800"]}`:                                                {`["body"`},
			"\ufeff{}":                                                          {`["body"]`},
			`null`:                                                              {`["body"]`},
			`[]`:                                                                {`["body"]`},
			`NaN`:                                                               {`["body"]`},
			`{"ids":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}": {`["body"`},
		} {
			w.post("/transcriptions/export", w.olgaKey.Key, body).want(422, want...)
		}
		w.request(http.DefaultClient, "POST", "/transcriptions/export", "", withKey(w.olgaKey.Key)).want(415)

		ids := append(slices.Clone(w.meetings), w.foreign...)
		body := fmt.Sprintf(`{"ids":[%s],"format":"exe"}`, `"`+strings.Join(ids, `","`)+`"`)
		a := w.post("/transcriptions/export", w.olgaKey.Key, body).want(404, "transcriptions_not_found", w.foreign[0])
		if strings.Contains(string(a.body), w.meetings[0]) {
			t.Errorf("an id that is there is told missing: %s", a.body)
		}
	})
}
