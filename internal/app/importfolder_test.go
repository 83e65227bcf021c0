package app_test

import (
	"archive/zip"
	"bytes"
	"reflect"
	"strings"
	"testing"

	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/transcript"
)

func TestFilesOfOneMeetingAreGrouped(t *testing.T) {
	paths := []string{"a/call.txt", "a/call.VTT", "b/call.vtt", "a/call.mp4", "a/Call.json", "notes.pdf", "x.zip"}
	s := app.SelectFromFolder(paths)
	if want := [][]int{{4, 1, 0}, {2}}; !reflect.DeepEqual(s.Meetings, want) {
		t.Errorf("the meetings are %v, want %v", s.Meetings, want)
	}
	for i, want := range map[int]string{3: "is a recording", 5: "is not a transcript", 6: "is an archive in an archive"} {
		if !strings.HasPrefix(s.Skipped[i], want) {
			t.Errorf("%s %q, want %q", paths[i], s.Skipped[i], want)
		}
	}
	if len(s.Skipped) != 3 {
		t.Errorf("%d files are skipped, want 3", len(s.Skipped))
	}
}

// A file of a ZIP that is larger than its header says is read only up to the limit.
func TestArchiveFilesAreBounded(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"call.srt", "../../escape.srt", ".hidden/x.srt", "__MACOSX/call.srt", "folder/"} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "call.srt" {
			_, err = f.Write(bytes.Repeat([]byte("a"), transcript.DefaultLimits.Bytes+1))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	files, err := app.ArchiveFiles(z)
	if err != nil || len(files) != 2 { // names are only shown, never opened
		t.Fatalf("found %d files, %v, want 2", len(files), err)
	}
	for _, claimed := range []uint64{files[0].UncompressedSize64, 10} {
		files[0].UncompressedSize64 = claimed
		if _, err := app.ReadArchiveFile(files[0]); err == nil {
			t.Errorf("a file that claims to have %d bytes was read", claimed)
		}
	}
}
