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
	progress, total := s.progress("Importing"), int64(len(sources))
	caller := memo.Caller{Operator: true, WorkspaceID: w.ID}
	var failed error
	for i, f := range sources {
		progress(int64(i), total)
		if failed = c.importFile(s, caller, f, &report); failed != nil {
			break // not the fault of the file; report what was imported so far
		}
	}
	progress(total, total)
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

// importFile imports a file and adds the result to the report. It returns an error
// only if the file is not the cause.
func (c *importCmd) importFile(s *session, caller memo.Caller, f source, report *importReport) error {
	refuse := func(line int, reason string) error {
		report.Refused = append(report.Refused, refusedFile{f.path, line, reason})
		return nil
	}
	data, info, err := f.read()
	if err != nil {
		return refuse(0, errorReason(err))
	}
	done, err := s.Import(s.ctx, caller, app.ImportFile{
		Name: filepath.Base(f.path), Data: data, Project: c.Project, Language: c.Language, ModTime: info.ModTime(),
	})
	if bad, ok := errors.AsType[*transcript.Error](err); ok {
		return refuse(bad.Line, bad.Reason)
	}
	if memo.KindOf(err) == memo.KindInvalid {
		return refuse(0, err.Error())
	}
	if err != nil {
		return err
	}
	if done.Unchanged {
		report.Unchanged = append(report.Unchanged, importedFile{f.path, done.ID})
	} else {
		report.Imported = append(report.Imported, importedFile{f.path, done.ID})
	}
	return nil
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
