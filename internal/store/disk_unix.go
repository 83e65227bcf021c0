//go:build unix

package store

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// noFollow refuses to open a symbolic link: root runs commands in a directory of
// the server's user.
const noFollow = unix.O_NOFOLLOW

// diskRoom returns how many bytes the file system of dir has left for us and in
// all, or -1 where that is not known.
func diskRoom(dir string) (free, all int64) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return -1, -1
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize)
}

// giveToOwner gives a file that we have just made to the owner of its directory:
// root, who runs a command there, must not shut the server's user out. That it
// fails is no error.
func giveToOwner(f *os.File) {
	var dir unix.Stat_t
	if os.Geteuid() == 0 && unix.Stat(filepath.Dir(f.Name()), &dir) == nil {
		_ = f.Chown(int(dir.Uid), int(dir.Gid))
	}
}

// lockFile locks a file for this descriptor alone, or together with others that
// do not need it alone. It does not wait, and reports false where another
// descriptor holds the lock.
func lockFile(f *os.File, alone bool) bool {
	how := unix.LOCK_SH
	if alone {
		how = unix.LOCK_EX
	}
	return !errors.Is(flock(f, how|unix.LOCK_NB), unix.EWOULDBLOCK)
}

func unlockFile(f *os.File) { _ = flock(f, unix.LOCK_UN) }
