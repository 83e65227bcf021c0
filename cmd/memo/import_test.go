// The tests are internal because they replace a file between its discovery and the read, and count files in
// a batch.
package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo/internal/app"
)

// A batch has a bounded number of files and bytes, except for a file that is larger by itself.
func TestImportBatchIsBounded(t *testing.T) {
	for _, c := range []struct {
		desc               string
		files, bytes, next int
		want               bool
	}{
		{"the first file", 0, 0, app.MaxBatchBytes + 1, false},
		{"a file that fits", 1, 1000, app.MaxBatchBytes - 1000, false},
		{"a file that does not fit", 1, 1000, app.MaxBatchBytes - 999, true},
		{"after a large file", 1, app.MaxBatchBytes + 1, 1, true},
		{"the last file", app.MaxBatchFiles - 1, 1000, 1, false},
		{"one file too many", app.MaxBatchFiles, 1000, 1, true},
	} {
		t.Run(c.desc, func(t *testing.T) {
			b := importBatch{files: make([]app.ImportFile, c.files), bytes: c.bytes}
			if got := b.isFull(c.next); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// A file that is replaced after its folder was read is refused.
func TestImportRefusesReplacedFile(t *testing.T) {
	dir := t.TempDir()
	path, secret := filepath.Join(dir, "in", "a.txt"), filepath.Join(dir, "secret")
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("a"), 0o600),
		os.WriteFile(secret, []byte("s"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var report importReport
	sources := (&importCmd{Paths: []string{filepath.Dir(path)}}).listFiles(&report)
	if len(sources) != 1 {
		t.Fatalf("found %d files, want 1; the report is %+v", len(sources), report)
	}
	if data, _, err := sources[0].read(new(*archive)); string(data) != "a" || err != nil {
		t.Errorf("before the replacement: read returned %q, %v", data, err)
	}
	if err := errors.Join(os.Remove(path), os.Symlink(secret, path)); err != nil {
		t.Fatal(err)
	}
	if data, _, err := sources[0].read(new(*archive)); err == nil {
		t.Errorf("read followed a link that replaced the file, and returned %q", data)
	}
}

// Warnings that many files have are printed once.
func TestCommonWarnings(t *testing.T) {
	var r importReport
	for i := range 4 {
		warnings := []string{"It has no date."}
		if i == 0 {
			warnings = append(warnings, "It was sorted.")
		}
		r.Imported = append(r.Imported, importedFile{ImportReport: &app.ImportReport{Warnings: warnings}})
	}
	if diff := cmp.Diff(map[string]int{"It has no date.": 4}, r.commonWarnings()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
