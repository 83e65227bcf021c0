package e2e

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
)

// Names that break a page that does not expect them: long ones with and without spaces, and those of other
// directions and scripts.
var (
	longWord   = strings.Repeat("Planungsausschuss", 12)[:200]
	longPhrase = strings.Repeat("Quarterly planning of the supply chain, ", 5)
	arabic     = "ليلى عبد الرحمن الحسن (2026)"
	longArabic = strings.Repeat("اجتماع التخطيط ", 13) + "1"
	hebrew     = "רותם: 12/5, סיכום!"
	chinese    = strings.Repeat("供应链季度规划会议", 22)
	names      = []string{longWord, arabic, chinese, longPhrase, hebrew, longArabic, "山田 太郎", `<b>O'Hara & "Söhne"</b>`}
)

func titleOf(i int) string { return names[i%len(names)] }

// nameOf returns a name of as many characters as people, keys, workspaces and projects may have.
func nameOf(i int) string {
	name := []rune(titleOf(i))
	return string(name[:min(len(name), memo.MaxName)])
}

// hoursAgo returns a time n hours ago, but none of the last month, of which the test counts the meetings.
func hoursAgo(n int) time.Time {
	now := time.Now().UTC()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	if at := now.Add(-time.Duration(n) * time.Hour); at.After(first) {
		return at
	}
	return first
}

// fullWorkspace adds 50 members, 20 workspaces, 500 keys with calls, invitations and meetings in every state, and
// returns the ids of the meetings by the names of their files. No server may run, because most of it is SQL.
func fullWorkspace(t *testing.T, h installation) map[string]string {
	t.Helper()
	files := map[string]string{}
	lastMonth := time.Now().UTC().AddDate(0, 0, -time.Now().UTC().Day()).Format(time.DateOnly)
	for i := range 65 {
		name := fmt.Sprintf("%s %02d.txt", lastMonth, i)
		files[name] = fmt.Sprintf("[00:01] Ann: The budget of day %d.\n[01:00] Bob: Fine.\n", i)
	}
	for name, n := range map[string]int{"3000.txt": 3000, "10000.txt": 10_000} {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "[%02d:%02d:%02d] %s: Line %d of a long day.\n", i/3600, i/60%60, i%60,
				[]string{"Ann", "ليلى", "山田", "Chinua Achebe"}[i/3%4], i+1)
		}
		files[name] = text.String()
	}
	for i, status := range []string{"completed", "completed", "completed", "queued", "processing", "failed"} {
		type object = map[string]any
		lines, topics := []object{}, []object{}
		for j := range 12 {
			lines = append(lines, object{
				"start": 60 * j, "end": 60*j + 50, "speaker": titleOf(i + j), "text": titleOf(i+j) + " 12:30, budget.",
			})
		}
		if status != "completed" {
			lines = nil
		}
		for j := range 100 {
			topics = append(topics, object{"title": fmt.Sprint(j, " ", nameOf(j))})
		}
		doc, err := json.Marshal(object{
			"title": titleOf(i), "status": status, "summary": strings.Repeat(titleOf(i)+" ", 3), "language": "ar",
			"external_id": longWord[:90], "created_at": hoursAgo(i), "duration_seconds": 720,
			"speakers": []object{}, "media_type": "audio", "topics": topics, "project": object{"name": nameOf(i)},
			"segments":       append([]object{}, lines...),
			"prompt_results": []object{{"name": nameOf(i + 1), "slug": "a", "status": "completed", "text": nameOf(i + 2)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		files[status+fmt.Sprint(i)+".json"] = string(doc)
	}
	ids := map[string]string{}
	for _, in := range cli[imported](t, h.database, "import", "--workspace", h.workspace, write(t, files)).Imported {
		ids[filepath.Base(in.Path)] = in.ID
	}
	db, err := sql.Open("sqlite", filepath.Join(h.value, "memo.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	do := func(query string, args ...any) {
		t.Helper()
		if _, err := tx.Exec(query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	id := func(kind, i int) string { return fmt.Sprintf("01a0%04x-0000-7000-8000-%012x", kind, i) }
	now := time.Now().UnixMilli()
	const hour = int64(time.Hour / time.Millisecond)
	var owner string
	if err := tx.QueryRow(`SELECT id FROM users`).Scan(&owner); err != nil {
		t.Fatal(err)
	}
	do(`UPDATE users SET name = ?`, arabic)
	do(`UPDATE workspaces SET name = ?`, longArabic)
	for i := range 50 {
		do(`INSERT INTO users (id, email, name, created_at) VALUES (?, ?, ?, ?)`, id(1, i),
			fmt.Sprintf("%d.%s@example.com", i, longWord[:i*4]), nameOf(i), now)
		role := []string{"OWNER", "MEMBER"}[min(1, i%9)]
		do(`INSERT INTO memberships VALUES (?, ?, ?, ?)`, h.workspace, id(1, i), role, now)
	}
	for i := range 19 {
		do(`INSERT INTO workspaces (id, name, plan, content_version, created_at) VALUES (?, ?, ?, 0, ?)`, id(2, i), nameOf(i),
			[]string{"free", "pro"}[min(i, 1)], now)
		do(`INSERT INTO memberships VALUES (?, ?, 'OWNER', ?)`, id(2, i), owner, now)
	}
	for i := range 500 {
		at, user := now-int64(500-i)*hour, id(1, i%50)
		if i%20 == 0 {
			user = owner
		}
		do(`INSERT INTO api_keys (id, hash, suffix, workspace_id, user_id, name, created_at, expires_at, revoked_at,
		  exposed_at,
		  last_used_at, last_used_ip, last_used_agent) VALUES (?, randomblob(32), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			id(3, i), fmt.Sprintf("%04d", i), h.workspace, user, nameOf(i), at,
			when(i%4 == 0, now+int64(i+1)*hour), when(i%10 == 9, now), when(i%25 == 3, now), when(i%3 > 0, now-int64(i)*hour),
			when(i%3 > 0, "2001:db8:1111:2222:3333:4444:5555:6666"), when(i%3 > 0, longWord[:i%200]))
		if i%3 > 0 {
			for j := range int64(24) {
				do(`INSERT INTO key_usage (key_id, hour, requests, refused) VALUES (?, ?, ?, ?)`, id(3, i), now/hour-j,
					(int64(i)+j)*1371%90_001, i%4)
			}
		}
	}
	for i := range 3 {
		do(`INSERT INTO invites (id, hash, workspace_id, role, created_by, created_at, expires_at, recipient)
		  VALUES (?, randomblob(32), ?, 'MEMBER', ?, ?, ?, ?)`, id(4, i), h.workspace, id(1, i), now, now+99*hour, nameOf(i))
	}
	for i := range 40 {
		do(`INSERT INTO audit_events (workspace_id, at, action, actor_id, actor, subject, detail, noun, name, ip)
		  VALUES (?, ?, ?, ?, ?, ?, '', 'key', ?, '192.0.2.1')`, h.workspace, now-int64(i)*hour,
			[]string{"key.created", "key.revoked"}[i%2], id(1, i), nameOf(i), id(3, i), nameOf(i+1))
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return ids
}

// when returns a value for SQL, or NULL.
func when(ok bool, value any) any {
	if !ok {
		return nil
	}
	return value
}

// TestBrowserStates opens every page with as much as it can hold, with names that are hard to show, and with
// nothing, at four widths.
func TestBrowserStates(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	ids := fullWorkspace(t, h)
	s := start(t, h.database)
	p := s.person(t, "owner")
	p.allWidths = true
	p.signIn(h.owner)
	w := "/w/" + h.workspace
	key := func(i int) string { return fmt.Sprintf("%s/keys/01a00003-0000-7000-8000-%012x", w, i) }
	meeting := func(name string) string { return w + "/transcriptions/" + ids[name] }
	for _, path := range []string{
		w + "/transcriptions", w + "/transcriptions?q=budget", w + "/transcriptions?status=queued",
		w + "/transcriptions?status=failed", w + "/transcriptions?language=xx",
		meeting("completed0.json"), meeting("completed1.json") + "?find=budget", meeting("completed2.json") + "?tab=summary",
		meeting("completed0.json") + "/delete", meeting("queued3.json"),
		meeting("3000.txt") + "?find=day&hit=1500", meeting("10000.txt"), meeting("10000.txt") + "?line=9000",
		w + "/import", w + "/keys", w + "/keys?show=exposed&span=14d", w + "/keys?show=inactive",
		w + "/keys?q=nothing", w + "/keys/new", key(40), key(5),
		w + "/keys/revoke?id=" + key(40)[len(key(40))-36:] + "&id=" + key(41)[len(key(41))-36:],
		w + "/members", w + "/members?from=50", w + "/members/01a00001-0000-7000-8000-000000000001/remove",
		w + "/invites/new", w + "/workspace", w + "/audit", "/account", "/docs", "/docs/rest", "/docs/mcp", "/docs/errors",
	} {
		p.open(path, 200)
	}
	p.open(w+"/transcriptions/01a20000-0000-7000-8000-000000000000", 404)
	p.open(meeting("failed5.json"), 200)
	p.sees("Failed ", "This recording could not be transcribed")
	p.open(key(3), 200)
	p.sees("Exposed in a URL", "This key was sent in a URL", "Revoke it, or ask")
	for i := range 2 { // the first has no API access, and both are empty
		other := fmt.Sprintf("/w/01a00002-0000-7000-8000-%012x", i)
		for _, path := range []string{"/transcriptions", "/keys", "/members", "/audit", "/import"} {
			p.open(other+path, 200)
		}
	}
	p.open(w+"/transcriptions", 200)
	p.clicks, p.allWidths = 0, false
	p.tick(`//button[@id="when"]`)
	p.click(`//button[normalize-space()="Last month"]`, 200)
	p.sees("65 transcriptions")
	// The third click is "Download all". Its form is sent here, because the browser of the tests saves no files. The
	// number of files is in the last 22 bytes of a ZIP.
	if n := evalJS[int](p, `(async () => {
	  const button = document.querySelector("form[data-download] [name=all]")
	  const body = new URLSearchParams(new FormData(button.form, button))
	  const zip = await (await fetch(button.form.action, { method: "POST", body })).arrayBuffer()
	  return new DataView(zip).getUint16(zip.byteLength - 12, true)
	})()`); n != 65 {
		t.Errorf("the ZIP has %d files", n)
	}
	p.took("choose a month", 2)
}
