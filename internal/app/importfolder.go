package app

import (
	"archive/zip"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"memoai.tech/memo/internal/transcript"
)

// TranscriptExtensions are the extensions of the files that are imported from a folder, the richest
// formats first. A file that is named by itself may have any extension.
var TranscriptExtensions = []string{
	".json", ".vtt", ".srt", ".ttml", ".dfxp", ".sbv", ".tsv", ".csv", ".docx", ".md", ".markdown", ".txt", ".text",
}

var recordingExtensions = []string{
	".mp3", ".mp4", ".m4a", ".wav", ".webm", ".mkv", ".mov", ".ogg", ".opus", ".flac", ".aac", ".wma", ".avi",
}

// FolderSelection says which files of a folder are imported. Numbers are positions in the list of paths.
type FolderSelection struct {
	// Meetings are the files of one meeting each, which differ only in their extensions, in the order of
	// TranscriptExtensions. See [App.ChooseFile].
	Meetings [][]int
	// Skipped gives the reason why a file is not imported.
	Skipped map[int]string
}

// SelectFromFolder selects from the files of a folder or ZIP, whose paths are separated by slashes.
func SelectFromFolder(paths []string) FolderSelection {
	s := FolderSelection{Skipped: map[int]string{}}
	meetingOf := map[string]int{} // by the path without its extension
	for i, p := range paths {
		extension := strings.ToLower(path.Ext(p))
		switch {
		case slices.Contains(TranscriptExtensions, extension):
			stem := strings.ToLower(p[:len(p)-len(extension)])
			n, known := meetingOf[stem]
			same := known && slices.ContainsFunc(s.Meetings[n], func(j int) bool { return paths[j] == p })
			if !known || same { // a ZIP can have a path twice
				n = len(s.Meetings)
				s.Meetings, meetingOf[stem] = append(s.Meetings, nil), n
			}
			s.Meetings[n] = append(s.Meetings[n], i)
		case slices.Contains(recordingExtensions, extension):
			s.Skipped[i] = "is a recording; transcribe it first, then import the transcript"
		case extension == ".zip":
			s.Skipped[i] = "is an archive in an archive; unpack it first"
		default:
			s.Skipped[i] = "is not a transcript: its name ends in none of " + strings.Join(TranscriptExtensions, " ")
		}
	}
	rank := func(i int) int { return slices.Index(TranscriptExtensions, strings.ToLower(path.Ext(paths[i]))) }
	for _, files := range s.Meetings {
		slices.SortStableFunc(files, func(a, b int) int { return rank(a) - rank(b) })
	}
	return s
}

// SameMeeting is the reason why a file is not imported when another of its meeting is.
func SameMeeting(other string) string {
	return "is of the same meeting as " + path.Base(other) + ", which was imported"
}

// maxArchiveFiles bounds the time for a ZIP.
const maxArchiveFiles = 10_000

// ArchiveFiles returns the files of a ZIP, without folders and hidden files. It fails if there are too many.
func ArchiveFiles(z *zip.Reader) (files []*zip.File, err error) {
	for _, f := range z.File {
		name := strings.ReplaceAll(f.Name, `\`, "/")
		hidden := slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
			return part != ".." && strings.HasPrefix(part, ".") || part == "__MACOSX"
		})
		if f.Mode().IsRegular() && !hidden && !strings.HasSuffix(name, "/") {
			files = append(files, f)
		}
	}
	if len(files) > maxArchiveFiles {
		return nil, fmt.Errorf("has %d files; at most %d are imported from one archive", len(files), maxArchiveFiles)
	}
	return files, nil
}

// ReadArchiveFile reads a file of a ZIP. It holds at most one byte more than the limit of a file.
func ReadArchiveFile(f *zip.File) ([]byte, error) {
	if err := transcript.DefaultLimits.CheckSize(int64(min(f.UncompressedSize64, 1<<62))); err != nil {
		return nil, err
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, int64(transcript.DefaultLimits.Bytes)+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be unpacked: %w", err)
	}
	return data, transcript.DefaultLimits.CheckSize(int64(len(data)))
}
