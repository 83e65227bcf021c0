package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

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

// imported is the report of an import (contract section 4).
type imported struct {
	Imported  []taken   `json:"imported"`
	Unchanged []taken   `json:"unchanged"`
	Refused   []refused `json:"refused"`
}

type taken struct {
	Path string `json:"path"`
	ID   string `json:"id"`
}

type refused struct {
	Path   string `json:"path"`
	Line   int    `json:"line"` // 0: the whole file
	Reason string `json:"reason"`
}

func (c *importCmd) Run(e *environment) error {
	if err := c.check(); err != nil {
		return err
	}
	return e.in(c.Workspace, func(a *app.App, w memo.Workspace) error {
		report := imported{Imported: []taken{}, Unchanged: []taken{}, Refused: []refused{}}
		paths := c.files(&report)
		bar := e.bar(int64(len(paths)), "Importing")
		caller := memo.Caller{Operator: true, WorkspaceID: w.ID}
		var failed error
		for _, path := range paths {
			if failed = c.one(e, a, caller, path, &report); failed != nil {
				break // the database, not the file: what is in stays in and is reported
			}
			_ = bar.Add(1) // a bar that cannot be drawn stops nothing
		}
		_ = bar.Finish()
		err := e.show(report, func() {
			for _, r := range report.Refused {
				where := printable(r.Path)
				if r.Line > 0 {
					where = fmt.Sprintf("%s:%d", where, r.Line)
				}
				fmt.Fprintf(e.stderr, "refused %s: %s\n", where, r.Reason)
			}
			e.say("%d imported, %d unchanged, %d refused.", len(report.Imported), len(report.Unchanged), len(report.Refused))
		})
		switch {
		case failed != nil:
			return fmt.Errorf("stopped, the rest was not imported; run it again, what is in is not imported twice: %w", failed)
		case err == nil && len(report.Refused) > 0:
			return fmt.Errorf("%d of %d files were refused", len(report.Refused), len(report.Refused)+len(report.Imported)+len(report.Unchanged))
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

// endings are the files of a folder that are taken for transcripts. A file
// that is named itself is always tried.
var endings = []string{".vtt", ".srt", ".json", ".txt"}

// files lists the files under the paths; what cannot be read is refused.
func (c *importCmd) files(report *imported) (paths []string) {
	for _, root := range c.Paths {
		if target, err := filepath.EvalSymlinks(root); err == nil && target != filepath.Clean(root) {
			if info, err := os.Stat(target); err == nil && info.IsDir() {
				root = target // WalkDir does not follow the link that it starts from
			}
		}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			hidden := strings.HasPrefix(nameOf(d, path), ".") && path != root
			switch {
			case err != nil:
				report.Refused = append(report.Refused, refused{path, 0, reason(err)})
			case d.IsDir() && hidden:
				return fs.SkipDir
			case !d.IsDir() && (path == root || !hidden && slices.Contains(endings, strings.ToLower(filepath.Ext(path)))):
				paths = append(paths, path)
			}
			return nil
		})
		if err != nil {
			report.Refused = append(report.Refused, refused{root, 0, reason(err)})
		}
	}
	return paths
}

// printable quotes a file's name that could forge a line on a terminal.
func printable(path string) string {
	if quoted := strconv.Quote(path); strings.ContainsFunc(path, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return quoted
	}
	return path
}

// nameOf is the name of an entry; of one that cannot be read there is a path only.
func nameOf(d fs.DirEntry, path string) string {
	if d == nil {
		return filepath.Base(path)
	}
	return d.Name()
}

// reason is an error of the file system without the path, which stands beside it.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// one imports a file. The error is for what is not the file's fault.
func (c *importCmd) one(e *environment, a *app.App, caller memo.Caller, path string, report *imported) error {
	refuse := func(line int, reason string) error {
		report.Refused = append(report.Refused, refused{path, line, reason})
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return refuse(0, reason(err))
	}
	if err := transcript.DefaultLimits.CheckSize(info.Size()); err != nil {
		return refuse(0, err.Error())
	}
	if !info.Mode().IsRegular() {
		return refuse(0, "is not a regular file")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return refuse(0, reason(err))
	}
	done, err := a.Import(e.ctx, caller, app.Import{
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
		report.Unchanged = append(report.Unchanged, taken{path, done.ID})
	} else {
		report.Imported = append(report.Imported, taken{path, done.ID})
	}
	return nil
}

type exportCmd struct {
	Workspace string `required:""`
	Out       string `required:"" help:"Folder to write to; made if it is missing." placeholder:"DIR"`
	Format    string `enum:"md,txt,srt,vtt,json" default:"md" help:"md, txt, srt, vtt or json."`
}

// exported is the report of an export.
type exported struct {
	Exported []taken `json:"exported"`
}

func (c *exportCmd) Run(e *environment) error {
	format, _ := transcript.ParseFormat(c.Format) // kong has checked it
	return e.in(c.Workspace, func(a *app.App, w memo.Workspace) error {
		caller := memo.Caller{Operator: true, WorkspaceID: w.ID}
		ids, names, err := c.contents(e, a, caller, format)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(c.Out, 0o700); err != nil {
			return err
		}
		report := exported{Exported: []taken{}}
		bar := e.bar(int64(len(ids)), "Exporting")
		for i, id := range ids {
			f, err := a.Export(e.ctx, caller, id, format)
			if err != nil {
				return err
			}
			body, err := f.Bytes(e.ctx)
			if err != nil {
				return err
			}
			path := filepath.Join(c.Out, names[i])
			if err := os.WriteFile(path, body, 0o600); err != nil {
				return err
			}
			report.Exported = append(report.Exported, taken{path, id})
			_ = bar.Add(1)
		}
		_ = bar.Finish()
		return e.show(report, func() { e.say("%d exported to %s.", len(ids), c.Out) })
	})
}

// contents lists every transcription of the workspace, oldest first, with the
// name of its file.
func (c *exportCmd) contents(e *environment, a *app.App, caller memo.Caller, format transcript.Format) (ids, names []string, err error) {
	for _, status := range memo.Statuses {
		list := app.List{Status: status, Sort: "created_at", Limit: app.MaxLimit}
		for {
			page, err := a.Transcriptions(e.ctx, caller, list)
			if err != nil {
				return nil, nil, err
			}
			for _, it := range page.Items {
				var t memo.Transcription
				if err := json.Unmarshal(it.Doc, &t); err != nil {
					return nil, nil, err
				}
				ids, names = append(ids, t.ID), append(names, transcript.FileName(&t, format))
			}
			if list.Cursor = page.NextCursor; list.Cursor == "" {
				break
			}
		}
	}
	return ids, transcript.UniqueNames(names), nil
}
