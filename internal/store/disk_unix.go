//go:build unix

package store

import "golang.org/x/sys/unix"

// freeBytes is the room that is left for us on the file system of dir, or -1.
func freeBytes(dir string) int64 {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize)
}
