package admission_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/httpx"
)

// A user agent is stored and shown, and may contain control characters or even a key.
func TestUserAgentIsPrintableAndHasNoKey(t *testing.T) {
	c := &admission.Control{Proxies: httpx.NewProxies(nil, nil, nil)}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("User-Agent", "a\x1b[31mb\xff\u202e mk_live_\tabcdefgh1234"+strings.Repeat("x", 2*app.MaxEventText))
	got := c.Client(r).UserAgent
	if !strings.HasPrefix(got, "a[31mb\uFFFD mk_live_[redacted]") || utf8.RuneCountInString(got) > app.MaxEventText {
		t.Errorf("got %q", got)
	}
}

// Every key in a query is found, wherever it is and whichever of its characters are escaped.
func FuzzKeysInQuery(f *testing.F) {
	f.Add("a=1&b=", "", uint64(0))
	f.Add("%", ";x", uint64(1<<46-1))
	f.Fuzz(func(t *testing.T, before, after string, escaped uint64) {
		key := credential.NewKey()
		var written strings.Builder
		for i, c := range []byte(key.Secret()) {
			if escaped>>i&1 == 1 {
				fmt.Fprintf(&written, "%%%02x", c)
			} else {
				written.WriteByte(c)
			}
		}
		found, keys := admission.KeysInQuery(before + "&k=%zz" + written.String() + "%&" + after)
		if !found || !slices.Contains(keys, key) && len(keys) < 10 {
			t.Fatalf("the key between %q and %q is not found", before, after)
		}
	})
}

// A key is parsed only from exactly one Authorization header that ends with it.
func FuzzBearer(f *testing.F) {
	secret := credential.NewKey().Secret()
	f.Add("Bearer "+secret, "")
	f.Add("bearer  "+secret, secret)
	f.Fuzz(func(t *testing.T, first, second string) {
		h := http.Header{"Authorization": {first}}
		if second != "" {
			h["Authorization"] = append(h["Authorization"], second)
		}
		key, err := admission.ParseBearer(h)
		if err == nil && (second != "" || !strings.HasSuffix(first, key.Secret())) {
			t.Fatalf("parsed a key from %q and %q", first, second)
		}
	})
}

// TestMalformedCredentialsAreExplained: the refusal says what is wrong with the form, and repeats nothing.
func TestMalformedCredentialsAreExplained(t *testing.T) {
	key := credential.NewKey().Secret()
	const shortened, quotes = "shortened form", "no quotes or brackets"
	for value, want := range map[string]string{
		"Bearer\t" + key: "followed by one space", "Bearer=" + key: "followed by one space", key: "come before the key",
		"Token " + key: "must be Bearer", "Basic bWVtbzo=": "not as a user name", "": "is empty",
		"Bearer": "is missing", "Bearer ": "is missing", "Bearer   ": "is missing",
		"Bearer Bearer " + key: "there once", "Bearer $MEMO_API_KEY": "name of a variable",
		"Bearer {{MEMO_API_KEY}}": "name of a variable", "Bearer %MEMO_API_KEY%": "name of a variable",
		`Bearer "` + key + `"`: quotes, "Bearer '" + key + "'": quotes, "Bearer <" + key + ">": quotes,
		"Bearer mk_live_…" + key[36:40]: shortened, "Bearer mk_live_..." + key[36:40]: shortened,
		"Bearer mk_live_****": shortened, "Bearer " + key + "\u00a0": "invisible", "Bearer \u200b" + key: "invisible",
		"Bearer м" + key[1:]: "letter outside", "Bearer " + key + " x": "nothing after",
		"Bearer sk-abc":                  "starts with mk_live_",
		"Bearer " + strings.ToUpper(key): "case", "Bearer " + key[:42]: "cut short", "Bearer " + key + "A": "too long",
		"Bearer " + key[:38] + "!" + key[39:]: "is not valid", "Bearer " + key[:45] + string(key[45]^1): "is not valid",
	} {
		_, err := admission.ParseBearer(http.Header{"Authorization": {value}})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), key[8:12]) {
			t.Errorf("%s: got %v, want %q", value, err, want)
		}
		if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r > '~' || r == '"' || r == '\\' }) {
			t.Errorf("%v cannot be in the header", err)
		}
	}
	_, err := admission.ParseBearer(http.Header{"X-Api-Key": {key}})
	e, ok := errors.AsType[*memo.Error](err)
	if !ok || e.Code != "missing" || !strings.Contains(e.Hint, "Authorization header") {
		t.Errorf("X-API-Key: %v", err)
	}
}

// TestKnownHostsMayCallMCP: at the public URL only, and from nowhere else.
func TestKnownHostsMayCallMCP(t *testing.T) {
	control, err := admission.New(admission.Config{
		PublicURL: &url.URL{Scheme: "https", Host: "memo.example.com"}, HostOrigins: []string{"https://host.example.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		host, origin string
		ok           bool
	}{
		{"memo.example.com", "https://claude.ai", true},
		{"memo.example.com", "https://host.example.com", true},
		{"memo.example.com", "https://memo.example.com", true},
		{"127.0.0.1:8080", "https://claude.ai", false},
		{"memo.example.com", "https://evil.example", false},
		{"memo.example.com", "http://claude.ai", false},
		{"memo.example.com", "https://claude.ai.evil.example", false},
		{"memo.example.com", "null", false},
	} {
		r := httptest.NewRequest("POST", "http://"+c.host+"/mcp", nil)
		r.Header.Set("Origin", c.origin)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if c.origin == "https://memo.example.com" {
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		if err := control.CheckHostOrigin(r); (err == nil) != c.ok {
			t.Errorf("%s from %s: got %v, want it accepted: %v", c.host, c.origin, err, c.ok)
		}
		if err := control.CheckCrossOrigin(r); c.origin != "https://memo.example.com" && err == nil {
			t.Errorf("%s from %s: a page with cookies is accepted", c.host, c.origin)
		}
	}
}

func TestOnlyPagesOfThisServerPassTheCrossOriginCheck(t *testing.T) {
	public, err := url.Parse("https://Memo.example.com:443")
	if err != nil {
		t.Fatal(err)
	}
	control, err := admission.New(admission.Config{PublicURL: public})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		origins, sites []string
		ok             bool
	}{
		{nil, nil, true},
		{nil, []string{"same-origin"}, true},
		{nil, []string{"cross-site"}, false},
		{[]string{"http://127.0.0.1:8080"}, nil, true},
		{[]string{"HTTP://127.0.0.1:8080"}, nil, true},
		{[]string{"https://memo.example.com"}, []string{"cross-site"}, true},
		{[]string{"http://memo.example.com"}, nil, false},
		{[]string{"null"}, nil, false},
		{[]string{"null"}, []string{"same-origin"}, false},
		{[]string{"https://evil.example"}, []string{"same-origin"}, false},
		{[]string{"http://127.0.0.1:8080", "https://evil.example"}, nil, false},
		{[]string{"http://127.0.0.1:8080/"}, nil, false},
		{[]string{"http://user@127.0.0.1:8080"}, nil, false},
		{[]string{"http://127.0.0.1:8080.evil.example"}, nil, false},
		{[]string{"//127.0.0.1:8080"}, nil, false},
		{nil, []string{"none", "cross-site"}, false},
	} {
		t.Run(fmt.Sprint("Origin ", c.origins, ", Sec-Fetch-Site ", c.sites), func(t *testing.T) {
			r := httptest.NewRequest("POST", "http://127.0.0.1:8080/mcp", nil)
			r.Header["Origin"], r.Header["Sec-Fetch-Site"] = c.origins, c.sites
			if err := control.CheckCrossOrigin(r); (err == nil) != c.ok {
				t.Errorf("got %v, want it accepted: %v", err, c.ok)
			}
		})
	}
}
