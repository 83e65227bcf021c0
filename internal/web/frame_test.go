package web

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/testworld"
)

// mainNav returns the navigation of a page without its icons and tags.
func mainNav(t *testing.T, p page) string {
	t.Helper()
	_, nav, ok := strings.Cut(p.body, `<nav id="nav"`)
	nav, _, ends := strings.Cut(nav, "</nav>")
	if !ok || !ends {
		t.Fatalf("%s has no navigation", p.path)
	}
	_, nav, _ = strings.Cut(nav, ">")
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(nav, " ")), " ")
}

// TestNavigation checks the navigation of an OWNER, of a member, and of pages outside a workspace.
func TestNavigation(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		olga, mark, acme := w.browser(w.Olga), w.browser(w.Mark), "/w/"+w.Acme.ID
		const owner = "Acme Acme Owner Search / Ctrl K Transcriptions 3 Import Projects Sales 2 " +
			"Workspace API &amp; MCP 2 Members 2 Activity Settings Docs O olga olga@example.com Account Sign out"
		for _, path := range []string{acme + "/keys", "/account", "/docs", "/docs/mcp", acme + "/keys/nothing"} {
			if got := mainNav(t, olga.get(path)); got != owner {
				t.Errorf("%s: the navigation is\n%s\nwant\n%s", path, got, owner)
			}
		}
		const member = "Acme Acme Member Search / Ctrl K Transcriptions 3 Import Projects Sales 2 " +
			"Workspace API &amp; MCP 1 Docs M mark mark@example.com Account Sign out"
		for _, path := range []string{acme + "/transcriptions", "/account", acme + "/members"} {
			if got := mainNav(t, mark.get(path)); got != member {
				t.Errorf("%s: the navigation is\n%s\nwant\n%s", path, got, member)
			}
		}
		for _, path := range []string{"/signin", "/docs"} {
			w.browser(memo.User{}).get(path).without(`id="nav"`, "Acme", "/account")
		}
	})
}

// TestNavigationMarksThePage checks aria-current.
func TestNavigationMarksThePage(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	olga, acme := w.browser(w.Olga), "/w/"+w.Acme.ID
	projects, _, err := w.App.Projects(t.Context(), memo.Caller{Operator: true, WorkspaceID: w.Acme.ID}, 1, 0)
	w.Must(err)
	for path, href := range map[string]string{
		acme + "/transcriptions": acme + "/transcriptions", acme + "/import": acme + "/import",
		acme + "/keys":     acme + "/keys",
		acme + "/keys/new": acme + "/keys", acme + "/members": acme + "/members", acme + "/audit": acme + "/audit",
		acme + "/workspace": acme + "/workspace", "/docs/rest": "/docs",
		acme + "/transcriptions?project=" + projects[0].ID: acme + "/transcriptions?project=" + projects[0].ID,
		acme + "/transcriptions?project=nothing":           acme + "/transcriptions",
	} {
		_, nav, _ := strings.Cut(olga.get(path).body, `<nav id="nav"`)
		nav, _, _ = strings.Cut(nav, "</nav>")
		var current []string
		for _, m := range regexp.MustCompile(`href="([^"]*)" aria-current="page"`).FindAllStringSubmatch(nav, -1) {
			current = append(current, m[1])
		}
		if len(current) != 1 || current[0] != href {
			t.Errorf("%s: the current links are %q, want %s", path, current, href)
		}
	}
}

// TestLastWorkspace checks that pages outside a workspace show the one that was visited last, and
// never one that the user has left.
func TestLastWorkspace(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		operator := memo.Caller{Operator: true}
		_, err := w.App.AddMember(t.Context(), operator, w.Other.ID, w.Olga.ID, memo.RoleMember)
		w.Must(err)
		olga := w.browser(w.Olga)
		workspace := func(path string) string { name, _, _ := strings.Cut(mainNav(t, olga.get(path)), " "); return name }
		if got := workspace("/account"); got != "Acme" {
			t.Errorf("before any visit: %s", got)
		}
		olga.get("/w/" + w.Other.ID + "/keys").want(200)
		if got := workspace("/account") + workspace("/docs"); got != "OtherOther" {
			t.Errorf("after a visit of Other: %s", got)
		}
		if p := olga.get("/"); !strings.HasPrefix(p.path, "/w/"+w.Other.ID+"/") {
			t.Errorf("/ redirects to %s", p.path)
		}
		olga.get("/w/" + w.Acme.ID + "/keys").want(200)
		olga.get("/w/" + w.Other.ID + "/keys").want(200)
		w.Must(w.App.RemoveMember(t.Context(), operator, w.Other.ID, w.Olga.ID))
		if got := workspace("/account") + workspace("/w/"+w.Other.ID+"/keys"); got != "AcmeAcme" {
			t.Errorf("after the end of the membership: %s", got)
		}
	})
}

// TestNavigationOfNotFound checks the page of a path that does not exist.
func TestNavigationOfNotFound(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	for _, b := range []*browser{w.browser(w.Olga), w.browser(memo.User{})} {
		at, err := url.Parse(w.Server.URL + "/nowhere")
		w.Must(err)
		r, got := httptest.NewRequest(http.MethodGet, "/nowhere", nil), httptest.NewRecorder()
		cookies := b.client.Jar.Cookies(at)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w.site.NotFound(got, r)
		if signedIn := strings.Contains(got.Body.String(), "/w/"+w.Acme.ID+"/keys"); got.Code != 404 ||
			signedIn != (len(cookies) > 0) {
			t.Errorf("%d, with the navigation of the user: %v, with %d cookies", got.Code, signedIn, len(cookies))
		}
	}
}

// TestWorkspaceCookie checks that the cookie is set once, and its attributes.
func TestWorkspaceCookie(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	b, keys := w.browser(memo.User{}), "/w/"+w.Acme.ID+"/keys"
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	b.post("/signin", "email", w.Olga.Email, "password", testworld.Password).want(303)
	if refused := b.get("/w/" + w.Other.ID + "/keys").want(404).header.Values("Set-Cookie"); len(refused) > 0 {
		t.Errorf("a workspace of others sets %q", refused)
	}
	c := (&http.Response{Header: b.get(keys).want(200).header}).Cookies()
	if len(c) != 1 || c[0].Name != "memo_workspace" || c[0].Value != w.Acme.ID ||
		attributes(c[0]) != "HttpOnly=true Secure=false SameSite=Lax Path=/ Domain=" {
		t.Errorf("cookies of the first visit: %v", c)
	}
	b.get(keys).want(200)
	if again := b.get(keys).header.Values("Set-Cookie"); len(again) > 0 {
		t.Errorf("the second visit sets %q", again)
	}
}

// TestNavigationIsBounded checks a workspace with many projects, and names in another direction.
func TestNavigationIsBounded(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	long := strings.Repeat("نص", 40)
	for i := range 12 {
		w.Import(w.Acme, fmt.Sprint(i, ".json"), strings.Replace(testworld.Sources[0], `"name":"Sales"`,
			fmt.Sprintf(`"name":"%d %s"`, i, long), 1))
	}
	p := w.browser(w.Olga).get("/w/"+w.Acme.ID+"/keys").want(200, "All projects", ">13<")
	if n := strings.Count(p.body, "?project="); n != 8 {
		t.Errorf("the navigation has %d projects", n)
	}
	if !strings.Contains(p.body, `<bdi class="cut">0 `+long+`</bdi>`) {
		t.Error("the name of a project is not isolated")
	}
}

// TestStatementsPerPage holds the number of statements of pages that are opened again. The frame
// takes three: the user, their workspaces, and the keys and members of the workspace. A page outside a
// workspace authorises the user and then the member.
func TestStatementsPerPage(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		olga, acme := w.browser(w.Olga), "/w/"+w.Acme.ID
		olga.post(acme + "/started").want(200) // until they are done or hidden, the first steps take one more
		count := w.Store.CountStatements()
		for path, want := range map[string][2]int64{
			acme + "/keys/new":       {3, 3}, // with the projects and the key policy
			"/docs":                  {4, 1},
			acme + "/transcriptions": {3, 4},
			acme + "/import":         {3, 3},
		} {
			olga.get(path).want(200)
			auth, data := count.Auth.Load(), count.Data.Load()
			olga.get(path).want(200)
			if got := [2]int64{count.Auth.Load() - auth, count.Data.Load() - data}; got != want {
				t.Errorf("%s: %v statements over the connections of authorisation and the others, want %v", path, got, want)
			}
		}
	})
}

// TestOverviewOfABusyWorkspace checks that pages open without counts if the workspace has too many
// searches in progress.
func TestOverviewOfABusyWorkspace(t *testing.T) {
	acme := &memo.Membership{Workspace: memo.Workspace{ID: "w"}}
	got := layout{Workspace: acme, Overview: app.Overview{Keys: 1234}}.Navigation()
	if len(got) != 2 || got[0].Links[0].Count != "" || got[1].Links[0].Count != "1,234" {
		t.Errorf("the navigation without counts is %+v", got)
	}
}

// TestComponents renders each component of parts.html.
func TestComponents(t *testing.T) {
	parts := template.Must(parsePages(readAssets())["error"].Clone())
	for _, c := range []struct{ source, want string }{
		{
			`{{template "button" (button "Create key" "" "/new" "main")}}`,
			`<a class="button main" href="/new">Create key</a>`,
		},
		{
			`{{template "button" (button "Save" "" "" "")}}`,
			`<button>Save</button>`,
		},
		{
			`{{template "pill" (pill "bad" "Exposed")}}`,
			`<span class="pill bad">Exposed</span>`,
		},
		{
			`{{template "pill" (pill "" "Never used")}}`,
			`<span class="pill">Never used</span>`,
		},
		{
			`{{template "time" (moment .At)}}`,
			`<time datetime="2026-05-01T23:30:00Z" data-time="moment" title="Fri, May 1, 2026, 23:30:00 UTC">` +
				`May 1, 2026, 23:30 UTC</time>`,
		},
		{
			`{{template "time" (ago .At .At)}} {{(day .At).Date}} {{day .At}}`,
			`>just now</time> 2026-05-01 May 1, 2026`,
		},
		{
			`{{template "avatar" "Olga Petrova"}}`,
			`<span class="avatar c3" aria-hidden="true">OP</span>`,
		},
		{
			`{{template "crumb" (item "API & MCP" "" "/keys")}}`,
			`<a href="/keys">API &amp; MCP</a></nav>`,
		},
		{
			`{{bdi "<b> ليلى"}}`,
			`<bdi>&lt;b&gt; ليلى</bdi>`,
		},
		{
			`{{number 1234567}} {{number 999}}`,
			`1,234,567 999`,
		},
		{
			`{{template "toast" .Layout}}`,
			`<span>Key revoked.</span></div>`,
		},
		{
			`{{template "toast" .Undoable}}`,
			`<input type="hidden" name="project" value="Sales"><button>Undo</button>`,
		},
		{
			`{{template "tile" .Tile}}`,
			`<a class="tile bad" href="?show=exposed" aria-current="true"><b>1</b> <span>exposed</span></a>`,
		},
		{
			`{{template "columns" (columns "Name" "Used")}}`,
			`<th scope="col">Name</th>`,
		},
		{
			`{{template "columns" .Columns}}`,
			`<th scope="col" class="num" aria-sort="descending"><a href="?sort=used">Used<svg`,
		},
		{
			`{{template "columns" .Columns}}`,
			`<th scope="col"><span class="hidden">Actions</span></th>`,
		},
		{
			`{{template "segments" (menu "" "Keys" (item "Active 46" "" "?") (item "Ended 10" "" "?show=inactive"))}}`,
			`<nav class="segments" aria-label="Keys"><a href="?">Active 46</a><a href="?show=inactive">Ended 10</a></nav>`,
		},
		{
			`{{template "chart" .Chart}}`,
			`<tr><th scope="row">Nov 16</th><td>93169</td><td>12</td></tr>`,
		},
		{
			`{{template "chart" .Chart}}`,
			`<span><b>93,169 requests<br>12 refused<br>Nov 16</b>Nov 16</span>`,
		},
		{
			`{{template "menubutton" (menu "m" "Actions" (item "E" "" "/"))}}`,
			`<div id="m" class="menu" popover role="group" aria-label="Actions">`,
		},
		{
			`{{template "menu" (menu "m" "A" (danger (item "Revoke" "" "/")))}}`,
			`<a href="/" class="danger"><bdi class="cut">Revoke</bdi></a>`,
		},
		{
			`{{template "empty" (empty "key" "No keys" "Create one." (button "Create key" "" "/" "main"))}}`,
			`<p class="actions"><a class="button main"`,
		},
	} {
		page := template.Must(template.Must(parts.Clone()).New("test").Parse(c.source))
		var b strings.Builder
		err := page.Execute(&b, map[string]any{
			"At":       time.Date(2026, 5, 2, 1, 30, 0, 0, time.FixedZone("", 2*60*60)),
			"Tile":     tile{Value: "1", Label: "exposed", Href: "?show=exposed", Kind: "bad", Current: true},
			"Layout":   layout{Done: "Key revoked."},
			"Undoable": layout{Done: "Moved.", Undo: undo{"/move", "project", "Sales"}},
			"Columns": []column{
				{Text: "Used", Class: "num", Href: "?sort=used", Sort: "descending"}, {Text: "Actions", Hidden: true},
			},
			"Chart": usageChart{Bars: []usageBar{{"Nov 16", "Nov 16", memo.Calls{Requests: 93169, Refused: 12}}}},
		})
		if err != nil || !strings.Contains(b.String(), c.want) {
			t.Errorf("%s: %v\ngot  %s\nwant %s", c.source, err, b.String(), c.want)
		}
	}
	for name, want := range map[string]string{
		"Olga Petrova": "OP", "olga": "O", "Jean-Luc van Damme": "JD", "ليلى الحسن": "ل", "山田 太郎": "山", "": "?", "🙂": "?",
	} {
		if got := initials(name); got != want {
			t.Errorf("the initials of %q are %q, want %q", name, got, want)
		}
	}
}

// TestEveryIconExists finds the names of icons in the templates and in the source.
func TestEveryIconExists(t *testing.T) {
	parts, err := templates.ReadFile("templates/parts.html")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]string{}
	find := func(file, content, pattern string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(content, -1) {
			used[m[1]] = file
		}
	}
	entries, err := templates.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := templates.ReadFile("templates/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		find(e.Name(), string(content), `template "icon" "([^"]+)"`)
		find(e.Name(), string(content), `\((?:button|item) "[^"]*" "([^"]+)"`)
		find(e.Name(), string(content), `\(empty "([^"]+)"`)
	}
	source, err := os.ReadFile("layout.go")
	if err != nil {
		t.Fatal(err)
	}
	find("layout.go", string(source), `Icon: "([^"]+)"`)
	find("layout.go", string(source), `link\("[^"]*", "[^"]*", "([^"]+)"`)
	for name, file := range used {
		if !strings.Contains(string(parts), `if eq . "`+name+`"`) {
			t.Errorf("%s uses the icon %q, which parts.html does not have", file, name)
		}
	}
	if len(used) < 15 {
		t.Errorf("found only %d icons", len(used))
	}
}
