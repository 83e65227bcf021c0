package e2e

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
)

// verify checks on the new server the keys of the last rounds and a sample of all
// others.
func (w *crashTest) verify(s *server, round int) {
	t := w.t
	t.Helper()
	for _, k := range w.keys {
		if k.expected != mayBeRevoked && round-k.round > 1 && rand.IntN(max(1, len(w.keys)/20)) > 0 {
			continue
		}
		active, err := s.accepts(k.key, w.http)
		switch {
		case err != nil:
			t.Errorf("round %d: %v", round, err)
		case k.expected == mayBeRevoked && active:
			k.expected = mustBeActive
		case k.expected == mayBeRevoked:
			k.expected, k.round = mustBeRevoked, round
		case k.expected == mustBeActive && !active:
			t.Errorf("round %d: key %s was created but is not accepted", round, k.id)
		case k.expected == mustBeRevoked && active:
			t.Errorf("round %d: key %s was revoked but is accepted", round, k.id)
		}
	}
	a, err := w.rest(s, "GET", "/api/v1/sessions", nil)
	if err != nil || a.status != http.StatusOK {
		t.Errorf("round %d: the session is lost: %d %s %v", round, a.status, a.body, err)
	}
}

// verifyImports finishes the imports that were killed, and checks that each file
// is in the workspace once.
func (w *crashTest) verifyImports(s *server) {
	t := w.t
	t.Helper()
	var rest []string
	for _, batch := range w.batches {
		rest = append(rest, batch...)
	}
	if len(rest) > 0 {
		r := run(w.home.database, "", append([]string{"import", "--workspace", w.home.workspace}, rest...)...)
		if r.code != 0 {
			t.Fatalf("import after the kills: %s", r.stderr)
		}
		w.noteImported(r.stdout)
	}
	c := s.client(w.home.newKey(t, "reader").Key)
	list := decode[struct{ Total int }](t, c.must(t, http.StatusOK, "GET", api+"/transcriptions?limit=1", nil))
	if list.Total != len(w.ids) || list.Total != w.written {
		t.Errorf("there are %d transcriptions of %d files, %d of them acknowledged", list.Total, w.written, len(w.ids))
	}
	for path, id := range w.ids {
		a, err := c.call("GET", api+"/transcriptions/"+id, nil)
		if err != nil || a.status != http.StatusOK {
			t.Errorf("%s was imported as %s but is missing: %d %v", path, id, a.status, err)
		}
	}
}

func (w *crashTest) noteImported(out string) {
	var report imported
	if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Refused) > 0 {
		w.t.Errorf("import: %v %s", err, out)
	}
	for _, f := range append(report.Imported, report.Unchanged...) {
		w.acknowledged++
		w.ids[f.Path] = f.ID
	}
}
