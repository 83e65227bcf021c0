package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// TestKeyPagesListEveryKeyOnce, newest first and with an exact total, for each status, to
// an OWNER and to a member.
func TestKeyPagesListEveryKeyOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		want := map[memo.KeyStatus][]string{}
		add := func(u memo.User, status memo.KeyStatus, name string) {
			t.Helper()
			for _, s := range []memo.KeyStatus{"", status} {
				want[s] = append([]string{name}, want[s]...)
			}
			if u.ID != w.owner.ID {
				for _, s := range []memo.KeyStatus{"own", "own " + status} {
					want[s] = append([]string{name}, want[s]...)
				}
			}
		}
		soon := w.clock.read().Add(time.Hour)
		swept := w.clock.read().Add(time.Minute)
		for i := range 24 {
			// Two keys at a time are created at the same moment, so that their ids decide.
			w.clock.add(time.Duration(i%2) * time.Millisecond)
			u := []memo.User{w.owner, w.member}[i/2%2]
			name, in := fmt.Sprint("k", i), app.KeyRequest{}
			status := []memo.KeyStatus{memo.KeyActive, memo.KeyRevoked, memo.KeyExpired, memo.KeyExpired}[i%4]
			if in.Name = name; i%4 == 2 {
				in.ExpiresAt = &soon
			} else if i%4 == 3 {
				in.ExpiresAt = &swept
			}
			k, err := w.CreateKey(w.ctx, w.as(u), in)
			must(t, k, err)
			if status == memo.KeyRevoked {
				must(t, 0, w.RevokeKey(w.ctx, w.as(u), k.ID))
			}
			add(u, status, name)
		}
		w.clock.add(time.Minute)
		app.RunPass(w.ctx, w.App) // so that the end of some keys is recorded and of others is not
		w.clock.add(time.Hour)
		for _, status := range append([]memo.KeyStatus{""}, memo.KeyStatuses...) {
			for prefix, u := range map[memo.KeyStatus]memo.User{"": w.owner, "own": w.member} {
				of := prefix + status
				if prefix != "" && status != "" {
					of = prefix + " " + status
				}
				for _, limit := range []int{1, 5, 100} {
					var got []string
					in := app.KeyQuery{Status: status, Limit: limit}
					for {
						p, err := w.ListKeys(w.ctx, w.as(u), in)
						must(t, p, err)
						if p.Total != len(want[of]) || len(p.Items) > limit {
							t.Errorf("%q: total %d and %d items, want a total of %d and at most %d items", of, p.Total,
								len(p.Items), len(want[of]), limit)
						}
						for _, k := range p.Items {
							got = append(got, k.Name)
							if status != "" && k.Status != status {
								t.Errorf("%q lists a key that is %s", of, k.Status)
							}
						}
						if in.Cursor = p.NextCursor; in.Cursor == "" {
							break
						}
					}
					if strings.Join(got, " ") != strings.Join(want[of], " ") {
						t.Errorf("%q in pages of %d: got %v, want %v", of, limit, got, want[of])
					}
				}
			}
		}
		for _, bad := range []string{"x", nextCursorOf(t, w)} {
			_, err := w.ListKeys(w.ctx, w.as(w.owner), app.KeyQuery{Cursor: bad})
			wantKind(t, "a cursor that is not from a list of keys", err, memo.KindInvalid)
		}
	})
}

// nextCursorOf returns a cursor of a list of transcriptions.
func nextCursorOf(t *testing.T, w *world) string {
	t.Helper()
	for _, text := range []string{"Ann: one", "Ann: two"} {
		must(t, 0, errOf(w.Import(w.ctx, w.as(w.owner), app.ImportFile{Name: text + ".txt", Data: []byte(text)})))
	}
	p, err := w.Transcriptions(w.ctx, w.as(w.owner),
		app.ListQuery{Status: memo.StatusCompleted, Sort: "-created_at", Limit: 1})
	must(t, p, err)
	if p.NextCursor == "" {
		t.Fatal("the list has only one page")
	}
	return p.NextCursor
}
