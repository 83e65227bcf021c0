package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"zombiezen.com/go/sqlite"

	"memoai.tech/memo"
)

// The disk reserve makes it possible to end access on a full disk. It is a file next to the
// SQLite file that is only there to occupy space. If an urgent transaction fails because the disk
// is full, [Store.WriteUrgent] runs it again with its share of that space; all other transactions
// have no share. After the transaction the reserve is refilled with the space that is left. While
// it is not full, only urgent transactions can commit, so that nothing else uses it up.
//
// The reserve is freed and refilled under the write lock of the database, so that no other
// transaction, in this process or another, can take the space in between.

// reserveSize is the size of the disk reserve in bytes, enough for about 500 revocations.
const reserveSize = 16 << 20

// errDiskFull is the error of transactions that may not use the disk reserve.
var errDiskFull = &memo.Error{
	Kind: memo.KindUnavailable, RetryAfter: time.Minute, Err: syscall.ENOSPC,
	Message: "The server's disk is full. Nothing was changed.",
}

// minFreeForImport is the number of free bytes that an import needs; on a small disk it is
// an eighth of the disk. Imports stop well before the disk is full, to leave space for
// ending access and for other small changes.
const minFreeForImport = 64 << 20

var errDiskAlmostFull = &memo.Error{
	Kind: memo.KindUnavailable, RetryAfter: time.Minute, Err: syscall.ENOSPC,
	Message: "The server's disk is almost full, so nothing can be imported. " +
		"Ask the operator of the server to free some space.",
}

// CheckImportSpace returns KindUnavailable if the disk of the embedded database has too little
// space for an import. For PostgreSQL it always returns nil.
func (s *Store) CheckImportSpace() error {
	if s.diskReserve == nil {
		return nil
	}
	free, total := diskSpace(filepath.Dir(s.diskReserve.path))
	if free >= 0 && free < min(minFreeForImport, total/8) {
		return errDiskAlmostFull
	}
	return nil
}

// diskReserve is the file that occupies the reserved space. A nil diskReserve reserves
// nothing.
type diskReserve struct{ path string }

func newDiskReserve(dir string) *diskReserve {
	return &diskReserve{filepath.Join(dir, FileName+"-reserve")}
}

// isDiskFull reports whether err says that the disk is full. SQLite reports an exceeded
// disk quota as SQLITE_IOERR_WRITE, and a lack of space for its shared memory, which is a
// file, as SQLITE_IOERR_SHMSIZE.
func isDiskFull(err error) bool {
	switch sqliteCode(err) {
	case sqlite.ResultFull, sqlite.ResultIOErrWrite, sqlite.ResultIOErrSHMSize:
		return true
	}
	return false
}

// writeWithReserve runs f in a transaction that may use the share of the reserve that p
// allows. It prevents checkpoints meanwhile, because they could use up that space.
func (s *Store) writeWithReserve(ctx context.Context, p Purpose, f func(*Tx) error) error {
	s.wal.checkpointing.Lock()
	defer s.wal.checkpointing.Unlock()
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return classifyError(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, pragmaAutoCheckpoint(0)); err != nil {
		return classifyError(err)
	}
	err = s.writeOnce(ctx, conn, p, func(t *Tx) error {
		s.diskReserve.free(int64(p))
		return f(t)
	})
	s.fillReserve(ctx, conn)
	_, _ = conn.ExecContext(context.WithoutCancel(ctx), pragmaAutoCheckpoint(s.wal.autoCheckpointPages))
	return err
}

func pragmaAutoCheckpoint(pages int) string {
	return fmt.Sprintf(`PRAGMA wal_autocheckpoint = %d`, pages)
}

// fillReserve fills the reserve as far as there is space. It ignores errors.
func (s *Store) fillReserve(ctx context.Context, db txBeginner) {
	if s.diskReserve == nil || s.diskReserve.isFull() {
		return
	}
	if tx, err := db.BeginTx(context.WithoutCancel(ctx), nil); err == nil {
		_ = s.diskReserve.refill()
		_ = tx.Rollback()
	}
}

// free shrinks the reserve to reserveSize-share bytes, so that a transaction can use the
// rest.
func (r *diskReserve) free(share int64) {
	f, err := os.OpenFile(r.path, os.O_WRONLY|noFollow, 0)
	if errors.Is(err, fs.ErrPermission) && share == reserveSize { // root created it by running a command
		_ = os.Remove(r.path)
	}
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() <= reserveSize-share {
		return
	}
	if err := f.Truncate(reserveSize - share); err == nil {
		_ = f.Sync() // some file systems free blocks only when they commit their journal
	}
}

func (r *diskReserve) isFull() bool { return r.size() >= reserveSize }

// size returns the size of the reserve in bytes, 0 if it does not exist.
func (r *diskReserve) size() int64 {
	info, err := os.Stat(r.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// refill fills the reserve. If there is not enough space, it fills it as far as possible and
// returns errDiskFull. It ignores all other errors.
func (r *diskReserve) refill() error {
	if r == nil || r.isFull() {
		return nil
	}
	f, err := createPrivate(r.path)
	if err == nil {
		giveToOwner(f) // otherwise the server could not open it, and free would remove it
	} else if errors.Is(err, fs.ErrExist) {
		f, err = os.OpenFile(r.path, os.O_WRONLY|noFollow, 0)
	}
	if err != nil {
		return asDiskFull(err)
	}
	defer f.Close()
	n := int64(reserveSize)
	for {
		info, err := f.Stat()
		if err != nil || info.Size() >= reserveSize {
			return nil
		}
		n = min(n, reserveSize-info.Size())
		if err = preallocate(f, info.Size(), n); err == nil {
			continue
		}
		if n /= 2; n < 4096 || asDiskFull(err) == nil {
			return asDiskFull(err)
		}
	}
}

// asDiskFull returns errDiskFull if err says that the disk is full or a quota is exceeded,
// and nil for all other errors.
func asDiskFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return errDiskFull
	}
	return nil
}

// writeRandom occupies space by writing n bytes from offset on. The bytes are random, because
// the file system may compress other data.
func writeRandom(f *os.File, offset, n int64) error {
	var seed [32]byte
	block, random := make([]byte, min(n, 64<<10)), rand.NewChaCha8(seed)
	for end := offset + n; offset < end; {
		part := block[:min(int64(len(block)), end-offset)]
		_, _ = random.Read(part) // never fails
		if _, err := f.WriteAt(part, offset); err != nil {
			return err
		}
		offset += int64(len(part))
	}
	return nil
}
