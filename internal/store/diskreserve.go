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

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"memoai.tech/memo"
)

// Access can be taken away on a full disk, too. Next to the SQLite file lies
// another that holds nothing but room. A transaction that found the disk full runs
// again with its share of that room: all of it ([Store.WriteUrgent]), a part of it
// ([Store.WriteSignIn], [Store.WriteOwnRevocation]) or nothing ([Store.Write]). What it did
// not need is taken again at once. While the reserve is not whole, no transaction
// without a share commits, so that nothing else uses it up.
//
// Both happen under the database's write lock, so none of ours gets between, in
// this process or another.

// reserveSize is in bytes. It is enough for some 500 revocations.
const reserveSize = 16 << 20

// errDiskFull refuses what may not use the reserve.
var errDiskFull = &memo.Error{
	Kind: memo.KindUnavailable, RetryAfter: time.Minute, Err: syscall.ENOSPC,
	Message: "The disk of the server is full. Nothing was changed.",
}

// minFreeForImport is how many bytes must be free for an import: imports stop well
// before the disk is full, because what takes access away and what people do
// every day need room, too. On a small disk it is an eighth of the disk.
const minFreeForImport = 64 << 20

var errDiskAlmostFull = &memo.Error{
	Kind: memo.KindUnavailable, RetryAfter: time.Minute, Err: syscall.ENOSPC,
	Message: "The server's disk is almost full, so nothing can be imported. " +
		"Ask the person who runs the server to make room.",
}

// CheckImportSpace refuses an import, with KindUnavailable, while the disk has less room
// than imports must leave. Of PostgreSQL's disk it knows nothing.
func (s *Store) CheckImportSpace() error {
	if s.diskReserve == nil {
		return nil
	}
	free, all := diskRoom(filepath.Dir(s.diskReserve.path))
	if free >= 0 && free < min(minFreeForImport, all/8) {
		return errDiskAlmostFull
	}
	return nil
}

// diskReserve is the file of that room. A nil one keeps nothing.
type diskReserve struct{ path string }

func newDiskReserve(dir string) *diskReserve {
	return &diskReserve{filepath.Join(dir, FileName+"-reserve")}
}

// isDiskFull reports whether err says that there is no room. A quota is told as
// an error of writing. The third is memory that readers and writers share,
// which is a file.
func isDiskFull(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_FULL || e.Code() == sqlite3.SQLITE_IOERR_WRITE ||
		e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE)
}

// writeWithReserve runs f in a transaction that has share bytes of the reserve.
// They are not for copying what others wrote from the WAL into the database.
func (s *Store) writeWithReserve(ctx context.Context, share int64, f func(*Tx) error) error {
	s.wal.checkpointing.Lock()
	defer s.wal.checkpointing.Unlock()
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return classifyError(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, pragmaCheckpoint(0)); err != nil {
		return classifyError(err)
	}
	err = s.writeOnce(ctx, conn, share, func(t *Tx) error {
		s.diskReserve.free(share)
		return f(t)
	})
	s.makeReserve(ctx, conn)
	_, _ = conn.ExecContext(context.WithoutCancel(ctx), pragmaCheckpoint(s.wal.autoCheckpointPages))
	return err
}

func pragmaCheckpoint(pages int) string { return fmt.Sprintf(`PRAGMA wal_autocheckpoint = %d`, pages) }

// makeReserve makes the reserve as large as there is room for. That it fails is
// no error.
func (s *Store) makeReserve(ctx context.Context, db txBeginner) {
	if s.diskReserve == nil || s.diskReserve.isFull() {
		return
	}
	if tx, err := db.BeginTx(context.WithoutCancel(ctx), nil); err == nil {
		_ = s.diskReserve.refill()
		_ = tx.Rollback()
	}
}

// free gives share bytes back to the disk.
func (r *diskReserve) free(share int64) {
	f, err := os.OpenFile(r.path, os.O_WRONLY|noFollow, 0)
	if errors.Is(err, fs.ErrPermission) && share == reserveSize { // it is root's, who ran a command here
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
		_ = f.Sync() // some file systems free blocks with the next commit of their journal only
	}
}

func (r *diskReserve) isFull() bool { return r.size() >= reserveSize }

// size is in bytes; 0 where there is none.
func (r *diskReserve) size() int64 {
	info, err := os.Stat(r.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// refill makes the reserve whole again, or as large as there is room for, which is
// errDiskFull. A reserve that cannot be kept for another reason is no error.
func (r *diskReserve) refill() error {
	if r == nil || r.isFull() {
		return nil
	}
	f, err := createPrivate(r.path)
	if err == nil {
		giveToOwner(f) // or the next release removes it
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

// asDiskFull is errDiskFull where err says so, and nil for every other error.
func asDiskFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return errDiskFull
	}
	return nil
}

// writeRandom takes room by writing n bytes from offset on: random ones, for a file
// system may compress what it keeps.
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
