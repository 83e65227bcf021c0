package app_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/transcript"
)

func (w *world) file(name, content string) app.ImportResult {
	w.t.Helper()
	in, err := w.Import(w.ctx, w.as(w.owner), app.ImportFile{Name: name, Data: []byte(content)})
	return must(w.t, in, err)
}

func TestSameFileIsImportedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		first := w.file("talk.txt", "[00:42] Jordan: Of course…\n")
		repeated := w.file("renamed.txt", "[00:42] Jordan: Of course…\n")
		if first.Unchanged || !repeated.Unchanged || repeated.ID != first.ID {
			t.Errorf("the same file twice: %+v, %+v", first, repeated)
		}
		other := w.addWorkspace("Other", w.owner)
		in, err := w.Import(w.ctx, memo.Caller{Operator: true, WorkspaceID: other.ID},
			app.ImportFile{Name: "talk.txt", Data: []byte("[00:42] Jordan: Of course…\n")})
		if err != nil || in.Unchanged || in.ID == first.ID {
			t.Errorf("the same file in another workspace: %+v, %v", in, err)
		}
		_, err = w.Import(w.ctx, w.as(w.owner), app.ImportFile{Name: "bad.vtt", Data: []byte("no header")})
		if refusal, ok := errors.AsType[*transcript.Error](err); !ok || refusal.Reason == "" ||
			memo.KindOf(err) != memo.KindInvalid {
			t.Errorf("a file without a WEBVTT header: got %v, want a refusal with a reason", err)
		}
		key := w.as(w.owner)
		key.KeyID = "k"
		_, err = w.Import(w.ctx, key, app.ImportFile{Name: "x.txt", Data: []byte("x")})
		wantKind(t, "an import by a key", err, memo.KindForbidden)
		events, err := w.store.Events(w.ctx, store.EventFilter{WorkspaceID: w.workspace.ID}, 1)
		if must(t, events, err); events[0].Action != memo.ActionImported || events[0].Subject != first.ID {
			t.Errorf("the newest audit event is %+v, want the import", events[0])
		}
		before := w.version()
		w.file("talk2.txt", "something else")
		if after := w.version(); after <= before {
			t.Errorf("the content version went from %d to %d, want a higher one", before, after)
		}
	})
}

// version returns the workspace's content version as a request reads it.
func (w *world) version() int64 {
	w.t.Helper()
	key, _ := w.key(w.owner, "v")
	c, err := w.AuthoriseKey(w.ctx, key, app.Client{}, memo.PermissionREST)
	return must(w.t, c, err).ContentVersion
}

// TestCancelledArchiveIsIncomplete: an archive whose context ends has no ZIP directory,
// so it cannot be opened.
func TestCancelledArchiveIsIncomplete(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		var ids []string
		for i := range 5 {
			ids = append(ids, w.file("x.txt", fmt.Sprintf("[00:01] A: number %d", i)).ID)
		}
		archive, err := w.PrepareArchive(w.ctx, w.as(w.owner), ids, transcript.Markdown)
		must(t, archive, err)
		var complete bytes.Buffer
		must(t, 0, archive.WriteZip(w.ctx, &complete))
		if _, err := zip.NewReader(bytes.NewReader(complete.Bytes()), int64(complete.Len())); err != nil {
			t.Fatal(err)
		}
		revoked := errors.New("the key was revoked")
		ctx, cancel := context.WithCancelCause(w.ctx)
		var short bytes.Buffer
		err = archive.WriteZip(ctx, writerFunc(func(p []byte) (int, error) {
			cancel(revoked)
			return short.Write(p)
		}))
		if !errors.Is(err, revoked) && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the cause of the cancellation", err)
		}
		if _, err := zip.NewReader(bytes.NewReader(short.Bytes()), int64(short.Len())); err == nil {
			t.Error("a truncated archive can be opened")
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestArchiveHasLongReports: the head of a Markdown file, with its reports, may need
// several stored blocks, because deflate has at most 65,535 bytes in one.
func TestArchiveHasLongReports(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		report := strings.Repeat("A long report. ", 10_000)
		doc := fmt.Sprintf(`{"title":"Long","status":"completed","media_type":"audio",
			"duration_seconds":1,"speakers":[],"topics":[],"created_at":"2026-05-20T09:14:00Z",
			"segments":[{"start":0,"end":1,"text":"x"}],
			"prompt_results":[{"name":"r","slug":"r","text":%q}]}`, report)
		id := w.file("long.json", doc).ID
		archive, err := w.PrepareArchive(w.ctx, w.as(w.owner), []string{id}, transcript.Markdown)
		must(t, archive, err)
		var out bytes.Buffer
		must(t, 0, archive.WriteZip(w.ctx, &out))
		z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
		must(t, z, err)
		r, err := z.File[0].Open()
		must(t, r, err)
		content, err := io.ReadAll(r)
		must(t, content, err)
		file, err := w.Export(w.ctx, w.as(w.owner), id, transcript.Markdown)
		single, exportErr := must(t, file, err).Bytes(w.ctx)
		if exportErr != nil || !bytes.Equal(content, single) || len(content) < len(report) {
			t.Errorf("the archived file has %d bytes, the single export %d (%v); want the same content", len(content),
				len(single), exportErr)
		}
	})
}

// TestCachedTotalFollowsTheContent: a total is cached until the content changes.
func TestCachedTotalFollowsTheContent(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		total := func() int {
			t.Helper()
			key, _ := w.key(w.owner, "t")
			c, err := w.AuthoriseKey(w.ctx, key, app.Client{}, memo.PermissionREST)
			must(t, c, err)
			must(t, 0, errOf(w.TakeLimit(w.ctx, c, ratelimit.Data)))
			p, err := w.Transcriptions(w.ctx, c, app.ListQuery{Status: memo.StatusCompleted, Limit: 1})
			return must(t, p, err).Total
		}
		for i := range 5 {
			if got := total(); got != i {
				t.Errorf("the total is %d, want %d", got, i)
			}
			w.file("x.txt", fmt.Sprintf("text %d", i))
		}
	})
}

// TestTotalOfSearchIsBounded, but the pages after the counted hits are not.
func TestTotalOfSearchIsBounded(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, store.Config{Dir: dir})
	w.file("x.txt", "[00:01] Ann: pricing")
	testenv.Repeat(t, dir, 10_004) // copies of the first
	c := w.as(w.owner)
	for name, tc := range map[string]struct {
		in       app.ListQuery
		total    int
		relation string
		items    int
	}{
		"a search":                      {app.ListQuery{Query: "pricing", Limit: 2}, 10_000, "gte", 2},
		"a page after the counted hits": {app.ListQuery{Query: "pricing", Limit: 3, Offset: 10_003}, 10_000, "gte", 2},
		"the same page by relevance": {
			app.ListQuery{Query: "pricing", Limit: 3, Offset: 10_003, Sort: "relevance"}, 10_000, "gte", 2,
		},
		"a page after the last hit":  {app.ListQuery{Query: "pricing", Limit: 3, Offset: 20_000}, 10_000, "gte", 0},
		"a list":                     {app.ListQuery{Limit: 2}, 10_005, "eq", 2},
		"a page after the last item": {app.ListQuery{Limit: 2, Offset: 10_005}, 10_005, "eq", 0},
		"a search without hits":      {app.ListQuery{Query: "nothing"}, 0, "eq", 0},
		"a search without words":     {app.ListQuery{Query: "?!"}, 0, "eq", 0},
	} {
		t.Run(name, func(t *testing.T) {
			tc.in.Status, tc.in.NoSnippets = memo.StatusCompleted, true
			for range 2 { // counted, then cached
				p, err := w.Transcriptions(w.ctx, c, tc.in)
				if err != nil || p.Total != tc.total || p.TotalRelation() != tc.relation || len(p.Items) != tc.items {
					t.Errorf("got %d items of %d, %s (%v); want %d of %d, %s",
						len(p.Items), p.Total, p.TotalRelation(), err, tc.items, tc.total, tc.relation)
				}
			}
		})
	}
}

// TestLongQuestionFindsTextsWithoutItsCommonWords, which most of the other texts have.
func TestLongQuestionFindsTextsWithoutItsCommonWords(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, store.Config{Dir: dir})
	want := w.file("x.txt", "[00:01] Ann: Talk abut pricing")
	w.file("y.txt", "[00:01] Ann: Kwat dord wub zug?")
	testenv.Repeat(t, dir, 100) // copies of the second
	for query, n := range map[string]int{
		"kwat dord wub zug abut pricing": 1, "dord wub zug pricing": 0, "kwat dord wub zug abut lunch": 0,
	} {
		p, err := w.Transcriptions(w.ctx, w.as(w.owner), app.ListQuery{
			Query: query, Status: memo.StatusCompleted, AllWords: true,
		})
		if err != nil || p.Total != n || len(p.Items) != n {
			t.Fatalf("%s: %d items of %d (%v), want %d", query, len(p.Items), p.Total, err, n)
		}
		if n == 0 {
			continue
		}
		if it, err := p.Items[0].Item(); err != nil || it.ID != want.ID || len(p.Items[0].Snippets) != 1 {
			t.Errorf("%s finds %s with %+v (%v), want %s", query, it.ID, p.Items[0].Snippets, err, want.ID)
		}
	}
}

// TestExactLongQuestionIsFound, with the line in which it was said, although its common words are
// left out of the search.
func TestExactLongQuestionIsFound(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, store.Config{Dir: dir})
	const question = "Kwat dord wub zug abut pricing?"
	want := w.file("x.txt", "[00:01] Ann: We zug kwat wub dord.\n[00:02] Bob: "+question+"\n[00:03] Ann: And kwat?")
	w.file("y.txt", "[00:01] Ann: Kwat dord wub zug?")
	testenv.Repeat(t, dir, 100) // copies of the second
	p, err := w.Transcriptions(w.ctx, w.as(w.owner), app.ListQuery{
		Query: question, Status: memo.StatusCompleted, Sort: "relevance", Limit: 10, AllWords: true,
	})
	if err != nil || p.Total != 1 || len(p.Items) != 1 || len(p.Items[0].Snippets) != 1 {
		t.Fatalf("got %+v (%v), want one item with one snippet", p, err)
	}
	it, err := p.Items[0].Item()
	if got := p.Items[0].Snippets[0]; err != nil || it.ID != want.ID || got.Text != question {
		t.Errorf("got %s with %q (%v), want %s with the question", it.ID, got.Text, err, want.ID)
	}
}
