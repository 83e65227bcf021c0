package web

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testworld"
)

// The budgets of the site, in bytes. A page with all 3,000 lines of a meeting has budgets for each line.
const (
	maxPage, maxPageGzip = 100_000, 25_000
	maxLine, maxLineGzip = 230, 20
	maxStyleGzip         = 8_000
	maxScriptsGzip       = 20_000
)

// zipped returns the body of a response as it is sent to a browser.
func (b *browser) zipped(path string) page {
	b.w.T.Helper()
	return b.do(http.MethodGet, path, "", testworld.WithHeader("Accept-Encoding", "gzip"),
		testworld.WithHeader("Sec-Fetch-Site", "same-origin"), testworld.WithHeader("Sec-Fetch-Mode", "navigate"))
}

// TestBudget opens every page as an OWNER and as a visitor.
func TestBudget(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	var text strings.Builder
	for i := range pageLines {
		fmt.Fprintf(&text, "[%02d:%02d:%02d] %s: This is what was said in line %d & not one word more.\n", i/3600,
			i/60%60, i%60, []string{"Ann", "Bob", "Chinua"}[i%7%3], i+1)
	}
	long := w.Import(w.Acme, "long.txt", text.String())
	visitor := w.browser(memo.User{})
	olga := w.browser(w.Olga)
	placeholders := strings.NewReplacer("{workspace}", w.Acme.ID, "transcriptions/{id}", "transcriptions/"+long,
		"members/{id}", "members/"+w.Mark.ID, "{id}", w.OlgaKey.ID, "{token}", "nothing", "{$}", "")
	paths := []string{w.texts("/" + w.Transcriptions[len(w.Transcriptions)-1]), w.texts("?q=price")}
	for _, rt := range w.site.table() {
		if rt.method == http.MethodGet && !strings.HasSuffix(rt.path, "/export") && !strings.HasSuffix(rt.path, ".csv") {
			paths = append(paths, placeholders.Replace(rt.path))
		}
	}
	for _, path := range paths {
		for _, b := range []*browser{visitor, olga} {
			raw, sent := len(b.get(path).body), len(b.zipped(path).body)
			lines, most, mostSent := strings.Count(b.get(path).body, `<p id="t-`), maxPage, maxPageGzip
			if lines > 1000 {
				most, mostSent = lines*maxLine, lines*maxLineGzip
			}
			t.Logf("%s: %d bytes, %d compressed", path, raw, sent)
			if raw > most || sent > mostSent {
				t.Errorf("%s has %d bytes and %d compressed, the budget is %d and %d", path, raw, sent, most, mostSent)
			}
		}
	}
	if len(paths) < 25 {
		t.Errorf("found only %d pages", len(paths))
	}
	scripts := 0
	for name := range w.site.assets.files {
		size := len(visitor.zipped(w.site.assets.url(name)).body)
		switch {
		case strings.HasSuffix(name, ".js"):
			scripts += size
		case size > maxStyleGzip:
			t.Errorf("%s has %d bytes compressed, the budget is %d", name, size, maxStyleGzip)
		}
	}
	if scripts > maxScriptsGzip {
		t.Errorf("the scripts have %d bytes compressed, the budget is %d", scripts, maxScriptsGzip)
	}
}

// TestEveryClassIsUsed finds classes of the style sheet that no template, script or handler has.
func TestEveryClassIsUsed(t *testing.T) {
	var used strings.Builder
	for _, pattern := range []string{"templates/*", "static/*.js", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") {
				used.Write(content)
			}
		}
	}
	style := regexp.MustCompile(`\{[^{}]*\}`).ReplaceAllString(string(readAssets().files["style.css"]), " ")
	classes := map[string]bool{}
	for _, m := range regexp.MustCompile(`\.([a-zA-Z][\w-]*)`).FindAllStringSubmatch(style, -1) {
		classes[m[1]] = true
	}
	for class := range classes {
		avatar := regexp.MustCompile(`^c\d$`).MatchString(class)
		if !avatar && !regexp.MustCompile(`["' (|:]`+class+`["' {|)]`).MatchString(used.String()) {
			t.Errorf("nothing has the class %q of style.css", class)
		}
	}
	if len(classes) < 80 {
		t.Errorf("found only %d classes", len(classes))
	}
}
