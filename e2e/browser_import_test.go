package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// write creates files, by path, in a new directory, and returns the directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// drop drops files and folders on the page. The browser reads them from the disk, so the
// page gets the same data as from a real drag and drop.
func (p *browserUser) drop(paths ...string) {
	p.t.Helper()
	at := evalJS[[]float64](p, `(() => {
	  const b = document.getElementById("drop").getBoundingClientRect()
	  return [b.x + b.width / 2, b.y + b.height / 2]
	})()`)
	drag := input.DispatchDragEventParams{
		X: at[0], Y: at[1],
		Data: &input.DragData{Items: []*input.DragDataItem{}, Files: paths, DragOperationsMask: 1},
	}
	for _, drag.Type = range []input.DispatchDragEventType{
		input.DispatchDragEventTypeDragEnter,
		input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop,
	} {
		runStep(p, "drop: "+string(drag.Type), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, input.DispatchDragEvent, drag)
			return err
		}))
	}
}

const (
	importButton = `//button[@id="send"]`
	againButton  = `//button[@id="again"]`
)

// waitForResult waits until the import shows this summary, and checks the status next to
// each file, by the name of the file.
func (p *browserUser) waitForResult(summary string, words map[string]string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.getElementById("uploads-said").textContent.startsWith(%q)`,
		summary[:strings.Index(summary, ":")]))
	p.sees(summary)
	got := evalJS[map[string]string](p, `Object.fromEntries([...document.querySelectorAll(".uploads > li")]
	  .map(e => [e.querySelector(".name").textContent, e.querySelector(".word").textContent]))`)
	if diff := cmp.Diff(words, got); diff != "" {
		p.t.Errorf("the status of the files (-want +got):\n%s", diff)
	}
	if n := evalJS[int](p, `document.querySelectorAll(".uploads > li").length`); n != len(words) {
		p.t.Errorf("the page has %d rows for %d files", n, len(words))
	}
}

// mustContain fails the test unless the workspace has one transcription for each of the
// sentences, and no other.
func (h installation) mustContain(t *testing.T, sentences ...string) {
	t.Helper()
	out := cli[struct{ Exported []struct{ Path string } }](t, h.database, "export", "--workspace", h.workspace, "--format",
		"txt", "--out", t.TempDir()).Exported
	in := map[string]int{}
	for _, e := range out {
		b, err := os.ReadFile(e.Path)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sentences {
			in[s] += strings.Count(string(b), s)
		}
	}
	if len(out) != len(sentences) {
		t.Errorf("there are %d transcriptions instead of %d", len(out), len(sentences))
	}
	for _, s := range sentences {
		if in[s] != 1 {
			t.Errorf("%q was imported %d times", s, in[s])
		}
	}
}

// TestBrowserImportFolder imports a folder with subfolders: first dropped, then chosen.
func TestBrowserImportFolder(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	sentences := []string{
		"The plan is made.", "The budget was late.", "Who calls?", "Whisper was here.", "A file next to it.",
	}
	files := map[string]string{
		"meetings/minutes.txt":     "Alex: " + sentences[0] + "\n",
		"meetings/sales/retro.vtt": "WEBVTT\n\n00:00:01.000 --> 00:00:04.000\n<v Alex>" + sentences[1] + "\n",
		"meetings/sales/call.srt":  "1\n00:00:01,000 --> 00:00:02,000\n" + sentences[2] + "\n",
		"meetings/sales/2026/talk.json": `{"text": "` + sentences[3] + `", "segments": [{"start": 0, "end": 2, "text": "` +
			sentences[3] + `"}], "language": "en"}`,
		"meetings/sales/2026/broken.srt":  "this is no file of subtitles -->\n",
		"meetings/sales/2026/minutes.txt": "Alex: " + sentences[0] + "\n",
		"meetings/sales/nothing.txt":      "",
		"meetings/.DS_Store":              "\x00\x00\x00\x01Bud1",
		"meetings/sales/.git/history.txt": "Alex: This is a hidden file.\n",
		"notes.txt":                       "Alex: " + sentences[4] + "\n",
	}
	words := map[string]string{
		"notes.txt":                       "Imported",
		"meetings/minutes.txt":            "Imported",
		"meetings/sales/retro.vtt":        "Imported",
		"meetings/sales/call.srt":         "Imported",
		"meetings/sales/2026/talk.json":   "Imported",
		"meetings/sales/2026/minutes.txt": "Already there",
		"meetings/sales/2026/broken.srt": `Refused: line 1: has "this is no file of subtitles" ` +
			`where a time such as 00:00:01.000 is expected`,
		"meetings/sales/nothing.txt": "Refused: is empty",
	}
	// The browser returns the entries of a folder a hundred at a time.
	for i := range 120 {
		name, sentence := fmt.Sprintf("meetings/daily/%03d.txt", i), fmt.Sprintf("This was day %03d.", i)
		files[name], words[name] = "Alex: "+sentence+"\n", "Imported"
		sentences = append(sentences, sentence)
	}
	dir := write(t, files)
	p := s.person(t, "owner")
	p.signIn(h.owner)
	p.open("/w/"+h.workspace+"/import", 200)
	p.drop(t.TempDir())
	p.until(`!document.getElementById("uploads").hidden`)
	p.sees("No files found in what you dropped.")
	p.drop(filepath.Join(dir, "meetings"), filepath.Join(dir, "notes.txt"))
	p.until(`document.querySelectorAll(".uploads > li").length === 128`)
	p.sees("Import 128 files", "Ready: ")
	p.tick(importButton)
	p.waitForResult("Done: 125 imported, 1 already there, 2 refused.", words)
	p.checkPage()
	h.mustContain(t, sentences...)

	// The same folder again, now chosen: every file is unchanged.
	p.open("/w/"+h.workspace+"/import", 200)
	runStep(p, "choose the folder", chromedp.SetUploadFiles(chromedp.ID("folder"),
		[]string{filepath.Join(dir, "meetings")}))
	p.until(`document.querySelectorAll(".uploads > li").length === 127`)
	p.tick(importButton)
	delete(words, "notes.txt")
	for name, word := range words {
		if word == "Imported" {
			words[name] = "Already there"
		}
	}
	p.waitForResult("Done: 0 imported, 125 already there, 2 refused.", words)
	h.mustContain(t, sentences...)
}

// brokenProxy forwards to a server until the connection is lost during an upload.
type brokenProxy struct {
	server    http.Handler
	filesLeft atomic.Int64 // uploads until the connection is lost, including the one that fails
	delivered bool         // the server got that file, and only its response is lost
	broken    atomic.Bool
	slow      sync.RWMutex // while it is locked, requests wait
}

func (l *brokenProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.slow.RLock()
	defer l.slow.RUnlock()
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/import") && l.filesLeft.Add(-1) == 0 {
		if l.delivered {
			l.server.ServeHTTP(httptest.NewRecorder(), r)
		} else {
			_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		}
		l.broken.Store(true)
	}
	if l.broken.Load() {
		panic(http.ErrAbortHandler) // closes the connection without a response
	}
	l.server.ServeHTTP(w, r)
}

// TestBrowserImportConnectionLost: if the connection is lost during an import, the
// imported files stay, and the others are imported when it is back.
func TestBrowserImportConnectionLost(t *testing.T) {
	for _, test := range []struct {
		name      string
		delivered bool
		retried   string // status of the interrupted file after the retry
		summary   string
	}{
		{"in the middle of a file", false, "Imported", "Done: 8 imported, 0 already there, 0 refused."},
		{"before the response", true, "Already there", "Done: 7 imported, 1 already there, 0 refused."},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newInstallation(t, onSQLite(t))
			s := start(t, h.database)
			target, err := url.Parse(s.url)
			if err != nil {
				t.Fatal(err)
			}
			l := &brokenProxy{server: httputil.NewSingleHostReverseProxy(target), delivered: test.delivered}
			l.filesLeft.Store(4)
			proxy := httptest.NewServer(l)
			t.Cleanup(proxy.Close)
			s.url = proxy.URL

			files, words := map[string]string{}, map[string]string{}
			var sentences []string
			for i := range 8 {
				name := fmt.Sprintf("%d.txt", i+1)
				sentences = append(sentences, fmt.Sprintf("This is number %d.", i+1))
				files[name], words[name] = "Alex: "+sentences[i]+"\n", "Not sent"
			}
			dir := write(t, files)
			var paths []string
			for _, name := range slices.Sorted(maps.Keys(files)) {
				paths = append(paths, filepath.Join(dir, name))
			}
			p := s.person(t, "owner")
			p.signIn(h.owner)
			p.open("/w/"+h.workspace+"/import", 200)
			runStep(p, "choose files", chromedp.SetUploadFiles(chromedp.ID("files"), paths))
			p.tick(importButton)
			words["1.txt"], words["2.txt"], words["3.txt"] = "Imported", "Imported", "Imported"
			words["4.txt"], words["5.txt"] = "Connection lost", "Connection lost" // after two, the others are not tried
			const stopped = "Import interrupted; finished files are saved: 3 imported, 0 already there, 0 refused, 5 remaining."
			p.waitForResult(stopped, words)
			p.checkPage()
			if test.delivered {
				h.mustContain(t, sentences[:4]...)
			} else {
				h.mustContain(t, sentences[:3]...)
			}
			// A retry while the connection is still down changes nothing.
			p.tick(againButton)
			p.waitForResult(stopped, words)

			l.broken.Store(false)
			p.tick(againButton)
			for name := range words {
				words[name] = "Imported"
			}
			words["4.txt"] = test.retried
			p.waitForResult(test.summary, words)
			if evalJS[bool](p, `!document.getElementById("again").hidden`) {
				t.Error("the button to try again is shown after everything was imported")
			}
			h.mustContain(t, sentences...)
			p.press("View transcriptions", 200)
			p.sees("8 transcriptions")
		})
	}
}

// TestBrowserImportDeletedFile: a file that was deleted after it was chosen is refused,
// and the others are imported.
func TestBrowserImportDeletedFile(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	dir := write(t, map[string]string{
		"1.txt": "Alex: The first.\n", "2.txt": "Alex: Gone.\n",
		"3.txt": "Alex: The last.\n",
	})
	deleted := filepath.Join(dir, "2.txt")
	p := s.person(t, "owner")
	p.signIn(h.owner)
	p.open("/w/"+h.workspace+"/import", 200)
	runStep(p, "choose files", chromedp.SetUploadFiles(chromedp.ID("files"),
		[]string{filepath.Join(dir, "1.txt"), deleted, filepath.Join(dir, "3.txt")}))
	if err := os.Remove(deleted); err != nil {
		t.Fatal(err)
	}
	p.tick(importButton)
	p.waitForResult("Done: 2 imported, 0 already there, 1 refused.", map[string]string{
		"1.txt": "Imported", "2.txt": "Refused: the browser cannot read this file; choose it again", "3.txt": "Imported",
	})
	h.mustContain(t, "The first.", "The last.")
}

// TestBrowserImportMixedFolder: the rules of a folder are those of the command line, and a ZIP has a row for each of
// its files.
func TestBrowserImportMixedFolder(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	const srt = "1\n00:00:01,000 --> 00:00:02,000\nFrom the archive.\n"
	dir := write(t, map[string]string{
		"team/weekly.json": `{"text": "Only words."}`,
		"team/weekly.txt":  "[00:00] Alex: Only words.\n[00:02] Sam: And names.\n",
		"team/weekly.mp3":  "ID3",
		"team/notes.pdf":   "%PDF-1.7",
		"team/old.zip": zipOf(t, map[string]string{
			"old/a.srt": srt, "old/a.txt": "From the archive.", "old/b.vtt": "x",
		}),
		"team/sub/minutes.md": "# Minutes\n\n**Alex:** In the folder.\n**Sam:** Yes.\n",
	})
	words := map[string]string{
		"team/weekly.json":    "Skipped: is of the same meeting as weekly.txt, which was imported",
		"team/weekly.txt":     "Imported",
		"team/weekly.mp3":     "Skipped: is a recording; transcribe it first, then import the transcript",
		"team/notes.pdf":      "",
		"team/old.zip":        "Imported",
		"old/a.srt":           "Imported",
		"old/a.txt":           "Skipped: is of the same meeting as a.srt, which was imported",
		"old/b.vtt":           `Refused: line 1: has the text "x" without times before it`,
		"team/sub/minutes.md": "Imported",
	}
	p := s.person(t, "owner")
	p.signIn(h.owner)
	p.open("/w/"+h.workspace+"/import", 200)
	p.drop(filepath.Join(dir, "team"))
	p.until(`document.querySelectorAll(".uploads > li.skipped").length === 2`)
	p.sees("With weekly.json", "Import 4 files")
	words["team/notes.pdf"] = evalJS[string](p, `[...document.querySelectorAll(".uploads > li")]
	  .find(e => e.textContent.includes("notes.pdf")).querySelector(".word").textContent`)
	if !strings.HasPrefix(words["team/notes.pdf"], "Skipped: is not a transcript") {
		t.Errorf("a PDF is %q", words["team/notes.pdf"])
	}
	p.tick(importButton)
	p.waitForResult("Done: 3 imported, 0 already there, 1 refused, 4 skipped.", words)
	p.checkPage()
	h.mustContain(t, "And names.", "From the archive.", "In the folder.")
}

// zipOf returns a ZIP of files, by path.
func zipOf(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(f, files[name])
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
