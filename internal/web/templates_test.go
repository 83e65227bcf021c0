package web

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/jba/templatecheck"
)

// TestTemplatesMatchTheirStructs checks that every field in a template exists and has a type
// that fits its use, and that no page has a field that hides one of the layout.
func TestTemplatesMatchTheirStructs(t *testing.T) {
	structs := map[string]any{
		"account": accountPage{}, "docs": docsPage{}, "docserrors": docsPage{}, "docsmcp": docsPage{}, "docsrest": docsPage{},
		"docstranscripts": docsPage{},
		"imported":        importResultPage{}, "removemember": removePage{}, "audit": auditPage{},
		"created": createdPage{}, "delete": deletePage{}, "error": errorPage{}, "import": importPage{},
		"invite": invitePage{}, "invited": invitedPage{}, "join": joinPage{}, "key": keyPage{}, "keys": keysPage{},
		"members": membersPage{}, "revokekeys": revokeKeysPage{}, "newkey": newKeyPage{}, "connect": connectPage{},
		"shown":     shownPage{},
		"keystatus": keyStatusPage{}, "keypolicy": keyPolicyPage{}, "consent": consentPage{}, "returned": returnPage{},
		"password": passwordPage{}, "passwordlink": passwordLinkPage{},
		"setup": formPage{}, "signin": signInPage{}, "transcription": transcriptionPage{},
		"transcriptions": transcriptionsPage{}, "workspace": workspacePage{},
	}
	for name, page := range parsePages(readAssets()) {
		data, ok := structs[name]
		if !ok {
			t.Errorf("the template %s has no page struct: add it to structs", name)
			continue
		}
		if err := templatecheck.CheckHTML(page, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, f := range reflect.VisibleFields(reflect.TypeFor[layout]()) {
			if got, ok := reflect.TypeOf(data).FieldByName(f.Name); !ok || len(got.Index) < 2 {
				t.Errorf("the field %s of page %s hides that of the layout", f.Name, name)
			}
		}
	}
}

// TestEveryTemplateIsRendered compares the templates with the names that the handlers render.
func TestEveryTemplateIsRendered(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			source.Write(b)
		}
	}
	pages := parsePages(readAssets())
	for name := range pages {
		if !strings.Contains(source.String(), `"`+name+`"`) {
			t.Errorf("no handler renders templates/%s.html: add a handler and its route in routes.go, or delete it", name)
		}
	}
	for _, m := range regexp.MustCompile(`\.render\("(\w+)"`).FindAllStringSubmatch(source.String(), -1) {
		if pages[m[1]] == nil {
			t.Errorf("a handler renders %s: add templates/%[1]s.html", m[1])
		}
	}
}
