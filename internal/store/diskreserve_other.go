//go:build !linux

package store

import "os"

// preallocate occupies n bytes of disk space in f from offset on.
func preallocate(f *os.File, offset, n int64) error { return writeRandom(f, offset, n) }
