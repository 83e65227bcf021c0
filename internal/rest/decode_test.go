package rest

import (
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzDecode: no query and no body makes the decoder panic, and what it takes
// is within bounds. A body that is refused is not repeated in the refusal.
func FuzzDecode(f *testing.F) {
	f.Add("limit=20&q=x", `{"name":"x"}`)
	f.Add("%zz;a=1&limit=9999999999999999999", `{"name":"x","name":"y"}`)
	f.Add("date_from=2026-05-20", "[[[[")
	f.Fuzz(func(t *testing.T, query, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", "application/json")
		var list listIn
		problems, _, err := decode(httptest.NewRecorder(), r, &list)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if !utf8.ValidString(p.Msg) {
				t.Fatalf("%+v is not text", p)
			}
		}
		if len(problems) == 0 && (list.Offset < 0 || strings.ContainsRune(list.Q, 0) || !utf8.ValidString(list.Q)) {
			t.Fatalf("took %+v", list)
		}
		r.URL.RawQuery = ""
		var create createKeyIn
		if problems, _, err := decode(httptest.NewRecorder(), r, &create); err == nil && len(problems) == 0 && strings.TrimSpace(create.Body.Name) == "" {
			t.Fatalf("took a key without a name out of %q", body)
		}
	})
}
