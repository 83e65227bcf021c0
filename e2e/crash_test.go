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

// How often the processes are killed on SQLite. PostgreSQL keeps its own
// promises, so there a fifth of it is enough. The long run is
//
//	go test ./e2e -run TestCrash -rounds 200 -timeout 60m -v
var crashRounds = flag.Int("rounds", 15, "times that server and commands are killed")

func roundsNow() int {
	if testing.Short() {
		return min(*crashRounds, 4)
	}
	return *crashRounds
}

func TestCrashOnSQLite(t *testing.T) {
	p := onSQLite(t)
	newWitness(t, p).crash(roundsNow())
	db, err := sql.Open("sqlite", filepath.Join(p.value, "memo.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check: %q %v", verdict, err)
	}
	if err := db.QueryRow(`PRAGMA foreign_key_check`).Scan(&verdict); err != sql.ErrNoRows {
		t.Errorf("foreign_key_check: %q %v", verdict, err)
	}
}

func TestCrashOnPostgres(t *testing.T) {
	newWitness(t, onPostgres(t)).crash(max(2, roundsNow()/5))
}

// A start that is killed leaves a database that the next one can finish.
func TestCrashWhileStarting(t *testing.T) {
	onBoth(t, func(t *testing.T, p database) {
		for range 6 {
			ctx, cancel := context.WithCancel(context.Background())
			cmd := command(ctx, p, "migrate")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond) // a moment is what is tried
			cancel()
			_ = cmd.Wait() // killed
		}
		s := start(t, p)
		s.client("").must(t, http.StatusOK, "GET", "/readyz", nil)
	})
}

// crashWitness knows what was acknowledged.
type crashWitness struct {
	t       *testing.T
	home    installation
	session string
	http    *http.Client
	files   string

	mu      sync.Mutex
	acked   int
	keys    map[string]*knownKey // by id
	ids     map[string]string    // of transcriptions, by path
	batches [][]string           // imports that were not acknowledged
	written int
}

// knownKey is a key that was acknowledged.
type knownKey struct {
	id, key string
	fate    keyOutcome
	round   int
}

type keyOutcome uint8

const (
	mustLive keyOutcome = iota
	mustDie
	mayDie // a revocation without an answer: unknown until it is looked at
)

func newWitness(t *testing.T, p database) *crashWitness {
	w := &crashWitness{
		t: t, home: newInstallation(t, p), http: connectionPool(), files: t.TempDir(),
		keys: map[string]*knownKey{}, ids: map[string]string{},
	}
	s := start(t, p)
	w.session = s.signIn(t, w.home.owner).cookie
	s.kill()
	return w
}

// crash works and kills, again and again; after each kill it looks whether
// everything is still as it was said to be.
func (w *crashWitness) crash(rounds int) {
	began := time.Now()
	for round := range rounds {
		s := start(w.t, w.home.database, unlimitedOptions...)
		w.verify(s, round)
		w.work(s, round)
		if w.t.Failed() {
			return
		}
	}
	s := start(w.t, w.home.database, unlimitedOptions...)
	w.verify(s, rounds)
	w.verifyImports(s)
	s.kill()
	dead := 0
	for _, k := range w.keys {
		if k.fate == mustDie {
			dead++
		}
	}
	w.t.Logf("%d kills in %v; acknowledged and still true: %d keys, %d of them dead, %d imports",
		rounds, time.Since(began).Round(time.Second), len(w.keys), dead, len(w.ids))
}

// work lets clients and commands change things until all are killed at once.
func (w *crashWitness) work(s *server, round int) {
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
	enough := w.acked + 5 + rand.IntN(60)
	w.mu.Unlock()
	eventually(w.t, "a round's work", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.acked >= enough || w.t.Failed()
	})
	time.Sleep(time.Duration(rand.IntN(10_000)) * time.Microsecond) // not always right behind an answer
	kill()
	s.kill()
	workers.Wait()
}

// rest calls as the owner. An error means that the answer was lost.
func (w *crashWitness) rest(s *server, method, path string, body any) (response, error) {
	return (&apiClient{base: s.url, cookie: w.session, http: w.http}).call(method, path, body)
}

func (w *crashWitness) createByREST(ctx context.Context, s *server, round int) {
	if w.living() > 300 { // there is a limit of 1,000
		w.revokeByREST(ctx, s, round)
		return
	}
	a, err := w.rest(s, "POST", api+"/keys", map[string]string{"name": "by REST"})
	if err != nil {
		return
	}
	w.created(a.status == http.StatusCreated, string(a.body), round)
}

// created notes a key from the answer that shows it.
func (w *crashWitness) created(ok bool, body string, round int) {
	var k newKey
	if err := json.Unmarshal([]byte(body), &k); err != nil || !ok {
		w.t.Errorf("create: %s", body)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked++
	w.keys[k.ID] = &knownKey{id: k.ID, key: k.Key, round: round}
}

func (w *crashWitness) living() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.keys {
		if k.fate != mustDie {
			n++
		}
	}
	return n
}

// pick chooses a living key to end. Until the answer is there it may be dead.
func (w *crashWitness) pick() *knownKey {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.keys {
		if k.fate == mustLive && rand.IntN(4) == 0 {
			k.fate = mayDie
			return k
		}
	}
	return nil
}

func (w *crashWitness) revoked(k *knownKey, round int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked++
	k.fate, k.round = mustDie, round
}

func (w *crashWitness) revokeByREST(_ context.Context, s *server, round int) {
	k := w.pick()
	if k == nil {
		_, _ = w.rest(s, "GET", api+"/keys", nil) // nothing to end yet: look around
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

// during runs a command that may be killed; ok is false if it was.
func (w *crashWitness) during(ctx context.Context, args ...string) (stdout string, ok bool) {
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

// command creates or ends a key by the command line.
func (w *crashWitness) command(ctx context.Context, _ *server, round int) {
	if rand.IntN(2) == 0 {
		out, ok := w.during(ctx, "key", "create", "--workspace", w.home.workspace, "--member", w.home.owner, "--name",
			"by command")
		if ok {
			w.created(true, out, round)
		}
		return
	}
	if k := w.pick(); k != nil {
		if _, ok := w.during(ctx, "key", "revoke", k.id); ok {
			w.revoked(k, round)
		}
	}
}

// importFiles imports new files, or those whose import was killed.
func (w *crashWitness) importFiles(ctx context.Context, _ *server, _ int) {
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
	out, ok := w.during(ctx, append([]string{"import", "--workspace", w.home.workspace}, batch...)...)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !ok {
		w.batches = append(w.batches, batch)
		return
	}
	w.tookIn(out)
}
