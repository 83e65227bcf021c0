package e2e

import (
	"net/http"
	"testing"
)

// TestBrowserEveryPage opens pages that the other tests do not open, with and without
// content, so that checkPage runs on every page.
func TestBrowserEveryPage(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	const mark = "mark.of.a.long.and.winding.name@subsidiary.example.com"
	addUser(t, h.database, mark)
	s := start(t, h.database)
	p := s.person(t, "owner")
	p.signIn(h.owner)
	w := "/w/" + h.workspace
	pages := []string{
		"/account", w + "/transcriptions", w + "/import", w + "/keys", w + "/members", w + "/workspace",
		w + "/audit",
	}
	for _, path := range pages {
		p.open(path, 200)
	}
	cli[namedID](t, h.database, "member", "add", h.workspace, mark)
	for _, name := range []string{
		"n8n", "AVeryLongNameWithoutAnySpaceInItThatSomebodyPastedFromSomewhereElse",
		"Ключ для ночного отчёта",
	} {
		k := h.newKey(t, name)
		if accepted, err := s.accepts(k.Key, newHTTPClient()); err != nil || !accepted {
			t.Fatal(accepted, err)
		}
	}
	id := importText(t, h, "Quarterly planning, the long one — with everybody.txt",
		"[00:01] Alex: Hello.\n[00:05] Jordan: AWordThatIsSoLongThatItCannotStandInALineOfAPhoneAtAllNotEvenInLandscape.\n")
	for _, path := range append(pages, w+"/transcriptions/"+id, w+"/transcriptions/"+id+"/delete",
		w+"/transcriptions?q=hello",
		w+"/keys?show=unused&q=n8n&sort=name&span=14d", w+"/keys?show=inactive", w+"/keys/revoke") {
		p.open(path, 200)
	}
	exposed := h.newKey(t, "In an address")
	res, err := http.Get(s.url + "/api/v1/developer/projects?key=" + exposed.Key)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	p.open(w+"/keys/"+exposed.ID, 200)
	p.sees("Exposed in a URL", "This key was sent in a URL", "Rotate it")
	p.open(w+"/transcriptions/01a20000-0000-7000-8000-000000000000", 404)
}
