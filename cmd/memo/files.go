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

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/transcript"
)

type importCmd struct {
	Workspace string   `required:""`
	Project   string   `help:"Name of the project. Created if it does not exist." placeholder:"P"`
	Language  string   `help:"Language of the files, such as en." placeholder:"L"`
	Paths     []string `arg:"" name:"path" help:"Files and folders."`
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

func (c *importCmd) Run(e *environment) error {
	if err := c.check(); err != nil {
		return err
	}
	return e.inWorkspace(c.Workspace, func(a *app.App, w memo.Workspace) error {
		report := importReport{
			Imported: []importedFile{}, Unchanged: []importedFile{}, Skipped: []skipped{},
			Refused: []refusedFile{},
		}
		sources := c.listFiles(&report)
		bar := e.progressBar(int64(len(sources)), "Importing")
		caller := memo.Caller{Operator: true, WorkspaceID: w.ID}
		var failed error
		for _, s := range sources {
			if failed = c.importFile(e, a, caller, s, &report); failed != nil {
				break // not the fault of the file; report what was imported so far
			}
			_ = bar.Add(1) // not worth failing for
		}
		_ = bar.Finish()
		err := e.printResult(report, func() {
			for _, s := range report.Skipped {
				fmt.Fprintf(e.stderr, "skipped %s: %s\n", quoteUnprintable(s.Path), s.Reason)
			}
			for _, r := range report.Refused {
				where := quoteUnprintable(r.Path)
				if r.Line > 0 {
					where = fmt.Sprintf("%s:%d", where, r.Line)
				}
				fmt.Fprintf(e.stderr, "refused %s: %s\n", where, r.Reason)
			}
			e.printf("%d imported, %d unchanged, %d refused.", len(report.Imported), len(report.Unchanged), len(report.Refused))
		})
		switch {
		case failed != nil:
			return fmt.Errorf("the import stopped early; run it again, files already imported are not added twice: %w", failed)
		case err == nil && len(report.Refused) > 0:
			return fmt.Errorf("%d of %d files were refused", len(report.Refused),
				len(report.Refused)+len(report.Imported)+len(report.Unchanged))
		}
		return err
	})
}

// check validates the options before any file is read.
func (c *importCmd) check() error {
	if c.Language != "" && transcript.Language(c.Language) == "" {
		return usageError("--language must be a language code such as en or ru")
	}
	if c.Project != "" {
		if _, err := memo.CleanName("--project", c.Project); err != nil {
			return usageError(err.Error())
		}
	}
	return nil
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
		if target, err := filepath.EvalSymlinks(root); err == nil && target != filepath.Clean(root) {
			if info, err := os.Stat(target); err == nil && info.IsDir() {
				root = target // WalkDir does not follow the link that it starts from
			}
		}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			hidden := strings.HasPrefix(entryName(d, path), ".") && path != root
			switch {
			case err != nil:
				report.Refused = append(report.Refused, refusedFile{path, 0, errorReason(err)})
			case d.IsDir() && hidden:
				return fs.SkipDir
			case d.IsDir():
			case path == root:
				sources = append(sources, source{path: path})
			case hidden:
			case d.Type()&fs.ModeSymlink != 0:
				report.Skipped = append(report.Skipped, skipped{path, reasonLink})
			case slices.Contains(importExtensions, strings.ToLower(filepath.Ext(path))):
				info, err := d.Info()
				if err != nil {
					report.Refused = append(report.Refused, refusedFile{path, 0, errorReason(err)})
					break
				}
				sources = append(sources, source{path, info})
			}
			return nil
		})
		if err != nil {
			report.Refused = append(report.Refused, refusedFile{root, 0, errorReason(err)})
		}
	}
	return sources
}

// quoteUnprintable quotes a path with unprintable characters, which could forge a line
// of the output.
func quoteUnprintable(path string) string {
	if quoted := strconv.Quote(path); strings.ContainsFunc(path, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return quoted
	}
	return path
}

// entryName returns the name of a directory entry. WalkDir passes a nil entry for a
// path that cannot be read.
func entryName(d fs.DirEntry, path string) string {
	if d == nil {
		return filepath.Base(path)
	}
	return d.Name()
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
func (c *importCmd) importFile(e *environment, a *app.App, caller memo.Caller, s source, report *importReport) error {
	path := s.path
	refuse := func(line int, reason string) error {
		report.Refused = append(report.Refused, refusedFile{path, line, reason})
		return nil
	}
	data, info, err := s.read()
	if err != nil {
		return refuse(0, errorReason(err))
	}
	done, err := a.Import(e.ctx, caller, app.ImportFile{
		Name: filepath.Base(path), Data: data, Project: c.Project, Language: c.Language, ModTime: info.ModTime(),
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
		report.Unchanged = append(report.Unchanged, importedFile{path, done.ID})
	} else {
		report.Imported = append(report.Imported, importedFile{path, done.ID})
	}
	return nil
}

// errReplaced is the error if a file is no longer the one that was found in the folder.
var errReplaced = errors.New("was replaced during the import; import it again")

// read reads the file, which must be regular and within the size limit.
func (s source) read() ([]byte, fs.FileInfo, error) {
	stat := os.Stat
	if s.found != nil {
		stat = os.Lstat
	}
	info, err := stat(s.path)
	if err != nil {
		return nil, nil, err
	}
	if s.found != nil && !os.SameFile(info, s.found) {
		return nil, nil, errReplaced
	}
	if err := transcript.DefaultLimits.CheckSize(info.Size()); err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("is not a regular file")
	}
	f, err := os.Open(s.path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	// The file may have been replaced by a link since the call of stat.
	opened, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !os.SameFile(info, opened) {
		return nil, nil, errReplaced
	}
	data, err := io.ReadAll(f)
	return data, opened, err
}
