package rest

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"memoai.tech/memo/internal/httpx"
)

// FuzzDecode: no query or body makes the decoder panic, and an input that it accepts is valid.
func FuzzDecode(f *testing.F) {
	f.Add("limit=20&q=x", `{"name":"x"}`)
	f.Add("%zz;a=1&limit=9999999999999999999", `{"name":"x","name":"y"}`)
	f.Add("date_from=2026-05-20", "[[[[")
	f.Add("%ff=1&limit=\xfe", `{"\xff":1}`)
	f.Fuzz(func(t *testing.T, query, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", "application/json")
		var list listIn
		problems, _, err := decodeRequest(httptest.NewRecorder(), r, &list)
		if err != nil {
			t.Fatal(err)
		}
		checkProblems(t, problems)
		if len(problems) == 0 && (list.Offset < 0 || strings.ContainsRune(list.Q, 0) || !utf8.ValidString(list.Q)) {
			t.Fatalf("accepted %+v", list)
		}
		r.URL.RawQuery = ""
		var create createKeyIn
		problems, _, err = decodeRequest(httptest.NewRecorder(), r, &create)
		if err == nil && len(problems) == 0 && strings.TrimSpace(create.Body.Name) == "" {
			t.Fatalf("accepted a key without a name: %q", body)
		}
		checkProblems(t, problems)
	})
}

// checkProblems writes problems as a route does, and fails unless the response has each of them
// unchanged: they must be valid UTF-8 already.
func checkProblems(t *testing.T, problems httpx.ParamErrors) {
	t.Helper()
	w := httptest.NewRecorder()
	httpx.WriteJSON(w, httptest.NewRequest("GET", "/", nil), 422, problems)
	var got httpx.ParamErrors
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 422 || !utf8.Valid(w.Body.Bytes()) ||
		len(got) != len(problems) {
		t.Fatalf("the response to %+v is %d %q, %v", problems, w.Code, w.Body, err)
	}
	for i, p := range problems {
		if fmt.Sprint(got[i]) != fmt.Sprint(p) {
			t.Fatalf("%+v became %+v in the response", p, got[i])
		}
	}
}

// TestUnknownNamesAreRepeatedSafely: an error repeats an unknown name without control characters
// and keys, and cuts it if it is long.
func TestUnknownNamesAreRepeatedSafely(t *testing.T) {
	for _, c := range []struct{ query, body, want string }{
		{"%ff=1", "", "[query \uFFFD]"},
		{"a%00%1b%e2%80%aeb=1", "", "[query ab]"},
		{strings.Repeat("x", 5000) + "=1", "", "[query " + strings.Repeat("x", maxName-1) + "…]"},
		{"", `{"name":"n","a\u202e\u0000mk_live_abc":1}`, "[body amk_live_[redacted]]"},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		r.URL.RawQuery = c.query
		r.Header.Set("Content-Type", "application/json")
		var problems httpx.ParamErrors
		if c.body == "" {
			problems, _, _ = decodeRequest(httptest.NewRecorder(), r, &listIn{})
		} else {
			problems, _, _ = decodeRequest(httptest.NewRecorder(), r, &createKeyIn{})
		}
		if len(problems) == 0 || fmt.Sprint(problems[len(problems)-1].Loc) != c.want {
			t.Errorf("%s %s: %v, want %s", c.query, c.body, problems, c.want)
		}
	}
}
