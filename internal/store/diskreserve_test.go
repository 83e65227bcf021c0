package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/testenv"
)

const user, workspace = "0195c0de-0000-7000-8000-000000000001", "0195c0de-0000-7000-8000-000000000002"

// holder is a database with keys to revoke.
type holder struct {
	*Store
	t    *testing.T
	keys []credential.Key
}

func keyID(i int) string { return fmt.Sprintf("0195c0de-0000-7000-8000-%012d", i) }

func newHolder(t *testing.T, cfg Config, n int) *holder {
	t.Helper()
	h, ctx := &holder{Store: mustOpen(t, cfg), t: t}, t.Context()
	err := h.Write(ctx, func(tx *Tx) error {
		_, err := tx.AddUser(ctx, memo.User{ID: user, Email: "olga@example.com", Name: "Olga", CreatedAt: tx.Now}, "")
		err = errors.Join(err, tx.AddWorkspace(ctx,
			memo.Workspace{ID: workspace, Name: "Acme", Plan: memo.PlanPro, CreatedAt: tx.Now}))
		for i := range n {
			key := credential.NewKey()
			h.keys = append(h.keys, key)
			_, bad := tx.AddKey(ctx, memo.APIKey{
				ID: keyID(i), WorkspaceID: workspace, CreatedBy: memo.KeyCreator{ID: user},
				CreatedAt: tx.Now,
			}, key.Hash())
			err = errors.Join(err, bad)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// revoke ends key i in a transaction of the kind that write makes.
func revoke(s *Store, i int, write func(*Store, context.Context, func(*Tx) error) error) error {
	ctx := context.Background()
	return write(s, ctx, func(tx *Tx) error {
		if ended, err := tx.RevokeKey(ctx, keyID(i)); err != nil || !ended {
			return errors.Join(err, fmt.Errorf("key %d: revoked now: %v", i, ended))
		}
		return tx.Record(ctx, memo.AuditEvent{
			WorkspaceID: workspace, Action: memo.ActionKeyRevoked, Actor: "operator",
			Subject: keyID(i),
		})
	})
}

// add adds a transcription of some 100 kB, which does not compress.
func add(s *Store) error {
	ctx := context.Background()
	return s.Write(ctx, func(tx *Tx) error {
		doc := &memo.Transcription{ListItem: memo.ListItem{
			Title: "Long", Status: "completed", CreatedAt: tx.Now,
			UpdatedAt: tx.Now,
		}}
		noise := make([]byte, 100<<10)
		_, _ = rand.Read(noise)
		p, err := s.Prepare(New{Doc: doc, WorkspaceID: workspace, Markdown: CompressedText{Data: noise}})
		if err == nil {
			_, _, err = tx.AddTranscription(ctx, p)
		}
		return err
	})
}

// wantRevoked reads the truth about each key, as every request does.
func (h *holder) wantRevoked(s *Store, upTo int) {
	h.t.Helper()
	for i, key := range h.keys {
		a, ok, err := s.ReadKeyState(h.t.Context(), key.Hash())
		if err != nil || !ok || (a.Life.RevokedAt != nil) != (i < upTo) {
			h.t.Fatalf("key %d of %d revoked ones: revoked at %v (%v, %v)", i, upTo, a.Life.RevokedAt, ok, err)
		}
	}
}

func (h *holder) count(table string) (n int) {
	h.t.Helper()
	if err := h.q.QueryRowContext(h.t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// room is how many bytes are really kept.
func (r *diskReserve) room(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat(r.path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the reserve has mode %v", info.Mode().Perm())
	}
	kept := info.Sys().(*syscall.Stat_t).Blocks * 512
	if kept < info.Size() {
		t.Errorf("%d bytes are kept for a reserve of %d", kept, info.Size())
	}
	return info.Size()
}

func TestRevocationOnAFullDisk(t *testing.T) {
	const keys, last = 60, 58 // the last two are for what comes after the others
	dir := testenv.SmallDisk(t)
	h := newHolder(t, Config{Dir: dir}, keys)
	var err error
	for range 20 {
		err = errors.Join(err, add(h.Store))
	}
	if room := h.diskReserve.room(t); err != nil || room != reserveSize {
		t.Fatalf("%d bytes are kept, %v", room, err)
	}
	ballast := testenv.FillDisk(t, dir)
	// The WAL has some room left, until it is full as well.
	had, events := 0, h.count("audit_events")
	for had = h.count("transcriptions"); add(h.Store) == nil; had++ {
	}
	if err := add(h.Store); memo.KindOf(err) != memo.KindUnavailable {
		t.Fatalf("an import on a full disk: %v", err)
	}
	if err := revoke(h.Store, 0, (*Store).Write); memo.KindOf(err) != memo.KindUnavailable {
		t.Fatalf("a revocation without the reserve: %v", err)
	}
	if h.diskReserve.room(t) != reserveSize {
		t.Error("what may not use the reserve has used it")
	}
	h.wantRevoked(h.Store, 0)
	for i := range last {
		if err := revoke(h.Store, i, (*Store).WriteUrgent); err != nil {
			t.Fatalf("revocation %d, with %d bytes in the reserve: %v", i, h.diskReserve.room(t), err)
		}
		for range 3 { // they come as soon as there is room
			if err := add(h.Store); memo.KindOf(err) != memo.KindUnavailable {
				t.Fatalf("an import after revocation %d: %v", i, err)
			}
		}
	}
	h.wantRevoked(h.Store, last)
	if n := h.count("transcriptions"); n != had {
		t.Errorf("%d transcriptions, were %d", n, had)
	}
	if n := h.count("audit_events"); n != events+last {
		t.Errorf("%d events, want %d", n, events+last)
	}
	room := h.diskReserve.room(t)
	t.Logf("%d revocations took %d kB of the reserve", last, (reserveSize-room)>>10)
	if room < reserveSize/2 {
		t.Errorf("%d bytes are left in the reserve", room)
	}

	// A process that is killed right after its revocation, on the full disk.
	killed := exec.Command(os.Args[0], "-test.run=^TestRevokeAndDie$")
	killed.Env = append(os.Environ(), "MEMO_TEST_DIE_IN="+dir)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	testenv.FillDisk(t, dir)
	if out, err := killed.CombinedOutput(); killed.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%v: %s", err, out)
	}
	testenv.FillDisk(t, dir)
	again := mustOpen(t, Config{Dir: dir})
	h.wantRevoked(again, last+1)
	if err := revoke(again, last+1, (*Store).WriteUrgent); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(again.Close(), os.Remove(ballast)); err != nil {
		t.Fatal(err)
	}
	again = mustOpen(t, Config{Dir: dir})
	if h.wantRevoked(again, keys); again.diskReserve.room(t) != reserveSize {
		t.Error("the reserve is not whole again")
	}
}

// TestRevokeAndDie is the process of the test above.
func TestRevokeAndDie(t *testing.T) {
	dir := os.Getenv("MEMO_TEST_DIE_IN")
	if dir == "" {
		t.Skip("is run by another test")
	}
	s, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := revoke(s, 58, (*Store).WriteUrgent); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// TestServersShareTheReserve: none takes what another has given back for a
// revocation.
func TestServersShareTheReserve(t *testing.T) {
	const keys, servers = 60, 3
	dir := testenv.SmallDisk(t)
	h := newHolder(t, Config{Dir: dir}, keys)
	stores := []*Store{h.Store}
	for len(stores) < servers {
		stores = append(stores, mustOpen(t, Config{Dir: dir}))
	}
	testenv.FillDisk(t, dir)
	for add(h.Store) == nil {
	}
	var all sync.WaitGroup
	for n, s := range stores {
		all.Go(func() {
			for i := n; i < keys; i += servers {
				if err := revoke(s, i, (*Store).WriteUrgent); err != nil {
					t.Errorf("revocation %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	h.wantRevoked(h.Store, keys)
	t.Logf("%d revocations took %d kB of the reserve", keys, (reserveSize-h.diskReserve.room(t))>>10)
}

// TestHalfOfTheReserve: signing in leaves the other half to revocations.
func TestHalfOfTheReserve(t *testing.T) {
	dir := testenv.SmallDisk(t)
	h := newHolder(t, Config{Dir: dir}, 2)
	testenv.FillDisk(t, dir)
	for add(h.Store) == nil {
	}
	if err := revoke(h.Store, 0, (*Store).WriteSignIn); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(h.diskReserve.path, reserveSize/2); err != nil {
		t.Fatal(err)
	}
	testenv.FillDisk(t, dir)
	for add(h.Store) == nil {
	}
	if err := revoke(h.Store, 1, (*Store).WriteSignIn); !isDiskFull(err) {
		t.Errorf("half of the reserve is left, and was used: %v", err)
	}
	if err := revoke(h.Store, 1, (*Store).WriteUrgent); err != nil {
		t.Error(err)
	}
}

// TestStartOnAFullDisk: SQLite needs some room beside the database even to read.
func TestStartOnAFullDisk(t *testing.T) {
	dir := testenv.SmallDisk(t)
	h := newHolder(t, Config{Dir: dir}, 1)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	testenv.FillDisk(t, dir)
	s := mustOpen(t, Config{Dir: dir})
	h.wantRevoked(s, 0)
	if err := revoke(s, 0, (*Store).WriteUrgent); err != nil {
		t.Error(err)
	}
	h.wantRevoked(s, 1)
}

// TestNoRoomForARestore: what is in the way is named.
func TestNoRoomForARestore(t *testing.T) {
	h := newHolder(t, Config{Dir: t.TempDir()}, 1)
	file := filepath.Join(t.TempDir(), "backup.db")
	if err := h.WriteBackup(t.Context(), file, nil); err != nil {
		t.Fatal(err)
	}
	dir := testenv.SmallDisk(t)
	testenv.FillDisk(t, dir)
	t.Setenv("TMPDIR", dir)
	if b, err := OpenBackup(t.Context(), file, h.now); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("%v %v", b, err)
	}
}

// TestNoRoomForTheReserve: a server starts without it, and takes what room there
// is before it takes writes again.
func TestNoRoomForTheReserve(t *testing.T) {
	dir := testenv.SmallDisk(t)
	h := newHolder(t, Config{Dir: dir}, 1)
	if err := errors.Join(os.Remove(h.diskReserve.path), h.Close()); err != nil {
		t.Fatal(err)
	}
	ballast := testenv.FillDisk(t, dir)
	leave := func(n int64) {
		t.Helper()
		testenv.FillDisk(t, dir)
		info, err := os.Stat(ballast)
		if err = errors.Join(err, os.Truncate(ballast, info.Size()-n)); err != nil {
			t.Fatal(err)
		}
	}
	leave(1 << 20)
	s := mustOpen(t, Config{Dir: dir})
	if room := s.diskReserve.room(t); room == 0 || room > 1<<20 {
		t.Errorf("%d bytes were taken at first", room)
	}
	leave(2 << 20)
	if err := add(s); !errors.Is(err, errDiskFull) || s.diskReserve.room(t) < 2<<20 {
		t.Errorf("an import with %d bytes in the reserve: %v", s.diskReserve.room(t), err)
	}
	if err := revoke(s, 0, (*Store).WriteUrgent); err != nil {
		t.Error(err)
	}
	leave(20 << 20)
	if err := add(s); err != nil || s.diskReserve.room(t) != reserveSize {
		t.Errorf("an import with room, and with %d bytes in the reserve: %v", s.diskReserve.room(t), err)
	}
}

// TestOnlyServedFilesHaveAReserve: a backup is a single file.
func TestOnlyServedFilesHaveAReserve(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir()})
	dir := t.TempDir()
	if err := s.WriteBackup(t.Context(), filepath.Join(dir, "backup"), nil); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Error(files, err)
	}
}

// TestFillWritesWhatIsKept: where a file system cannot allocate, bytes do it.
func TestFillWritesWhatIsKept(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "reserve"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(writeRandom(f, 0, 100_000), writeRandom(f, 100_000, 50_000), f.Chmod(0o600),
		f.Sync()); err != nil {
		t.Fatal(err)
	}
	if room := (&diskReserve{f.Name()}).room(t); room != 150_000 {
		t.Error(room)
	}
}

// TestImportsStopBeforeTheDiskIsFull fills a disk of 48 MiB, of which the reserve
// takes 16 and imports must leave 6.
func TestImportsStopBeforeTheDiskIsFull(t *testing.T) {
	dir := testenv.SmallDisk(t)
	s := mustOpen(t, Config{Dir: dir})
	if err := s.CheckImportSpace(); err != nil {
		t.Fatalf("there is room: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 27<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckImportSpace(); memo.KindOf(err) != memo.KindUnavailable {
		t.Errorf("an import may use the last room: %v", err)
	}
	if free, _ := diskRoom(dir); free < 1<<20 {
		t.Errorf("only %d bytes were free, which proves nothing", free)
	}
	if err := s.Write(t.Context(), func(tx *Tx) error {
		_, err := tx.AddUser(t.Context(), memo.User{ID: user, Email: "olga@example.com", Name: "Olga", CreatedAt: tx.Now}, "")
		return err
	}); err != nil {
		t.Errorf("other changes must still succeed: %v", err)
	}
}
