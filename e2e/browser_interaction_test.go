package e2e

import (
	"net/http"
	"testing"
)

// TestBrowserLiveKeys: the list of keys shows the use of a key without a reload, and stops asking
// once the visitor is signed out.
func TestBrowserLiveKeys(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	k := h.newKey(t, "Live")
	p := s.person(t, "owner")
	p.signIn(h.owner)
	p.open("/w/"+h.workspace+"/keys", 200)
	p.sees("not used yet")
	evalJS[bool](p, `window.sameDocument = true`)
	evalJS[bool](p, `document.querySelector("#keys a").focus(), true`)
	if ok, err := s.accepts(k.Key, http.DefaultClient); !ok {
		t.Fatalf("the key is refused: %v", err)
	}
	p.until(`document.getElementById("keys").innerText.includes("used just now")`)
	if !evalJS[bool](p, `window.sameDocument && document.activeElement.closest("#keys") !== null`) {
		t.Error("the page was loaded again, or lost the focus")
	}
	p.checkPage()
}
