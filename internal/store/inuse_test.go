//go:build unix

package store_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"memoai.tech/memo/internal/store"
)

func TestServersOnOneDirectoryDetectEachOther(t *testing.T) {
	dir := t.TempDir()
	mark := func(want bool) (release func()) {
		t.Helper()
		others, release, err := store.MarkInUse(dir)
		if err != nil || others != want {
			t.Fatalf("other servers: got %v (%v), want %v", others, err, want)
		}
		return release
	}
	first := mark(false)
	second := mark(true)
	first()
	third := mark(true) // the second still runs
	second()
	third()
	mark(false)()

	// Of servers that start at the same time, at most one may detect no other.
	alone, held := make(chan bool), make(chan struct{})
	for range 8 {
		go func() {
			others, release, err := store.MarkInUse(dir)
			if err != nil {
				t.Error(err)
			}
			alone <- !others
			<-held
			if err == nil {
				release()
			}
		}()
	}
	n := 0
	for range 8 {
		if <-alone {
			n++
		}
	}
	close(held)
	if n > 1 {
		t.Errorf("%d servers detected no other, want at most 1", n)
	}
}

func TestServedMarkBelongsToDirectoryOwner(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	_, release, err := store.MarkInUse(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	path := filepath.Join(dir, store.FileName+"-server")
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := file.Sys().(*syscall.Stat_t).Uid, owner.Sys().(*syscall.Stat_t).Uid; got != want ||
		file.Mode().Perm() != 0o600 {
		t.Errorf("the file belongs to %d, want %d, and has mode %v", got, want, file.Mode())
	}

	// A symbolic link in place of the file is not followed.
	other := t.TempDir()
	if err := os.Symlink(path, filepath.Join(other, store.FileName+"-server")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.MarkInUse(other); err == nil {
		t.Error("a symbolic link was followed")
	}
}
