package web

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/transcript"
)

const (
	maxArchiveBytes    = 256 << 20 // of the unpacked files of a ZIP
	maxArchiveWarnings = 20        // how many files of a ZIP are named
)

// importArchive imports the files of a ZIP as those of a folder. Its result counts them, and has the
// refused and skipped files as warnings.
func (u *upload) importArchive(name string, data []byte) error {
	refuse := func(reason string) error {
		u.page.Files = append(u.page.Files, importResult{State: "refused", Name: name, Reason: reason})
		return nil
	}
	// One unpacked file is in memory at a time, next to the ZIP.
	release, err := u.App.StartUpload(u.r.Context(), u.Caller, int64(transcript.DefaultLimits.Bytes))
	if err != nil {
		return err
	}
	defer release()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return refuse("is not a ZIP file that can be read; unpack it and import its files")
	}
	files, err := app.ArchiveFiles(z)
	if err != nil {
		return refuse(err.Error())
	}
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.Name
	}
	selection := app.SelectFromFolder(paths)
	count := map[string]int{"skipped": len(selection.Skipped)}
	total := importResult{Name: name}
	unpacked := 0
	read := func(i int) (data []byte, modTime time.Time, err error) {
		if data, err = app.ReadArchiveFile(files[i]); err != nil {
			unpacked += transcript.DefaultLimits.Bytes // a damaged file may be large
		}
		unpacked += len(data)
		return data, files[i].Modified, err
	}
	for n, meeting := range selection.Meetings {
		if unpacked > maxArchiveBytes {
			left := len(slices.Concat(selection.Meetings[n:]...))
			count["refused"] += left
			total.warn("%s and the files after it were refused: the ZIP unpacks to more than %s. Import them separately.",
				paths[meeting[0]], mebibytes(maxArchiveBytes))
			break
		}
		// Unpacking can take long, and the user may have left.
		if err := u.recheck(u.r.Context()); err != nil {
			return err
		}
		if err := u.importMeeting(&total, count, paths, meeting, read); err != nil {
			return err
		}
	}
	for i, path := range paths {
		if reason, ok := selection.Skipped[i]; ok {
			total.warn("%s %s", path, reason)
		}
	}
	if more := total.warnings - maxArchiveWarnings; more > 0 {
		total.Warnings = append(total.Warnings, fmt.Sprintf("And %d more.", more))
	}
	total.About = fmt.Sprintf("%d imported, %d already there, %d refused, %d skipped",
		count["imported"], count["unchanged"], count["refused"], count["skipped"])
	switch {
	case count["imported"] > 0:
		total.State = "imported"
	case count["unchanged"] > 0:
		total.State = "unchanged"
	default:
		total.State, total.Reason = "refused", "has no transcript that can be imported"
	}
	u.page.Files = append(u.page.Files, total)
	return nil
}

// importMeeting imports one file of a meeting in a ZIP, and adds what became of its files to the total.
func (u *upload) importMeeting(
	total *importResult, count map[string]int, paths []string, meeting []int,
	read func(i int) ([]byte, time.Time, error),
) error {
	var candidates []app.MeetingFile
	for _, i := range meeting {
		candidates = append(candidates, app.MeetingFile{
			Name: printableFileName(paths[i]), Read: func() ([]byte, time.Time, error) { return read(i) },
		})
	}
	choice, err := u.App.ChooseFile(u.r.Context(), u.Caller, candidates)
	if err != nil {
		return err
	}
	for n, i := range meeting {
		switch err := choice.Refused[n]; {
		case err != nil:
			count["refused"]++
			total.warn("%s was refused: %s", paths[i], refusalReason(err))
		case n == choice.Chosen:
			result, err := u.importFile(choice.File)
			if err != nil {
				return err
			}
			if count[result.State]++; result.State == "refused" {
				total.warn("%s was refused: %s", paths[i], result.Reason)
			}
			for _, warning := range result.Warnings {
				total.warn("%s: %s", paths[i], warning)
			}
		default:
			count["skipped"]++
			total.warn("%s %s", paths[i], app.SameMeeting(paths[meeting[choice.Chosen]]))
		}
	}
	return nil
}

func (r *importResult) warn(format string, args ...any) {
	if r.warnings++; r.warnings <= maxArchiveWarnings {
		r.Warnings = append(r.Warnings, memo.Printable(fmt.Sprintf(format, args...), 500))
	}
}
