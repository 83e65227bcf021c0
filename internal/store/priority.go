package store

import (
	"context"
	"os"
	"time"
)

// writeLock lets urgent writes go first when several processes use one SQLite file.
// Commands run next to a server, and SQLite does not queue writers, so a busy server
// could make "memo user disable" wait for seconds. An urgent writer therefore locks a
// small file next to the database, and every other writer, in any process, waits
// before each transaction until that lock is free. The lock only orders writers. If
// the file cannot be locked, writes run without it.
type writeLock struct {
	urgent  *os.File // locked while an urgent writer of this process waits or writes
	writers *os.File // another descriptor of the same file, for waiting until the lock is free
}

// longestYield is the longest time that a writer waits for urgent writers of other
// processes, because such a process may hang.
const longestYield = 2 * time.Second

const yieldPause = 2 * time.Millisecond // between two attempts to lock

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

// acquireUrgent makes other writers, in all processes, wait until release is called.
func (p *writeLock) acquireUrgent(ctx context.Context) (release func()) {
	if p == nil || !p.poll(ctx, func() bool { return lockFile(p.urgent, true) }) {
		return func() {}
	}
	return func() { unlockFile(p.urgent) }
}

// waitForUrgent waits while another process has an urgent writer.
func (p *writeLock) waitForUrgent(ctx context.Context) {
	if p != nil && p.poll(ctx, func() bool { return lockFile(p.writers, false) }) {
		unlockFile(p.writers)
	}
}

// poll calls try until it returns true. It returns false when ctx ends or after
// longestYield.
func (p *writeLock) poll(ctx context.Context, try func() bool) bool {
	for start := time.Now(); !try(); time.Sleep(yieldPause) {
		if ctx.Err() != nil || time.Since(start) > longestYield {
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
