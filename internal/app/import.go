package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"memoai.tech/memo"
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
	Project  string    // by name, created if it does not exist; empty: as in the file
	Language string    // empty: as in the file
	ModTime  time.Time // the creation time if the content has none
}

// ImportResult is the result of an import.
type ImportResult struct {
	ID        string // of the transcription
	Unchanged bool   // the workspace already had the file
}

// Import reads a file and adds it to the caller's workspace. Errors: KindInvalid for a refused
// file, with a *[transcript.Error] as its cause, KindConflict if the workspace would exceed its
// quota, and KindUnavailable if there is no capacity or no disk space.
func (a *App) Import(ctx context.Context, c memo.Caller, in ImportFile) (ImportResult, error) {
	if err := requireEditor(c); err != nil {
		return ImportResult{}, err
	}
	if err := a.store.CheckImportSpace(); err != nil {
		return ImportResult{}, err
	}
	release, err := a.admitImport(ctx, c, len(in.Data))
	if err != nil {
		return ImportResult{}, err
	}
	defer release()
	if in.Project != "" {
		if in.Project, err = memo.CleanName("project", in.Project); err != nil {
			return ImportResult{}, err
		}
	}
	if in.Language != "" {
		if in.Language = string(transcript.Language(in.Language)); in.Language == "" {
			return ImportResult{}, memo.Invalid("language", "must be a language code such as en or ru")
		}
	}
	// The hash decides before the file is parsed, because most files of a repeated import are unchanged.
	source := sha256.Sum256(in.Data)
	if id, err := a.store.BySource(ctx, c.WorkspaceID, source[:]); err != nil || id != "" {
		return ImportResult{ID: id, Unchanged: id != ""}, err
	}
	d, err := a.readImport(ctx, in)
	if err != nil {
		return ImportResult{}, err
	}
	markdown, err := zipstream.Deflate(write.MarkdownBody(d.Segments))
	if err != nil {
		return ImportResult{}, err
	}
	p, err := a.store.Prepare(store.NewTranscription{
		Doc: d, WorkspaceID: c.WorkspaceID, CreatedBy: c.UserID, SourceHash: source[:], Markdown: markdown,
	})
	if err != nil {
		return ImportResult{}, err
	}
	out, err := a.addTranscription(ctx, c, p)
	if err != nil || out.Unchanged {
		a.deleteParts(ctx, p.ID())
	}
	return out, err
}

// readImport reads the file, and sets what it does not contain.
func (a *App) readImport(ctx context.Context, in ImportFile) (*memo.Transcription, error) {
	d, err := read.File(ctx, in.Name, in.Data, transcript.DefaultLimits)
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
	if in.Project != "" {
		d.Project = &memo.ProjectRef{Name: in.Project}
	}
	if in.Language != "" {
		d.Language = memo.Optional(in.Language)
	}
	now := a.store.Now()
	if d.CreatedAt.IsZero() {
		d.CreatedAt = now
		if !in.ModTime.IsZero() && in.ModTime.Before(now) {
			d.CreatedAt = memo.TruncateToMillis(in.ModTime)
		}
	}
	if d.UpdatedAt.IsZero() {
		d.UpdatedAt = now
	}
	for i := range d.Reports {
		if d.Reports[i].CreatedAt.IsZero() {
			d.Reports[i].CreatedAt = d.UpdatedAt
		}
	}
	return d, nil
}

// addTranscription stores a prepared transcription, unless the workspace has got the file meanwhile.
func (a *App) addTranscription(ctx context.Context, c memo.Caller, p *store.Prepared) (out ImportResult, err error) {
	if err := a.store.StoreParts(ctx, p); err != nil {
		return out, err
	}
	err = a.write(ctx, c, func(tx *store.Tx) error {
		id, added, err := tx.AddTranscription(ctx, p)
		out = ImportResult{ID: id, Unchanged: !added}
		if err != nil {
			return err
		}
		if _, err := requireMember(ctx, tx, c); err != nil || !added {
			return err
		}
		if err := a.checkQuota(ctx, tx, c.WorkspaceID); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			WorkspaceID: memo.Optional(c.WorkspaceID), Action: memo.ActionImported, Subject: id,
			Name: memo.Printable(p.Doc.Title, MaxEventText),
		})
	})
	return out, err
}
