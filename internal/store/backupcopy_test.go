package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo"
)

// TestBackupHasNoTraceOfSessions: the copied file has no byte of a session, an app's token or an
// invitation, also not in unused pages.
func TestBackupHasNoTraceOfSessions(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 1)
		secret := bytes.Repeat([]byte("SecretHash"), 4)[:32]
		if err := h.Write(t.Context(), func(tx *Tx) error {
			return errors.Join(
				tx.exec(t.Context(), `INSERT INTO sessions (id, hash, user_id, created_at, expires_at, last_used_at, ip, agent)
					VALUES ('s', $1, $2, 1, 2, 1, '', '')`, secret, user),
				tx.exec(t.Context(), `INSERT INTO app_tokens (hash, key_id, kind, created_at, expires_at)
					VALUES ($1, $2, 'access', 1, 2)`, secret, keyID(0)))
		}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "backup.db")
		sum, err := h.WriteBackup(t.Context(), path, 0, nil)
		if err != nil || len(sum) != 32 {
			t.Fatalf("%x, %v", sum, err)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(file, secret) {
			t.Error("the backup has the hash of a token")
		}
		if !bytes.Contains(file, []byte(keyID(0))) {
			t.Error("the backup has no key")
		}
	})
}

// TestBackupOfBusyDatabaseEnds: a writer that never pauses cannot keep a backup from ending, and the
// backup has a state that the database had.
func TestBackupOfBusyDatabaseEnds(t *testing.T) {
	h := newHarness(t, Config{Dir: t.TempDir()}, 0)
	for range 100 { // some steps of pages
		if err := add(h.Store); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		for ctx.Err() == nil {
			if err := add(h.Store); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	path := filepath.Join(t.TempDir(), "backup.db")
	_, err := h.WriteBackup(t.Context(), path, 100<<20, nil)
	stop()
	writer.Wait()
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenBackup(t.Context(), path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var n, want int64
	if err := b.store.write.QueryRow(`SELECT count(*) FROM transcriptions`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if err := b.store.write.QueryRow(`SELECT n FROM transcription_counts WHERE day = $1`, int64(allDays)).
		Scan(&want); err != nil || n < 100 || n != want {
		t.Errorf("the backup has %d transcriptions and counts %d (%v)", n, want, err)
	}
}

// TestCancelledBackupLeavesNoFile: Ctrl-C during a backup.
func TestCancelledBackupLeavesNoFile(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 0)
		for range 50 {
			if err := add(h.Store); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		dir := t.TempDir()
		_, err := h.WriteBackup(ctx, filepath.Join(dir, "backup.db"), 1<<20, func(int64, int64) { cancel() })
		if !errors.Is(err, context.Canceled) && memo.KindOf(err) != memo.KindUnavailable {
			t.Errorf("got %v", err)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
			t.Errorf("%v are left, %v", files, err)
		}
	})
}
