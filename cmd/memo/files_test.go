package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestAFileThatIsReplacedIsRefused: what a walk found is what is read.
func TestAFileThatIsReplacedIsRefused(t *testing.T) {
	dir := t.TempDir()
	path, secret := filepath.Join(dir, "in", "a.txt"), filepath.Join(dir, "secret")
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("a"), 0o600),
		os.WriteFile(secret, []byte("s"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var report importReport
	sources := (&importCmd{Paths: []string{filepath.Dir(path)}}).listFiles(&report)
	if len(sources) != 1 {
		t.Fatalf("%v %+v", sources, report)
	}
	if data, _, err := sources[0].read(); string(data) != "a" || err != nil {
		t.Errorf("as it was found: %q %v", data, err)
	}
	if err := errors.Join(os.Remove(path), os.Symlink(secret, path)); err != nil {
		t.Fatal(err)
	}
	if data, _, err := sources[0].read(); err == nil {
		t.Errorf("a link that came later was followed: %q", data)
	}
}
