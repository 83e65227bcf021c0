// The test is internal because it replaces a file between its discovery and the read.
package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

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
	if data, _, err := sources[0].read(); string(data) != "a" || err != nil {
		t.Errorf("before the replacement: read returned %q, %v", data, err)
	}
	if err := errors.Join(os.Remove(path), os.Symlink(secret, path)); err != nil {
		t.Fatal(err)
	}
	if data, _, err := sources[0].read(); err == nil {
		t.Errorf("read followed a link that replaced the file, and returned %q", data)
	}
}
