//go:build !linux

package store

import "os"

// preallocate takes n bytes of room from offset on.
func preallocate(f *os.File, offset, n int64) error { return writeRandom(f, offset, n) }
