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
// cannot be locked, they write without it. Within a process, only the writer that has
// the turn uses it.
type urgentLock struct{ file *os.File }

// maxYield is the longest time that a writer waits for the lock. It is limited because
// the process that holds the lock may hang.
const maxYield = 2 * time.Second

const yieldInterval = 2 * time.Millisecond // between two attempts to get the lock

// openUrgentLock returns nil if the file cannot be opened.
func openUrgentLock(path string) *urgentLock {
	file, err := createPrivate(path)
	if err == nil {
		giveToOwner(file)
	} else if file, err = os.OpenFile(path, os.O_RDWR|noFollow, 0); err != nil {
		return nil
	}
	return &urgentLock{file}
}

// acquireUrgent makes other writers, in all processes, wait until release is called.
func (p *urgentLock) acquireUrgent(ctx context.Context) (release func()) {
	if p == nil || !p.poll(ctx, func() bool { return lockFile(p.file, true) }) {
		return func() {}
	}
	return func() { unlockFile(p.file) }
}

// waitForUrgent waits while another process has an urgent writer.
func (p *urgentLock) waitForUrgent(ctx context.Context) {
	if p != nil && p.poll(ctx, func() bool { return lockFile(p.file, false) }) {
		unlockFile(p.file)
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
		p.file.Close()
	}
}
