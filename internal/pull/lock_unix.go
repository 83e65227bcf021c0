//go:build unix

package pull

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"memoai.tech/memo/internal/remote"
)

// lock locks the folder until the file is closed or the process ends.
func lock(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
		return f, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = remote.Errorf("Another memo pull is running in %s. Wait until it has ended, or stop it.", root.Name())
	}
	return nil, errors.Join(err, f.Close())
}

// sync makes the renames in a folder permanent.
func (p *Folder) sync(dir string) error {
	f, err := p.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
