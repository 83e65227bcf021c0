package web

import (
	"reflect"
	"testing"

	"github.com/jba/templatecheck"
)

// TestTemplatesMatchTheirStructs checks that every field in a template exists and has a type
// that fits its use, and that no page has a field that hides one of the layout.
func TestTemplatesMatchTheirStructs(t *testing.T) {
	structs := map[string]any{
		"account": accountPage{}, "docs": docsPage{}, "docserrors": docsPage{}, "docsmcp": docsPage{}, "docsrest": docsPage{},
		"imported": importResultPage{}, "removemember": removePage{}, "revokekey": revokePage{}, "audit": auditPage{},
		"created": createdPage{}, "delete": deletePage{}, "error": errorPage{}, "import": importPage{},
		"invited": invitedPage{}, "join": joinPage{}, "key": keyPage{}, "keys": keysPage{}, "members": membersPage{},
		"newkey": newKeyPage{},
		"setup":  setupPage{}, "signin": signInPage{}, "transcription": transcriptionPage{},
		"transcriptions": transcriptionsPage{}, "workspace": workspacePage{},
	}
	for name, page := range parsePages(readAssets()) {
		data, ok := structs[name]
		if !ok {
			t.Errorf("template %s has no page struct in this test", name)
			continue
		}
		if err := templatecheck.CheckHTML(page, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, f := range reflect.VisibleFields(reflect.TypeFor[layout]()) {
			if got, ok := reflect.TypeOf(data).FieldByName(f.Name); !ok || len(got.Index) != 2 {
				t.Errorf("the field %s of page %s hides that of the layout", f.Name, name)
			}
		}
	}
}
