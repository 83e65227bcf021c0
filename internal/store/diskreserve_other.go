//go:build !linux

package store

import "os"

// allocate takes n bytes of room from offset on.
func allocate(f *os.File, offset, n int64) error { return fill(f, offset, n) }
