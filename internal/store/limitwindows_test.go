package store // reads a backup as a database

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSavedWindowsAreTakenOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		now := time.Date(2026, 5, 20, 9, 0, 0, 123_000_000, time.UTC)
		cfg.Now = func() time.Time { return now }
		s := mustOpen(t, cfg)
		save := func(windows ...Window) {
			t.Helper()
			if err := s.SaveWindows(t.Context(), windows, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		take := func() []Window {
			t.Helper()
			windows, err := s.TakeWindows(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return windows
		}
		if w := take(); len(w) != 0 {
			t.Errorf("a new database has windows: %v", w)
		}
		one := Window{"data", []byte("a"), []time.Time{now.Add(-time.Second), now}}
		save(one)
		save(one) // as another server does
		if w := take(); cmp.Diff(w, []Window{one, one}) != "" {
			t.Errorf("got %v, want both windows", w)
		}
		if w := take(); len(w) != 0 {
			t.Errorf("windows were returned twice: %v", w)
		}
		save(one)
		if w, err := backUp(t, s).store.TakeWindows(t.Context()); err != nil || len(w) != 0 {
			t.Errorf("a backup has windows: %v (%v)", w, err)
		}
		now = now.Add(2 * time.Minute)
		save()
		if w := take(); len(w) != 0 {
			t.Errorf("windows that no longer count were returned: %v", w)
		}
	})
}
