package main

import (
	"errors"
	"fmt"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/transcript"
)

// importFiles imports files in batches and adds the results to the report. It returns an error only
// if no file is the cause.
func (c *importCmd) importFiles(s *session, workspaceID string, sources []source, report *importReport) error {
	progress, total := s.progress("Importing"), int64(len(sources))
	progress(0, total)
	defer progress(total, total)
	b := importBatch{caller: memo.Caller{Operator: true, WorkspaceID: workspaceID}, report: report}
	for i, f := range sources {
		f, file, err := c.choose(s, &b, f)
		if err != nil {
			return err
		}
		if file.Name == "" { // refused
			continue
		}
		if b.isFull(len(file.Data)) {
			if err := b.run(s); err != nil {
				return err
			}
			progress(int64(i), total)
		}
		file.Project, file.Language, file.CreatedAt = c.Project, c.Language, c.Date.Time
		b.add(f, file)
	}
	return b.run(s)
}

// choose reads the file of a source, or the one that it imports of a meeting, which then has the
// others. It reports refused files.
func (c *importCmd) choose(s *session, b *importBatch, f source) (source, app.ImportFile, error) {
	if len(f.others) == 0 {
		data, modTime, err := f.read(&c.archive)
		if err != nil {
			b.refuse(f, err)
			return f, app.ImportFile{}, nil
		}
		return f, app.ImportFile{Name: f.path, Data: data, ModTime: modTime}, nil
	}
	meeting := append([]source{f}, f.others...)
	var files []app.MeetingFile
	for _, m := range meeting {
		files = append(files, app.MeetingFile{Name: m.path, Read: func() ([]byte, time.Time, error) {
			return m.read(&c.archive)
		}})
	}
	choice, err := s.ChooseFile(s.ctx, b.caller, files)
	if err != nil {
		return f, app.ImportFile{}, err
	}
	var chosen source
	for i, m := range meeting {
		switch m.others = nil; {
		case choice.Refused[i] != nil:
			b.refuse(m, choice.Refused[i])
		case i == choice.Chosen:
			m.others = chosen.others
			chosen = m
		default:
			chosen.others = append(chosen.others, m)
		}
	}
	return chosen, choice.File, nil
}

// importBatch collects files until there are enough for one transaction.
type importBatch struct {
	caller  memo.Caller
	report  *importReport
	sources []source
	files   []app.ImportFile
	bytes   int
}

// isFull reports whether a file of this size must go into the next batch.
func (b *importBatch) isFull(size int) bool {
	return len(b.files) == app.MaxBatchFiles || len(b.files) > 0 && b.bytes+size > app.MaxBatchBytes
}

func (b *importBatch) add(f source, file app.ImportFile) {
	b.sources, b.files, b.bytes = append(b.sources, f), append(b.files, file), b.bytes+len(file.Data)
}

// refuse reports a refused file.
func (b *importBatch) refuse(f source, err error) {
	refused := refusedFile{Path: f.path, Reason: errorReason(err)}
	if bad, ok := errors.AsType[*transcript.Error](err); ok {
		refused.Line, refused.Reason, refused.help = bad.Line, bad.Reason, bad.Help
	}
	b.report.Refused = append(b.report.Refused, refused)
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
		switch {
		case r.Refused != nil:
			b.refuse(f, r.Refused)
			continue
		case r.NotChanged != nil:
			b.refuse(f, fmt.Errorf("is there already, and was not changed: %w", r.NotChanged))
		case len(r.Changed) > 0:
			b.report.Updated = append(b.report.Updated, updatedFile{done, r.Changed})
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
