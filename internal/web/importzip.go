package web

import (
	"archive/zip"
	"bytes"
	"fmt"

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
	for _, meeting := range selection.Meetings {
		for n, i := range meeting {
			if unpacked > maxArchiveBytes {
				return refuse("unpacks to more than " + mebibytes(maxArchiveBytes) +
					"; the files before " + memo.Printable(paths[i], 200) + " were imported. Unpack it and import the others")
			}
			// Unpacking can take long, and the user may have left.
			if err := u.recheck(u.r.Context()); err != nil {
				return err
			}
			result := importResult{State: "refused"}
			data, err := app.ReadArchiveFile(files[i])
			if err == nil {
				unpacked += len(data)
				if result, err = u.importFile(printableFileName(paths[i]), data, files[i].Modified); err != nil {
					return err
				}
			} else {
				unpacked += transcript.DefaultLimits.Bytes // a damaged file may be large
				result.Reason = refusalReason(err)
			}
			count[result.State]++
			if result.State == "refused" {
				total.warn("%s was refused: %s", paths[i], result.Reason)
				continue
			}
			for _, other := range meeting[n+1:] {
				count["skipped"]++
				total.warn("%s %s", paths[other], app.SameMeeting(paths[i]))
			}
			break
		}
	}
	for i, path := range paths {
		if reason, ok := selection.Skipped[i]; ok {
			total.warn("%s %s", path, reason)
		}
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

func (r *importResult) warn(format string, args ...any) {
	if len(r.Warnings) < maxArchiveWarnings {
		r.Warnings = append(r.Warnings, memo.Printable(fmt.Sprintf(format, args...), 500))
	}
}
