package web

import (
	"context"
	"encoding/csv"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/testworld"
)

// TestEveryActionHasASentence reads the actions from their source file. It skips actions that
// do not belong to a workspace, because no page shows them.
func TestEveryActionHasASentence(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../audit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		lit, ok := node.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		action, _ := strconv.Unquote(lit.Value)
		subject, _, ok := strings.Cut(action, ".")
		if !ok || subject == "" || strings.Contains(action, ":") || subject == "user" || subject == "session" ||
			subject == "database" || action == string(memo.ActionWorkspaceDeleted) { // they are in no audit trail
			return true
		}
		n++
		if eventTexts[memo.Action(action)] == "" {
			t.Errorf("%s has no sentence", action)
		}
		return true
	})
	if n < 15 {
		t.Errorf("got only %d actions, want at least 15", n)
	}
}

func TestAuditPage(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		olga, mark, audit := w.browser(w.Olga), w.browser(w.Mark), "/w/"+w.Acme.ID+"/audit"
		mark.post("/w/" + w.Acme.ID + "/keys/" + w.MarkKey.ID + "/revoke").want(200)
		c := w.as(w.Olga, memo.RoleOwner)
		w.changeDetails(c, w.Transcriptions[0], app.Details{Project: new("Kitchen")})
		w.changeDetails(c, w.Transcriptions[0], app.Details{Project: new("")})
		w.Must(w.App.DeleteTranscription(ctx, c, w.Transcriptions[0]))
		olga.post("/w/"+w.Acme.ID+"/members/"+w.Mark.ID, "role", "OWNER").want(200)
		nina := w.browser(memo.User{})
		nina.post(olga.invite("OWNER")+"/new", "email", "nina@example.com", "name", "Nina", "password", testworld.Password)
		nina.post("/w/"+w.Acme.ID+"/keys", "name", "Nina’s", "expiry", "7", "id",
			"0195c0de-0000-7000-8000-000000000001").want(201)
		var ninaID string
		for _, m := range must(w.App.Members(ctx, memo.Caller{Operator: true}, w.Acme.ID)) {
			if m.Name == "Nina" {
				ninaID = m.UserID
			}
		}
		olga.post("/w/" + w.Acme.ID + "/members/" + ninaID + "/remove").want(200)

		all := text(olga.get(audit).want(200,
			`<a href="/w/`+w.Acme.ID+`/keys/`+w.MarkKey.ID+`"`,
			`<a href="/w/`+w.Acme.ID+`/transcriptions/`+w.Transcriptions[1]+`"`,
			"from 127.0.0.1").body)
		for _, s := range []string{
			"mark revoked the key mark's key", "The operator created the key olga's key",
			"The operator added mark@example.com as Member",
			"olga changed the role of mark@example.com to Owner",
			"nina@example.com joined as Owner, invited by olga@example.com",
			"olga removed nina@example.com",
			"olga deactivated the key Nina’s: the member is no longer in the workspace",
			"olga deleted Still queued", "olga moved Still queued to the project Kitchen",
			"olga removed Still queued from its project",
			"olga created an invitation to join as Owner", "The operator created the workspace Acme, plan pro",
			"The operator imported 会議",
		} {
			if !strings.Contains(all, s) {
				t.Errorf("page lacks %q:\n%s", s, all)
			}
		}
		for query, has := range map[string][2]string{ // a text on the page, and one that must not be
			"?subject=key":              {"revoked the key", "imported"},
			"?subject=transcription":    {"imported", "revoked the key"},
			"?subject=workspace":        {"created the workspace", "imported"},
			"?subject=member":           {"changed the role of mark", "revoked"},
			"?member=" + w.Mark.ID:      {"revoked the key", "deleted"},
			"?member=" + ninaID:         {"nina@example.com created the key Nina’s", "deleted"},
			"?key=" + w.MarkKey.ID:      {"revoked the key", "created the key olga"},
			"?to=2020-01-01":            {"No events match", "imported"},
			"?from=2020-01-01":          {"imported", "No events"},
			"?from=9999-12-31":          {"No events match", "imported"},
			"?subject=&member=&from=":   {"imported", "No events"},
			"?before=1":                 {"No more events", "imported"},
			"?member=" + w.Eve.ID:       {"No events match", "imported"},
			"?done=removed&subject=key": {"Member removed", "imported"},
		} {
			p := olga.get(audit + query).want(200)
			if body := text(p.body); !strings.Contains(body, has[0]) || strings.Contains(body, has[1]) {
				t.Errorf("%s: want %q and not %q:\n%s", query, has[0], has[1], body)
			}
		}
	})
}

func TestAuditTrailHasDownloadsAndFailedSignIns(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		olga, mark, audit := w.browser(w.Olga), w.browser(w.Mark), "/w/"+w.Acme.ID+"/audit"
		one := w.texts("/" + w.Transcriptions[1] + "/export")
		mark.do(http.MethodHead, one+"?format=srt", "").want(200)
		mark.get(one + "?format=srt").want(200)
		mark.post(w.texts("/export"), "id", w.Transcriptions[1], "id", w.Transcriptions[2], "format", "txt").want(200)
		w.browser(memo.User{}).post("/signin", "email", w.Mark.Email, "password", "wrong horse").want(401)
		w.App.FlushUsage(t.Context())
		page := olga.get(audit).want(200, `downloaded <a href="/w/`+w.Acme.ID+`/transcriptions/`+w.Transcriptions[1]+`"`)
		for _, s := range []string{
			"mark downloaded 会議 as srt", "mark downloaded 2 transcriptions as a ZIP of txt files",
			"The system refused a sign-in as mark@example.com: the password was wrong",
		} {
			if n := strings.Count(text(page.body), s); n != 1 {
				t.Errorf("page contains %q %d times, want once:\n%s", s, n, text(page.body))
			}
		}
		olga.get(audit+"?subject=session").want(200, "refused a sign-in").without("downloaded")
		olga.get(audit+".csv").want(200, "session.refused,"+w.Mark.ID+",mark@example.com,the password was wrong",
			"transcription.downloaded,"+w.Transcriptions[1]+" "+w.Transcriptions[2]+",2 transcriptions,a ZIP of txt files")
	})
}

// TestAuditTrailNames checks the names of former members, and the actors: the operator, the
// system, and members who act on others or on themselves.
func TestAuditTrailNames(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ctx, operator, c := context.Background(), memo.Caller{Operator: true}, w.as(w.Olga, memo.RoleOwner)
		_ = must(w.App.AddMember(ctx, operator, w.Acme.ID, w.Eve.ID, memo.RoleMember))
		_ = must(w.App.SetRole(ctx, c, w.Acme.ID, w.Eve.ID, memo.RoleOwner))
		w.Must(w.App.RemoveMember(ctx, operator, w.Acme.ID, w.Eve.ID))
		key, _ := credential.ParseKey(w.OlgaKey.Key)
		w.App.MarkExposed(ctx, []credential.Key{key}, app.Client{Address: "192.0.2.9"})
		long := strings.Repeat("long", 99)
		w.changeDetails(c, w.Transcriptions[1], app.Details{Title: new(long)})
		w.changeDetails(c, w.Transcriptions[1], app.Details{Project: new("Kitchen")})
		w.Must(w.App.RemoveMember(ctx, w.as(w.Mark, memo.RoleMember), w.Acme.ID, w.Mark.ID))

		olga, audit := w.browser(w.Olga), "/w/"+w.Acme.ID+"/audit"
		all := text(olga.get(audit).want(200).body)
		for _, s := range []string{
			"The operator added eve@example.com as Member", "olga changed the role of eve@example.com to Owner",
			"The operator removed eve@example.com",
			"The system marked the key olga's key as exposed: the key was sent in a URL",
			"olga moved " + long[:app.MaxEventText-1] + "… to the project Kitchen",
			"mark@example.com left the workspace",
		} {
			if !strings.Contains(all, s) {
				t.Errorf("page lacks %q:\n%s", s, all)
			}
		}
		olga.get(audit+"?member="+w.Mark.ID).want(200, `By <bdi>mark@example.com</bdi>`)
		olga.get(audit+"?member="+w.Eve.ID).want(200, `By <bdi>a former member</bdi>`) // no event by Eve
	})
}

// TestInvalidAuditFilter checks that the form is shown with the problems at their fields, also
// instead of the CSV.
func TestInvalidAuditFilter(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		olga, audit := w.browser(w.Olga), "/w/"+w.Acme.ID+"/audit"
		olga.get(audit+"?from=tomorrow&to=2026-02-30").want(422, "From must be a date", "To must be a date",
			`value="tomorrow"`).without("No events")
		olga.get(audit+"?from=2026-02-02&to=2026-02-01").want(422, "must not be before")
		for bad, says := range map[string]string{
			"?subject=%25": "This filter does not exist.", "?subject=user": "This filter does not exist.",
			"?key=x":    "This filter does not exist.",
			"?member=x": "This filter does not exist.",
			"?before=x": "This page does not exist.", "?before=-1": "This page does not exist.",
			"?before=99999999999999999999&subject=key": "This page does not exist.",
		} {
			for _, path := range []string{audit, audit + ".csv"} {
				olga.get(path+bad).want(422, says, `action="`+audit+`"`, `<button>Apply</button>`).without("No events", "<ol")
			}
		}
		olga.get(audit+"?subject=nonsense&member="+w.Mark.ID+"&from=2026-01-31").
			want(422, "This filter does not exist.", "By <bdi>mark</bdi>", `value="2026-01-31"`,
				`<input type="hidden" name="member" value="`+w.Mark.ID+`">`)
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	tags  = regexp.MustCompile(`<[^>]*>`)
	space = regexp.MustCompile(`\s+`)
)

// text returns the text of a page.
func text(body string) string {
	return html.UnescapeString(space.ReplaceAllString(tags.ReplaceAllString(body, ""), " "))
}

func TestAuditPagesAndCSV(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		mark, olga := w.as(w.Mark, memo.RoleMember), w.browser(w.Olga)
		for i := range 2*csvPage + 7 { // the CSV needs three reads
			_, err := w.App.ChangeKey(ctx, mark, w.MarkKey.ID, app.KeyChange{Name: new(fmt.Sprintf("n%d", i))})
			w.Must(err)
		}
		audit := "/w/" + w.Acme.ID + "/audit"
		older := regexp.MustCompile(`href="([^"]+)" rel="next"`)
		p := olga.get(audit+"?subject=key&member="+w.Mark.ID).want(200, "changed the key").without(">Newest<")
		if n := strings.Count(p.body, "<time "); n != auditLength {
			t.Errorf("page has %d events", n)
		}
		m := older.FindStringSubmatch(p.body)
		if m == nil {
			t.Fatal("page has no link to older events")
		}
		p = olga.get(html.UnescapeString(m[1])).want(200, fmt.Sprintf(">n%d<", 2*csvPage+6-auditLength), ">Newest<")
		if !strings.Contains(m[1], "subject=key") || strings.Contains(p.body, fmt.Sprintf(">n%d<", 2*csvPage+7-auditLength)) {
			t.Errorf("%s starts at the wrong event", m[1])
		}

		hostile := []string{
			`=1+1`, `+1`, `-1`, `@SUM(A1)`, `=HYPERLINK("http://evil.example","x")`, `"quoted", with, commas`,
			`x;=cmd|'/C calc'!A0`,
		}
		for _, name := range hostile {
			_, err := w.App.ChangeKey(ctx, mark, w.MarkKey.ID, app.KeyChange{Name: &name})
			w.Must(err)
		}
		w.Must(w.App.RenameWorkspace(ctx, memo.Caller{
			UserID: w.Olga.ID, WorkspaceID: w.Acme.ID, Role: memo.RoleOwner,
			ClientAddress: "192.0.2.1", UserAgent: "\t=cmd|' /C calc'!A0",
		}, "Plain"))

		p = olga.get(audit + ".csv").want(200)
		if ct, cd := p.header.Get("Content-Type"), p.header.Get("Content-Disposition"); ct != "text/csv; charset=utf-8" ||
			!strings.HasPrefix(cd, `attachment; filename="memo-audit-`) {
			t.Errorf("%s; %s", ct, cd)
		}
		rows, err := csv.NewReader(strings.NewReader(p.body)).ReadAll()
		w.Must(err)
		events := len(w.events(app.EventQuery{Limit: 1000, Noun: "workspace"})) +
			len(w.events(app.EventQuery{Limit: 1000, Noun: "member"})) +
			len(w.events(app.EventQuery{Limit: 1000, Noun: "transcription"})) + 2 + len(hostile) + 2*csvPage + 7
		if len(rows) != events+1 {
			t.Errorf("got %d rows, want %d events and the header", len(rows), events)
		}
		names := map[string]bool{}
		for i, row := range rows {
			names[row[5]] = true
			for _, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
					t.Errorf("a spreadsheet would run %q", cell)
				}
			}
			if i > 1 && row[0] > rows[i-1][0] {
				t.Errorf("row %d is newer than the one before it", i)
			}
		}
		for _, want := range []string{
			`'=1+1`, `'+1`, `'-1`, `'@SUM(A1)`, `'=HYPERLINK("http://evil.example","x")`,
			`"quoted", with, commas`, `x;'=cmd|'/C calc'!A0`,
		} {
			if !names[want] {
				t.Errorf("CSV has no cell %s", want)
			}
		}
		if rows[1][1] != w.Olga.Email || rows[1][2] != "renamed the workspace to Plain" || rows[1][7] != "192.0.2.1" ||
			rows[1][8] != "'\t'=cmd|' /C calc'!A0" {
			t.Errorf("%q", rows[1])
		}
		few, err := csv.NewReader(strings.NewReader(olga.get(audit + ".csv?subject=workspace").want(200).body)).ReadAll()
		if err != nil || len(few) != 3 {
			t.Errorf("%q %v", few, err)
		}
	})
}

// TestNeutraliseFormula checks that no cell can start a formula, nor a part of it that a
// spreadsheet treats as a separate cell.
func TestNeutraliseFormula(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "plain": "plain", "2026-01-31": "2026-01-31", "a=b+c@d-e": "a=b+c@d-e",
		"Mozilla/5.0 (X11; Linux x86_64; +http://bot.example)": "Mozilla/5.0 (X11; Linux x86_64; +http://bot.example)",
		"=1": "'=1", "@SUM(A1)": "'@SUM(A1)", "＝1": "'＝1", "\t=1": "'\t'=1", "\r\n=1": "'\r'\n'=1",
		"x;=cmd|'/C calc'!A0": "x;'=cmd|'/C calc'!A0", "x\t+1": "x\t'+1", "x;\"=1": "x;\"'=1", `x";"-1`: `x";"'-1`,
		"x\n@a":      "x\n'@a",
		"\xff;=\xff": "\xff;'=\xff",
	} {
		if got := neutraliseFormula(cell); got != want {
			t.Errorf("%q: got %q, want %q", cell, got, want)
		}
	}
}

// TestAuditPageSize fills a page with the longest values.
func TestAuditPageSize(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		u := must(w.App.AddUser(ctx, memo.Caller{Operator: true}, strings.Repeat("e", 242)+"@example.com",
			strings.Repeat("名", memo.MaxName), testworld.Password))
		_ = must(w.App.AddMember(ctx, memo.Caller{Operator: true}, w.Acme.ID, u.ID, memo.RoleOwner))
		c := w.as(u, memo.RoleOwner)
		c.ClientAddress, c.UserAgent = "2001:db8:1111:2222:3333:4444:5555:6666", strings.Repeat("a", app.MaxEventText)
		w.changeDetails(c, w.Transcriptions[0], app.Details{Title: new(strings.Repeat("題", memo.MaxTitle))})
		for i := range auditLength {
			project := strings.Repeat(string('一'+rune(i%2)), memo.MaxName)
			w.changeDetails(c, w.Transcriptions[0], app.Details{Project: &project})
		}
		p := w.browser(u).get("/w/"+w.Acme.ID+"/audit").want(200, "Older")
		if len(p.body) > 100_000 {
			t.Errorf("page has %d bytes", len(p.body))
		}
	})
}

func (w *world) changeDetails(c memo.Caller, id string, d app.Details) {
	w.World.T.Helper()
	_, err := w.App.ChangeDetails(context.Background(), c, id, d)
	w.Must(err)
}
