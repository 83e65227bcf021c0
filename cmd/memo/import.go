package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/transcript"
)

type importCmd struct {
	workspaceOption
	Project  string `help:"Name of the project. Created if it does not exist." placeholder:"P"`
	Language string `help:"Language of the files, such as en." placeholder:"L"`
	// Date is a day or an RFC 3339 instant.
	Date  meetDate `help:"Date of the meetings, such as 2026-05-20." placeholder:"DATE"`
	Paths []string `arg:"" name:"path" help:"Files, folders and ZIP files."`

	archive *archive // the open one, if any
}

// importReport is the output of memo import --json.
type importReport struct {
	Imported    []importedFile `json:"imported"`
	Unchanged   []storedFile   `json:"unchanged"`
	SameMeeting []leftOut      `json:"same_meeting"`
	Skipped     []leftOut      `json:"skipped"`
	Refused     []refusedFile  `json:"refused"`
}

type importedFile struct {
	storedFile
	*app.ImportReport
}

type storedFile struct {
	Path string `json:"path"`
	ID   string `json:"id"`
}

// leftOut is a file of a folder that is not imported. This is not a failure.
type leftOut struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

type refusedFile struct {
	Path   string `json:"path"`
	Line   int    `json:"line"` // 0 if the reason is about the whole file
	Reason string `json:"reason"`
}

func (c *importCmd) Run(s *session, w memo.Workspace) error {
	var report importReport
	sources := c.listFiles(&report)
	// If it fails, that is not the fault of a file: report what was imported so far.
	failed := c.importFiles(s, w.ID, sources, &report)
	err := s.printResult(report, func() { report.print(s) })
	switch done := len(report.Imported) + len(report.Unchanged); {
	case failed != nil:
		return fmt.Errorf("the import stopped early; run it again, files already imported are not added twice: %w", failed)
	case err != nil:
		return err
	case len(report.Refused) > 0:
		return fmt.Errorf("%d of %d files were refused", len(report.Refused), len(report.Refused)+done)
	case done == 0:
		return errors.New("there was no transcript to import; see " + transcriptsPage)
	}
	return nil
}

// transcriptsPage says how to get transcripts out of other tools.
const transcriptsPage = "docs/transcripts.md"

// print prints the report for people: what was understood of each file, then the problems.
func (r *importReport) print(s *session) {
	for _, f := range r.Imported {
		s.printf("imported %s: %s", quoteUnprintable(f.Path), f.ImportReport)
		for _, warning := range f.Warnings {
			s.printf("  %s", warning)
		}
	}
	for _, f := range append(slices.Clone(r.SameMeeting), r.Skipped...) {
		fmt.Fprintf(s.stderr, "skipped %s: %s\n", quoteUnprintable(f.Path), f.Reason)
	}
	for _, f := range r.Refused {
		where := quoteUnprintable(f.Path)
		if f.Line > 0 {
			where = fmt.Sprintf("%s:%d", where, f.Line)
		}
		fmt.Fprintf(s.stderr, "refused %s: %s\n", where, f.Reason)
	}
	notTaken := ""
	if n := len(r.SameMeeting) + len(r.Skipped); n > 0 {
		notTaken = fmt.Sprintf("%d skipped, ", n)
	}
	s.printf("%d imported, %d unchanged, %s%d refused.", len(r.Imported), len(r.Unchanged), notTaken, len(r.Refused))
}

// meetDate is a day, which begins at midnight UTC, or an RFC 3339 instant.
type meetDate struct{ time.Time }

// UnmarshalText is called by kong.
func (d *meetDate) UnmarshalText(text []byte) (err error) {
	if d.Time, err = time.Parse(time.DateOnly, string(text)); err != nil {
		if d.Time, err = time.Parse(time.RFC3339, string(text)); err != nil {
			return errors.New("must be a day such as 2026-05-20 or a time such as 2026-05-20T09:30:00Z")
		}
	}
	return nil
}

// AfterApply is called by kong, before the database is opened.
func (c *importCmd) AfterApply() error {
	if c.Language != "" && transcript.Language(c.Language) == "" {
		return errors.New("--language must be a language code such as en or ru")
	}
	if c.Project == "" {
		return nil
	}
	_, err := memo.CleanName("--project", c.Project)
	return err
}

// source is a file to import. found is its file info from when its folder was read, or nil if the
// path is on the command line, where it may be a symbolic link. archive is set for a file of a ZIP.
type source struct {
	path    string
	found   fs.FileInfo
	archive *archive
	entry   int // its index in archive.files
	// others are the other files of the same meeting, to import instead if this one is refused.
	others []source
}

const reasonLink = "is a symbolic link in a folder, which is not followed; to import its target, name the link itself"

// listFiles returns the files to import, and adds what is not imported to the report. It skips
// symbolic links in folders, so that someone who can write to a folder cannot choose which other
// files are read.
func (c *importCmd) listFiles(report *importReport) (sources []source) {
	for _, root := range c.Paths {
		if info, err := os.Stat(root); err == nil && info.IsDir() {
			if target, err := filepath.EvalSymlinks(root); err == nil {
				root = target // WalkDir does not follow the link that it starts from
			}
		}
		var found []source // in the folder
		refuse := func(path string, err error) {
			report.Refused = append(report.Refused, refusedFile{path, 0, errorReason(err)})
		}
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			hidden := path != root && strings.HasPrefix(filepath.Base(path), ".")
			switch {
			case err != nil:
				refuse(path, err)
			case d.IsDir() && hidden:
				return fs.SkipDir
			case d.IsDir() || hidden:
			case path != root && d.Type()&fs.ModeSymlink != 0:
				report.Skipped = append(report.Skipped, leftOut{path, reasonLink})
			case strings.EqualFold(filepath.Ext(path), ".zip"):
				a := &archive{path: path}
				if path != root {
					if a.found, err = d.Info(); err != nil {
						refuse(path, err)
						return nil
					}
				}
				inside, err := a.list(&c.archive)
				if err != nil {
					refuse(path, err)
				}
				sources = append(sources, report.selectFrom(inside)...)
			case path == root:
				sources = append(sources, source{path: path})
			default:
				info, err := d.Info()
				if err != nil {
					refuse(path, err)
					return nil
				}
				found = append(found, source{path: path, found: info})
			}
			return nil
		})
		sources = append(sources, report.selectFrom(found)...)
	}
	return sources
}

// archive is a ZIP. Only one is open at a time, because a folder can have many.
type archive struct {
	path  string
	found fs.FileInfo // as in source
	file  *os.File
	files []*zip.File // as [app.ArchiveFiles] returns them
}

// open opens the archive, and closes the one that was open before.
func (a *archive) open(current **archive) (err error) {
	if a.file != nil {
		return nil
	}
	if *current != nil {
		(*current).close()
	}
	var info fs.FileInfo
	if a.file, info, err = openRegular(a.path, a.found); err != nil {
		return err
	}
	*current = a
	z, err := zip.NewReader(a.file, info.Size())
	if err == nil {
		a.files, err = app.ArchiveFiles(z)
	}
	if err != nil {
		a.close()
	}
	return err
}

func (a *archive) close() {
	if a.file != nil {
		_ = a.file.Close()
		a.file, a.files = nil, nil
	}
}

// list returns the files of the archive.
func (a *archive) list(current **archive) (found []source, err error) {
	if err := a.open(current); err != nil {
		return nil, err
	}
	for i, f := range a.files {
		found = append(found, source{path: a.path + "/" + f.Name, archive: a, entry: i})
	}
	return found, nil
}

// selectFrom returns one source for each meeting of a folder, and reports the files that are skipped.
func (r *importReport) selectFrom(found []source) (sources []source) {
	paths := make([]string, len(found))
	for i, f := range found {
		paths[i] = filepath.ToSlash(f.path)
	}
	selection := app.SelectFromFolder(paths)
	for _, files := range selection.Meetings {
		first := found[files[0]]
		for _, i := range files[1:] {
			first.others = append(first.others, found[i])
		}
		sources = append(sources, first)
	}
	for i, f := range found {
		if reason, ok := selection.Skipped[i]; ok {
			r.Skipped = append(r.Skipped, leftOut{f.path, reason})
		}
	}
	return sources
}

// quoteUnprintable quotes a path with unprintable characters, which could forge a line
// of the output.
func quoteUnprintable(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	return path
}

// errorReason returns the text of a file system error without the path, which the
// report has separately.
func errorReason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// importFiles imports files in batches and adds the results to the report. It returns an error only
// if no file is the cause.
func (c *importCmd) importFiles(s *session, workspaceID string, sources []source, report *importReport) error {
	progress, total := s.progress("Importing"), int64(len(sources))
	progress(0, total)
	defer progress(total, total)
	b := importBatch{caller: memo.Caller{Operator: true, WorkspaceID: workspaceID}, report: report}
	for len(sources) > 0 {
		for i, f := range sources {
			data, modTime, err := f.read(&c.archive)
			if err != nil {
				b.refuse(f, 0, errorReason(err))
				continue
			}
			if b.isFull(len(data)) {
				if err := b.run(s); err != nil {
					return err
				}
				progress(int64(i), total)
			}
			b.add(f, app.ImportFile{
				Name: f.path, Data: data, Project: c.Project, Language: c.Language, CreatedAt: c.Date.Time, ModTime: modTime,
			})
		}
		if err := b.run(s); err != nil {
			return err
		}
		sources, b.next = b.next, nil
	}
	return nil
}

// importBatch collects files until there are enough for one transaction.
type importBatch struct {
	caller  memo.Caller
	report  *importReport
	sources []source
	files   []app.ImportFile
	bytes   int
	next    []source // to import instead of refused files
}

// isFull reports whether a file of this size must go into the next batch.
func (b *importBatch) isFull(size int) bool {
	return len(b.files) == app.MaxBatchFiles || len(b.files) > 0 && b.bytes+size > app.MaxBatchBytes
}

func (b *importBatch) add(f source, file app.ImportFile) {
	b.sources, b.files, b.bytes = append(b.sources, f), append(b.files, file), b.bytes+len(file.Data)
}

// refuse reports a refused file. Another file of the same meeting is imported instead.
func (b *importBatch) refuse(f source, line int, reason string) {
	b.report.Refused = append(b.report.Refused, refusedFile{f.path, line, reason})
	if len(f.others) > 0 {
		instead := f.others[0]
		instead.others = f.others[1:]
		b.next = append(b.next, instead)
	}
}

// run imports the files and adds the results to the report.
func (b *importBatch) run(s *session) error {
	if len(b.files) == 0 {
		return nil
	}
	results, err := s.ImportBatch(s.ctx, b.caller, b.files)
	for i, r := range results {
		f := b.sources[i]
		done := storedFile{f.path, r.ID}
		switch bad, ok := errors.AsType[*transcript.Error](r.Refused); {
		case ok:
			b.refuse(f, bad.Line, bad.Reason)
			continue
		case r.Refused != nil:
			b.refuse(f, 0, r.Refused.Error())
			continue
		case r.Unchanged:
			b.report.Unchanged = append(b.report.Unchanged, done)
		default:
			b.report.Imported = append(b.report.Imported, importedFile{done, r.Report})
		}
		for _, other := range f.others {
			b.report.SameMeeting = append(b.report.SameMeeting, leftOut{other.path, app.SameMeeting(f.path)})
		}
	}
	clear(b.files) // a large file must not be held in memory while the next one is read
	b.sources, b.files, b.bytes = b.sources[:0], b.files[:0], 0
	return err
}

// read reads the file, which must be regular and within the size limit. Of a file in a folder
// it checks that it is the one that was found there.
func (s source) read(current **archive) (data []byte, modTime time.Time, err error) {
	if s.archive != nil {
		if err := s.archive.open(current); err != nil {
			return nil, modTime, err
		}
		if s.entry >= len(s.archive.files) {
			return nil, modTime, errReplaced
		}
		f := s.archive.files[s.entry]
		data, err = app.ReadArchiveFile(f)
		return data, f.Modified, err
	}
	f, info, err := openRegular(s.path, s.found)
	if err != nil {
		return nil, modTime, err
	}
	defer f.Close()
	if err := transcript.DefaultLimits.CheckSize(info.Size()); err != nil {
		return nil, modTime, err
	}
	data, err = io.ReadAll(f)
	return data, info.ModTime(), err
}

var errReplaced = errors.New("was replaced during the import; import it again")

// openRegular opens a regular file. If found is set, it must be that file.
func openRegular(path string, found fs.FileInfo) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // does not wait for the writer of a pipe
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case found != nil && !os.SameFile(info, found):
		err = errReplaced
	case !info.Mode().IsRegular():
		err = errors.New("is not a regular file")
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}
