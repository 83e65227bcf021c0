//go:build unix

package store

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// noFollow makes opening a symbolic link fail. Otherwise the server's user, who owns the data
// directory, could trick a command that root runs there into opening any file.
const noFollow = unix.O_NOFOLLOW

// diskSpace returns the size in bytes of the file system of dir: the part that this process may
// still use, and the total. Both are -1 if they are not known.
func diskSpace(dir string) (free, total int64) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return -1, -1
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize)
}

// giveToOwner gives a file that this process has just created to the owner of its directory, so
// that the server can open it if root ran the command that created it. It ignores errors.
func giveToOwner(f *os.File) {
	var dir unix.Stat_t
	if os.Geteuid() == 0 && unix.Stat(filepath.Dir(f.Name()), &dir) == nil {
		_ = f.Chown(int(dir.Uid), int(dir.Gid))
	}
}

// lockFile locks a file, exclusively or shared, for this descriptor. It does not wait: it
// returns false if another descriptor holds a conflicting lock. It returns true if the
// file cannot be locked at all.
func lockFile(f *os.File, exclusive bool) bool {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	return !errors.Is(flock(f, how|unix.LOCK_NB), unix.EWOULDBLOCK)
}

func unlockFile(f *os.File) { _ = flock(f, unix.LOCK_UN) }
