//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// MarkInUse marks a data directory as served by this process until release is called or
// the process ends. others reports whether another server has marked it. The mark is a file
// lock that the servers share, so the order in which they start and stop does not matter.
func MarkInUse(dir string) (others bool, release func(), err error) {
	path := filepath.Join(dir, FileName+"-server")
	f, err := createPrivate(path)
	if err == nil {
		giveToOwner(f)
	} else if errors.Is(err, os.ErrExist) {
		f, err = os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	}
	if err != nil {
		return false, nil, fmt.Errorf("store: %w", err)
	}
	// Only the first server gets an exclusive lock. The change to a shared lock is not
	// atomic: if another server takes the lock in between, it fails, and others is true.
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = flock(f, unix.LOCK_SH|unix.LOCK_NB)
	}
	if others = errors.Is(err, syscall.EWOULDBLOCK); others {
		err = flock(f, unix.LOCK_SH)
	}
	if err != nil {
		f.Close()
		return false, nil, fmt.Errorf("store: %s: %w", path, err)
	}
	return others, func() { f.Close() }, nil
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
