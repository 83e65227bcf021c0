package store

import (
	"errors"
	"os"
	"syscall"
)

// preallocate allocates n bytes of disk space to f from offset on. It writes them only if the
// file system cannot allocate space in another way.
func preallocate(f *os.File, offset, n int64) error {
	for {
		switch err := syscall.Fallocate(int(f.Fd()), 0, offset, n); {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR): // interrupted by a signal: try again
		case errors.Is(err, syscall.EOPNOTSUPP):
			return writeRandom(f, offset, n)
		default:
			return err
		}
	}
}
