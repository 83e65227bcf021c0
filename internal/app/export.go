package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/write"
	"memoai.tech/memo/internal/zipstream"
)

// MaxArchiveFiles is the maximum number of transcriptions in an archive of chosen ones, and
// MaxListArchiveFiles in an archive of a list. The latter is how many hits a search counts.
const (
	MaxArchiveFiles     = 100
	MaxListArchiveFiles = 10_000
)

// listArchivePage is how many items of a list are in memory at a time.
const listArchivePage = 500

// File is an exported transcription. Its content is rendered when it is written.
type File struct {
	Name   string
	Format transcript.Format

	doc *memo.Transcription
	md  zipstream.Deflated // only for Markdown: the stored transcript
}

// Item returns the transcription as lists show it.
func (f File) Item() memo.ListItem { return f.doc.ListItem }

// Export returns the file of one transcription in a format.
func (a *App) Export(ctx context.Context, c memo.Caller, id string, format transcript.Format) (File, error) {
	if err := requireExporter(c); err != nil {
		return File{}, err
	}
	a.usage.did(c, "asked for an export")
	return a.file(ctx, viewOf(c), id, format, a.admitForResponse(ctx, c))
}

func (a *App) file(
	ctx context.Context, v store.View, id string, format transcript.Format, admit store.Admit,
) (f File, err error) {
	var w store.Transcription
	if format == transcript.Markdown {
		w, f.md, err = a.store.Markdown(ctx, v, id, false, admit)
	} else {
		w, err = a.store.Segments(ctx, v, id, admit)
	}
	if err != nil {
		return File{}, err
	}
	if f.doc, err = w.Decode(ctx); err != nil {
		return File{}, err
	}
	f.Name, f.Format = filename.Of(f.doc.Title, f.doc.CreatedAt, format.Extension()), format
	return f, nil
}

// Write writes the content of the file to w. If ctx ends first, it returns its cause.
func (f File) Write(ctx context.Context, w io.Writer) error {
	if f.Format != transcript.Markdown {
		return write.File(ctx, w, f.Format, f.doc)
	}
	out := contextWriter{ctx, w}
	_, err := out.Write(write.MarkdownHead(f.doc))
	if err == nil {
		_, err = io.Copy(out, f.md.Open())
	}
	return err
}

// Bytes returns the content of the file.
func (f File) Bytes(ctx context.Context) ([]byte, error) {
	var b bytes.Buffer
	err := f.Write(ctx, &b)
	return b.Bytes(), err
}

// contextWriter is a writer that fails once its context has ended.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (w contextWriter) Write(p []byte) (int, error) {
	if err := context.Cause(w.ctx); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}

// ArchiveName returns the file name of an archive.
func ArchiveName(now time.Time) string {
	return "transcriptions " + now.UTC().Format(time.DateOnly) + ".zip"
}

// Archive is a bulk export that is ready to start: all of its transcriptions exist.
type Archive struct {
	app         *App
	view        store.View
	format      transcript.Format
	ids         []string
	names       []string // file names, in the order of ids
	skipDeleted bool     // leave out what is deleted before it is written
}

// PrepareArchive prepares one ZIP of transcriptions, in the order of ids and without
// duplicates. If any is missing, it returns KindNotFound with the missing ids.
func (a *App) PrepareArchive(
	ctx context.Context, c memo.Caller, ids []string, format transcript.Format,
) (*Archive, error) {
	if err := requireExporter(c); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var unique []string
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			unique = append(unique, id)
		}
	}
	items, missing, err := a.store.Items(ctx, viewOf(c), unique)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, &memo.Error{
			Kind: memo.KindNotFound, Code: "transcriptions_not_found", IDs: missing,
			Message: fmt.Sprintf("Nothing was exported: this workspace does not have %d of the requested transcriptions. "+
				"Leave them out and try again.", len(missing)),
		}
	}
	ar := &Archive{app: a, view: viewOf(c), format: format}
	if err := ar.add(items); err != nil {
		return nil, err
	}
	ar.names = filename.Unique(ar.names)
	return ar, nil
}

// PrepareListArchive prepares one ZIP of all transcriptions that a query selects, whatever its sort
// and page, the newest first. It has none that is deleted before it is written. If the query
// selects nothing, or more than MaxListArchiveFiles, it returns KindInvalid.
func (a *App) PrepareListArchive(
	ctx context.Context, c memo.Caller, in ListQuery, format transcript.Format,
) (*Archive, error) {
	if err := requireExporter(c); err != nil {
		return nil, err
	}
	in.Sort, in.Offset, in.Cursor = "", 0, ""
	order, at, err := in.orderAndRange()
	if err != nil {
		return nil, err
	}
	release, err := a.admitQuery(ctx, c)
	if err != nil {
		return nil, err
	}
	defer release()
	filter, visible := in.filter(c)
	if !visible {
		return nil, errNothingMatches
	}
	if filter.Search {
		if filter, err = a.store.WithoutCommonTerms(ctx, viewOf(c), filter); err != nil {
			return nil, err
		}
	}
	ar := &Archive{app: a, view: viewOf(c), format: format, skipDeleted: true}
	at.Limit = listArchivePage
	for more := true; more; {
		items, err := a.store.List(ctx, filter, order, at)
		if err == nil {
			err = ar.add(items)
		}
		if err != nil {
			return nil, err
		}
		if len(ar.ids) > MaxListArchiveFiles {
			return nil, memo.Invalid("", "One ZIP has at most 10,000 transcriptions, and more match. "+
				"Narrow the list, for example to one month, and download it in parts.")
		}
		if more = len(items) == at.Limit; more {
			at.After = &items[len(items)-1].ListPosition
		}
	}
	if len(ar.ids) == 0 {
		return nil, errNothingMatches
	}
	ar.names = filename.Unique(ar.names)
	return ar, nil
}

var errNothingMatches = memo.Invalid("", "No transcriptions match, so there is nothing to download.")

// add adds transcriptions to the archive. Their names may not be unique yet.
func (ar *Archive) add(items []store.ListItem) error {
	for _, it := range items {
		d, err := it.Item()
		if err != nil {
			return err
		}
		ar.ids = append(ar.ids, it.ID)
		ar.names = append(ar.names, filename.Of(d.Title, d.CreatedAt, ar.format.Extension()))
	}
	return nil
}

// Entry is one file of an archive.
type Entry struct {
	ID   string
	Name string
	Size int64 // in bytes, uncompressed
}

// Manifest returns the files of the archive. It holds one transcription in memory at a time.
func (ar *Archive) Manifest(ctx context.Context) ([]Entry, error) {
	entries := make([]Entry, len(ar.ids))
	for i, id := range ar.ids {
		size, err := ar.entrySize(ctx, id)
		if err != nil {
			return nil, err
		}
		entries[i] = Entry{id, ar.names[i], size}
	}
	return entries, nil
}

// entrySize returns the uncompressed size of one file in bytes.
func (ar *Archive) entrySize(ctx context.Context, id string) (int64, error) {
	admit, release := ar.app.admitUntilReleased(ctx, ar.view.WorkspaceID, ar.memoryFactor())
	defer release()
	if ar.format != transcript.Markdown {
		f, err := ar.app.file(ctx, ar.view, id, ar.format, admit)
		if err != nil {
			return 0, err
		}
		var n byteCounter
		err = f.Write(ctx, &n)
		return int64(n), err
	}
	w, md, err := ar.app.store.Markdown(ctx, ar.view, id, true, admit)
	if err != nil {
		return 0, err
	}
	d, err := w.Decode(ctx)
	if err != nil {
		return 0, err
	}
	return int64(len(write.MarkdownHead(d))) + md.Size, nil
}

// byteCounter is a writer that counts bytes.
type byteCounter int64

func (n *byteCounter) Write(p []byte) (int, error) {
	*n += byteCounter(len(p))
	return len(p), nil
}

// memoryFactor returns how much memory each stored byte takes.
func (ar *Archive) memoryFactor() int64 {
	if ar.format == transcript.Markdown {
		return memoryOfDeflated
	}
	return memoryPerStoredByte
}

// WriteZip writes the archive to w, with one transcription in memory at a time. After an error,
// or if ctx ends first, the archive has no ZIP directory, so that it does not look complete.
func (ar *Archive) WriteZip(ctx context.Context, w io.Writer) error {
	z := zipstream.NewWriter(w)
	for i, id := range ar.ids {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		err := ar.writeEntry(ctx, z, id, ar.names[i])
		if ar.skipDeleted && memo.KindOf(err) == memo.KindNotFound {
			continue
		}
		if err == nil {
			err = z.Flush()
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}

func (ar *Archive) writeEntry(ctx context.Context, z *zipstream.Writer, id, name string) error {
	admit, release := ar.app.admitUntilReleased(ctx, ar.view.WorkspaceID, ar.memoryFactor())
	defer release()
	file, err := ar.app.file(ctx, ar.view, id, ar.format, retryAdmission(ctx, admit))
	if err != nil {
		return err
	}
	if ar.format == transcript.Markdown {
		return z.Add(name, file.doc.UpdatedAt, write.MarkdownHead(file.doc), file.md)
	}
	f, err := z.Create(name, file.doc.UpdatedAt)
	if err != nil {
		return err
	}
	return file.Write(ctx, f)
}
