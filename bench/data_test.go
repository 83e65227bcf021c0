package bench

import (
	"cmp"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	gocmp "github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/demo"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/transcript/write"
	"memoai.tech/memo/internal/zipstream"
)

const (
	benchName, benchEmail = "Bench", "bench@example.com"

	smallRows    = 1000 // transcriptions in the small workspace
	longTexts    = 200  // of them, those with a transcript of longText bytes
	longText     = 30_000
	longLanguage = "sv" // of the long ones only

	// The words that are searched for: one that is in every tenth transcription, and one
	// that is in twenty of a workspace. The meetings contain neither.
	commonWord, rareWord, rareHits = "axolotl", "quokka", 20

	commonWords = "the+and" // in most meetings

	projects = 7 // in turn, but for one transcription in a hundred, which is in one of two others

	// The transcriptions are of corpusDays days: oldest first, and the same number on each.
	corpusDays = 200

	// perTransaction is enough that the cost of commits does not matter, and few enough
	// that the WAL stays small.
	perTransaction = 10_000
)

// rareProjects have one transcription in a hundred, together.
var rareProjects = []string{"Rare 1", "Rare 2"}

var firstDay = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// serveSmall and serveLarge start a server on 1,000 transcriptions, of which 200 are long, and
// on -rows short ones.
func (p program) serveSmall(b *testing.B) target {
	return p.serveData(b, p.small(), corpus{smallRows, longTexts})
}

func (p program) serveLarge(b *testing.B) target { return p.serveData(b, p.large(), corpus{*rows, 0}) }

func (p program) small() string { return filepath.Join(p.data, "small") }
func (p program) large() string { return filepath.Join(p.data, fmt.Sprint("rows-", *rows)) }

// serveData starts a server on the data in a directory, with a new key. It creates the
// data, unless it is there from an earlier run. The file complete is written last. It
// holds a hash of this file and the migrations, because a migration may change under the
// same number until it is released.
func (p program) serveData(b *testing.B, dir string, c corpus) target {
	if p.data == ownData {
		files, err := filepath.Glob("../internal/store/migrations/sqlite/*.sql")
		check(b, err)
		hash := sha256.New()
		for _, path := range append(files, "data_test.go") {
			text, err := os.ReadFile(path)
			check(b, err)
			fmt.Fprintf(hash, "%s %d\n%s", path, len(text), text)
		}
		form, complete := fmt.Sprintf("%x", hash.Sum(nil)), filepath.Join(dir, "complete")
		if got, err := os.ReadFile(complete); err != nil || string(got) != form {
			check(b, os.RemoveAll(dir))
			c.create(b, p, dir)
			check(b, os.WriteFile(complete, []byte(form), 0o600))
		}
	}
	return target{p.serve(b, nil, "--data", dir), p.newKey(b, "--data", dir)}
}

// newKey creates a key for the workspace.
func (p program) newKey(b *testing.B, options ...string) string {
	create := []string{
		"key", "create", "--workspace", benchName, "--member", benchEmail, "--name", benchName, "--expires", "1d",
	}
	return p.command(b, append(create, options...)...).Key
}

// limitedKey creates a key that sees only [rareProjects] of the large workspace.
func (p program) limitedKey(b *testing.B) string {
	if p.data != ownData {
		return p.newKey(b, "--data", p.large()) // an older program may not have such keys
	}
	return p.newKey(b, "--data", p.large(), "--project", rareProjects[0], "--project", rareProjects[1])
}

// newWorkspace creates the user and the workspace, and returns their ids.
func (p program) newWorkspace(b *testing.B, dir string) (user, workspace string) {
	user = p.command(b, "user", "add", "--data", dir, "--email", benchEmail, "--name", benchName).ID
	return user, p.command(b, "workspace", "add", "--data", dir, "--name", benchName, "--plan", "pro",
		"--owner", benchEmail).ID
}

// corpus generates transcriptions from the demo's English meetings. They are the same
// in every run.
type corpus struct{ rows, long int }

// create fills a workspace with the code that an import uses, but without files.
func (c corpus) create(b *testing.B, p program, dir string) {
	fmt.Fprintf(os.Stderr, "creating %d transcriptions in bench/%s\n", c.rows, dir)
	user, workspace := p.newWorkspace(b, dir)
	defer prepareBulk(b, dir)()
	s, err := store.Open(b.Context(), store.Config{Dir: dir})
	check(b, err)
	defer s.Close()
	meetings, err := englishMeetings()
	check(b, err)
	batches, failed := make(chan []*store.Prepared), make(chan error, 1)
	go func() { // on another processor than the transactions
		defer close(batches)
		for from := 0; from < c.rows; from += perTransaction {
			var batch []*store.Prepared
			for i := from; i < min(from+perTransaction, c.rows); i++ {
				n, err := c.transcription(meetings, i)
				n.WorkspaceID, n.CreatedBy = workspace, user
				p, prepareErr := s.Prepare(n)
				if err := cmp.Or(err, prepareErr); err != nil {
					failed <- err
					return
				}
				batch = append(batch, p)
			}
			batches <- batch
		}
		failed <- nil
	}()
	for batch := range batches {
		check(b, s.Write(b.Context(), func(tx *store.Tx) error {
			_, err := tx.AddTranscriptions(b.Context(), batch...)
			return err
		}))
	}
	check(b, <-failed)
}

// prepareBulk prepares the database for adding many transcriptions, and returns what makes it as it was.
// The indexes of lists are dropped, because creating them again takes a fraction of the time of
// adding entries one by one. The search index collects 64 MB of entries before it writes them.
func prepareBulk(b *testing.B, dir string) (done func()) {
	db, err := sql.Open("sqlite", filepath.Join(dir, store.FileName))
	check(b, err)
	db.SetMaxOpenConns(1)
	exec := func(query string, args ...any) {
		_, err := db.Exec(query, args...)
		check(b, err)
	}
	// texts returns the texts of a query with one column.
	texts := func(query string) (texts []string) {
		rows, err := db.Query(query)
		check(b, err)
		defer rows.Close()
		for rows.Next() {
			var text string
			check(b, rows.Scan(&text))
			texts = append(texts, text)
		}
		check(b, rows.Err())
		return texts
	}
	exec(`PRAGMA busy_timeout = 10000`)
	exec(`PRAGMA cache_size = -200000`) // kB, so that indexes are sorted in memory
	const lists = `FROM sqlite_master WHERE type = 'index' AND tbl_name = 'transcriptions' AND sql NOT LIKE '% WHERE %'`
	search := texts(`SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE % USING fts5%'`)[0]
	setHashSize := func(bytes int) {
		exec(`INSERT INTO `+search+` (`+search+`, rank) VALUES ('hashsize', $1)`, bytes)
	}
	create := texts(`SELECT sql ` + lists)
	for _, name := range texts(`SELECT name ` + lists) {
		exec(`DROP INDEX ` + name)
	}
	setHashSize(64 << 20)
	return func() {
		for _, index := range create {
			exec(index)
		}
		setHashSize(1 << 20) // the default
		check(b, db.Close())
	}
}

func englishMeetings() (meetings []memo.Transcription, err error) {
	files, err := demo.Meetings.ReadDir("meetings")
	for _, f := range files {
		var m memo.Transcription
		data, readErr := demo.Meetings.ReadFile("meetings/" + f.Name())
		if err = cmp.Or(err, readErr, json.Unmarshal(data, &m)); m.Language == "en" {
			meetings = append(meetings, m)
		}
	}
	return meetings, err
}

// isLong reports whether transcription i has a long text. The long ones are evenly
// spread.
func (c corpus) isLong(i int) bool { return c.long > 0 && i%(c.rows/c.long) == 0 }

// transcription generates transcription i.
func (c corpus) transcription(meetings []memo.Transcription, i int) (store.NewTranscription, error) {
	r := rand.New(rand.NewPCG(1, uint64(i)))
	d, size := meetings[r.IntN(len(meetings))], 150
	d.Title = fmt.Sprintf("%s — call %d", d.Title, i)
	d.CreatedAt = firstDay.Add(time.Duration(i) * (corpusDays * 24 * time.Hour / time.Duration(c.rows)))
	d.CreatedAt = d.CreatedAt.Truncate(time.Millisecond)
	d.UpdatedAt = d.CreatedAt.Add(17 * time.Minute)
	d.Duration = memo.Seconds(60 + r.IntN(7200))
	d.Project = &memo.ProjectRef{Name: fmt.Sprint("Project ", i%projects)}
	if i%100 == 50 {
		d.Project.Name = rareProjects[i/100%len(rareProjects)]
	}
	if i%10 == 0 {
		d.Summary += " " + commonWord
	}
	if i%(c.rows/rareHits) == 0 {
		d.Summary += " " + rareWord
	}
	if c.isLong(i) {
		d.Language, size = longLanguage, longText
	} else {
		d.Reports = nil
	}
	d.Segments = speech(r, meetings, size)
	markdown, err := zipstream.Deflate(write.MarkdownBody(d.Segments))
	return store.NewTranscription{Doc: &d, Markdown: markdown}, err
}

// speech returns segments of the meetings in random order, one every seven seconds, with at least size bytes of text.
func speech(r *rand.Rand, meetings []memo.Transcription, size int) (segments []memo.Segment) {
	for n := 0; n < size; {
		spoken := meetings[r.IntN(len(meetings))].Segments
		s := spoken[r.IntN(len(spoken))]
		s.Start = memo.Seconds(7 * len(segments))
		s.End = s.Start + 5
		segments = append(segments, s)
		n += len(s.Text)
	}
	return segments
}

// TestCorpus: the corpus is the same in every run, and has the numbers that the rows
// need.
func TestCorpus(t *testing.T) {
	meetings, err := englishMeetings()
	if err != nil {
		t.Fatal(err)
	}
	var long, common, rare int
	c := corpus{smallRows, longTexts}
	for i := range smallRows {
		n, err := c.transcription(meetings, i)
		if err != nil {
			t.Fatal(err)
		}
		if isLong := n.Markdown.Size >= longText; isLong != (n.Doc.Language == longLanguage) {
			t.Errorf("transcription %d has %d bytes and the language %s", i, n.Markdown.Size, n.Doc.Language)
		} else if isLong {
			long++
		}
		words := strings.ToLower(fmt.Sprint(n.Doc.Title, n.Doc.Summary, n.Doc.Segments))
		if strings.Contains(words, commonWord) {
			common++
		}
		if strings.Contains(words, rareWord) {
			rare++
		}
		if i%53 != 0 { // compare only a sample
			continue
		}
		second, err := c.transcription(meetings, i)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(n, second); diff != "" {
			t.Errorf("transcription %d differs in the second run (-first +second):\n%s", i, diff)
		}
	}
	if long != longTexts || common != smallRows/10 || rare != rareHits {
		t.Errorf("%d long, %d common, %d rare; want %d, %d, %d", long, common, rare, longTexts, smallRows/10, rareHits)
	}
}
