package rest_test

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
	"time"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testworld"
)

func TestTranscriptionHasEveryMember(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		var got, want map[string]any
		w.get("/transcriptions/"+w.Transcriptions[3], w.OlgaKey.Key).Want(200).Decode(&got)
		w.Must(json.Unmarshal([]byte(testworld.Sources[0]), &want))
		want["updated_at"] = got["updated_at"] // the time of the import
		want["text"] = "[00:00] Alex: What does it cost?\n[00:42] Jordan: Of course… the price is <b>nine</b> euros & " +
			"\"tax\"."
		for _, object := range []map[string]any{
			got, got["project"].(map[string]any),
			got["prompt_results"].([]any)[0].(map[string]any),
		} {
			if object["id"] == nil {
				t.Errorf("no id in %v", object)
			}
			delete(object, "id")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestJSONExportCanBeImported: a JSON export that is imported into another workspace is exported
// unchanged, except for its ids and updated_at, which is the time of the import.
func TestJSONExportCanBeImported(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, id := range w.Transcriptions {
			first := w.get("/transcriptions/"+id+"/export?format=json", w.OlgaKey.Key).Want(200)
			copied := w.Import(w.Other, "x.json", string(first.Body))
			second := w.get("/transcriptions/"+copied+"/export?format=json", w.EveKey.Key).Want(200)
			was, is := withoutIDs(t, first.Body), withoutIDs(t, second.Body)
			delete(was, "updated_at")
			delete(is, "updated_at")
			if diff := cmp.Diff(was, is); diff != "" {
				t.Error(diff)
			}
		}
	})
}

// withoutIDs decodes a transcription and removes its ids.
func withoutIDs(t *testing.T, body []byte) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal(body, &v); err != nil {
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

func TestExportInEveryFormat(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for format, want := range map[string]struct{ contentType, body string }{
			"":     {"text/markdown; charset=utf-8", "# Pricing talk"},
			"md":   {"text/markdown; charset=utf-8", "## Transcript"},
			"txt":  {"text/plain; charset=utf-8", "[00:42] Jordan: Of course…"},
			"srt":  {"application/x-subrip; charset=utf-8", "00:00:42,000 --> 00:00:45,200"},
			"vtt":  {"text/vtt; charset=utf-8", "<v Jordan>Of course… the price is &lt;b&gt;nine"},
			"json": {"application/json", `"external_id":"crm-1"`},
		} {
			t.Run(format, func(t *testing.T) {
				w := w.in(t)
				path := "/transcriptions/" + w.Transcriptions[3] + "/export"
				if format != "" {
					path += "?format=" + format
				}
				a := w.get(path, w.OlgaKey.Key).Want(200, want.body)
				_, params, err := mime.ParseMediaType(a.Header.Get("Content-Disposition"))
				if got := a.Header.Get("Content-Type"); got != want.contentType || err != nil ||
					!strings.HasPrefix(params["filename"], "2026-05-01 Pricing talk.") {
					t.Errorf("%s: Content-Type %s, file name %q, %v", format, got, params["filename"], err)
				}
				if a.Header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s: no X-Content-Type-Options: nosniff", format)
				}
			})
		}
		a := w.get("/transcriptions/"+w.Transcriptions[1]+"/export", w.OlgaKey.Key).Want(200)
		if _, params, err := mime.ParseMediaType(a.Header.Get("Content-Disposition")); err != nil ||
			params["filename"] != "2026-05-03 会議.md" {
			t.Errorf("file name %q, %v", params["filename"], err)
		}
		w.get("/transcriptions/"+w.Transcriptions[1]+"/export?format=MD", w.OlgaKey.Key).Want(422, `["query","format"]`)
	})
}

func TestBulkExportMatchesSingleExports(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, title := range []string{
			"../../etc/passwd", `C:\x`, "/abs", "CON", "a.", "pricing TALK", "Pricing Talk", "-rf",
			" ", strings.Repeat("🎉", 300), "two\nlines", "\u202Eexe",
		} {
			doc, err := json.Marshal(map[string]any{
				"title": title, "status": "completed", "created_at": "2026-05-01T00:00:00Z",
				"segments": []map[string]any{{"start": 0, "end": 1, "text": "in " + title}},
			})
			w.Must(err)
			w.Transcriptions = append(w.Transcriptions, w.Import(w.Acme, "x.json", string(doc)))
		}
		// Duplicates count once.
		ids := append(slices.Clone(w.Transcriptions), w.Transcriptions[0], strings.ToUpper(w.Transcriptions[1]))
		for _, format := range []string{"md", "txt", "srt", "vtt", "json"} {
			body, err := json.Marshal(map[string]any{"ids": ids, "format": format})
			w.Must(err)
			a := w.post("/transcriptions/export", w.OlgaKey.Key, string(body)).Want(200)
			z, err := zip.NewReader(bytes.NewReader(a.Body), int64(len(a.Body)))
			w.Must(err)
			if len(z.File) != len(w.Transcriptions) {
				t.Fatalf("%s: %d files, want %d", format, len(z.File), len(w.Transcriptions))
			}
			seen := map[string]bool{}
			for i, f := range z.File {
				r, err := f.Open()
				w.Must(err)
				content, err := io.ReadAll(r) // checks the CRC
				w.Must(err)
				if f.NonUTF8 || f.Modified.Year() < 2026 {
					t.Errorf("%s: %q has NonUTF8 %v and is from %v", format, f.Name, f.NonUTF8, f.Modified)
				}
				if ascii := strings.IndexFunc(f.Name, func(r rune) bool { return r > 127 }) < 0; f.Flags&0x800 == 0 && !ascii {
					t.Errorf("%s: %q is not marked as UTF-8", format, f.Name)
				}
				single := w.get("/transcriptions/"+w.Transcriptions[i]+"/export?format="+format, w.OlgaKey.Key)
				if !bytes.Equal(content, single.Body) {
					t.Errorf("%s: file %d differs from the single export:\n%.300s\n%.300s", format, i, content, single.Body)
				}
				if lower := strings.ToLower(f.Name); seen[lower] || strings.ContainsAny(f.Name, "/\\:\n\u202E") ||
					len(f.Name) > 255 || strings.HasPrefix(f.Name, "-") {
					t.Errorf("unsafe or duplicate name %q", f.Name)
				} else {
					seen[lower] = true
				}
			}
		}
	})
}

func TestInvalidBulkExportIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		many := strings.TrimSuffix(strings.Repeat(`"`+w.Transcriptions[0]+`",`, 101), ",")
		for body, want := range map[string][]string{
			`{"ids":[]}`: {`["body","ids"]`}, `{}`: {`["body","ids"]`}, `{"ids":[` + many + `]}`: {`["body","ids"]`},
			`{"ids":null}`: {`["body","ids"]`}, `{"ids":[1,2]}`: {`["body","ids",0]`}, `{"ids":[["` + w.Transcriptions[0] +
				`"]]}`: {`["body","ids",0]`},
			`{"ids":[".."]}`: {`["body","ids",0]`}, `{"ids":["\u0000"]}`: {`["body","ids",0]`},
			`{"ids":["x","` + w.Transcriptions[0] + `","y"],"format":"exe"}`: {
				`["body","ids",0]`, `["body","ids",2]`,
				`["body","format"]`,
			},
			`{"ids":5,"format":7,"x":1}`: {
				`["body","ids"]`, `["body","format"]`,
				`["body","x"]`,
			},
			`{"ids":["` + w.Transcriptions[0] + `"],"format":"exe"}`:                        {`["body","format"]`},
			`{"ids":["` + w.Transcriptions[0] + `"],"ids":["` + w.Transcriptions[0] + `"]}`: {`["body","ids"]`},
			`{"IDS":["` + w.Transcriptions[0] + `"]}`:                                       {`["body","IDS"]`},
			`{"ids":["` + w.Transcriptions[0] + `"]} trailing`:                              {`["body"]`},
			`{"ids":["` + w.Transcriptions[0] + `"]`:                                        {`["body"`},
			"{\"ids\":[\"\xff\"]}":                                                          {`["body"`},
			`{"ids":["\ud800"]}`:                                                            {`["body"`},
			"\ufeff{}":                                                                      {`["body"]`},
			`null`:                                                                          {`["body"]`},
			`[]`:                                                                            {`["body"]`},
			`NaN`:                                                                           {`["body"]`},
			`{"ids":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}": {`["body"`},
		} {
			t.Run(fmt.Sprintf("%.60s", body), func(t *testing.T) {
				w := w.in(t)
				w.post("/transcriptions/export", w.OlgaKey.Key, body).Want(422, want...)
			})
		}
		w.request(http.DefaultClient, "POST", "/transcriptions/export", "", testworld.WithKey(w.OlgaKey.Key)).Want(415)

		ids := append(slices.Clone(w.Transcriptions), w.OtherTranscription)
		body := fmt.Sprintf(`{"ids":[%s],"format":"exe"}`, `"`+strings.Join(ids, `","`)+`"`)
		a := w.post("/transcriptions/export", w.OlgaKey.Key, body).Want(404, "transcriptions_not_found", w.OtherTranscription)
		if strings.Contains(string(a.Body), w.Transcriptions[0]) {
			t.Errorf("an existing id is reported as missing: %s", a.Body)
		}
	})
}

// TestKeyRevokedDuringBodyIsRefused: a key that was active when the request began, but was revoked
// before the body arrived, gets no data.
func TestKeyRevokedDuringBodyIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			name, id string
			key      memo.CreatedKey
		}{
			{"of a transcription", w.Transcriptions[0], w.MarkKey},
			{"of an unknown id", w.OtherTranscription, w.OlgaKey},
		} {
			t.Run(c.name, func(t *testing.T) {
				text := `{"ids":["` + c.id + `"]}`
				body, rest := io.Pipe()
				begun := make(chan struct{})
				go func() {
					_, _ = rest.Write([]byte(text[:3])) // the request may have ended
					close(begun)
				}()
				received := make(chan testworld.Response)
				go func() {
					received <- w.Request(http.DefaultClient, http.MethodPost, "/api/v1/developer/transcriptions/export", "{}",
						testworld.WithKey(c.key.Key),
						func(r *http.Request) { r.Body, r.ContentLength = body, int64(len(text)) })
				}()
				<-begun
				w.Must(w.App.RevokeKey(t.Context(), memo.Caller{Operator: true}, c.key.ID))
				time.Sleep(20 * time.Millisecond) // longer than the key of a fast body is trusted
				_, _ = rest.Write([]byte(text[3:]))
				a := <-received
				a.Want(http.StatusUnauthorized, "Invalid API key")
				if d := a.Header.Get("Content-Disposition"); d != "" {
					t.Errorf("the refusal has Content-Disposition: %s", d)
				}
			})
		}
	})
}
