package pull_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/pull"
	"memoai.tech/memo/internal/transcript"
)

// folder is a folder that a test pulls into.
type folder struct {
	testing.TB
	s      *server
	dir    string
	format transcript.Format
}

func newFolder(t testing.TB) *folder {
	return &folder{t, newServer(t), filepath.Join(t.TempDir(), "out"), transcript.Text}
}

func (f *folder) open() *pull.Folder {
	f.Helper()
	p, err := pull.Open(pull.Config{URL: f.s.URL, Key: f.s.key, Dir: f.dir, Format: f.format})
	if err != nil {
		f.Fatal(err)
	}
	p.SetBackoff(time.Millisecond)
	return p
}

// try pulls once.
func (f *folder) try() (pull.Summary, error) {
	f.Helper()
	p := f.open()
	defer p.Close()
	return p.Pull(f.Context())
}

// pull pulls once, and checks the summary: the numbers of files that were added, updated, renamed,
// trashed, in conflict and unchanged.
func (f *folder) pull(want ...int) pull.Summary {
	f.Helper()
	s, err := f.try()
	if err != nil {
		f.Fatal(err)
	}
	got := []int{s.Added, s.Updated, s.Renamed, s.Trashed, len(s.Conflicts), s.Unchanged}
	if d := cmp.Diff(want, got); want != nil && d != "" {
		f.Errorf("added, updated, renamed, trashed, conflicts, unchanged (-want +got):\n%s", d)
	}
	return s
}

// files returns the files in the folder, without those in .memo.
func (f *folder) files() map[string]string {
	f.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(f.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if e != nil && e.Name() == ".memo" {
				return fs.SkipDir
			}
			return err
		}
		name, err := filepath.Rel(f.dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	return files
}

// want checks the names and contents of all files.
func (f *folder) want(namesAndContents ...string) {
	f.Helper()
	want := map[string]string{}
	for i := 0; i < len(namesAndContents); i += 2 {
		want[namesAndContents[i]] = namesAndContents[i+1]
	}
	if d := cmp.Diff(want, f.files()); d != "" {
		f.Errorf("files (-want +got):\n%s", d)
	}
}

func (f *folder) write(name, content string) {
	f.Helper()
	path := filepath.Join(f.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		f.Fatal(err)
	}
}

func (f *folder) wantError(err error, parts ...string) {
	f.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			f.Errorf("error %v, want %q", err, part)
		}
	}
	if err != nil && strings.Contains(err.Error(), f.s.key) {
		f.Errorf("the error contains the key: %v", err)
	}
}

const (
	fileA = "2026-05-20 A.txt"
	fileB = "2026-05-20 B.txt"
	fileC = "2026-05-20 C.txt"
)

func TestFolderFollowsTheWorkspace(t *testing.T) {
	f := newFolder(t)
	f.s.put("1", "A", "one")
	f.s.put("2", "B", "two")
	f.pull(2, 0, 0, 0, 0, 0)
	f.want(fileA, "one", fileB, "two")
	f.s.counts()
	f.pull(0, 0, 0, 0, 0, 2)
	if requests, _ := f.s.counts(); requests != 1 {
		t.Errorf("%d requests without changes, want 1", requests)
	}

	f.s.put("1", "A", "one, again")
	f.s.put("2", "C", "two, renamed")
	f.pull(0, 1, 1, 0, 0, 0)
	f.want(fileA, "one, again", fileC, "two, renamed")

	f.s.delete("1")
	f.s.delete("unknown")
	f.pull(0, 0, 0, 1, 0, 1)
	f.want(".trash/"+fileA, "one, again", fileC, "two, renamed")

	// The trash has room for several of a name.
	f.s.put("3", "A", "three")
	f.pull(1, 0, 0, 0, 0, 1)
	f.s.delete("3")
	f.pull(0, 0, 0, 1, 0, 1)
	f.want(".trash/"+fileA, "one, again", ".trash/2026-05-20 A (2).txt", "three", fileC, "two, renamed")

	// A change that changes no file.
	f.s.put("2", "C", "two, renamed")
	f.pull(0, 0, 0, 0, 0, 1)
}

func TestNamesAreUniqueAndStable(t *testing.T) {
	f := newFolder(t)
	f.write("2026-05-20 Mine.txt", "of the user")
	f.s.put("1", "A", "one")
	f.s.put("2", "a", "two")
	f.s.put("3", "Mine", "three")
	f.pull(3, 0, 0, 0, 0, 0)
	f.want(fileA, "one", "2026-05-20 a (2).txt", "two", "2026-05-20 Mine.txt", "of the user",
		"2026-05-20 Mine (2).txt", "three")

	f.s.delete("1")
	f.s.put("2", "a", "two, again")
	f.pull(0, 1, 0, 1, 0, 1)
	f.want(".trash/"+fileA, "one", "2026-05-20 a (2).txt", "two, again", "2026-05-20 Mine.txt", "of the user",
		"2026-05-20 Mine (2).txt", "three")

	// Two titles that change places, and one that changes in case only.
	f.s.put("2", "Mine too", "two")
	f.s.put("3", "x", "three")
	f.pull(0, 0, 2, 0, 0, 0)
	f.s.put("2", "x", "two")
	f.s.put("3", "Mine too", "three")
	f.pull(0, 0, 2, 0, 0, 0)
	f.want(".trash/"+fileA, "one", "2026-05-20 Mine.txt", "of the user",
		"2026-05-20 x (2).txt", "two", "2026-05-20 Mine too.txt", "three")
	f.s.put("3", "MINE too", "three")
	f.pull(0, 0, 1, 0, 0, 1)
	f.want(".trash/"+fileA, "one", "2026-05-20 Mine.txt", "of the user",
		"2026-05-20 x (2).txt", "two", "2026-05-20 MINE too.txt", "three")
}

var conflictTime = regexp.MustCompile(`\.conflict-\d{8}T\d{6}\.`)

// wantConflict is want with the times in names replaced by TIME.
func (f *folder) wantConflict(namesAndContents ...string) {
	f.Helper()
	want, got := map[string]string{}, map[string]string{}
	for i := 0; i < len(namesAndContents); i += 2 {
		want[namesAndContents[i]] = namesAndContents[i+1]
	}
	for name, content := range f.files() {
		got[conflictTime.ReplaceAllString(name, ".conflict-TIME.")] = content
	}
	if d := cmp.Diff(want, got); d != "" {
		f.Errorf("files (-want +got):\n%s", d)
	}
}

func TestEditedFilesAreNeverChanged(t *testing.T) {
	f := newFolder(t)
	const conflictA, conflictB = "2026-05-20 A.conflict-TIME.txt", "2026-05-20 B.conflict-TIME.txt"
	f.s.put("1", "A", "one")
	f.s.put("2", "B", "two")
	f.s.put("3", "C", "three")
	f.pull(3, 0, 0, 0, 0, 0)
	for _, name := range []string{fileA, fileB, fileC} {
		f.write(name, "my notes")
	}
	f.pull(0, 0, 0, 0, 0, 3)
	f.want(fileA, "my notes", fileB, "my notes", fileC, "my notes")

	f.s.put("1", "A", "one, again")
	f.s.put("2", "B, renamed", "two, again")
	f.s.delete("3")
	s := f.pull(0, 0, 0, 0, 3, 0)
	f.wantConflict(fileA, "my notes", fileB, "my notes", fileC, "my notes",
		conflictA, "one, again", conflictB, "two, again")
	if c := s.Conflicts[2]; c.Path != fileC || c.NewPath != nil || c.ID != "3" {
		t.Errorf("the conflict of the deleted transcription is %+v", c)
	}
	c := s.Conflicts[0]
	if c.Path != fileA || c.NewPath == nil || f.files()[*c.NewPath] != "one, again" {
		t.Errorf("the conflict is %+v", c)
	}
	f.pull(0, 0, 0, 0, 0, 2)

	// The user takes the server's version, and the file is updated again.
	if err := os.Rename(filepath.Join(f.dir, *c.NewPath), filepath.Join(f.dir, fileA)); err != nil {
		t.Fatal(err)
	}
	f.s.put("1", "A", "one, a third time")
	f.s.put("3", "C", "another")
	f.pull(1, 1, 0, 0, 0, 1)
	f.wantConflict(fileA, "one, a third time", fileB, "my notes", fileC, "my notes", conflictB, "two, again",
		"2026-05-20 C (2).txt", "another")
}

func TestFilesThatTheUserDeletedOrReplaced(t *testing.T) {
	f := newFolder(t)
	f.s.put("1", "A", "one")
	f.s.put("2", "B", "two")
	f.s.put("3", "C", "three")
	f.pull(3, 0, 0, 0, 0, 0)
	outside := filepath.Join(t.TempDir(), "outside.txt")
	if err := errors.Join(os.WriteFile(outside, []byte("secret"), 0o600), os.Remove(filepath.Join(f.dir, fileA)),
		os.Remove(filepath.Join(f.dir, fileB)), os.Remove(filepath.Join(f.dir, fileC)),
		os.Symlink(outside, filepath.Join(f.dir, fileC))); err != nil {
		t.Fatal(err)
	}
	f.s.put("1", "A", "one, again")
	f.s.delete("2")
	f.s.put("3", "C", "three, again")
	f.pull(0, 1, 0, 0, 1, 0)
	f.wantConflict(fileA, "one, again", fileC, "secret", "2026-05-20 C.conflict-TIME.txt", "three, again")
	if data, err := os.ReadFile(outside); err != nil || string(data) != "secret" {
		t.Errorf("the target of the link is %q, %v", data, err)
	}
}

func TestRestoredServerIsListedAgain(t *testing.T) {
	f := newFolder(t)
	for i := range 250 {
		f.s.put(fmt.Sprint(i), fmt.Sprint("T", i), "text")
	}
	f.pull(250, 0, 0, 0, 0, 0)
	f.s.delete("7")
	f.s.put("8", "T8", "changed")
	f.s.restore()
	f.s.counts()
	f.pull(0, 1, 0, 1, 0, 248)
	if requests, exports := f.s.counts(); requests != 5 || exports != 1 {
		t.Errorf("%d requests, %d exports; want 5 and 1", requests, exports)
	}
	if got := f.files()[".trash/2026-05-20 T7.txt"]; got != "text" {
		t.Errorf("the trash has %q", got)
	}
	f.pull(0, 0, 0, 0, 0, 249)
}

func TestFilesAreFoundAgainWithoutState(t *testing.T) {
	f := newFolder(t)
	f.s.put("1", "A", "one")
	f.s.put("2", "A", "two")
	f.pull(2, 0, 0, 0, 0, 0)
	if err := os.RemoveAll(filepath.Join(f.dir, ".memo")); err != nil {
		t.Fatal(err)
	}
	f.pull(2, 0, 0, 0, 0, 0)
	f.want(fileA, "one", "2026-05-20 A (2).txt", "two")
}

func TestServerThatIsBusyOrBreaksOff(t *testing.T) {
	f := newFolder(t)
	f.s.put("1", "A", "one")
	failures := []func(w http.ResponseWriter){
		func(w http.ResponseWriter) { w.Header().Set("Retry-After", "1"); w.WriteHeader(429) },
		func(w http.ResponseWriter) { w.WriteHeader(503) },
		func(w http.ResponseWriter) { w.WriteHeader(502) },
		func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("half"))
		},
		func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	}
	n := 0
	f.s.handleFirst(func(w http.ResponseWriter, r *http.Request) bool {
		if n++; n > 2*len(failures) || n%2 == 0 && strings.HasSuffix(r.URL.Path, "changes") {
			return false
		}
		failures[n%len(failures)](w)
		return true
	})
	start := time.Now()
	for {
		_, err := f.try()
		if err == nil {
			break
		}
		if !pull.IsTemporary(err) {
			t.Fatal(err)
		}
	}
	if waited := time.Since(start); waited < time.Second {
		t.Errorf("waited %s, not as long as Retry-After says", waited)
	}
	f.want(fileA, "one")
	f.s.put("1", "A", "again")
	f.s.handleFirst(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "changes") {
			return false
		}
		w.WriteHeader(503)
		return true
	})
	_, err := f.try()
	f.wantError(err, "busy or unavailable (status 503)")
	if !pull.IsTemporary(err) {
		t.Errorf("%v is not temporary", err)
	}
	f.want(fileA, "one")
}

func TestErrorsSayWhatToDo(t *testing.T) {
	f := newFolder(t)
	f.s.put("1", "A", "one")
	f.pull(1, 0, 0, 0, 0, 0)
	respond := func(status int, header, value string) {
		f.s.handleFirst(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set(header, value)
			w.WriteHeader(status)
			return true
		})
	}
	respond(302, "Location", "https://elsewhere.example.com/login")
	_, err := f.try()
	f.wantError(err, "redirects to https://elsewhere.example.com", "was not sent there")
	respond(404, "Content-Type", "text/html")
	_, err = f.try()
	f.wantError(err, "no Memo server with a change feed")
	respond(200, "Content-Type", "text/html")
	_, err = f.try()
	f.wantError(err, "is not Memo (it sent text/html)")
	f.s.handleFirst(nil)

	p := f.open()
	defer p.Close()
	f.s.key = credential.NewKey().Secret()
	_, err = p.Pull(t.Context())
	f.wantError(err, "The API key was revoked. Create a new key")
	if pull.IsTemporary(err) {
		t.Errorf("%v is temporary", err)
	}
	f.write(".memo/state.json", `{"version":1,"format":"txt","cursor":"of another workspace"}`)
	p.Close()
	_, err = f.try()
	f.wantError(err, "another workspace")
	f.want(fileA, "one")
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	f := newFolder(t)
	f.s.put("1", "A", "one")
	if err := os.Mkdir(f.dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := pull.Open(pull.Config{URL: f.s.URL, Key: f.s.key, Dir: f.dir, Format: f.format})
	f.wantError(err, "cannot be read and written by this user", "--out")
	if err := os.Chmod(f.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f.pull(1, 0, 0, 0, 0, 0)
	f.s.put("1", "B", "again")
	if err := os.Chmod(f.dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err = f.try()
	f.wantError(err, "cannot be read and written by this user")
	if err := os.Chmod(f.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f.want(fileA, "one")
	f.pull(0, 0, 1, 0, 0, 0)
	f.want(fileB, "again")
}

func TestOpenChecksTheConfiguration(t *testing.T) {
	f := newFolder(t)
	for want, cfg := range map[string]pull.Config{
		"MEMO_API_KEY is not set":               {URL: f.s.URL},
		"MEMO_API_KEY is not a complete":        {URL: f.s.URL, Key: f.s.key[:20]},
		"MEMO_URL is not the URL":               {URL: "memo", Key: f.s.key},
		"would be sent unencrypted":             {URL: "http://memo.example.com", Key: f.s.key},
		"MEMO_URL contains an API key":          {URL: "https://memo.example.com/?key=" + f.s.key, Key: f.s.key},
		"MEMO_URL contains a user name":         {URL: "https://a:b@memo.example.com", Key: f.s.key},
		"not a directory":                       {URL: f.s.URL, Key: f.s.key, Dir: "pull_test.go"},
		".memo in pulled is not a folder":       {URL: f.s.URL, Key: f.s.key, Dir: "pulled"},
		"Another memo pull is running in other": {URL: f.s.URL, Key: f.s.key, Dir: "other"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := errors.Join(os.WriteFile("pull_test.go", nil, 0o600), os.Mkdir("pulled", 0o700),
				os.Symlink(t.TempDir(), "pulled/.memo")); err != nil {
				t.Fatal(err)
			}
			if cfg.Dir == "other" {
				p, err := pull.Open(cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
			}
			_, err := pull.Open(cfg)
			f.wantError(err, want)
		})
	}
	p, err := pull.Open(pull.Config{URL: "http://memo.example.com", Key: f.s.key, Dir: f.dir, InsecureHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
}

func TestStateLeadsNowhereElse(t *testing.T) {
	const damaged = "is damaged"
	for state, want := range map[string]string{
		`{"version":1,"format":"txt","files":{"1":{"path":"../outside.txt"}}}`:                                  damaged,
		`{"version":1,"format":"txt","files":{"1":{"path":"/etc/passwd"}}}`:                                     damaged,
		`{"version":1,"format":"txt","files":{"1":{"path":"link/outside.txt"}}}`:                                damaged,
		`{"version":1,"format":"txt","pending":[{"kind":"trash","path":"a.txt","trash":"../../outside.txt"}]}`:  damaged,
		`{"version":1,"format":"txt","pending":[{"kind":"add","path":"../outside.txt","staged":"X"}]}`:          damaged,
		`{"version":1,"format":"txt","pending":[{"kind":"rename","path":"a","was":{"path":"../outside.txt"}}]}`: damaged,
		`{"version":1,"for`:            damaged,
		`{"version":2,"format":"txt"}`: "another version of memo",
		`{"version":1,"format":"md"}`:  "Use --format md",
	} {
		t.Run(state, func(t *testing.T) {
			f := newFolder(t)
			f.TB = t
			f.write("../outside.txt", "outside")
			f.write(".memo/state.json", state)
			f.write("a.txt", "a")
			if err := os.Symlink("..", filepath.Join(f.dir, "link")); err != nil {
				t.Fatal(err)
			}
			f.s.put("1", "A", "one")
			f.s.delete("1")
			_, err := f.try()
			f.wantError(err, want)
			if data, _ := os.ReadFile(filepath.Join(f.dir, "../outside.txt")); string(data) != "outside" {
				t.Errorf("the file outside is %q", data)
			}
		})
	}
}

func TestInterruptedPullContinues(t *testing.T) {
	f := newFolder(t)
	for i := range 150 {
		f.s.put(fmt.Sprint(i), fmt.Sprint("T", i), "text")
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	f.s.handleFirst(func(http.ResponseWriter, *http.Request) bool {
		if n++; n == 130 {
			cancel()
		}
		return false
	})
	p := f.open()
	s, err := p.Pull(ctx)
	p.Close()
	if !errors.Is(err, context.Canceled) || s.Added != 100 {
		t.Fatalf("interrupted: %+v, %v", s, err)
	}
	if n := len(f.files()); n != 100 {
		t.Errorf("%d files after an interrupted pull, want 100", n)
	}
	f.pull(50, 0, 0, 0, 0, 100)
	left, err := os.ReadDir(filepath.Join(f.dir, ".memo/new"))
	if err != nil || len(left) != 0 {
		t.Errorf(".memo/new has %v, %v", left, err)
	}
}

func TestMarkdownHasFrontMatter(t *testing.T) {
	f := newFolder(t)
	f.format = transcript.Markdown
	f.s.put("1", `A "quoted" title: \ # é`, "# Text\n")
	f.pull(1, 0, 0, 0, 0, 0)
	f.want(`2026-05-20 A 'quoted' title- - # é.md`, `---
id: "1"
title: "A \"quoted\" title: \\ # é"
date: 2026-05-20T09:14:00Z
speakers: ["Alex"]
project: "Sales"
tags: ["Next-steps"]
---

# Text
`)
	if got := pull.Quote("a\nb\u2028\u0085\ufeff"); got != `"a\u000Ab\u2028\u0085\uFEFF"` {
		t.Errorf("quoted: %s", got)
	}
	for topic, want := range map[string]string{
		"Pricing": "Pricing", "  Q3  plan, draft ": "Q3-plan-draft", "Firmware 4.2’s — date": "Firmware-4-2s-date",
		"2026": "_2026", "???": "", "日本": "日本", "a/b": "a/b",
	} {
		if got := pull.Tag(topic); got != want {
			t.Errorf("tag of %q is %q, want %q", topic, got, want)
		}
	}
}
