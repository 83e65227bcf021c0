package app

import (
	"cmp"
	"context"
	"runtime"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/bulkhead"
	"memoai.tech/memo/internal/store"
)

// WorkLimits bound the work that runs at one time, for all callers together and per workspace.
// A field of 0 means its default. See docs/contract.md#capacity.
type WorkLimits struct {
	Queries int   // searches and counts; 0 means 2 per processor, at least 4
	Memory  int64 // for reads of large transcriptions, in bytes; 0 means 256 MB
	Imports int   // files that are parsed; 0 means 2
	// Quota is the maximum number of bytes that a workspace stores; 0 means no limit.
	Quota int64
	// Wait is how long work waits for room. 0 means 5 s, and a minute for a file, because its
	// upload took longer.
	Wait time.Duration
}

// work admits the work of callers. A workspace has at most half of each limit.
type work struct {
	queries *bulkhead.Limiter // searches and counts that are not cached
	memory  *bulkhead.Limiter // large reads, by memory in bytes
	// Small reads are admitted separately, so that clients who read large responses slowly do
	// not delay them.
	small   *bulkhead.Limiter
	titles  *bulkhead.Limiter // title changes, which index the whole text again
	imports *bulkhead.Limiter // files that are parsed and compressed
	// heavy admits large files one at a time over all workspaces: parsing one takes about
	// twenty times its size in memory.
	heavy   *bulkhead.Limiter
	uploads *bulkhead.Limiter // uploads, by size in bytes
	quota   int64
}

const (
	defaultMemory = 256 << 20 // bytes
	smallRead     = 1 << 20   // maximum memory of a small read in bytes
	importWait    = time.Minute
	largeFile     = 8 << 20 // from this size in bytes, files are imported one at a time
)

func newWork(l WorkLimits) work {
	queries := int64(cmp.Or(l.Queries, max(4, 2*runtime.GOMAXPROCS(0))))
	memory, imports := cmp.Or(l.Memory, defaultMemory), int64(cmp.Or(l.Imports, 2))
	bound := func(what string, total int64, wait time.Duration) bulkhead.Config {
		return bulkhead.Config{Work: what, Total: total, Tenant: (total + 1) / 2, Wait: cmp.Or(l.Wait, wait)}
	}
	small := bound("reads", memory/4, 0)
	small.Waiting = 512
	uploads := bound("uploads", memory, 0)
	uploads.Tenant = memory * 3 / 8 // three files of the maximum size
	return work{
		queries: bulkhead.New(bound("searches", queries, 0)),
		memory:  bulkhead.New(bound("reads of large transcriptions", memory, 0)),
		small:   bulkhead.New(small),
		titles:  bulkhead.New(bound("changes of titles", 2, 0)),
		imports: bulkhead.New(bound("imports", imports, importWait)),
		heavy:   bulkhead.New(bound("imports of large files", 1, importWait)),
		uploads: bulkhead.New(uploads),
		quota:   l.Quota,
	}
}

// Work returns the limiters by the names in their metrics.
func (a *App) Work() map[string]*bulkhead.Limiter {
	return map[string]*bulkhead.Limiter{
		"queries": a.work.queries, "memory": a.work.memory, "small_memory": a.work.small,
		"titles": a.work.titles, "imports": a.work.imports, "large_imports": a.work.heavy, "uploads": a.work.uploads,
	}
}

// Bytes of memory that a read takes for each stored byte, as measured: the rows in the
// database and in the driver, the decoded values, and the response. For Markdown in an archive
// only the compressed form is read and copied.
const (
	memoryPerStoredByte = 5
	memoryOfDeflated    = 1
)

// memoryFor returns the limiter that admits a read of size stored bytes, and the weight of the
// read.
func (w work) memoryFor(size, factor int64) (*bulkhead.Limiter, int64) {
	weight := size*factor + 4<<10
	if weight > smallRead {
		return w.memory, weight
	}
	return w.small, weight
}

// admitForResponse admits the read of a transcription until the response is written.
func (a *App) admitForResponse(ctx context.Context, c memo.Caller) store.Admit {
	return func(size int64) error {
		l, weight := a.work.memoryFor(size, memoryPerStoredByte)
		return l.Hold(ctx, c.WorkspaceID, weight)
	}
}

// admitUntilReleased admits the read of one transcription until release is called.
func (a *App) admitUntilReleased(ctx context.Context, workspaceID string, factor int64) (admit store.Admit,
	release func(),
) {
	held := func() {}
	return func(size int64) error {
		l, weight := a.work.memoryFor(size, factor)
		free, err := l.Acquire(ctx, workspaceID, weight)
		if err == nil {
			held = free
		}
		return err
	}, func() { held() }
}

// retryAdmission retries admit until ctx ends if there is no room, because the first bytes of
// an archive were already sent.
func retryAdmission(ctx context.Context, admit store.Admit) store.Admit {
	return func(size int64) error {
		for {
			err := admit(size)
			if memo.KindOf(err) != memo.KindUnavailable {
				return err
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Second):
			}
		}
	}
}

// query admits a search, or a count that is not cached.
func (a *App) query(ctx context.Context, c memo.Caller) (release func(), err error) {
	return a.work.queries.Acquire(ctx, c.WorkspaceID, 1)
}

// reading admits the import of a file of this size in bytes. It waits at most [importWait] in
// total.
func (a *App) reading(ctx context.Context, c memo.Caller, bytes int) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, importWait)
	defer cancel()
	leave := func() {}
	if bytes > largeFile { // first, so that a waiting large file does not delay small ones
		if leave, err = a.work.heavy.Acquire(ctx, c.WorkspaceID, 1); err != nil {
			return nil, err
		}
	}
	read, err := a.work.imports.Acquire(ctx, c.WorkspaceID, 1)
	if err != nil {
		leave()
		return nil, err
	}
	return func() { read(); leave() }, nil
}

// StartUpload admits an upload of this size in bytes. The file counts as in memory until leave
// is called.
func (a *App) StartUpload(ctx context.Context, c memo.Caller, bytes int64) (leave func(), err error) {
	if err := requireEditor(c); err != nil {
		return nil, err
	}
	const least = 1 << 20 // bounds the number of small uploads
	return a.work.uploads.Acquire(ctx, c.WorkspaceID, max(bytes, least))
}

// checkQuota fails if the workspace stores more than its quota. It runs in the transaction
// that adds a transcription.
func (a *App) checkQuota(ctx context.Context, tx *store.Tx, workspaceID string) error {
	if a.work.quota == 0 {
		return nil
	}
	stored, err := tx.StoredBytes(ctx, workspaceID)
	if err == nil && stored > a.work.quota {
		return memo.Conflict("workspace_full", "This import would exceed the workspace's quota of %d MB. "+
			"Delete transcriptions, or ask the operator of this server for a larger quota.", a.work.quota>>20)
	}
	return err
}
