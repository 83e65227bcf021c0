package rest_test

import (
	"encoding/base64"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/store"
)

type changesResult struct {
	Changes []struct {
		Type      string
		ID        string
		DeletedAt string `json:"deleted_at"`
		Item      *struct {
			ID, Title string
			UpdatedAt string `json:"updated_at"`
		}
	}
	NextCursor string `json:"next_cursor"`
	HasMore    bool   `json:"has_more"`
}

func (w *world) changes(query string) (out changesResult) {
	w.T.Helper()
	w.get("/transcriptions/changes?"+query, w.OlgaKey.Key).Want(200).Decode(&out)
	return out
}

// TestScriptFollowsChanges follows the changes as a nightly script does.
func TestScriptFollowsChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		all, after := 0, ""
		for {
			p := w.changes("limit=2&after=" + after)
			if len(p.Changes) > 2 || p.HasMore && len(p.Changes) < 2 || p.NextCursor == "" {
				t.Fatalf("a page of 2: %+v", p)
			}
			all, after = all+len(p.Changes), p.NextCursor
			if !p.HasMore {
				break
			}
		}
		if all < 4 {
			t.Fatalf("%d changes of the transcriptions in the workspace", all)
		}
		none := w.changes("after=" + after)
		if len(none.Changes) != 0 || none.NextCursor != after || none.HasMore {
			t.Errorf("without changes: %+v", none)
		}

		id := w.Transcriptions[1]
		owner := memo.Caller{WorkspaceID: w.Acme.ID, Operator: true}
		_, err := w.App.ChangeDetails(t.Context(), owner, id, app.Details{Title: new("Another title")})
		w.Must(err)
		p := w.changes("after=" + after)
		if len(p.Changes) != 1 || p.Changes[0].Type != "upsert" || p.Changes[0].Item.Title != "Another title" {
			t.Fatalf("after a new title: %+v", p)
		}
		updated := p.Changes[0].Item.UpdatedAt
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", updated); err != nil || len(updated) != 24 {
			t.Errorf("updated_at is %q", updated)
		}
		if l := w.list("sort=-updated_at&limit=1"); len(l.Items) != 1 || l.Items[0].ID != id {
			t.Errorf("the last changed transcription is %+v", l.Items)
		}
		before := strings.Replace(updated, ".", ".", 1)
		if l := w.list("updated_after=" + before); l.Total != 0 {
			t.Errorf("%d transcriptions were updated after the last change", l.Total)
		}
		w.Must(w.App.DeleteTranscription(t.Context(), owner, id))
		p = w.changes("after=" + p.NextCursor)
		if c := p.Changes; len(c) != 1 || c[0].Type != "delete" || c[0].ID != id || len(c[0].DeletedAt) != 24 {
			t.Errorf("after a deletion: %+v", p)
		}
	})
}

func TestUpdatedAfterFindsWhatChanged(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		total := w.list("").Total
		for after, want := range map[string]int{
			time.Now().Add(-time.Hour).UTC().Format(time.RFC3339): total,
			time.Now().Add(-time.Hour).Format(time.RFC3339Nano):   total,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339):  0,
			"2020-01-01": total,
			"":           total,
		} {
			for _, sort := range []string{"", "&sort=updated_at", "&sort=-duration", "&language=ja", "&q=pricing"} {
				base := w.list("" + sort).Total
				l := w.list("updated_after=" + url.QueryEscape(after) + sort)
				if got := l.Total; got != min(want, base) || len(l.Items) != got {
					t.Errorf("updated_after=%s%s: %d of %d, want %d", after, sort, len(l.Items), got, min(want, base))
				}
			}
		}
		w.get("/transcriptions?updated_after=yesterday", w.OlgaKey.Key).Want(422, "updated_after", "2026-05-20T08:00:00Z")
	})
}

func TestChangesRefuseOtherCursors(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		cursor := w.changes("").NextCursor
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		w.Must(err)
		list := w.list("limit=1").NextCursor
		for name, bad := range map[string]string{
			"of a list":  *list,
			"tampered":   base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), "|", "|1", 2))),
			"cut":        cursor[:len(cursor)-3],
			"no cursor":  "yesterday",
			"not base64": "!!",
		} {
			t.Run(name, func(t *testing.T) {
				w.in(t).get("/transcriptions/changes?after="+bad, w.OlgaKey.Key).Want(422, `"after"`, "next_cursor")
			})
		}
		w.get("/transcriptions/changes?after="+cursor, w.EveKey.Key).Want(422, "of this workspace")
		w.get("/transcriptions/changes?after=", w.OlgaKey.Key).Want(200)

		backup := filepath.Join(t.TempDir(), "backup.db")
		_, err = w.Store.WriteBackup(t.Context(), backup, 0, nil)
		w.Must(err)
		file, err := store.OpenBackup(t.Context(), backup, time.Now)
		w.Must(err)
		defer file.Close()
		_, err = w.Store.Restore(t.Context(), file, false, nil)
		w.Must(err)
		w.get("/transcriptions/changes?after="+cursor, w.OlgaKey.Key).Want(410, "changes_restarted", "without after")
		w.get("/transcriptions/changes", w.OlgaKey.Key).Want(200)
	})
}
