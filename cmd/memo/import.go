package main

import (
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

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/transcript"
)

type importCmd struct {
	workspaceOption
	Project  string   `help:"Name of the project. Created if it does not exist." placeholder:"P"`
	Language string   `help:"Language of the files, such as en." placeholder:"L"`
	Paths    []string `arg:"" name:"path" help:"Files and folders."`
}

// importReport is the output of memo import --json.
type importReport struct {
	Imported  []importedFile `json:"imported"`
	Unchanged []importedFile `json:"unchanged"`
	Skipped   []skipped      `json:"skipped"`
	Refused   []refusedFile  `json:"refused"`
}

type importedFile struct {
	Path string `json:"path"`
	ID   string `json:"id"`
}

// skipped is a symbolic link in a folder that is not imported. This is not a failure.
type skipped struct {
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
	err := s.printResult(report, func() {
		for _, f := range report.Skipped {
			fmt.Fprintf(s.stderr, "skipped %s: %s\n", quoteUnprintable(f.Path), f.Reason)
		}
		for _, f := range report.Refused {
			where := quoteUnprintable(f.Path)
			if f.Line > 0 {
				where = fmt.Sprintf("%s:%d", where, f.Line)
			}
			fmt.Fprintf(s.stderr, "refused %s: %s\n", where, f.Reason)
		}
		s.printf("%d imported, %d unchanged, %d refused.", len(report.Imported), len(report.Unchanged), len(report.Refused))
	})
	switch {
	case failed != nil:
		return fmt.Errorf("the import stopped early; run it again, files already imported are not added twice: %w", failed)
	case err == nil && len(report.Refused) > 0:
		return fmt.Errorf("%d of %d files were refused", len(report.Refused),
			len(report.Refused)+len(report.Imported)+len(report.Unchanged))
	}
	return err
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

// importExtensions are the extensions of the files that are imported from a folder.
// A file on the command line may have any extension.
var importExtensions = []string{".vtt", ".srt", ".json", ".txt"}

// source is a file to import. found is its file info from when its folder was read,
// or nil if the path is on the command line, where it may be a symbolic link.
type source struct {
	path  string
	found fs.FileInfo
}

const reasonLink = "is a symbolic link in a folder, which is not followed; to import its target, name the link itself"

// listFiles returns the files to import, and adds what cannot be read to the refused
// files of the report. It skips symbolic links in folders, so that someone who can
// write to a folder cannot choose which other files are read.
func (c *importCmd) listFiles(report *importReport) (sources []source) {
	for _, root := range c.Paths {
		if info, err := os.Stat(root); err == nil && info.IsDir() {
			if target, err := filepath.EvalSymlinks(root); err == nil {
				root = target // WalkDir does not follow the link that it starts from
			}
		}
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			refuse := func(err error) {
				report.Refused = append(report.Refused, refusedFile{path, 0, errorReason(err)})
			}
			hidden := path != root && strings.HasPrefix(filepath.Base(path), ".")
			switch {
			case err != nil:
				refuse(err)
			case d.IsDir() && hidden:
				return fs.SkipDir
			case d.IsDir() || hidden:
			case path == root:
				sources = append(sources, source{path: path})
			case d.Type()&fs.ModeSymlink != 0:
				report.Skipped = append(report.Skipped, skipped{path, reasonLink})
			case slices.Contains(importExtensions, strings.ToLower(filepath.Ext(path))):
				info, err := d.Info()
				if err != nil {
					refuse(err)
					return nil
				}
				sources = append(sources, source{path, info})
			}
			return nil
		})
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
	for i, f := range sources {
		data, info, err := f.read()
		if err != nil {
			report.Refused = append(report.Refused, refusedFile{f.path, 0, errorReason(err)})
			continue
		}
		if b.isFull(len(data)) {
			if err := b.run(s); err != nil {
				return err
			}
			progress(int64(i), total)
		}
		b.add(f.path, app.ImportFile{
			Name: filepath.Base(f.path), Data: data, Project: c.Project, Language: c.Language, ModTime: info.ModTime(),
		})
	}
	return b.run(s)
}

// importBatch collects files until there are enough for one transaction.
type importBatch struct {
	caller memo.Caller
	report *importReport
	paths  []string
	files  []app.ImportFile
	bytes  int
}

// isFull reports whether a file of this size must go into the next batch.
func (b *importBatch) isFull(size int) bool {
	return len(b.files) == app.MaxBatchFiles || len(b.files) > 0 && b.bytes+size > app.MaxBatchBytes
}

func (b *importBatch) add(path string, f app.ImportFile) {
	b.paths, b.files, b.bytes = append(b.paths, path), append(b.files, f), b.bytes+len(f.Data)
}

// run imports the files and adds the results to the report.
func (b *importBatch) run(s *session) error {
	if len(b.files) == 0 {
		return nil
	}
	results, err := s.ImportBatch(s.ctx, b.caller, b.files)
	for i, r := range results {
		path := b.paths[i]
		switch bad, ok := errors.AsType[*transcript.Error](r.Refused); {
		case ok:
			b.report.Refused = append(b.report.Refused, refusedFile{path, bad.Line, bad.Reason})
		case r.Refused != nil:
			b.report.Refused = append(b.report.Refused, refusedFile{path, 0, r.Refused.Error()})
		case r.Unchanged:
			b.report.Unchanged = append(b.report.Unchanged, importedFile{path, r.ID})
		default:
			b.report.Imported = append(b.report.Imported, importedFile{path, r.ID})
		}
	}
	clear(b.files) // a large file must not be held in memory while the next one is read
	b.paths, b.files, b.bytes = b.paths[:0], b.files[:0], 0
	return err
}

// read reads the file, which must be regular and within the size limit. Of a file in a folder
// it checks that it is the one that was found there.
func (s source) read() ([]byte, fs.FileInfo, error) {
	f, err := os.OpenFile(s.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // does not wait for the writer of a pipe
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, nil, err
	case s.found != nil && !os.SameFile(info, s.found):
		return nil, nil, errors.New("was replaced during the import; import it again")
	case !info.Mode().IsRegular():
		return nil, nil, errors.New("is not a regular file")
	}
	if err := transcript.DefaultLimits.CheckSize(info.Size()); err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(f)
	return data, info, err
}
