package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserInviteAndRemoveMember: a visitor joins with an invitation and creates a
// key. After the owner removes the new member, both have no access.
func TestBrowserInviteAndRemoveMember(t *testing.T) {
	onBoth(t, func(t *testing.T, at database) {
		h := newInstallation(t, at)
		s := start(t, h.database)
		members := "/w/" + h.workspace + "/members"
		owner := s.person(t, "owner")
		owner.signIn(h.owner)
		owner.open(members, 200)
		owner.press("Invite someone", 200)
		owner.fill("recipient", "Mark")
		owner.press("Create invitation link", 201)
		link := evalJS[string](owner, `document.getElementById("link").textContent`)
		path, ours := strings.CutPrefix(link, s.url)
		if !ours {
			t.Fatalf("the link is %s", link)
		}

		mark := s.person(t, "mark")
		mark.open(path, 200)
		mark.sees("Join Acme", "as Member")
		mark.fill("name", "Mark", "email", "mark@example.com", "password", password)
		mark.press("Create account and join", 200)
		mark.sees("Acme")
		_, line := mark.createKey(h.workspace, "Of Mark")
		if status := curl(t, line); status != http.StatusOK {
			t.Fatalf("the key of the new member got %d", status)
		}
		late := s.person(t, "late")
		late.open(path, 404)

		owner.open(members, 200)
		owner.sees("mark@example.com", "1 key, last used just now", "Make another member an owner before you leave")
		owner.tick(`//button[@aria-label="Actions for Mark"]`)
		owner.click(`//div[@aria-label="Actions for Mark"]//a[contains(., "Remove member")]`, 200)
		owner.sees("This key will be deactivated", "Of Mark", "last used just now")
		owner.press("Remove member and deactivate 1 key", 200)
		owner.sees("No keys")
		owner.seesNot("mark@example.com")
		if status := curl(t, line); status != http.StatusUnauthorized {
			t.Errorf("the key of the removed member got %d", status)
		}
		mark.open("/w/"+h.workspace+"/keys", 404)
	})
}

// TestBrowserImport imports files, one of which is refused, searches them, and exports
// them as a ZIP.
func TestBrowserImport(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	dir := t.TempDir()
	var files []string
	for name, text := range map[string]string{
		"planning.txt": "[00:01] Alex: The budget is frozen.\n[00:09] Jordan: Until March.\n",
		"retro.vtt":    "WEBVTT\n\n00:00:01.000 --> 00:00:04.000\n<v Alex>The budget was late.\n",
		"broken.srt":   "this is no file of subtitles -->\n",
	} {
		files = append(files, filepath.Join(dir, name))
		if err := os.WriteFile(files[len(files)-1], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := s.person(t, "owner")
	p.signIn(h.owner)
	p.open("/w/"+h.workspace+"/import", 200)
	runStep(p, "choose files", chromedp.SetUploadFiles(chromedp.ID("files"), files))
	p.tick(`//form[@id="import"]//button`)
	p.until(`!document.getElementById("seen").hidden`)
	p.checkPage()
	rows := evalJS[[]string](p,
		`[...document.querySelectorAll(".uploads > li")].map(e => e.innerText.replaceAll("\n", " "))`)
	if len(rows) != 3 {
		t.Errorf("want three rows, got %q", rows)
	}
	n := evalJS[[]int](p,
		`[".imported", ".refused"].map(name => document.querySelectorAll(".uploads " + name).length)`)
	if n[0] != 2 || n[1] != 1 {
		t.Errorf("%d files were imported and %d refused, want 2 and 1\n%s", n[0], n[1], p.text())
	}
	p.press("View transcriptions", 200)
	p.sees("2 transcriptions")
	p.fill("q", "budget frozen")
	p.press("Search", 200)
	p.sees("1 transcription", "The budget is frozen.")
	highlighted := evalJS[[]string](p, `[...document.querySelectorAll(".snippets mark")].map(e => e.textContent)`)
	if strings.Join(highlighted, " ") != "budget frozen" {
		t.Errorf("highlighted: %q", highlighted)
	}
	p.open("/w/"+h.workspace+"/transcriptions", 200)
	for range 2 {
		p.tick(`(//input[@name="id"][not(@data-ticked)])[1]`)
		evalJS[bool](p,
			`document.querySelectorAll('input[name="id"]:checked').forEach(e => e.setAttribute("data-ticked", "")); true`)
	}
	got := evalJS[string](p, `(async () => {
	  const form = document.querySelector("form.pickable")
	  const a = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) })
	  return btoa([...new Uint8Array(await a.arrayBuffer())].map(b => String.fromCharCode(b)).join(""))
	})()`)
	b, err := base64.StdEncoding.DecodeString(got)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("not a ZIP: %v\n%.300s", err, b)
	}
	if len(z.File) != 2 {
		t.Errorf("the ZIP has %d files", len(z.File))
	}
}
