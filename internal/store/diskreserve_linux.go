package store

import (
	"errors"
	"os"
	"syscall"
)

// preallocate takes n bytes of room from offset on, without writing them where
// the file system can do that.
func preallocate(f *os.File, offset, n int64) error {
	for {
		switch err := syscall.Fallocate(int(f.Fd()), 0, offset, n); {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR): // a signal of Go's scheduler
		case errors.Is(err, syscall.EOPNOTSUPP):
			return writeRandom(f, offset, n)
		default:
			return err
		}
	}
}
