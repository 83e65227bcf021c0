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
	Project   string   `help:"Project by name; made if it is missing." placeholder:"P"`
	Language  string   `help:"Language of the files: en, ru, …" placeholder:"L"`
	Paths     []string `arg:"" name:"path" help:"Files and folders."`
}

// importReport is the report of an import.
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

// skipped is what a folder holds and an import leaves alone, which is no failure.
type skipped struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

type refusedFile struct {
	Path   string `json:"path"`
	Line   int    `json:"line"` // 0: the whole file
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
				break // the database, not the file: what is in stays in and is reported
			}
			_ = bar.Add(1) // a bar that cannot be drawn stops nothing
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
			return fmt.Errorf("stopped, the rest was not imported; run it again, what is in is not imported twice: %w", failed)
		case err == nil && len(report.Refused) > 0:
			return fmt.Errorf("%d of %d files were refused", len(report.Refused),
				len(report.Refused)+len(report.Imported)+len(report.Unchanged))
		}
		return err
	})
}

// check reads the options before any file is.
func (c *importCmd) check() error {
	if c.Language != "" && transcript.Language(c.Language) == "" {
		return usageError("--language must be a language such as en or ru")
	}
	if c.Project != "" {
		if _, err := memo.CleanName("--project", c.Project); err != nil {
			return usageError(err.Error())
		}
	}
	return nil
}

// importExtensions are the files of a folder that are taken for transcripts. A file
// that is named itself is always tried.
var importExtensions = []string{".vtt", ".srt", ".json", ".txt"}

// source is a file to import. found is what a walk saw there; nil for a path that
// the command line names, which may be a symbolic link.
type source struct {
	path  string
	found fs.FileInfo
}

const errLink = "is a symbolic link in a folder, which is not followed: name it to import what it leads to"

// listFiles lists the files under the paths; what cannot be read is refused. A
// symbolic link in a folder is skipped: whoever can write to the folder must not
// choose which other files are read.
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
				report.Skipped = append(report.Skipped, skipped{path, errLink})
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

// quoteUnprintable quotes a file's name that could forge a line on a terminal.
func quoteUnprintable(path string) string {
	if quoted := strconv.Quote(path); strings.ContainsFunc(path, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return quoted
	}
	return path
}

// entryName is the name of an entry; of one that cannot be read there is a path only.
func entryName(d fs.DirEntry, path string) string {
	if d == nil {
		return filepath.Base(path)
	}
	return d.Name()
}

// errorReason is an error of the file system without the path, which stands beside it.
func errorReason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// importFile imports a file. The error is for what is not the file's fault.
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

// errReplaced refuses a file that is no longer the one that the walk found.
var errReplaced = errors.New("was replaced while the folder was read: import it again")

// read reads a regular file within the limit on its size.
func (s source) read() ([]byte, fs.FileInfo, error) {
	look := os.Stat
	if s.found != nil {
		look = os.Lstat
	}
	info, err := look(s.path)
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
	// Between the look and the opening somebody may have put a link there.
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
