package app_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/store"
)

// textFiles returns n different files for the same project.
func textFiles(prefix string, n int) (files []app.ImportFile) {
	for i := range n {
		name := fmt.Sprintf("%s %d", prefix, i)
		files = append(files, app.ImportFile{Name: name + ".txt", Data: []byte("Ann: about " + name), Project: "Sales"})
	}
	return files
}

// TestUnchangedFileIsNotRead: the hash of a file decides before it is parsed, and nothing is written.
func TestUnchangedFileIsNotRead(t *testing.T) {
	w := newSQLiteWorld(t)
	const text = "Ann: not the content of a VTT file"
	first := w.file("talk.txt", text)
	unblock := w.blockWrites(t)
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	again, err := w.Import(ctx, w.as(w.owner), app.ImportFile{Name: "talk.vtt", Data: []byte(text)})
	if must(t, again, err); !again.Unchanged || again.ID != first.ID {
		t.Errorf("the same file with another name: got %+v, want %s, unchanged", again, first.ID)
	}
	for option, in := range map[string]app.ImportFile{
		"project":  {Name: "talk.txt", Data: []byte(text), Project: " "},
		"language": {Name: "talk.txt", Data: []byte(text), Language: "<b>"},
	} {
		_, err := w.Import(ctx, w.as(w.owner), in)
		wantKind(t, "an unchanged file with an invalid "+option, err, memo.KindInvalid)
	}
	unblock()
}

func TestBatchHasAResultForEachFile(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		before := w.file("known.txt", "Ann: known")
		files := textFiles("new", 3)
		files = append(files, app.ImportFile{Name: "bad.vtt", Data: []byte("no header")},
			app.ImportFile{Name: "known.txt", Data: []byte("Ann: known")}, files[1])
		results, err := w.ImportBatch(w.ctx, w.as(w.owner), files)
		if must(t, results, err); len(results) != len(files) {
			t.Fatalf("%d results for %d files", len(results), len(files))
		}
		for i, r := range results[:3] {
			if r.Unchanged && i != 1 || r.Refused != nil {
				t.Errorf("new file %d: %+v", i, r)
			}
			w.wantText(r.ID, string(files[i].Data))
		}
		wantKind(t, "a file without a header", results[3].Refused, memo.KindInvalid)
		if r := results[4]; !r.Unchanged || r.ID != before.ID {
			t.Errorf("a known file: got %+v, want %s, unchanged", r, before.ID)
		}
		// Of two equal files in a batch, either is added.
		if a, b := results[1], results[5]; a.Unchanged == b.Unchanged || a.ID != b.ID || b.Refused != nil {
			t.Errorf("the same file twice in a batch: %+v and %+v", a, b)
		}
		if n := w.imported(); n != 4 {
			t.Errorf("%d imports are in the audit trail, want 4", n)
		}
	})
}

// imported returns how many imports are in the audit trail of the workspace.
func (w *world) imported() (n int) {
	w.t.Helper()
	events, err := w.store.Events(w.ctx, store.EventFilter{WorkspaceID: w.workspace.ID}, 1000)
	for _, e := range must(w.t, events, err) {
		if e.Action == memo.ActionImported {
			n++
		}
	}
	return n
}

func (w *world) wantText(id, want string) {
	w.t.Helper()
	text, err := w.Text(w.ctx, w.as(w.owner), id)
	if must(w.t, text, err) != want {
		w.t.Errorf("transcription %s has the text %q, want %q", id, text, want)
	}
}

// TestRefusedFileOfABatch: a file that only the transaction can refuse does not prevent the others.
func TestRefusedFileOfABatch(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.limitWork(app.WorkLimits{Quota: 1 << 20})
		files := textFiles("small", 2)
		full := app.ImportFile{Name: "full.txt", Data: []byte(longText(6000, "full"))}
		results, err := w.ImportBatch(w.ctx, w.as(w.owner), []app.ImportFile{files[0], full, files[1]})
		if must(t, results, err); len(results) != 3 {
			t.Fatalf("%d results, want 3", len(results))
		}
		w.wantText(results[0].ID, string(files[0].Data))
		wantKind(t, "a file beyond the quota", results[1].Refused, memo.KindConflict)
		w.wantText(results[2].ID, string(files[1].Data))
		if n := w.imported(); n != 2 {
			t.Errorf("%d imports are in the audit trail, want 2", n)
		}
	})
}

// TestInterruptedImportHasWhatItReported: batches that were reported before an error are stored.
func TestInterruptedImportHasWhatItReported(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		files := textFiles("file", 12)
		ctx, cancel := context.WithCancel(w.ctx)
		defer cancel()
		var reported []app.BatchResult
		for batch := range slices.Chunk(files, 4) {
			results, err := w.ImportBatch(ctx, w.as(w.owner), batch)
			reported = append(reported, results...)
			if err != nil {
				break
			}
			if len(reported) == 8 {
				cancel()
			}
		}
		if len(reported) != 8 || w.imported() != 8 {
			t.Errorf("%d files are reported and %d imported, want 8", len(reported), w.imported())
		}
		for i, r := range reported {
			w.wantText(r.ID, string(files[i].Data))
		}
		again, err := w.ImportBatch(w.ctx, w.as(w.owner), files)
		for i, r := range must(t, again, err) {
			if r.Unchanged != (i < 8) {
				t.Errorf("file %d of the second import: unchanged %v", i, r.Unchanged)
			}
		}
	})
}

// TestImportsOfTheSameFilesDoNotBlockEachOther: several imports add the same files in different
// order, which would be a deadlock on PostgreSQL if each added them in its own order.
func TestImportsOfTheSameFilesDoNotBlockEachOther(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.limitWork(app.WorkLimits{Imports: 8})
		forward := textFiles("same", 30)
		for i := range forward {
			forward[i].Project = fmt.Sprint("Project ", i%3)
		}
		backward := slices.Clone(forward)
		slices.Reverse(backward)
		var imports sync.WaitGroup
		for n := range 4 {
			imports.Go(func() {
				files := forward
				if n%2 == 1 {
					files = backward
				}
				if _, err := w.ImportBatch(w.ctx, memo.Caller{Operator: true, WorkspaceID: w.workspace.ID}, files); err != nil {
					t.Errorf("import %d: %v", n, err)
				}
			})
		}
		imports.Wait()
		if n := w.imported(); n != len(forward) {
			t.Errorf("%d files were imported, want %d", n, len(forward))
		}
	})
}
