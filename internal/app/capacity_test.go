package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/bulkhead"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/transcript"
)

// longText returns a text file whose lines have about 100 bytes each.
func longText(lines int, word string) string {
	var b strings.Builder
	for i := range lines {
		fmt.Fprintf(&b, "[%02d:%02d] Ann: line %d says %s, and then something that takes up to one hundred bytes \"ü\"\n",
			i/60, i%60, i, word)
	}
	return b.String()
}

// scope starts the scope of a request.
func (w *world) scope() (ctx context.Context, done func()) { return bulkhead.WithRequest(w.ctx) }

// testWait is how long work waits for capacity in a test.
const testWait = 20 * time.Millisecond

func wantBusy(t *testing.T, desc string, err error) {
	t.Helper()
	if memo.KindOf(err) != memo.KindUnavailable || !strings.Contains(err.Error(), "Too many ") {
		t.Errorf("%s: got %v, want a refusal for lack of capacity", desc, err)
	}
}

// other returns the operator as a caller in a new workspace.
func (w *world) other() memo.Caller {
	return memo.Caller{Operator: true, WorkspaceID: w.addWorkspace("Other", w.owner).ID}
}

func (w *world) wantUsed(desc string, l *bulkhead.Limiter, want int64) {
	w.t.Helper()
	if got := l.Stats().Used; got != want {
		w.t.Errorf("%s: %d are in use, want %d", desc, got, want)
	}
}

// TestLargeTranscriptionIsReadCompletely in every form, although a read of this size is
// admitted between two statements.
func TestLargeTranscriptionIsReadCompletely(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		source := longText(1200, "quokka")
		id := w.file("long.txt", source).ID
		c := w.as(w.owner)
		full, err := w.Transcription(w.ctx, c, id)
		must(t, full, err)
		if app.SizeOf(full) < 256<<10 {
			t.Fatalf("the transcription has only %d bytes, too few for this test", app.SizeOf(full))
		}
		text, err := w.Text(w.ctx, c, id)
		if must(t, text, err)+"\n" != source {
			t.Error("the text differs from the imported file")
		}
		if body, err := full.AppendJSON(nil); err != nil || bytes.Count(body, []byte("line 1199 says quokka")) != 2 {
			t.Errorf("the text or the segments lack the last line (%v)", err)
		}
		for _, format := range transcript.Formats {
			f, err := w.Export(w.ctx, c, id, format)
			body, err := must(t, f, err).Bytes(w.ctx)
			if must(t, body, err); !bytes.Contains(body, []byte("line 1199 says quokka")) ||
				bytes.Count(body, []byte("quokka"))%1200 != 0 {
				t.Errorf("the %s export lacks lines: it has %d bytes", format, len(body))
			}
			archive, err := w.PrepareArchive(w.ctx, c, []string{id}, format)
			entries, err := must(t, archive, err).Manifest(w.ctx)
			if must(t, entries, err); entries[0].Size != int64(len(body)) {
				t.Errorf("%s: the manifest says %d bytes, want %d", format, entries[0].Size, len(body))
			}
			if format == transcript.Text && string(body) != source {
				t.Error("the text export differs from the imported file")
			}
		}
	})
}

func TestReadsAreAdmittedBySize(t *testing.T) {
	w := newSQLiteWorld(t)
	w.limitWork(app.WorkLimits{Memory: 2 << 20, Wait: testWait})
	c, other := w.as(w.owner), w.other()
	id := w.file("long.txt", longText(1200, "quokka")).ID
	in, err := w.Import(w.ctx, other, app.ImportFile{Name: "long.txt", Data: []byte(longText(1200, "quokka"))})
	theirs := must(t, in, err).ID

	ctx, done := w.scope()
	must(t, app.Transcription{}, errOf(w.Transcription(ctx, c, id)))
	w.wantUsed("a large read", w.Work()["memory"], 1<<20) // all that one workspace gets
	must(t, app.Transcription{}, errOf(w.Transcription(ctx, c, id)))
	w.wantUsed("the same request again", w.Work()["memory"], 1<<20)

	for name, read := range map[string]func(context.Context) error{
		"get":      func(ctx context.Context) error { return errOf(w.Transcription(ctx, c, id)) },
		"text":     func(ctx context.Context) error { return errOf(w.Text(ctx, c, id)) },
		"export":   func(ctx context.Context) error { return errOf(w.Export(ctx, c, id, transcript.SRT)) },
		"markdown": func(ctx context.Context) error { return errOf(w.Export(ctx, c, id, transcript.Markdown)) },
		"reports":  func(ctx context.Context) error { return errOf(w.Reports(ctx, c, id)) },
		"snippets": func(ctx context.Context) error {
			return errOf(w.Transcriptions(ctx, c, app.ListQuery{Status: memo.StatusCompleted, Query: "quokka"}))
		},
		"manifest": func(ctx context.Context) error {
			archive, err := w.PrepareArchive(ctx, c, []string{id}, transcript.Text)
			return errors.Join(err, errOf(archive.Manifest(ctx)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			second, end := w.scope()
			wantBusy(t, "a second large read", read(second))
			end()
		})
	}
	short := w.file("short.txt", "Ann: hello").ID
	small, end := w.scope()
	must(t, "", errOf(w.Text(small, c, short)))
	end()
	foreign, end := w.scope()
	must(t, "", errOf(w.Text(foreign, other, theirs)))
	end()
	must(t, app.Transcription{}, errOf(w.Transcription(w.ctx, c, id))) // the command line has no scope and is not limited
	done()
	w.wantUsed("after the requests", w.Work()["memory"], 0)
	w.wantUsed("after the requests", w.Work()["small_memory"], 0)
}

// TestArchiveReadsOneTranscriptionAtATime, and waits for capacity.
func TestArchiveReadsOneTranscriptionAtATime(t *testing.T) {
	w := newSQLiteWorld(t)
	w.limitWork(app.WorkLimits{Memory: 2 << 20, Wait: testWait})
	c := w.as(w.owner)
	var ids []string
	for i := range 3 {
		ids = append(ids, w.file("long.txt", longText(1200, fmt.Sprint("word", i))).ID)
	}
	for format, l := range map[transcript.Format]*bulkhead.Limiter{
		transcript.Markdown: w.Work()["small_memory"],
		transcript.VTT:      w.Work()["memory"],
	} {
		archive, err := w.PrepareArchive(w.ctx, c, ids, format)
		must(t, archive, err)
		release, err := l.Acquire(w.ctx, c.WorkspaceID, 1<<40) // all capacity
		must(t, 0, err)
		time.AfterFunc(2*testWait, release)
		peak := 0
		must(t, 0, archive.WriteZip(w.ctx, writerFunc(func(p []byte) (int, error) {
			peak = max(peak, l.Stats().Running)
			return len(p), nil
		})))
		if peak != 1 {
			t.Errorf("%s: up to %d reads at a time, want 1", format, peak)
		}
		w.wantUsed("after the archive", l, 0)
	}
}

func TestSearchesAndImportsAreAdmitted(t *testing.T) {
	w := newSQLiteWorld(t)
	w.limitWork(app.WorkLimits{Queries: 4, Imports: 2, Wait: testWait})
	c, other := w.as(w.owner), w.other()
	w.file("a.txt", "Ann: quokka")
	for range 2 {
		release, err := w.Work()["queries"].Acquire(w.ctx, c.WorkspaceID, 1)
		must(t, 0, err)
		defer release()
	}
	release, err := w.Work()["imports"].Acquire(w.ctx, c.WorkspaceID, 1)
	must(t, 0, err)
	defer release()
	for name, work := range map[string]func(context.Context, memo.Caller) error{
		"a search": func(ctx context.Context, c memo.Caller) error {
			return errOf(w.Transcriptions(ctx, c, app.ListQuery{Status: memo.StatusCompleted, Query: "quokka"}))
		},
		"a count": func(ctx context.Context, c memo.Caller) error {
			return errOf(w.Transcriptions(ctx, c, app.ListQuery{Status: memo.StatusFailed}))
		},
		"projects": func(ctx context.Context, c memo.Caller) error {
			_, _, err := w.Projects(ctx, c, 10, 0)
			return err
		},
		"an import": func(ctx context.Context, c memo.Caller) error {
			return errOf(w.Import(ctx, c, app.ImportFile{Name: "b.txt", Data: []byte("Ann: b")}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			wantBusy(t, "in the busy workspace", work(w.ctx, c))
			must(t, "in another", work(w.ctx, other))
		})
	}
	w.wantUsed("imports", w.Work()["imports"], 1)

	large, err := w.Work()["large_imports"].Acquire(w.ctx, c.WorkspaceID, 1)
	must(t, 0, err)
	wantBusy(t, "a large file next to another", errOf(app.AdmitImport(w.ctx, w.App, other, app.LargeFile+1)))
	w.wantUsed("imports after the refusal", w.Work()["imports"], 1)
	large()
	free, err := app.AdmitImport(w.ctx, w.App, other, app.LargeFile+1)
	must(t, 0, err)
	w.wantUsed("large imports", w.Work()["large_imports"], 1)
	free()
	w.wantUsed("large imports", w.Work()["large_imports"], 0)
}

// TestWorkspaceChangesOneTitleAtATime: preparing the terms of a long text takes seconds
// of CPU time.
func TestWorkspaceChangesOneTitleAtATime(t *testing.T) {
	w := newSQLiteWorld(t)
	w.limitWork(app.WorkLimits{Wait: testWait})
	c := w.as(w.owner)
	id := w.file("a.txt", "Ann: quokka").ID
	release, err := w.Work()["titles"].Acquire(w.ctx, c.WorkspaceID, 1)
	must(t, 0, err)
	wantBusy(t, "a second title", errOf(w.ChangeDetails(w.ctx, c, id, app.Details{Title: new("Second")})))
	release()
	must(t, "", errOf(w.ChangeDetails(w.ctx, c, id, app.Details{Title: new("Third")})))
	w.wantUsed("titles", w.Work()["titles"], 0)
}

// blockWrites starts a write, so that every other one waits until unblock is called.
func (w *world) blockWrites(t *testing.T) (unblock func()) {
	t.Helper()
	started, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- w.store.Write(w.ctx, func(*store.Tx) error { close(started); <-end; return nil })
	}()
	<-started
	return func() {
		t.Helper()
		close(end)
		must(t, "", <-ended)
	}
}

// TestNoWriteWithoutAChange: a use case that goes before other writers, or that anyone can
// cause, does not start a write if it has nothing to change.
func TestNoWriteWithoutAChange(t *testing.T) {
	w := newSQLiteWorld(t)
	key, _ := w.key(w.owner, "exposed")
	w.MarkExposed(w.ctx, []credential.Key{key}, app.Client{})
	member := w.signedIn(w.member)
	unblock := w.blockWrites(t)
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	wantKind(t, "an unknown session", w.RevokeSession(ctx, member, app.NewID()), memo.KindNotFound)
	w.MarkExposed(ctx, []credential.Key{key}, app.Client{})
	if ctx.Err() != nil {
		t.Error("marking an exposed key again waited for a write")
	}
	unblock()
}

func TestImportBeyondTheQuotaIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.limitWork(app.WorkLimits{Quota: 1 << 20})
		stored := func() int64 {
			n, err := w.store.StoredBytes(w.ctx, w.workspace.ID)
			return must(t, n, err)
		}
		first := w.file("a.txt", longText(2300, "first"))
		before := stored()
		only, err := w.Transcription(w.ctx, w.as(w.owner), first.ID)
		if must(t, only, err); before != app.SizeOf(only) || before < 2300*200 {
			t.Errorf("the workspace has %d bytes and its only transcription %d", before, app.SizeOf(only))
		}
		full := app.ImportFile{Name: "b.txt", Data: []byte(longText(2300, "second"))}
		_, err = w.Import(w.ctx, w.as(w.owner), full)
		wantKind(t, "an import beyond the quota", err, memo.KindConflict)
		if !strings.Contains(fmt.Sprint(err), "quota of 1 MB") || stored() != before {
			t.Errorf("the refusal is %v; %d bytes are stored, want %d", err, stored(), before)
		}
		if !w.file("a.txt", longText(2300, "first")).Unchanged {
			t.Error("a file that the workspace already has is imported again")
		}
		must(t, 0, errOf(w.ChangeDetails(w.ctx, w.as(w.owner), first.ID, app.Details{Title: new("Another title")})))
		must(t, 0, w.DeleteTranscription(w.ctx, w.as(w.owner), first.ID))
		if stored() != 0 {
			t.Errorf("%d bytes are stored after deleting everything", stored())
		}
		must(t, app.ImportResult{}, errOf(w.Import(w.ctx, w.as(w.owner), full)))
	})
}

// TestWorkEndsWithItsRequest: nothing is read or written for a cancelled request.
func TestWorkEndsWithItsRequest(t *testing.T) {
	w := newSQLiteWorld(t)
	c := w.as(w.owner)
	id := w.file("long.txt", longText(1200, "quokka")).ID
	gone, cancel := context.WithCancel(w.ctx)
	for _, format := range transcript.Formats {
		f, err := w.Export(w.ctx, c, id, format)
		must(t, f, err)
		gone, cancel := context.WithCancel(w.ctx)
		n := 0
		err = f.Write(gone, writerFunc(func(p []byte) (int, error) { n += len(p); cancel(); return len(p), nil }))
		if !errors.Is(err, context.Canceled) || n > 128<<10 {
			t.Errorf("%s: %v after %d bytes", format, err, n)
		}
	}
	full, err := w.store.Segments(w.ctx, store.View{WorkspaceID: c.WorkspaceID}, id, func(int64) error { return nil })
	must(t, full, err)
	cancel()
	if _, err := full.Decode(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("decoding segments after the end: %v", err)
	}
	if _, err := w.Import(gone, c, app.ImportFile{Name: "a.txt", Data: []byte(longText(1200, "b"))}); !errors.Is(err,
		context.Canceled) {
		t.Errorf("importing after the end: %v", err)
	}
}
