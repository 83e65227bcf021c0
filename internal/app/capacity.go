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

// WorkLimits are the limits of the work that runs at one time, for all callers together. See
// docs/contract.md#capacity.
type WorkLimits struct {
	Queries int   // searches and counts; 0 means 2 per processor, at least 4
	Memory  int64 // of large reads, in bytes; 0 means 256 MB
	Imports int   // files that are parsed; 0 means 2
	// Quota is how many bytes a workspace may store; 0 means no limit.
	Quota int64
	// Wait is how long work waits for capacity. 0 means 60 s for an import, because its upload has
	// already taken some time, and 5 s for all other work.
	Wait time.Duration
}

// work admits the work of callers. One workspace gets at most half of each limit.
type work struct {
	queries    *bulkhead.Limiter // searches, and counts that are not cached
	largeReads *bulkhead.Limiter // by memory in bytes
	// smallReads admits other reads, also by memory, so that clients who read large responses
	// slowly do not delay them.
	smallReads *bulkhead.Limiter
	titles     *bulkhead.Limiter // changes of titles and speakers, which index the whole text again
	imports    *bulkhead.Limiter // files that are parsed and compressed
	// largeImports admits large files one at a time for all workspaces, because parsing one takes
	// about twenty times its size in memory.
	largeImports *bulkhead.Limiter
	uploads      *bulkhead.Limiter // by size in bytes
	quota        int64             // see WorkLimits
}

const (
	defaultMemory = 256 << 20 // bytes
	smallRead     = 1 << 20   // maximum memory of a small read in bytes
	importWait    = time.Minute
	largeFile     = 8 << 20 // files with more bytes are imported one at a time
)

func newWork(l WorkLimits) work {
	queries := int64(cmp.Or(l.Queries, max(4, 2*runtime.GOMAXPROCS(0))))
	memory, imports := cmp.Or(l.Memory, defaultMemory), int64(cmp.Or(l.Imports, 2))
	limit := func(what string, total int64, wait time.Duration) bulkhead.Config {
		return bulkhead.Config{Work: what, Total: total, PerWorkspace: (total + 1) / 2, Wait: cmp.Or(l.Wait, wait)}
	}
	smallReads := limit("reads", memory/4, 0)
	smallReads.Waiting = 512
	uploads := limit("uploads", memory, 0)
	uploads.PerWorkspace = memory * 3 / 8 // three files of the maximum size
	return work{
		queries:      bulkhead.New(limit("searches", queries, 0)),
		largeReads:   bulkhead.New(limit("reads of large transcriptions", memory, 0)),
		smallReads:   bulkhead.New(smallReads),
		titles:       bulkhead.New(limit("changes of titles", 2, 0)),
		imports:      bulkhead.New(limit("imports", imports, importWait)),
		largeImports: bulkhead.New(limit("imports of large files", 1, importWait)),
		uploads:      bulkhead.New(uploads),
		quota:        l.Quota,
	}
}

// Work returns the limiters by their names in the metrics.
func (a *App) Work() map[string]*bulkhead.Limiter {
	return map[string]*bulkhead.Limiter{
		"queries": a.work.queries, "memory": a.work.largeReads, "small_memory": a.work.smallReads,
		"titles": a.work.titles, "imports": a.work.imports, "large_imports": a.work.largeImports, "uploads": a.work.uploads,
	}
}

// How many bytes of memory a read takes for each stored byte, as measured: the rows in the
// database and in the driver, the decoded values, and the response. For Markdown in an archive,
// only the compressed text is read and copied.
const (
	memoryPerStoredByte = 5
	memoryOfDeflated    = 1
)

// readLimiter returns the limiter that admits a read of size stored bytes, and the memory in bytes
// that the read takes, at factor for each stored byte.
func (w work) readLimiter(size, factor int64) (*bulkhead.Limiter, int64) {
	weight := size*factor + 4<<10
	if weight > smallRead {
		return w.largeReads, weight
	}
	return w.smallReads, weight
}

// admitForResponse admits the read of a transcription until the request ends.
func (a *App) admitForResponse(ctx context.Context, c memo.Caller) store.Admit {
	return func(size int64) error {
		l, weight := a.work.readLimiter(size, memoryPerStoredByte)
		return l.Hold(ctx, c.WorkspaceID, weight)
	}
}

// admitUntilReleased admits the read of one transcription until release is called.
func (a *App) admitUntilReleased(
	ctx context.Context, workspaceID string, factor int64,
) (admit store.Admit, release func()) {
	releaseHeld := func() {}
	admit = func(size int64) error {
		l, weight := a.work.readLimiter(size, factor)
		acquired, err := l.Acquire(ctx, workspaceID, weight)
		if err == nil {
			releaseHeld = acquired
		}
		return err
	}
	return admit, func() { releaseHeld() }
}

// retryAdmission retries admit while there is no capacity, until ctx ends, because the first bytes
// of an archive may already be sent.
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

// admitQuery admits a search, or a count that is not cached.
func (a *App) admitQuery(ctx context.Context, c memo.Caller) (release func(), err error) {
	return a.work.queries.Acquire(ctx, c.WorkspaceID, 1)
}

// admitImport admits the import of a file of this size in bytes. It waits at most [importWait] in
// total.
func (a *App) admitImport(ctx context.Context, c memo.Caller, bytes int) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, importWait)
	defer cancel()
	releaseLarge := func() {}
	if bytes > largeFile { // first, so that a waiting large file does not delay small ones
		if releaseLarge, err = a.work.largeImports.Acquire(ctx, c.WorkspaceID, 1); err != nil {
			return nil, err
		}
	}
	releaseImport, err := a.work.imports.Acquire(ctx, c.WorkspaceID, 1)
	if err != nil {
		releaseLarge()
		return nil, err
	}
	return func() { releaseImport(); releaseLarge() }, nil
}

// StartUpload admits an upload of this size in bytes. The file counts as held in memory until
// release is called.
func (a *App) StartUpload(ctx context.Context, c memo.Caller, bytes int64) (release func(), err error) {
	if err := requireEditor(c); err != nil {
		return nil, err
	}
	const minWeight = 1 << 20 // limits the number of small uploads
	return a.work.uploads.Acquire(ctx, c.WorkspaceID, max(bytes, minWeight))
}

// checkQuota fails if the workspace stores more than its quota. Call it in the transaction that
// has added a transcription.
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
