package web

import (
	"archive/zip"
	"bytes"
	"fmt"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/transcript"
)

const (
	maxArchiveBytes = 256 << 20 // of the unpacked files of a ZIP
	maxArchiveRows  = 1000      // of the files of a ZIP that are shown
)

// archiveImport is the import of a ZIP.
type archiveImport struct {
	*upload
	files    []*zip.File
	unpacked int // bytes
	results  []importResult
}

// importArchive imports the files of a ZIP as those of a folder. Its result has those of its files.
func (u *upload) importArchive(name string, data []byte) error {
	// One unpacked file is in memory at a time, next to the ZIP.
	release, err := u.App.StartUpload(u.r.Context(), u.Caller, int64(transcript.DefaultLimits.Bytes))
	if err != nil {
		return err
	}
	defer release()
	total := importResult{State: "refused", Name: name}
	a := archiveImport{upload: u}
	switch z, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); {
	case err != nil:
		total.Reason = "is not a ZIP file that can be read; unpack it and import its files"
	default:
		if a.files, err = app.ArchiveFiles(z); err != nil {
			total.Reason = err.Error()
			break
		}
		if err := a.importAll(); err != nil {
			return err
		}
		total.setFiles(a.results)
	}
	u.page.Files = append(u.page.Files, total)
	return nil
}

// importAll imports a file of each meeting.
func (a *archiveImport) importAll() error {
	paths := make([]string, len(a.files))
	for i, f := range a.files {
		paths[i] = f.Name
	}
	selection := app.SelectFromFolder(paths)
	for _, meeting := range selection.Meetings {
		if a.unpacked > maxArchiveBytes {
			for _, i := range meeting {
				a.leave("refused", paths[i], "the ZIP unpacks to more than "+mebibytes(maxArchiveBytes)+"; import it separately")
			}
			continue
		}
		var files []app.MeetingFile
		for _, i := range meeting {
			files = append(files, app.MeetingFile{
				Name: printableFileName(paths[i]), Read: func() ([]byte, time.Time, error) { return a.read(a.files[i]) },
			})
		}
		results, err := a.importMeeting(files)
		if err != nil {
			return err
		}
		a.results = append(a.results, results...)
	}
	for i, path := range paths {
		if reason, ok := selection.Skipped[i]; ok {
			a.leave("skipped", path, reason)
		}
	}
	return nil
}

// read unpacks a file, and counts its bytes.
func (a *archiveImport) read(f *zip.File) (data []byte, modTime time.Time, err error) {
	if data, err = app.ReadArchiveFile(f); err != nil {
		a.unpacked += transcript.DefaultLimits.Bytes // a damaged file may be large
	}
	a.unpacked += len(data)
	return data, f.Modified, err
}

// leave adds the result of a file that is not read.
func (a *archiveImport) leave(state, path, reason string) {
	a.results = append(a.results, importResult{State: state, Name: printableFileName(path), Reason: reason})
}

// setFiles sets the result of a ZIP from those of its files.
func (r *importResult) setFiles(files []importResult) {
	problemsFirst(files)
	r.About = fmt.Sprintf("%d imported, %d already there, %d refused, %d skipped", countState(files, "imported"),
		countState(files, "unchanged"), countState(files, "refused"), countState(files, "skipped"))
	if r.State = best(files); r.State == "refused" {
		r.Reason = "has no transcript that can be imported"
	}
	if more := len(files) - maxArchiveRows; more > 0 {
		r.Warnings = []string{memo.Plural(more, "more file") + " of this ZIP are not listed."}
		files = files[:maxArchiveRows]
	}
	r.Files = files
}
