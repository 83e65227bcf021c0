package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
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
	Updated     []updatedFile  `json:"updated"`
	Unchanged   []storedFile   `json:"unchanged"`
	SameMeeting []leftOut      `json:"same_meeting"`
	Skipped     []leftOut      `json:"skipped"`
	Refused     []refusedFile  `json:"refused"`
}

type importedFile struct {
	storedFile
	*app.ImportReport
}

// updatedFile is a file that the workspace had with another project, language or date.
type updatedFile struct {
	storedFile
	Changed []string `json:"changed"`
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
	help   string // the anchor of the section that helps, or ""
}

func (c *importCmd) Run(s *session, w memo.Workspace) error {
	var report importReport
	sources := c.listFiles(&report)
	// If it fails, that is not the fault of a file: report what was imported so far.
	failed := c.importFiles(s, w.ID, sources, &report)
	err := s.printResult(report, func() { report.print(s) })
	switch done := len(report.Imported) + len(report.Updated) + len(report.Unchanged); {
	case failed != nil:
		return fmt.Errorf("the import stopped early; run it again, files already imported are not added twice: %w", failed)
	case err != nil:
		return err
	case len(report.Refused) > 0:
		return fmt.Errorf("%d of %d files were refused", len(report.Refused), len(report.Refused)+done)
	case done == 0:
		return errors.New("there was no transcript to import")
	}
	return nil
}

// print prints the report for people: what was understood of each file, then the problems.
func (r *importReport) print(s *session) {
	common := r.commonWarnings()
	for _, f := range r.Imported {
		s.printf("imported %s: %s", quoteUnprintable(f.Path), f.ImportReport)
		for _, warning := range f.Warnings {
			if common[warning] == 0 {
				s.printf("  %s", warning)
			}
		}
	}
	for _, warning := range slices.Sorted(maps.Keys(common)) {
		s.printf("%s: %s", memo.Plural(common[warning], "file"), warning)
	}
	for _, f := range r.Updated {
		s.printf("updated %s: %s", quoteUnprintable(f.Path), strings.Join(f.Changed, ", "))
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
	var updated, notTaken string
	if n := len(r.Updated); n > 0 {
		updated = fmt.Sprintf("%d updated, ", n)
	}
	if n := len(r.SameMeeting) + len(r.Skipped); n > 0 {
		notTaken = fmt.Sprintf("%d skipped, ", n)
	}
	if len(r.Refused)+len(r.Skipped) > 0 {
		fmt.Fprintln(s.stderr, "How to get transcripts out of other tools: "+helpPage(r.section()))
	}
	s.printf("%d imported, %s%d unchanged, %s%d refused.", len(r.Imported), updated, len(r.Unchanged), notTaken,
		len(r.Refused))
}

// commonWarnings returns the warnings that many files have, with the number of files. They are printed once.
func (r *importReport) commonWarnings() map[string]int {
	const many = 4
	count := map[string]int{}
	for _, f := range r.Imported {
		for _, warning := range f.Warnings {
			count[warning]++
		}
	}
	maps.DeleteFunc(count, func(_ string, n int) bool { return n < many })
	return count
}

// section returns the anchor of the section that helps with all refused files, or "".
func (r *importReport) section() string {
	for _, f := range r.Refused {
		if f.help != r.Refused[0].help {
			return ""
		}
	}
	if len(r.Refused) == 0 || r.Refused[0].help == "" {
		return ""
	}
	return "#" + r.Refused[0].help
}

// helpPage returns where to read how to get transcripts out of other tools.
func helpPage(section string) string {
	page := "/docs/transcripts" + section
	if address := os.Getenv("MEMO_PUBLIC_URL"); address != "" {
		return strings.TrimSuffix(address, "/") + page
	}
	return page + " of the web app, or docs/transcripts.md"
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
