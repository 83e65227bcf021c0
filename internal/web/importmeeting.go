package web

import (
	"context"
	"errors"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/transcript"
)

// importForm imports the files of a form that are of one meeting.
func (u *upload) importForm() error {
	if len(u.files) == 0 {
		return nil
	}
	var candidates []app.MeetingFile
	for _, f := range u.files {
		candidates = append(candidates, app.MeetingFile{Name: f.Name, Read: func() ([]byte, time.Time, error) {
			return f.Data, f.ModTime, nil
		}})
	}
	files, err := u.importMeeting(candidates)
	if err == nil {
		u.page.Files = []importResult{{State: best(files), Files: files}}
	}
	return err
}

// importMeeting imports one file of a meeting. It returns what became of each.
func (u *upload) importMeeting(files []app.MeetingFile) ([]importResult, error) {
	if err := u.recheck(u.r.Context()); err != nil { // reading the files may have taken long
		return nil, err
	}
	choice, err := u.App.ChooseFile(u.r.Context(), u.Caller, files)
	if err != nil {
		return nil, err
	}
	results := make([]importResult, len(files))
	for i, f := range files {
		r := &results[i]
		switch err := choice.Refused[i]; {
		case err != nil:
			*r = refusedResult(f.Name, err)
		case i != choice.Chosen:
			*r = importResult{State: "skipped", Name: f.Name, Reason: app.SameMeeting(files[choice.Chosen].Name)}
		default:
			if *r, err = u.importFile(choice.File); err != nil {
				return nil, err
			}
		}
	}
	return results, nil
}

// importTimeout limits the import of one file: up to a minute of waiting for capacity, then
// reading the file and writing to the database. upload.js waits for 180 s.
const importTimeout = 150 * time.Second

// importFile imports one file. It authorises again first, because reading the file may have
// taken long.
func (u *upload) importFile(file app.ImportFile) (importResult, error) {
	ctx, cancel := context.WithTimeout(u.r.Context(), importTimeout)
	defer cancel()
	if err := u.recheck(ctx); err != nil {
		return importResult{}, err
	}
	name := file.Name
	file.Project, file.Language = u.file.Project, u.file.Language
	in, err := u.App.Import(ctx, u.Caller, file)
	result := importResult{State: "imported", Name: name, ID: in.ID}
	switch kind := memo.KindOf(err); {
	case kind == memo.KindInvalid || kind == memo.KindConflict: // conflict: the workspace is full
		result = refusedResult(name, err)
	case err != nil:
		return result, err
	case in.Unchanged:
		result.State = "unchanged"
		if len(in.Changed) > 0 {
			result.About = "Changed: " + strings.Join(in.Changed, ", ")
		}
		if in.NotChanged != nil {
			result.Warnings = []string{"Not changed: " + refusalReason(in.NotChanged)}
		}
	default:
		result.About, result.Warnings = in.Report.String(), in.Report.Warnings
	}
	return result, nil
}

func refusedResult(name string, err error) importResult {
	return importResult{State: "refused", Name: name, Reason: refusalReason(err), Help: helpWith(err)}
}

// refusalReason returns the reason of a refusal, with the line number if there is one.
func refusalReason(err error) string {
	if e, ok := errors.AsType[*transcript.Error](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*memo.Error](err); ok {
		return e.Message
	}
	return err.Error()
}
