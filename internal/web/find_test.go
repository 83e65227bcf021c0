package web

import (
	"net/url"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// TestFindMeetings checks what the palette gets, and for whom.
func TestFindMeetings(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mark, find := w.browser(w.Mark), "/w/"+w.Acme.ID+"/find"
		for i := range 8 {
			w.importAs(mark, "Palette "+string(rune('a'+i))+".txt", "Ann: hello "+string(rune('a'+i)))
		}
		p := mark.get(find+"?q=palette").want(200, `{"title":"Palette h","href":"`+w.texts("/"))
		if n := strings.Count(p.body, `"href"`); n != maxFound {
			t.Errorf("got %d meetings, want %d:\n%s", n, maxFound, p.body)
		}
		if got := p.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("the type is %q", got)
		}
		for _, q := range []string{"", " ", "nothing-like-it", strings.Repeat("x", search.MaxQuery+1)} {
			if p := mark.get(find + "?q=" + url.QueryEscape(q)).want(200); p.body != "[]" {
				t.Errorf("%.20q: got %s", q, p.body)
			}
		}
		w.browser(w.Eve).get(find + "?q=palette").want(404).without("Palette h")
		w.browser(memo.User{}).get(find + "?q=palette").without("Palette h")
	})
}

// TestUndoMove checks the form that takes a move back.
func TestUndoMove(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mark := w.browser(w.Mark)
		path := w.texts("/" + w.importAs(mark, "mine.txt", "Ann: hello there"))
		const form = `<input type="hidden" name="project" value="%s"><button>Undo</button>`
		undoTo := func(project string) string { return strings.ReplaceAll(form, "%s", project) }
		first := mark.post(path+"/project", "project", "One <1>").want(200, "Project updated.", undoTo(""))
		second := mark.post(path+"/project", "project", "Two").want(200, undoTo("One &lt;1&gt;"))
		mark.post(path+"/project", "project", "One <1>").want(200, undoTo("Two"))
		// Only ids of projects of this workspace count, and only of those who may move it.
		mark.get(path + "?done=moved&from=nothing").want(200).without("Undo")
		mark.get(path + "?done=saved&from=none").want(200).without("Undo")
		mark.get(path).want(200).without("Undo")
		_, query, _ := strings.Cut(second.path, "?")
		mark.get(w.texts("/"+w.Transcriptions[3]) + "?" + query).want(200).without("Undo")
		if !strings.HasSuffix(first.path, "&from=none") {
			t.Errorf("the first move leads to %s", first.path)
		}
	})
}
