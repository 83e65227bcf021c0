package pull_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo/internal/pull"
)

var (
	kills = flag.Int("kills", 10, "how often TestKilledPullEndsRight kills a pull")
	many  = flag.Int("transcriptions", 1000, "how many TestNothingNewCostsOneRequest pulls")
)

// TestMain pulls once if TestKilledPullEndsRight has started this process.
func TestMain(m *testing.M) {
	dir := os.Getenv("PULL_DIR")
	if dir == "" {
		os.Exit(m.Run())
	}
	p, err := pull.Open(pull.Config{URL: os.Getenv("PULL_URL"), Key: os.Getenv("MEMO_API_KEY"), Dir: dir, Format: "txt"})
	if err == nil {
		_, err = p.Pull(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestKilledPullEndsRight kills pulls at random moments, while transcriptions are added, changed,
// renamed and deleted. Files of the user must stay, and the last pull must complete the folder.
func TestKilledPullEndsRight(t *testing.T) {
	f := newFolder(t)
	for i := range 60 {
		f.s.put(fmt.Sprint(i), fmt.Sprint("T", i%40), fmt.Sprint("text ", i))
	}
	mine := map[string]string{} // of the user, by content
	if err := os.Mkdir(f.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	killed := 0
	for n := range *kills * 10 {
		if killed == *kills {
			break
		}
		f.change(n, mine)
		if f.killed() {
			killed++
		}
	}
	t.Logf("killed %d pulls", killed)
	if killed < *kills {
		t.Errorf("killed %d pulls, want %d", killed, *kills)
	}
	f.pull()
	f.pull(0, 0, 0, 0, 0, len(f.s.alive()))
	f.checkAll(mine)
}

// change changes some transcriptions, and edits one of the files.
func (f *folder) change(n int, mine map[string]string) {
	for i := range 20 {
		id := fmt.Sprint(rand.IntN(80))
		if rand.IntN(5) == 0 {
			f.s.delete(id)
		} else {
			f.s.put(id, fmt.Sprint("T", rand.IntN(40)), fmt.Sprintf("text %d.%d", n, i))
		}
	}
	for name, content := range f.files() {
		if n%4 == 0 && !strings.HasPrefix(name, ".") && mine[content] == "" {
			content += fmt.Sprint(" mine ", n)
			f.write(name, content)
			mine[content] = name
			return
		}
	}
}

// killed starts a pull and kills it: after a random time, or while it renames files, which is soon after it
// has stored its state. It reports whether that came before its end.
func (f *folder) killed() bool {
	f.Helper()
	cmd := exec.CommandContext(f.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "PULL_DIR="+f.dir, "PULL_URL="+f.s.URL, "MEMO_API_KEY="+f.s.key)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	end := time.Now().Add(time.Duration(rand.IntN(int(pullTime))))
	if rand.IntN(3) > 0 {
		end = time.Now().Add(pullTime)
		before, _ := os.Stat(filepath.Join(f.dir, ".memo/state.json")) // nil before the first
		for time.Now().Before(end) {
			if now, err := os.Stat(filepath.Join(f.dir, ".memo/state.json")); err == nil && !os.SameFile(before, now) {
				end = time.Now().Add(time.Duration(rand.IntN(int(time.Millisecond))))
				break
			}
		}
	}
	for time.Now().Before(end) { // Sleep is not exact enough
	}
	_ = cmd.Process.Kill()
	err := cmd.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if err != nil && (!ok || exit.ExitCode() != -1) {
		f.Fatalf("%v: %s", err, stderr.String())
	}
	return err != nil
}

// pullTime is about how long one pull of the test takes.
const pullTime = 100 * time.Millisecond

// alive returns the transcriptions that are not deleted.
func (s *server) alive() (alive []*transcription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.items {
		if !t.deleted {
			alive = append(alive, t)
		}
	}
	return alive
}

// checkAll checks that each transcription has one file, in its last version, or the file that the user
// has edited, and that every file of the user is there.
func (f *folder) checkAll(mine map[string]string) {
	f.Helper()
	files := f.files()
	var got, edited []string
	for name, content := range files {
		if before, _, ok := strings.Cut(content, " mine "); ok {
			edited = append(edited, before)
		}
		if !strings.HasPrefix(name, ".") && !strings.Contains(name, ".conflict-") && mine[content] == "" {
			got = append(got, content)
		}
	}
	for content, name := range mine {
		if files[name] != content {
			f.Errorf("%s is %q, the user has written %q", name, files[name], content)
		}
	}
	contents := slices.Collect(maps.Values(files))
	for _, t := range f.s.alive() {
		if i := slices.Index(got, t.text); i >= 0 {
			got = slices.Delete(got, i, i+1)
		} else if !slices.Contains(contents, t.text) && !slices.Contains(edited, t.text) {
			f.Errorf("transcription %s has no file with %q", t.id, t.text)
		}
	}
	if len(got) > 0 {
		f.Errorf("files that no transcription has: %q", got)
	}
	left, err := os.ReadDir(filepath.Join(f.dir, ".memo/new"))
	if err != nil || len(left) > 0 {
		f.Errorf(".memo/new has %v, %v", left, err)
	}
}

// TestNothingNewCostsOneRequest pulls many transcriptions, and then once more.
func TestNothingNewCostsOneRequest(t *testing.T) {
	f := newFolder(t)
	for i := range *many {
		f.s.put(fmt.Sprint(i), fmt.Sprint("T", i%900), fmt.Sprint("text ", i))
	}
	start := time.Now()
	f.pull(*many, 0, 0, 0, 0, 0)
	first := time.Since(start)
	if requests, exports := f.s.counts(); requests != *many+*many/100 || exports != *many {
		t.Errorf("%d requests and %d exports of %d transcriptions", requests, exports, *many)
	}
	start = time.Now()
	f.pull(0, 0, 0, 0, 0, *many)
	if requests, _ := f.s.counts(); requests != 1 {
		t.Errorf("%d requests without changes, want 1", requests)
	}
	t.Logf("the first pull took %s, the second %s", first, time.Since(start))
}
