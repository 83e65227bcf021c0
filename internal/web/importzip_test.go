package web

import (
	"archive/zip"
	"bytes"
	"fmt"
	"testing"
	"time"
)

// zipOf returns a ZIP of files with names and contents in turns.
func zipOf(t *testing.T, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := z.CreateHeader(&zip.FileHeader{Name: files[i], Modified: time.Date(2021, 3, 4, 0, 0, 0, 0, time.UTC)})
		if err == nil {
			_, err = f.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestImportOfArchives(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		b := w.browser(w.Mark)
		const srt = "1\n00:00:01,000 --> 00:00:02,000\nThe zebra is here.\n"
		mixed := zipOf(t, "Weekly/call.srt", srt, "Weekly/call.txt", "The zebra is here.", "Weekly/talk.txt", "Ann: hello",
			"bad.vtt", badVTT, "sound.mp3", "x")
		b.upload(w.importPath(), true, "all.zip", mixed).want(200, `"state":"imported"`,
			"2 imported, 0 already there, 1 refused, 2 skipped",
			`{"state":"skipped","name":"Weekly/call.txt","reason":"is of the same meeting as call.srt, which was imported"}`,
			`{"state":"refused","name":"bad.vtt","reason":"line 3`, `"name":"sound.mp3","reason":"is a recording`)
		b.get(w.texts("?q=zebra")).want(200, "1 transcription", "call", "2021")
		b.upload(w.importPath(), true, "all.zip", mixed).want(200, `"state":"unchanged"`, "0 imported, 2 already there")
		b.upload(w.importPath(), false, "all.zip", mixed).want(200, "0 imported, 2 already there, 1 refused", "sound.mp3",
			"Skipped: is a recording", `<li class="refused inside">`)
		b.upload(w.importPath(), true, "=project", "Kitchen", "one.srt", srt).want(200, `"state":"unchanged"`,
			"Changed: project")
		// The file with times and speakers is imported, whatever its name.
		b.upload(w.importPath(), true, "rich.zip", zipOf(t, "a.json", `{"text":"Good morning."}`,
			"a.txt", "[00:00] Ann: Good morning.\n[00:02] Ben: Hello.")).want(200,
			`"name":"a.json","reason":"is of the same meeting as a.txt`)
		var many []string
		for i := range maxArchiveRows + 3 {
			many = append(many, fmt.Sprintf("sound%d.mp3", i), "x")
		}
		b.upload(w.importPath(), true, "many.zip", zipOf(t, append(many, "b.txt", "Ann: many")...)).want(200,
			"4 more files of this ZIP are not listed.")
		b.upload(w.importPath(), false, "bad.vtt", badVTT).want(422, `href="/docs/transcripts"`)
		bad := zipOf(t, "bad.vtt", badVTT)
		b.upload(w.importPath(), true, "bad.zip", bad).want(422, `"state":"refused"`, "has no transcript that can be")
		b.upload(w.importPath(), true, "no.zip", "PK").want(422, "is not a ZIP file that can be read")
		damaged := bytes.Replace(
			[]byte(zipOf(t, "call.srt", "1234567890")), []byte("1234567890"), []byte("0987654321"), 1)
		b.upload(w.importPath(), true, "damaged.zip", string(damaged)).want(422,
			`"name":"call.srt","reason":"cannot be unpacked`)
	})
}
