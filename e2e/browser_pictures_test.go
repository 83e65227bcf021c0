package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserPictures makes the pictures of the README: "make pictures". It shows a meeting of the demo.
func TestBrowserPictures(t *testing.T) {
	dir := os.Getenv("MEMO_PICTURES")
	if dir == "" {
		t.Skip("MEMO_PICTURES is not set")
	}
	s := start(t, onSQLite(t), "--demo")
	var demo struct{ Email, Password string }
	if err := json.Unmarshal([]byte(s.stdout.String()), &demo); err != nil {
		t.Fatal(err)
	}
	p := s.person(t, "demo")
	p.open("/signin", 200)
	p.fill("email", demo.Email, "password", demo.Password)
	p.press("Sign in", 200)
	p.open(evalJS[string](p, `[...document.querySelectorAll("main h2 a")].
	  find(a => a.textContent.includes("Incident review")).getAttribute("href")`), 200)
	p.size(1280, 800)
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		png := runStep(p, "picture", chromedp.CaptureScreenshot())
		p.must("write", os.WriteFile(filepath.Join(dir, "app-"+scheme+".png"), png, 0o644))
	}
}
