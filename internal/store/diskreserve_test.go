package store // the disk reserve is not exported

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
	"memoai.tech/memo/internal/zipstream"
)

const user, workspace = "0195c0de-0000-7000-8000-000000000001", "0195c0de-0000-7000-8000-000000000002"

// wholeWorkspace is what a caller sees who is not limited to projects.
var wholeWorkspace = View{WorkspaceID: workspace}

// harness is a database with a user, a workspace and keys to revoke.
type harness struct {
	*Store
	t    *testing.T
	keys []credential.Key
}

func keyID(i int) string { return fmt.Sprintf("0195c0de-0000-7000-8000-%012d", i) }

func newHarness(t *testing.T, cfg Config, n int) *harness {
	t.Helper()
	h, ctx := &harness{Store: mustOpen(t, cfg), t: t}, t.Context()
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

// urgently returns [Store.WriteUrgent] for a purpose.
func urgently(p Purpose) func(*Store, context.Context, func(*Tx) error) error {
	return func(s *Store, ctx context.Context, f func(*Tx) error) error { return s.WriteUrgent(ctx, p, f) }
}

// revoke revokes key i in a transaction of write, such as [Store.Write]. It returns an error
// if the key was revoked already.
func revoke(s *Store, i int, write func(*Store, context.Context, func(*Tx) error) error) error {
	ctx := context.Background()
	return write(s, ctx, func(tx *Tx) error {
		if revoked, err := tx.RevokeKey(ctx, keyID(i)); err != nil || !revoked {
			return errors.Join(err, fmt.Errorf("key %d: revoked now: %v", i, revoked))
		}
		return tx.Record(ctx, memo.AuditEvent{
			WorkspaceID: workspace, Action: memo.ActionKeyRevoked, Actor: "operator",
			Subject: keyID(i),
		})
	})
}

// add adds a transcription of about 100 kB that does not compress.
func add(s *Store) error {
	ctx := context.Background()
	return s.Write(ctx, func(tx *Tx) error {
		doc := &memo.Transcription{ListItem: memo.ListItem{
			Title: "Long", Status: "completed", CreatedAt: tx.Now,
			UpdatedAt: tx.Now,
		}}
		noise := make([]byte, 100<<10)
		_, _ = rand.Read(noise)
		p, err := s.Prepare(NewTranscription{Doc: doc, WorkspaceID: workspace, Markdown: zipstream.Deflated{Data: noise}})
		if err == nil {
			_, err = tx.AddTranscriptions(ctx, p)
		}
		return err
	})
}

// wantRevoked reads the state of each key as a request does, and fails unless the first n keys
// are revoked and the others are not.
func (h *harness) wantRevoked(s *Store, n int) {
	h.t.Helper()
	for i, key := range h.keys {
		a, ok, err := s.ReadKeyState(h.t.Context(), key.Hash())
		if err != nil || !ok || (a.Validity.RevokedAt != nil) != (i < n) {
			h.t.Fatalf("key %d: revoked at %v, want keys below %d revoked (found %v, %v)", i, a.Validity.RevokedAt, n, ok, err)
		}
	}
}

func (h *harness) count(table string) (n int) {
	h.t.Helper()
	if err := h.q.QueryRowContext(h.t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// checkedSize returns the size of the reserve. It fails if the file system has allocated less, or
// if others may read the file.
func (r *diskReserve) checkedSize(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat(r.path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the reserve has mode %v", info.Mode().Perm())
	}
	allocated := info.Sys().(*syscall.Stat_t).Blocks * 512
	if allocated < info.Size() {
		t.Errorf("%d bytes are allocated for a reserve of %d", allocated, info.Size())
	}
	return info.Size()
}

func TestRevocationSucceedsOnFullDisk(t *testing.T) {
	const keys, last = 60, 58 // the last two are revoked after a crash and a restart
	dir := testenv.SmallDisk(t)
	h := newHarness(t, Config{Dir: dir}, keys)
	var err error
	for range 20 {
		err = errors.Join(err, add(h.Store))
	}
	if size := h.diskReserve.checkedSize(t); err != nil || size != reserveSize {
		t.Fatalf("the reserve has %d bytes, want %d (%v)", size, reserveSize, err)
	}
	ballast := testenv.FillDisk(t, dir)
	// The WAL has some space left. Fill it too, with imports and then with writes as small as a revocation.
	transcriptions := h.count("transcriptions")
	for ; add(h.Store) == nil; transcriptions++ {
	}
	record := func(tx *Tx) error { return tx.Record(t.Context(), memo.AuditEvent{WorkspaceID: workspace}) }
	for h.Write(t.Context(), record) == nil {
	}
	events := h.count("audit_events")
	if err := add(h.Store); memo.KindOf(err) != memo.KindUnavailable {
		t.Fatalf("an import on a full disk: got %v, want unavailable", err)
	}
	if err := revoke(h.Store, 0, (*Store).Write); memo.KindOf(err) != memo.KindUnavailable {
		t.Fatalf("a revocation that may not use the reserve: got %v, want unavailable", err)
	}
	if h.diskReserve.checkedSize(t) != reserveSize {
		t.Error("a write that may not use the reserve has used it")
	}
	h.wantRevoked(h.Store, 0)
	for i := range last {
		if err := revoke(h.Store, i, urgently(EndAccess)); err != nil {
			t.Fatalf("revocation %d, with %d bytes in the reserve: %v", i, h.diskReserve.checkedSize(t), err)
		}
		for range 3 { // imports must not use the space that the revocation freed
			if err := add(h.Store); memo.KindOf(err) != memo.KindUnavailable {
				t.Fatalf("an import after revocation %d: got %v, want unavailable", i, err)
			}
		}
	}
	h.wantRevoked(h.Store, last)
	if n := h.count("transcriptions"); n != transcriptions {
		t.Errorf("%d transcriptions, want %d", n, transcriptions)
	}
	if n := h.count("audit_events"); n != events+last {
		t.Errorf("%d audit events, want %d", n, events+last)
	}
	size := h.diskReserve.checkedSize(t)
	t.Logf("%d revocations used %d kB of the reserve", last, (reserveSize-size)>>10)
	if size < reserveSize/2 {
		t.Errorf("%d bytes are left in the reserve, want at least half of it", size)
	}

	// A process revokes a key on the full disk and is killed right after.
	killed := exec.Command(os.Args[0], "-test.run=^TestRevokeAndCrash$")
	killed.Env = append(os.Environ(), "MEMO_TEST_CRASH_IN="+dir)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	testenv.FillDisk(t, dir)
	if out, err := killed.CombinedOutput(); killed.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%v: %s", err, out)
	}
	testenv.FillDisk(t, dir)
	reopened := mustOpen(t, Config{Dir: dir})
	h.wantRevoked(reopened, last+1)
	if err := revoke(reopened, last+1, urgently(EndAccess)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(reopened.Close(), os.Remove(ballast)); err != nil {
		t.Fatal(err)
	}
	reopened = mustOpen(t, Config{Dir: dir})
	if h.wantRevoked(reopened, keys); reopened.diskReserve.checkedSize(t) != reserveSize {
		t.Error("the reserve was not filled again")
	}
}

// TestRevokeAndCrash is the child process of TestRevocationSucceedsOnFullDisk.
func TestRevokeAndCrash(t *testing.T) {
	dir := os.Getenv("MEMO_TEST_CRASH_IN")
	if dir == "" {
		t.Skip("runs as a child process of another test")
	}
	s, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := revoke(s, 58, urgently(EndAccess)); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// TestServersShareDiskReserve: no server takes the space that another has freed for a
// revocation.
func TestServersShareDiskReserve(t *testing.T) {
	const keys, servers = 60, 3
	dir := testenv.SmallDisk(t)
	h := newHarness(t, Config{Dir: dir}, keys)
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
				if err := revoke(s, i, urgently(EndAccess)); err != nil {
					t.Errorf("revocation %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	h.wantRevoked(h.Store, keys)
	t.Logf("%d revocations used %d kB of the reserve", keys, (reserveSize-h.diskReserve.checkedSize(t))>>10)
}

// TestSignInUsesHalfOfDiskReserve: the other half is left for revocations.
func TestSignInUsesHalfOfDiskReserve(t *testing.T) {
	dir := testenv.SmallDisk(t)
	h := newHarness(t, Config{Dir: dir}, 2)
	testenv.FillDisk(t, dir)
	for add(h.Store) == nil {
	}
	if err := revoke(h.Store, 0, urgently(SignIn)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(h.diskReserve.path, reserveSize/2); err != nil {
		t.Fatal(err)
	}
	testenv.FillDisk(t, dir)
	for add(h.Store) == nil {
	}
	if err := revoke(h.Store, 1, urgently(SignIn)); !isDiskFull(err) {
		t.Errorf("a sign-in with half of the reserve left: got %v, want a full disk", err)
	}
	if err := revoke(h.Store, 1, urgently(EndAccess)); err != nil {
		t.Error(err)
	}
}

// TestStoreOpensOnFullDisk: SQLite needs some space next to the database even to read.
func TestStoreOpensOnFullDisk(t *testing.T) {
	dir := testenv.SmallDisk(t)
	h := newHarness(t, Config{Dir: dir}, 1)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	testenv.FillDisk(t, dir)
	s := mustOpen(t, Config{Dir: dir})
	h.wantRevoked(s, 0)
	if err := revoke(s, 0, urgently(EndAccess)); err != nil {
		t.Error(err)
	}
	h.wantRevoked(s, 1)
}

// TestRestoreNamesTheFullDirectory: the error says that the temporary directory has no
// space, and how to use another one.
func TestRestoreNamesTheFullDirectory(t *testing.T) {
	h := newHarness(t, Config{Dir: t.TempDir()}, 1)
	file := filepath.Join(t.TempDir(), "backup.db")
	if _, err := h.WriteBackup(t.Context(), file, 0, nil); err != nil {
		t.Fatal(err)
	}
	dir := testenv.SmallDisk(t)
	testenv.FillDisk(t, dir)
	t.Setenv("TMPDIR", dir)
	if b, err := OpenBackup(t.Context(), file, h.now); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("got %v, %v; want an error that names TMPDIR", b, err)
	}
}

// TestStoreFillsDiskReserveFirst: a server starts without a full reserve, and fills it
// before it accepts ordinary writes.
func TestStoreFillsDiskReserveFirst(t *testing.T) {
	dir := testenv.SmallDisk(t)
	h := newHarness(t, Config{Dir: dir}, 1)
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
	if size := s.diskReserve.checkedSize(t); size == 0 || size > 1<<20 {
		t.Errorf("the reserve has %d bytes, want at most the 1 MiB that was free", size)
	}
	leave(2 << 20)
	if err := add(s); !errors.Is(err, errDiskFull) || s.diskReserve.checkedSize(t) < 2<<20 {
		t.Errorf("an import with %d bytes in the reserve: got %v, want a full disk", s.diskReserve.checkedSize(t), err)
	}
	if err := revoke(s, 0, urgently(EndAccess)); err != nil {
		t.Error(err)
	}
	leave(20 << 20)
	if err := add(s); err != nil || s.diskReserve.checkedSize(t) != reserveSize {
		t.Errorf("an import with enough space, with %d bytes in the reserve: %v", s.diskReserve.checkedSize(t), err)
	}
}

// TestBackupHasNoDiskReserve: a backup is a single file.
func TestBackupHasNoDiskReserve(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir()})
	dir := t.TempDir()
	if _, err := s.WriteBackup(t.Context(), filepath.Join(dir, "backup"), 0, nil); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("got files %v, %v; want one", files, err)
	}
}

// TestWrittenReserveIsAllocated: writeRandom occupies disk space on a file system that cannot
// allocate it in another way.
func TestWrittenReserveIsAllocated(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "reserve"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(writeRandom(f, 0, 100_000), writeRandom(f, 100_000, 50_000), f.Chmod(0o600),
		f.Sync()); err != nil {
		t.Fatal(err)
	}
	if size := (&diskReserve{f.Name()}).checkedSize(t); size != 150_000 {
		t.Errorf("the reserve has %d bytes, want 150,000", size)
	}
}

// TestImportsStopBeforeDiskIsFull fills a disk of 48 MiB. The reserve takes 16 MiB, and imports
// must leave 6 MiB free.
func TestImportsStopBeforeDiskIsFull(t *testing.T) {
	dir := testenv.SmallDisk(t)
	s := mustOpen(t, Config{Dir: dir})
	if err := s.CheckImportSpace(); err != nil {
		t.Fatalf("an import was refused on an empty disk: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 27<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckImportSpace(); memo.KindOf(err) != memo.KindUnavailable {
		t.Errorf("an import on an almost full disk: got %v, want unavailable", err)
	}
	if free, _ := diskSpace(dir); free < 1<<20 {
		t.Errorf("only %d bytes were free: the test filled too much of the disk", free)
	}
	if err := s.Write(t.Context(), func(tx *Tx) error {
		_, err := tx.AddUser(t.Context(), memo.User{ID: user, Email: "olga@example.com", Name: "Olga", CreatedAt: tx.Now}, "")
		return err
	}); err != nil {
		t.Errorf("a write that is not an import was refused: %v", err)
	}
}
