package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guide returns the text of docs/api.md.
func guide(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// example is a shell block of the guide and the output that the guide shows for it.
type example struct{ line, script, kind, output string }

// TestGuideRuns runs the shell blocks of docs/api.md in order, in one shell, against
// the demo, and compares the output of each with the block after it.
func TestGuideRuns(t *testing.T) {
	t.Parallel()
	s := start(t, onSQLite(t), "--demo")
	var demo struct{ Key, Email, Password string }
	if err := json.Unmarshal([]byte(s.stdout.String()), &demo); err != nil {
		t.Fatal(err)
	}
	examples := guideExamples(t)
	out, script := t.TempDir(), "set -eu\n"
	for i, e := range examples {
		script += fmt.Sprintf("exec >%s/%d\n%s", out, i, e.script)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "MEMO_URL="+s.url, "MEMO_API_KEY="+demo.Key,
		"MEMO_EMAIL="+demo.Email, "MEMO_PASSWORD="+demo.Password)
	output, err := cmd.CombinedOutput()
	if err != nil || len(output) > 0 {
		t.Errorf("the shell failed: %v: %s", err, output)
	}
	for i, e := range examples {
		got, err := os.ReadFile(filepath.Join(out, fmt.Sprint(i)))
		if err != nil {
			t.Fatalf("line %s did not run", e.line)
		}
		if err := e.compare(string(got)); err != nil {
			t.Errorf("docs/api.md line %s: %v\nit prints: %s", e.line, err, tail(string(got), 1500))
		}
	}
}

func guideExamples(t *testing.T) (examples []example) {
	text := guide(t)
	for _, m := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```\n").FindAllStringSubmatchIndex(text, -1) {
		kind, body := text[m[2]:m[3]], text[m[4]:m[5]]
		line := fmt.Sprint(strings.Count(text[:m[0]], "\n") + 1)
		last := len(examples) - 1
		switch {
		case kind == "sh":
			examples = append(examples, example{line: line, script: body})
		case (kind == "json" || kind == "text") && last >= 0 && examples[last].kind == "":
			examples[last].kind, examples[last].output = kind, body
		default:
			t.Errorf("docs/api.md line %s: a block must be sh, or the json or text that the sh block before it prints", line)
		}
	}
	if len(examples) < 20 {
		t.Fatalf("docs/api.md has %d shell blocks", len(examples))
	}
	return examples
}

// compare returns how the output of an example differs from what the guide shows.
// An ellipsis in the guide stands for any text, or at the end of a list for more
// items; an object may have more members than the guide shows.
func (e example) compare(got string) error {
	switch e.kind {
	case "":
		if got != "" {
			return errors.New("the guide shows no output")
		}
	case "text":
		if !matchesEllipsis(strings.Join(strings.Fields(e.output), " "), strings.Join(strings.Fields(got), " ")) {
			return fmt.Errorf("the guide shows %s", e.output)
		}
	case "json":
		var want, have any
		if err := json.Unmarshal([]byte(e.output), &want); err != nil {
			return fmt.Errorf("the block after it: %w", err)
		}
		if err := json.Unmarshal([]byte(got), &have); err != nil {
			return err
		}
		return compareJSON("", want, have)
	}
	return nil
}

func compareJSON(at string, want, have any) error {
	switch want := want.(type) {
	case map[string]any:
		object, ok := have.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is not an object", at)
		}
		for name, w := range want {
			h, ok := object[name]
			if !ok {
				return fmt.Errorf("%s.%s is missing", at, name)
			}
			if err := compareJSON(at+"."+name, w, h); err != nil {
				return err
			}
		}
	case []any:
		list, ok := have.([]any)
		if n := len(want) - 1; ok && n > 0 && want[n] == "…" && len(list) > n {
			want, list = want[:n], list[:n]
		}
		if !ok || len(list) != len(want) {
			return fmt.Errorf("%s does not have %d items", at, len(want))
		}
		for i := range want {
			if err := compareJSON(fmt.Sprintf("%s[%d]", at, i), want[i], list[i]); err != nil {
				return err
			}
		}
	case string:
		if text, ok := have.(string); !ok || !matchesEllipsis(want, text) {
			return fmt.Errorf("%s is %q, not %q", at, have, want)
		}
	default:
		if want != have {
			return fmt.Errorf("%s is %v, not %v", at, have, want)
		}
	}
	return nil
}

func matchesEllipsis(pattern, text string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), "…", ".*")
	return regexp.MustCompile(`(?s)^` + quoted + `$`).MatchString(text)
}

// TestGuideErrors causes each error of the table in docs/api.md.
func TestGuideErrors(t *testing.T) {
	t.Parallel()
	rows := regexp.MustCompile("(?m)^\\| (\\d{3}) \\| `(.*?)` \\|").FindAllStringSubmatch(guide(t), -1)
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database, "--limit-data", "30")
	key := s.client(h.newKey(t, "valid").Key)
	busy := s.client(h.newKey(t, "busy").Key)
	member := s.signIn(t, h.owner)
	basic := cli[namedID](t, h.database, "workspace", "add", "--name", "Basic", "--plan", "pro", "--owner", h.owner)
	onBasic := s.client(installation{h.database, basic.ID, h.owner}.newKey(t, "on basic").Key)
	cli[namedID](t, h.database, "workspace", "plan", basic.ID, "basic")
	revoked := h.newKey(t, "revoked").ID
	inAcme := "?workspace_id=" + h.workspace
	member.must(t, http.StatusNoContent, "DELETE", api+"/keys/"+revoked+inAcme, nil)
	for range 30 {
		busy.must(t, http.StatusOK, "GET", api+"/projects", nil)
	}
	const nowhere = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
	for _, test := range []struct {
		name         string
		as           *apiClient
		method, path string
		body         any
		headers      []string
	}{
		{"key in the URL", key, "GET", "/me?key=" + key.key, nil, nil},
		{"unknown path", key, "GET", "/nowhere", nil, nil},
		{"wrong method", key, "DELETE", "/me", nil, nil},
		{"no key", s.client(""), "GET", "/me", nil, nil},
		{"wrong key", s.client("mk_live_wrong"), "GET", "/me", nil, nil},
		{"plan", onBasic, "GET", "/me", nil, nil},
		{"key on a key management route", key, "GET", "/keys", nil, nil},
		{"other site", member, "POST", "/keys", "{}", []string{"Origin: https://other.example"}},
		{"no session", s.client(""), "GET", "/keys", nil, nil},
		{"limit", busy, "GET", "/me", nil, nil},
		{"large body", key, "POST", "/transcriptions/export", strings.Repeat(" ", 65537), nil},
		{"body of another type", key, "POST", "/transcriptions/export", nil, []string{"Content-Type: text/plain"}},
		{"unknown transcription", key, "GET", "/transcriptions/" + nowhere, nil, nil},
		{"unknown transcriptions", key, "POST", "/transcriptions/export", map[string]any{"ids": []string{nowhere}}, nil},
		{"unknown key id", member, "GET", "/keys/" + nowhere + inAcme, nil, nil},
		{"bad parameter", key, "GET", "/transcriptions?limit=x", nil, nil},
		{"revoked key", member, "PATCH", "/keys/" + revoked + inAcme, map[string]any{"name": "x"}, nil},
	} {
		a, err := test.as.call(test.method, api+test.path, test.body, test.headers...)
		if err != nil {
			t.Fatal(err)
		}
		before := len(rows)
		rows = slices.DeleteFunc(rows, func(row []string) bool {
			return row[2] != `{"detail":"…"}` && row[1] == fmt.Sprint(a.status) && matchesEllipsis(row[2], string(a.body))
		})
		if len(rows) != before-1 {
			t.Errorf("%s: %d rows in docs/api.md match, want 1: %d %s", test.name, before-len(rows), a.status, a.body)
		}
		_, waits := a.header["Retry-After"]
		if waits != (a.status == http.StatusTooManyRequests) || a.header.Get("X-Request-Id") == "" {
			t.Errorf("%s: unexpected headers %v", test.name, a.header)
		}
	}
	for _, row := range rows {
		if !slices.Contains([]string{"410", "500", "503"}, row[1]) { // a caller cannot cause these
			t.Errorf("docs/api.md has an error that this test does not cause: %s %s", row[1], row[2])
		}
	}
}
