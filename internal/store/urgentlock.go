package store

import (
	"context"
	"os"
	"time"
)

// urgentLock lets urgent writers go first when several processes use one SQLite file.
// Commands run next to a server, and SQLite does not queue writers, so a busy server
// could make "memo user disable" wait for seconds. An urgent writer therefore locks a
// small file next to the database. Every other writer, in any process, waits before
// each transaction until that lock is free. The lock only orders writers: if the file
// cannot be locked, they write without it.
type urgentLock struct {
	urgent  *os.File // locked while an urgent writer of this process waits or writes
	writers *os.File // another descriptor of the same file, for waiting until the lock is free
}

// maxYield is the longest time that a writer waits for the lock. It is limited because
// the process that holds the lock may hang.
const maxYield = 2 * time.Second

const yieldInterval = 2 * time.Millisecond // between two attempts to get the lock

// openUrgentLock returns nil if the file cannot be opened.
func openUrgentLock(path string) *urgentLock {
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
	return &urgentLock{urgent, writers}
}

// acquireUrgent makes other writers, in all processes, wait until release is called.
func (p *urgentLock) acquireUrgent(ctx context.Context) (release func()) {
	if p == nil || !p.poll(ctx, func() bool { return lockFile(p.urgent, true) }) {
		return func() {}
	}
	return func() { unlockFile(p.urgent) }
}

// waitForUrgent waits while another process has an urgent writer.
func (p *urgentLock) waitForUrgent(ctx context.Context) {
	if p != nil && p.poll(ctx, func() bool { return lockFile(p.writers, false) }) {
		unlockFile(p.writers)
	}
}

// poll calls try until it returns true. It returns false when ctx ends or after
// maxYield.
func (p *urgentLock) poll(ctx context.Context, try func() bool) bool {
	for start := time.Now(); !try(); time.Sleep(yieldInterval) {
		if ctx.Err() != nil || time.Since(start) > maxYield {
			return false
		}
	}
	return true
}

func (p *urgentLock) close() {
	if p != nil {
		p.urgent.Close()
		p.writers.Close()
	}
}
