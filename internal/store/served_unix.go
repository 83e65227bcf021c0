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

// MarkServed marks a data directory as served by this process until release is
// called or the process ends, and reports whether another server has marked it.
// Every server holds the mark shared: a third one sees the second after the
// first has ended.
func MarkServed(dir string) (others bool, release func(), err error) {
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
	// Only who is alone gets the mark for themselves. To share it again may need a
	// moment in which another asks the same, and who is late of two is not alone.
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
