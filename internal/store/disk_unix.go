//go:build unix

package store

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// freeBytes is the room that is left for us on the file system of dir, or -1.
func freeBytes(dir string) int64 {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize)
}

// giveToOwner gives a new file to the owner of its directory: root, who runs a
// command there, must not shut the server's user out.
func giveToOwner(path string) error {
	var dir unix.Stat_t
	if err := unix.Stat(filepath.Dir(path), &dir); err != nil || os.Geteuid() != 0 || dir.Uid == 0 {
		return err
	}
	return os.Chown(path, int(dir.Uid), int(dir.Gid))
}
