package store

import (
	"context"
	"os"
	"time"
)

// A command line runs next to a served database, and SQLite lets whichever
// process asks at the right moment write next: a busy server could keep
// "memo user disable" waiting for seconds. So an urgent writer locks a small file
// next to the database, and before each transaction the other writers, of every
// process, wait until nobody holds that lock. It orders writers and protects
// nothing: where the file cannot be locked, everything works as without it.
type writeLock struct {
	urgent  *os.File // locked while an urgent writer of this process waits or writes
	writers *os.File // another descriptor of the same file, to ask whether anybody holds the lock
}

// longestYield bounds how long a writer waits for urgent ones of other
// processes: one of them may have been stopped.
const longestYield = 2 * time.Second

const yieldPause = 2 * time.Millisecond

func openPriority(path string) *writeLock {
	urgent, err := createPrivate(path)
	if err == nil {
		giveToOwner(urgent)
	} else if urgent, err = os.OpenFile(path, os.O_RDWR|noFollow, 0); err != nil {
		return nil
	}
	writers, err := os.OpenFile(path, os.O_RDWR|noFollow, 0)
	if err != nil {
		urgent.Close()
		return nil
	}
	return &writeLock{urgent, writers}
}

// acquireUrgent makes the ordinary writers of other processes wait until release is
// called.
func (p *writeLock) acquireUrgent(ctx context.Context) (release func()) {
	if p == nil || !p.poll(ctx, func() bool { return lockFile(p.urgent, true) }) {
		return func() {}
	}
	return func() { unlockFile(p.urgent) }
}

// waitForUrgent waits while an urgent writer of another process waits or writes.
func (p *writeLock) waitForUrgent(ctx context.Context) {
	if p != nil && p.poll(ctx, func() bool { return lockFile(p.writers, false) }) {
		unlockFile(p.writers)
	}
}

func (p *writeLock) poll(ctx context.Context, try func() bool) bool {
	for begun := time.Now(); !try(); time.Sleep(yieldPause) {
		if ctx.Err() != nil || time.Since(begun) > longestYield {
			return false
		}
	}
	return true
}

func (p *writeLock) close() {
	if p != nil {
		p.urgent.Close()
		p.writers.Close()
	}
}
