package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestBrowserList uses the list: a row opens anywhere, the way back leads to the search, a filter applies
// when it is chosen, and times are those of the viewer.
func TestBrowserList(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	id := importText(t, h, "2026-05-31 Budget.txt", "[00:01] Ana: The budget is frozen.\n[10:00] لیلا: Until June.\n")
	importText(t, h, "2026-05-30 予算会議.txt", "[00:01] 山田: The budget is open.\n")
	s := start(t, h.database)
	p := s.person(t, "member")
	runStep(p, "time zone", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{
			TimezoneID: "Pacific/Honolulu",
		})
		return err
	}))
	p.signIn(h.owner)
	list := "/w/" + h.workspace + "/transcriptions"
	p.open(list, 200)
	p.sees("2 transcriptions", "May 2026", "Any project")
	// The file is of midnight UTC, which is the day before in Honolulu.
	times := evalJS[[]string](p, `[...document.querySelectorAll(".text time")].flatMap(t => [t.textContent, t.title])`)
	if got := strings.Join(times[:2], " | "); got != "May 30 | Sat, May 30, 2026, 14:00:00 HST" {
		t.Errorf("the time is %q", got)
	}

	p.tick(`//button[@id="language"]`)
	p.checkPage()
	p.tick(`//button[@id="language"]`)
	p.tick(`//button[@id="when"]`)
	p.click(`//button[normalize-space()="Last month"]`, 200)
	p.sees("No results", "Last month")
	p.press("Clear", 200)
	p.fill("q", "budget")
	p.press("Search", 200)
	p.tick(`//button[@id="sort"]`)
	p.click(`//button[normalize-space()="Oldest first"]`, 200)
	found := p.path()
	p.load("row", 200, chromedp.Click(chromedp.CSS(`[id="`+id+`"] .facets time`)))
	p.press("Transcriptions", 200)
	p.at(found)
	if got := evalJS[string](p, `location.hash`); got != "#"+id {
		t.Errorf("the way back leads to %q", got)
	}

	bar := func() bool {
		return evalJS[bool](p, `document.querySelector(".bulk").checkVisibility()`)
	}
	picked := func() int { return evalJS[int](p, `document.querySelectorAll("[name=id]:checked").length`) }
	if bar() {
		t.Error("the bar is visible and nothing is selected")
	}
	p.tick(`(//input[@name="id"])[1]`)
	if !bar() || picked() != 1 {
		t.Error("the bar is hidden although a row is selected")
	}
	p.tick(`//label[normalize-space()="Select all 2"]`)
	if picked() != 2 {
		t.Errorf("%d rows are selected", picked())
	}
	p.tick(`//button[normalize-space()="Download"]`)
	p.checkPage()
	p.tick(`//button[@type="reset"]`)
	if bar() || picked() != 0 {
		t.Error("the selection is not cleared")
	}
	p.open(list+"#project", 200)
	p.until(`document.getElementById("project-menu").matches(":popover-open")`)
}
