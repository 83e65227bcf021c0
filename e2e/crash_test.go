package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"

	"memoai.tech/memo/internal/testenv"
)

// crashRounds is how often the processes are killed on SQLite. On PostgreSQL a
// fifth is enough, because it guarantees durability itself. The long run is
//
//	go test ./e2e -run TestCrash -rounds 200 -timeout 60m -v
var crashRounds = flag.Int("rounds", 10, "how often the server and the commands are killed")

func roundCount() int {
	if testing.Short() {
		return min(*crashRounds, 4)
	}
	return *crashRounds
}

func TestCrashOnSQLite(t *testing.T) {
	p := onSQLite(t)
	newCrashTest(t, p).crash(roundCount())
	db, err := sql.Open("sqlite", filepath.Join(p.value, "memo.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var result string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&result); err != nil || result != "ok" {
		t.Errorf("integrity_check: %q %v", result, err)
	}
	if err := db.QueryRow(`PRAGMA foreign_key_check`).Scan(&result); err != sql.ErrNoRows {
		t.Errorf("foreign_key_check: %q %v", result, err)
	}
}

func TestCrashOnPostgres(t *testing.T) {
	newCrashTest(t, onPostgres(t)).crash(max(3, roundCount()/5))
}

// TestCrashDuringMigration: if a migration is killed, the next start completes it.
func TestCrashDuringMigration(t *testing.T) {
	onBoth(t, func(t *testing.T, p database) {
		for range 6 {
			ctx, cancel := context.WithCancel(context.Background())
			cmd := command(ctx, p, "migrate")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond) // killed at a random moment
			cancel()
			_ = cmd.Wait() // killed
		}
		s := start(t, p)
		s.client("").must(t, http.StatusOK, "GET", "/readyz", nil)
	})
}

// crashTest records which changes were acknowledged.
type crashTest struct {
	t       *testing.T
	home    installation
	session string
	http    *http.Client
	files   string

	mu           sync.Mutex
	acknowledged int
	keys         map[string]*knownKey // by id
	ids          map[string]string    // of transcriptions, by path
	batches      [][]string           // imports that were killed
	written      int
}

// knownKey is a key whose creation was acknowledged.
type knownKey struct {
	id, key  string
	expected keyExpectation
	round    int
}

type keyExpectation uint8

const (
	mustBeActive keyExpectation = iota
	mustBeRevoked
	mayBeRevoked // no response to the revocation: unknown until the next check
)

func newCrashTest(t *testing.T, p database) *crashTest {
	w := &crashTest{
		t: t, home: newInstallation(t, p), http: newHTTPClient(), files: t.TempDir(),
		keys: map[string]*knownKey{}, ids: map[string]string{},
	}
	s := start(t, p)
	w.session = s.signIn(t, w.home.owner).cookie
	s.kill()
	return w
}

// crash makes changes and kills the server, repeatedly. After each kill it checks
// that every acknowledged change is still there.
func (w *crashTest) crash(rounds int) {
	began := time.Now()
	for round := range rounds {
		s := start(w.t, w.home.database, withoutLimits...)
		w.verify(s, round)
		w.work(s, round)
		if w.t.Failed() {
			return
		}
	}
	s := start(w.t, w.home.database, withoutLimits...)
	w.verify(s, rounds)
	w.verifyImports(s)
	s.kill()
	revoked := 0
	for _, k := range w.keys {
		if k.expected == mustBeRevoked {
			revoked++
		}
	}
	w.t.Logf("%d kills in %v; acknowledged and still there: %d keys, %d of them revoked, and %d imports",
		rounds, time.Since(began).Round(time.Second), len(w.keys), revoked, len(w.ids))
}

// work lets clients and commands make changes, and then kills them all at once.
func (w *crashTest) work(s *server, round int) {
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	var workers sync.WaitGroup
	for _, job := range []func(context.Context, *server, int){
		w.createByREST, w.createByREST, w.revokeByREST, w.command,
		w.importFiles,
	} {
		workers.Go(func() {
			for ctx.Err() == nil {
				job(ctx, s, round)
			}
		})
	}
	w.mu.Lock()
	target := w.acknowledged + 5 + rand.IntN(60)
	w.mu.Unlock()
	eventually(w.t, "the changes of a round are made", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.acknowledged >= target || w.t.Failed()
	})
	time.Sleep(time.Duration(rand.IntN(10_000)) * time.Microsecond) // not always right after a response
	kill()
	s.kill()
	workers.Wait()
}

// rest makes a call as the owner. An error means that the response was lost.
func (w *crashTest) rest(s *server, method, path string, body any) (response, error) {
	return (&apiClient{base: s.url, cookie: w.session, http: w.http}).call(method, path, body)
}

func (w *crashTest) createByREST(ctx context.Context, s *server, round int) {
	if w.countActive() > 300 { // the limit is 1,000
		w.revokeByREST(ctx, s, round)
		return
	}
	a, err := w.rest(s, "POST", api+"/keys", map[string]string{"name": "by REST"})
	if err != nil {
		return
	}
	w.created(a.status == http.StatusCreated, string(a.body), round)
}

// created records a key from the output or response that contains it.
func (w *crashTest) created(ok bool, body string, round int) {
	var k newKey
	if err := json.Unmarshal([]byte(body), &k); err != nil || !ok {
		w.t.Errorf("create: %s", body)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acknowledged++
	w.keys[k.ID] = &knownKey{id: k.ID, key: k.Key, round: round}
}

func (w *crashTest) countActive() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.keys {
		if k.expected != mustBeRevoked {
			n++
		}
	}
	return n
}

// pickToRevoke chooses an active key. Until its revocation is acknowledged, the
// key may be active or revoked.
func (w *crashTest) pickToRevoke() *knownKey {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.keys {
		if k.expected == mustBeActive && rand.IntN(4) == 0 {
			k.expected = mayBeRevoked
			return k
		}
	}
	return nil
}

func (w *crashTest) revoked(k *knownKey, round int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acknowledged++
	k.expected, k.round = mustBeRevoked, round
}

func (w *crashTest) revokeByREST(_ context.Context, s *server, round int) {
	k := w.pickToRevoke()
	if k == nil {
		_, _ = w.rest(s, "GET", api+"/keys", nil) // no key to revoke: make another call
		return
	}
	a, err := w.rest(s, "DELETE", api+"/keys/"+k.id, nil)
	if err != nil {
		return
	}
	if a.status != http.StatusNoContent {
		w.t.Errorf("revoke: %d %s", a.status, a.body)
		return
	}
	w.revoked(k, round)
}

// runCommand runs a command that may be killed; ok is false if it was.
func (w *crashTest) runCommand(ctx context.Context, args ...string) (stdout string, ok bool) {
	var out, log testenv.Output
	cmd := command(ctx, w.home.database, args...)
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", false
	}
	if err != nil {
		w.t.Errorf("memo %v: %v\n%s", args, err, log.String())
		return "", false
	}
	return out.String(), true
}

// command creates or revokes a key on the command line.
func (w *crashTest) command(ctx context.Context, _ *server, round int) {
	if rand.IntN(2) == 0 {
		out, ok := w.runCommand(ctx, "key", "create", "--workspace", w.home.workspace, "--member", w.home.owner, "--name",
			"by command")
		if ok {
			w.created(true, out, round)
		}
		return
	}
	if k := w.pickToRevoke(); k != nil {
		if _, ok := w.runCommand(ctx, "key", "revoke", k.id); ok {
			w.revoked(k, round)
		}
	}
}

// importFiles imports new files, or those whose import was killed.
func (w *crashTest) importFiles(ctx context.Context, _ *server, _ int) {
	var batch []string
	w.mu.Lock()
	if n := len(w.batches); n > 0 && rand.IntN(2) == 0 {
		batch, w.batches = w.batches[n-1], w.batches[:n-1]
	}
	for len(batch) < 3 {
		w.written++
		batch = append(batch, filepath.Join(w.files, fmt.Sprintf("meeting %d.txt", w.written)))
		text := fmt.Sprintf("[00:01] Alex: This is meeting %d.\n[00:04] Jordan: Indeed.\n", w.written)
		if err := os.WriteFile(batch[len(batch)-1], []byte(text), 0o600); err != nil {
			w.t.Error(err)
		}
	}
	w.mu.Unlock()
	out, ok := w.runCommand(ctx, append([]string{"import", "--workspace", w.home.workspace}, batch...)...)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !ok {
		w.batches = append(w.batches, batch)
		return
	}
	w.noteImported(out)
}
