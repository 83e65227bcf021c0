package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
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
		"title": "Discovery call", "summary": "## In short\n\nThe **price** is agreed.",
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
	p.open("/w/"+h.workspace+"/transcriptions/"+id+"?q=price", 200)
	p.openReports()
	p.sees("In short", "Ask Ruth for the certificate", "<script>document.title", "of two lines")
	headings := evalJS[[]string](p,
		`[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(e => e.tagName + " " + e.innerText)`)
	if want := []string{
		"H1 Discovery call", "H2 Summary", "H3 In short", "H2 AI reports", "H3 Decisions", "H4 Tasks", "H2 Transcript",
		"H2 Edit transcription",
	}; !slices.Equal(headings, want) {
		t.Errorf("the headings are %q, want %q", headings, want)
	}
	for js, want := range map[string]int{
		`document.querySelectorAll("section[aria-labelledby=summary] mark").length`:          1,
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

// openReports opens all reports of a transcription and checks the page.
func (p *browserUser) openReports() {
	p.t.Helper()
	evalJS[int](p, `[...document.querySelectorAll(".codes details")].map(d => d.open = true).length`)
	p.checkPage()
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

// TestBrowserDemoReports opens the reports of some transcriptions of the demo.
func TestBrowserDemoReports(t *testing.T) {
	s := start(t, onSQLite(t), "--demo")
	var demo struct{ Key, Email, Password string }
	if err := json.Unmarshal([]byte(s.stdout.String()), &demo); err != nil {
		t.Fatal(err)
	}
	p := s.person(t, "demo")
	p.open("/signin", 200)
	p.fill("email", demo.Email, "password", demo.Password)
	p.press("Sign in", 200)
	list := evalJS[[]string](p, `[...document.querySelectorAll(".text h2 a")].map(a => a.getAttribute("href"))`)
	if len(list) < 10 {
		t.Fatalf("the demo has %d transcriptions", len(list))
	}
	for _, path := range list[:4] {
		p.open(path, 200)
		p.openReports()
		if n := evalJS[int](p, `document.querySelectorAll(".codes details > .md").length`); n == 0 {
			t.Errorf("%s has no report in Markdown", path)
		}
	}
}
