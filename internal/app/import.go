package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
	"memoai.tech/memo/internal/transcript/write"
	"memoai.tech/memo/internal/zipstream"
)

// ImportFile is a file to import. See docs/contract.md#import-formats.
type ImportFile struct {
	Name     string // of the file; gives the format, and the title if the content has none
	Data     []byte
	Project  string // by name, created if it does not exist; empty: as in the file
	Language string // empty: as in the file
	// CreatedAt is when the recording was made. Zero: as in the file.
	CreatedAt time.Time
	ModTime   time.Time // the creation time if neither the content nor the name has one

	parsed *read.Result // nil if the file must be parsed
}

// details returns what the import sets, whatever the file has.
func (f ImportFile) details() (d Details) {
	if f.Project != "" {
		d.Project = &f.Project
	}
	if f.Language != "" {
		d.Language = &f.Language
	}
	if !f.CreatedAt.IsZero() {
		d.CreatedAt = &f.CreatedAt
	}
	return d
}

// ImportResult is the result of an import.
type ImportResult struct {
	ID        string // of the transcription
	Unchanged bool   // the workspace already had the file
	// Changed names what is different in the transcription of an unchanged file since this import: its project, language
	// or date. NotChanged is why that was not possible.
	Changed    []string
	NotChanged error
	// Report is what was understood of the file. It is nil for an unchanged file, which is not read.
	Report *ImportReport
}

// Import reads a file and adds it to the caller's workspace. Errors: KindInvalid for a refused
// file, with a *[transcript.Error] as its cause, KindConflict if the workspace would exceed its
// quota, and KindUnavailable if there is no capacity or no disk space.
func (a *App) Import(ctx context.Context, c memo.Caller, in ImportFile) (ImportResult, error) {
	results, err := a.ImportBatch(ctx, c, []ImportFile{in})
	if err != nil {
		return ImportResult{}, err
	}
	return results[0].ImportResult, results[0].Refused
}

// Limits of a batch, because other transactions wait while it is added. A larger file is the only
// one of its batch.
const (
	MaxBatchFiles = 64
	MaxBatchBytes = 256 << 10
)

// BatchResult is the result of one file of a batch.
type BatchResult struct {
	ImportResult
	Refused error // KindInvalid or KindConflict, as for [App.Import]
}

// ImportBatch is [App.Import] for several files, which are added in one transaction unless one of
// them is refused. If it returns an error, the results are those of the files that
// were done before. Importing all files again finds them unchanged.
func (a *App) ImportBatch(ctx context.Context, c memo.Caller, files []ImportFile) ([]BatchResult, error) {
	if err := requireEditor(c); err != nil {
		return nil, err
	}
	if err := a.store.CheckImportSpace(); err != nil {
		return nil, err
	}
	size := 0
	for _, f := range files {
		size += len(f.Data)
	}
	release, err := a.admitImport(ctx, c, size)
	if err != nil {
		return nil, err
	}
	defer release()
	batch, err := a.prepareBatch(ctx, c, files)
	if err != nil {
		return nil, err
	}
	results, err := a.addBatch(ctx, c, batch)
	if err != nil {
		return results, err
	}
	return results, a.changeUnchanged(ctx, c, files, results)
}

// pendingFile is a file of a batch: its result, or the transcription that must be added.
type pendingFile struct {
	BatchResult
	prepared *store.Prepared
}

// prepareBatch reads files on all processors.
func (a *App) prepareBatch(ctx context.Context, c memo.Caller, files []ImportFile) ([]pendingFile, error) {
	batch, errs := make([]pendingFile, len(files)), make([]error, len(files))
	var next atomic.Int64
	readNext := func() {
		for i := next.Add(1) - 1; i < int64(len(files)); i = next.Add(1) - 1 {
			batch[i], errs[i] = a.prepareImport(ctx, c, files[i])
			if isRefusal(errs[i]) {
				batch[i].Refused, errs[i] = errs[i], nil
			}
		}
	}
	var others sync.WaitGroup
	for range min(len(files), runtime.GOMAXPROCS(0)) - 1 {
		others.Go(readNext)
	}
	readNext() // in this goroutine too: a server recovers from a panic only here
	others.Wait()
	return batch, cmp.Or(errs...)
}

func isRefusal(err error) bool {
	kind := memo.KindOf(err)
	return kind == memo.KindInvalid || kind == memo.KindConflict
}

// prepareImport finds out whether the workspace has the file, and reads it if not.
func (a *App) prepareImport(ctx context.Context, c memo.Caller, in ImportFile) (f pendingFile, err error) {
	details, err := CleanDetails(in.details(), a.store.Now())
	if err != nil {
		return f, err
	}
	// The hash decides before the file is parsed, because most files of a repeated import are unchanged.
	source := sha256.Sum256(in.Data)
	if f.ID, err = a.store.BySource(ctx, c.WorkspaceID, source[:]); err != nil || f.ID != "" {
		f.Unchanged = true
		return f, err
	}
	result, err := a.readImport(ctx, in, details)
	if err != nil {
		return f, err
	}
	d := result.Transcription
	f.Report = newImportReport(d, result.Format, result.Warnings)
	markdown, err := zipstream.Deflate(write.MarkdownBody(d.Segments))
	if err != nil {
		return f, err
	}
	f.prepared, err = a.store.Prepare(store.NewTranscription{
		Doc: d, WorkspaceID: c.WorkspaceID, CreatedBy: c.UserID, SourceHash: source[:], Markdown: markdown,
	})
	return f, err
}

// noDate begins the warning about the date of a file that has none.
const noDate = "Neither the content nor the name of the file has a date, so its date is "

// parse reads the content of the file, unless that has been done.
func parse(ctx context.Context, in ImportFile) (*read.Result, error) {
	if in.parsed != nil {
		return in.parsed, nil
	}
	result, err := read.File(ctx, in.Name, in.Data, transcript.DefaultLimits)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		refusal := &memo.Error{Kind: memo.KindInvalid, Field: "file", Message: err.Error(), Err: err}
		if e, ok := errors.AsType[*transcript.Error](err); ok {
			refusal.Message = e.Reason
		}
		return nil, refusal
	}
	return result, nil
}

// readImport reads the file, and sets what it does not contain.
func (a *App) readImport(ctx context.Context, in ImportFile, set Details) (*read.Result, error) {
	result, err := parse(ctx, in)
	if err != nil {
		return nil, err
	}
	d := result.Transcription
	if set.Project != nil {
		d.Project = &memo.ProjectRef{Name: *set.Project}
	}
	d.Language = cmp.Or(d.Language, memo.Optional(filename.Parse(in.Name).Language))
	if set.Language != nil {
		d.Language = memo.Optional(*set.Language)
	}
	now := a.store.Now()
	if set.CreatedAt != nil {
		d.CreatedAt = *set.CreatedAt
	}
	switch {
	case !d.CreatedAt.IsZero():
	case !in.ModTime.IsZero() && in.ModTime.Before(now):
		d.CreatedAt = memo.TruncateToMillis(in.ModTime)
		result.Warnings = append(result.Warnings, noDate+"when the file was last changed.")
	default:
		d.CreatedAt = now
		result.Warnings = append(result.Warnings, noDate+"today.")
	}
	if d.UpdatedAt.IsZero() {
		d.UpdatedAt = now
	}
	for i := range d.Reports {
		if d.Reports[i].CreatedAt.IsZero() {
			d.Reports[i].CreatedAt = d.UpdatedAt
		}
	}
	return result, nil
}

// addBatch adds the transcriptions of a batch in one transaction. If one of them is refused, each
// gets a separate transaction, so that the others are added.
func (a *App) addBatch(ctx context.Context, c memo.Caller, batch []pendingFile) (results []BatchResult, err error) {
	err = a.addTranscriptions(ctx, c, batch)
	switch {
	case isRefusal(err) && len(batch) == 1:
		return []BatchResult{{Refused: err}}, nil
	case isRefusal(err):
		for i := range batch {
			one, err := a.addBatch(ctx, c, batch[i:i+1])
			if err != nil {
				return results, err
			}
			results = append(results, one...)
		}
		return results, nil
	case err != nil:
		return nil, err
	}
	for _, f := range batch {
		results = append(results, f.BatchResult)
	}
	return results, nil
}

// addTranscriptions adds the transcriptions of a batch in one transaction and sets their results. A
// file is unchanged if another import of it was first.
func (a *App) addTranscriptions(ctx context.Context, c memo.Caller, batch []pendingFile) (err error) {
	var prepared []*store.Prepared
	var reports []*ImportReport
	var added []store.Added
	defer func() {
		for i, p := range prepared {
			if p.HasParts() && (err != nil || added[i].Unchanged) {
				a.deleteParts(ctx, p.ID())
			}
		}
	}()
	for _, f := range batch {
		if f.prepared == nil {
			continue
		}
		prepared, reports = append(prepared, f.prepared), append(reports, f.Report)
		if err := a.store.StoreParts(ctx, f.prepared); err != nil {
			return err
		}
	}
	if len(prepared) == 0 {
		return nil
	}
	if err := a.write(ctx, c, func(tx *store.Tx) (err error) {
		if added, err = tx.AddTranscriptions(ctx, prepared...); err != nil {
			return err
		}
		return a.recordImports(ctx, tx, c, prepared, reports, added)
	}); err != nil {
		return err
	}
	next := added
	for i := range batch {
		if f := &batch[i]; f.prepared != nil {
			f.ID, f.Unchanged, next = next[0].ID, next[0].Unchanged, next[1:]
		}
	}
	return nil
}

// recordImports checks that the caller may still add the transcriptions of this transaction, and
// writes their audit events.
func (a *App) recordImports(
	ctx context.Context, tx *store.Tx, c memo.Caller,
	prepared []*store.Prepared, reports []*ImportReport, added []store.Added,
) error {
	if _, err := requireMember(ctx, tx, c); err != nil {
		return err
	}
	if !slices.ContainsFunc(added, func(r store.Added) bool { return !r.Unchanged }) {
		return nil
	}
	if err := a.checkQuota(ctx, tx, c.WorkspaceID); err != nil {
		return err
	}
	for i, r := range added {
		if r.Unchanged {
			continue
		}
		if err := recordEvent(ctx, tx, c, memo.AuditEvent{
			WorkspaceID: memo.Optional(c.WorkspaceID), Action: memo.ActionImported, Subject: r.ID,
			Name: memo.Printable(prepared[i].Doc.Title, MaxEventText), Details: memo.EventDetails{Source: reports[i].String()},
		}); err != nil {
			return err
		}
	}
	return nil
}
