package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// report is Markdown with everything that is rendered, and with what must not be.
const report = `# Decisions

The **price** is *nine* euros, ~~ten~~, see [the offer](https://example.com/offer "t") and www.example.com.

### Tasks

- [ ] Ask Ruth for the certificate
- [x] Send the offer
  1. to Jordan
  2. to procurement@example.com

> We need it in writing.
> > All of it.

| Option | Price per sensor | Who said so, and when it was, in a few more words than a phone has space for | Open? |
|:--|--:|:-:|---|
| One year | 9.00 | Jordan<br>Ruth | no |
| Two years | 7.90 | Alex | **yes** |
| ` + "AnotherWordWithoutAnySpaceInItThatSomebodyPastedFromSomewhereElse" + ` |

` + "```sh\ncurl --silent --show-error https://memo.example.com/api/v1/developer/transcriptions?limit=2 |\n" +
	"  jq .items\n```" + `

---

AWordThatIsSoLongThatItCannotStandInALineOfAPhoneAtAllNotEvenInLandscapeAndThereforeHasToBeBroken ` +
	"`AndCodeWithoutAnySpaceInItThatSomebodyPastedFromSomewhereElseWhichIsAlsoMuchTooLong`" + `

<script>document.title = "hacked"</script> <img src="https://example.com/pixel.png" onerror="document.title = 'hacked'">
![a picture](https://example.com/picture.png) [a](javascript:document.title='hacked') <style>main{display:none}</style>

`

func TestBrowserReports(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	doc, err := json.Marshal(map[string]any{
		"status": "completed", "duration_seconds": 1, "speakers": []any{}, "topics": []any{}, "media_type": "audio",
		"created_at": "2026-05-20T09:14:00Z",
		"title":      "Discovery call", "summary": "## In short\n\nThe **price** is agreed.",
		"segments": []map[string]any{{"start": 0, "end": 1, "speaker": "Ruth", "text": "The price is fine."}},
		"prompt_results": []map[string]any{
			{"name": "Decisions", "slug": "a", "status": "completed", "text": report},
			{"name": "Deep", "slug": "b", "status": "completed", "text": deepReport()},
			{"name": "Notes", "slug": "c", "status": "completed", "text": "Plain notes:\n    of two lines"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := importText(t, h, "call.json", string(doc))
	p := s.person(t, "owner")
	p.signIn(h.owner)
	path := "/w/" + h.workspace + "/transcriptions/" + id
	p.open(path+"?tab=summary&find=price", 200)
	p.sees("In short", "1 of 1")
	if n := evalJS[int](p, `document.querySelectorAll("section[aria-labelledby=part] mark").length`); n != 1 {
		t.Errorf("the summary has %d marks, want 1", n)
	}
	p.open(path, 200)
	p.press("Notes", 200)
	p.sees("of two lines")
	p.press("Deep", 200)
	p.press("Decisions", 200)
	p.sees("Ask Ruth for the certificate", "<script>document.title")
	headings := evalJS[[]string](p,
		`[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(e => e.tagName + " " + e.textContent)`)
	if want := []string{
		"H1 Discovery call", "H2 Decisions", "H3 Decisions", "H4 Tasks", "H2 Speakers", "H2 Details", "H2 Transcript",
	}; !slices.Equal(headings, want) {
		t.Errorf("the headings are %q, want %q", headings, want)
	}
	for js, want := range map[string]int{
		`document.querySelectorAll(".md :is(img, script, style, [style], [target])").length`: 0,
		`document.querySelectorAll(".md input:checked:disabled").length`:                     1,
		`document.querySelectorAll(".md a").length`:                                          4,
		`document.querySelectorAll('.md a:not([rel="noopener nofollow"])').length`:           0,
	} {
		if got := evalJS[int](p, js); got != want {
			t.Errorf("%s is %d, want %d", js, got, want)
		}
	}
	if files := evalJS[[]string](p, `performance.getEntriesByType("resource").map(e => e.name)
	  .filter(u => !u.startsWith(location.origin))`); len(files) > 0 {
		t.Errorf("the page loads %q", files)
	}
	// On a phone, code and tables scroll instead of the page, which checkPage checks.
	p.size(360, 800)
	for _, what := range []string{".md pre", ".md .wide"} {
		if !evalJS[bool](p, fmt.Sprintf(`(e => { e.scrollLeft = 9; return e.scrollLeft === 9 })(document.querySelector(%q))`,
			what)) {
			t.Errorf("%s does not scroll", what)
		}
	}
}

// deepReport returns lists and quotes that are nested as deeply as is rendered.
func deepReport() string {
	var b strings.Builder
	for i := range 8 {
		fmt.Fprintf(&b, "%s- level %d\n", strings.Repeat("  ", i), i)
	}
	return b.String() + "\n" + strings.Repeat("> ", 17) + "a quote\n\n" + strings.Repeat("> ", 17) + "```\n" +
		strings.Repeat("> ", 17) + "some code\n"
}

// TestBrowserFind goes through the found lines of a meeting, with the script.
func TestBrowserFind(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	var text strings.Builder
	for i := range 400 {
		fmt.Fprintf(&text, "[%02d:%02d] Ann: This is line %d.\n", i/60, i%60, i+1)
		if i%100 == 50 {
			text.WriteString("Bob: The price is right.\n")
		}
	}
	id := importText(t, h, "long.txt", text.String())
	p := s.person(t, "owner")
	p.signIn(h.owner)
	p.open("/w/"+h.workspace+"/transcriptions/"+id, 200)
	shown := func(want string) {
		t.Helper()
		got := evalJS[string](p, `(() => {
			const r = document.querySelector(".lines .current").getBoundingClientRect()
			const bar = document.querySelector(".finder").getBoundingClientRect().bottom
			return document.querySelector(".finder [role=status]").textContent + (r.top >= bar && r.bottom <= innerHeight)
		})()`)
		if got != want+"true" {
			t.Errorf("the bar and whether the line is in the window are %q, want %s", got, want)
		}
	}
	p.clicks = 0
	runStep(p, "find", chromedp.SendKeys(chromedp.CSS("#find"), "price"))
	p.load("Enter", 200, chromedp.SendKeys(chromedp.CSS("#find"), kb.Enter))
	shown("1 of 4")
	p.took("find a sentence", 0)
	p.tick(`//a[@aria-label="Next match"]`)
	shown("2 of 4")
	runStep(p, "Enter", chromedp.SendKeys(chromedp.CSS("#find"), kb.Enter))
	shown("3 of 4")
	p.tick(`//a[@aria-label="Previous match"]`)
	shown("2 of 4")
	if query := evalJS[string](p, `location.search`); query != "?find=price&hit=2" {
		t.Errorf("the query is %q", query)
	}
	// A new search begins at the lines in the window.
	evalJS[string](p, `document.getElementById("find").value = ""`)
	runStep(p, "find", chromedp.SendKeys(chromedp.CSS("#find"), "right"))
	p.load("Enter", 200, chromedp.SendKeys(chromedp.CSS("#find"), kb.Enter))
	shown("2 of 4")
}

// TestBrowserSpeaker renames a speaker from the menu of a meeting, takes that back, and opens the other
// meetings of the speaker.
func TestBrowserSpeaker(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	id := importText(t, h, "Plan.txt", "Ann: The plan is made.\nBob: It is late.\n")
	importText(t, h, "Budget.txt", "Bob: The budget is frozen.\n")
	s := start(t, h.database)
	p := s.person(t, "owner")
	p.signIn(h.owner)
	path := "/w/" + h.workspace + "/transcriptions/" + id
	p.open(path, 200)
	p.tick(`//button[@popovertarget="more"]`)
	p.tick(`//div[@id="more"]//a[normalize-space()="Edit details"]`)
	runStep(p, "name", chromedp.SendKeys(chromedp.CSS(`form[action$="/speaker"] [name=name]`), "Anna"))
	p.press("Rename speaker", 200)
	p.sees("Speaker renamed.", "Anna")
	p.click(`//div[contains(@class, "toast")]//button[normalize-space()="Undo"]`, 200)
	p.sees("Speaker renamed.")
	names := evalJS[[]string](p, `[...document.querySelectorAll(".lines b bdi")].map(e => e.textContent)`)
	if !slices.Equal(names, []string{"Ann", "Bob"}) {
		t.Errorf("the speakers are %q", names)
	}
	p.click(`//ul[@class="talk"]//a[normalize-space()="Bob"]`, 200)
	p.sees("2 transcriptions", "Plan", "Budget")
	p.open(path, 200)
	p.click(`//ul[@class="talk"]//a[normalize-space()="Ann"]`, 200)
	p.sees("1 transcription", "Plan")
}
