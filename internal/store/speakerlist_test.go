package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/zipstream"
)

// addSpoken adds a transcription with a line of each of the speakers.
func (h *harness) addSpoken(status memo.Status, speakers ...string) (id string) {
	h.t.Helper()
	doc := &memo.Transcription{ListItem: memo.ListItem{Title: "Spoken", Status: status, CreatedAt: h.Now()}}
	for _, name := range speakers {
		doc.Speakers = append(doc.Speakers, memo.Speaker{Name: name})
		doc.Segments = append(doc.Segments, memo.Segment{Speaker: memo.Optional(name), Text: "Hello."})
	}
	p, err := h.Prepare(NewTranscription{
		Doc: doc, WorkspaceID: workspace, Markdown: zipstream.Deflated{Data: []byte{3, 0}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.add(p)
	return p.ID()
}

// wantSpoken compares the transcriptions of each speaker, and the frequent speakers.
func (h *harness) wantSpoken(when string, want map[string]int, frequent ...string) {
	h.t.Helper()
	for name, n := range want {
		f := Filter{WorkspaceID: workspace, Status: memo.StatusCompleted, Speaker: name}
		items, err := h.List(h.t.Context(), f, Order{}, Range{Limit: 10})
		total, bad := h.Count(h.t.Context(), f)
		if err != nil || bad != nil || len(items) != n || total != (Total{N: n}) {
			h.t.Errorf("%s: %q lists %d and counts %+v, want %d (%v, %v)", when, name, len(items), total, n, err, bad)
		}
	}
	if got, err := h.FrequentSpeakers(h.t.Context(), workspace, 3); err != nil || !slices.Equal(got, frequent) {
		h.t.Errorf("%s: the frequent speakers are %q, want %q (%v)", when, got, frequent, err)
	}
}

// listAll lists the speakers of all that is queued.
func (h *harness) listAll() {
	h.t.Helper()
	for _, step := range []func() (bool, error){
		func() (bool, error) { return h.Recount(h.t.Context()) },
		func() (bool, error) { return h.ListSpeakers(h.t.Context()) },
	} {
		for more := true; more; {
			var err error
			if more, err = step(); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

// TestSpeakersFollowTheContent: the table of speakers follows imports, new names, deletions, a
// restore, and what a replica of the previous version does.
func TestSpeakersFollowTheContent(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h, ctx := newHarness(t, cfg, 0), t.Context()
		long := strings.Repeat("ﷺ", maxSpeaker) + "x" // as long as possible when it is folded
		first := h.addSpoken(memo.StatusCompleted, "Zoë", "Ann", "ann", "  ")
		h.addSpoken(memo.StatusCompleted, "Zoe ", "Bob", long)
		h.addSpoken(memo.StatusFailed, "Zoë")
		h.wantSpoken("after imports", map[string]int{
			"Zoë": 2, "zoe": 2, " ZOE": 2, "Ann": 1, "Bob": 1, "Anna": 0, long: 1, listedSpeaker(long): 1, "%": 0,
		}, "Zoe", "Ann", "Bob")

		n, err := h.PrepareSpeaker(ctx, workspace, first, "Zoë", "Bob",
			func([]memo.Segment) (zipstream.Deflated, error) { return zipstream.Deflated{Data: []byte{3, 0}}, nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Write(ctx, func(tx *Tx) error {
			e, err := tx.LockTranscription(ctx, workspace, first)
			if err != nil {
				return err
			}
			return tx.UpdateSpeaker(ctx, e, n)
		}); err != nil {
			t.Fatal(err)
		}
		renamed := map[string]int{"Zoe": 1, "Ann": 1, "Bob": 2}
		h.wantSpoken("after a speaker was renamed", renamed, "Bob", "Ann", "Zoe")

		b := backUp(t, h.Store)
		if _, err := h.Restore(ctx, b, false, nil); err != nil {
			t.Fatal(err)
		}
		h.listAll()
		h.wantSpoken("after a restore", renamed, "Bob", "Ann", "Zoe")
		if more, err := h.ListSpeakers(ctx); more || err != nil {
			t.Errorf("there is more to list: %v, %v", more, err)
		}

		// A replica of the previous version adds a transcription, and deletes one without its speakers.
		index := `transcription_search WHERE seq`
		if h.dialect == dialectSQLite {
			index = `search_index WHERE rowid`
		}
		added := h.addSpoken(memo.StatusCompleted, "Carl")
		mustExec(t, h.Store, `DELETE FROM transcription_speakers WHERE id = '`+added+`'`,
			`DELETE FROM `+index+` > 0`, `DELETE FROM transcripts WHERE seq IN
				(SELECT seq FROM transcriptions WHERE id = '`+first+`')`,
			`DELETE FROM transcriptions WHERE id = '`+first+`'`,
			`UPDATE workspaces SET content_version = content_version + 1`)
		h.listAll()
		h.wantSpoken("after changes by an old replica", map[string]int{"Zoe": 1, "Ann": 0, "Bob": 1, "Carl": 1},
			"Bob", "Carl", "Zoe")
		h.delete(added)
		h.wantSpoken("after a deletion", map[string]int{"Carl": 0}, "Bob", "Zoe", listedSpeaker(long))
	})
}

// TestMigratedSpeakersAreListed: speakers of a database of the previous version are listed by the
// background work, some transcriptions at a time.
func TestMigratedSpeakersAreListed(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		old := upTo(t, cfg, 14)
		mustExec(t, old, `INSERT INTO workspaces (id, name, plan, content_version, created_at)
			VALUES ('`+workspace+`', 'Acme', 'pro', 7, 1)`)
		for i := range pendingSpeakers + 1 {
			mustExec(t, old, fmt.Sprintf(`INSERT INTO transcriptions (id, workspace_id, status, duration_ms, created_at,
				char_count, item) VALUES ('%d', '%s', 'completed', 0, %[1]d, 0, '{"speakers":[{"name":"Zoë"}]}')`, i, workspace))
		}
		h := &harness{Store: mustOpen(t, cfg), t: t}
		mustExec(t, h.Store, `DELETE FROM transcriptions WHERE id = '0'`) // it stays in the queue
		f := Filter{WorkspaceID: workspace, Status: memo.StatusCompleted, Speaker: "zoe"}
		for _, want := range []int{0, pendingSpeakers - 1, pendingSpeakers} {
			if total, err := h.Count(t.Context(), f); err != nil || total.N != want {
				t.Errorf("the total is %+v, want %d (%v)", total, want, err)
			}
			if more, err := h.ListSpeakers(t.Context()); err != nil || more != (want < pendingSpeakers) {
				t.Errorf("more: %v (%v)", more, err)
			}
		}
	})
}

// TestFrequentSpeakersAreBounded: the query does not scan a table that grows.
func TestFrequentSpeakersAreBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := mustOpen(t, cfg)
		if s.dialect == dialectPostgres { // as in TestListsUseTheirIndex
			mustExec(t, s, `SET enable_seqscan = off; SET enable_bitmapscan = off`)
			s.write.SetMaxOpenConns(1)
		}
		plan := planWithout(t, s, frequentSpeakers, []any{"w", 5, 9}, "SCAN transcription", "SCAN s", "Seq Scan")
		if !strings.Contains(plan, "transcriptions_created") {
			t.Errorf("the plan reads other transcriptions than the newest:\n%s", plan)
		}
	})
}

// TestSpeakerCountIsBounded: counting stops at maxCount.
func TestSpeakerCountIsBounded(t *testing.T) {
	for name, cfg := range map[string]Config{"sqlite": {Dir: t.TempDir()}, "postgres": {URL: testenv.Postgres(t)}} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t, cfg, 4*maxCount+4)
			f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Speaker: "Zoë"}
			if total, err := a.Count(t.Context(), f); err != nil || total != (Total{N: maxCount, More: true}) {
				t.Errorf("the total is %+v (%v)", total, err)
			}
		})
	}
}
