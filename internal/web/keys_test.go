package web

import (
	"context"
	"encoding/base64"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

var keyPattern = regexp.MustCompile(`mk_live_[0-9A-Za-z]{38}`)

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// TestKeyIsShownOnce checks that a new key is in the response to the form, and on no page after
// that.
func TestKeyIsShownOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mark, keys, id := w.browser(w.Mark), "/w/"+w.Acme.ID+"/keys", newID()
		mark.get(keys+"/new").want(200, "Create an API key", `value="90" checked`,
			"until "+lastDay(time.Now().AddDate(0, 0, 90)), "until you revoke it")
		p := mark.post(keys, "id", id, "name", "n8n <script>", "expiry", "90").want(201, "It is shown only once",
			"Waiting for the first request", "n8n &lt;script&gt;").without("n8n <script>")
		key := keyPattern.FindString(p.body)
		link := regexp.MustCompile(`href="(cursor:[^"]+)"`).FindStringSubmatch(p.body)
		if len(link) != 2 || !strings.Contains(cursorConfig(t, html.UnescapeString(link[1])), "Bearer "+key) {
			t.Errorf("the link for Cursor has no key: %q", link)
		}
		p.want(201, `href="vscode:mcp/install?%7B%22name%22:%22memo%22`, `value="claude-code" checked`)
		if !w.authorised(key) || p.header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%q, %v", key, p.header)
		}
		for _, snippet := range []string{
			"curl https://memo.example.com/api/v1/developer/transcriptions -H &#34;Authorization: Bearer " + key,
			"claude mcp add --transport http --scope user memo https://memo.example.com/mcp",
			"codex mcp add", "gemini mcp add", "opencode", "Cursor", "VS Code", "Claude Desktop", "urllib.request",
			"await fetch",
		} {
			p.want(201, snippet)
		}
		second := mark.post(keys, "id", id, "name", "n8n", "expiry", "90").want(409, "This key was already shown",
			`href="`+keys+"/"+id+`"`)
		list := mark.get(keys).want(200, "mk_live_…"+key[36:40])
		for _, other := range []page{second, list, mark.get(keys + "/" + id).want(200)} {
			if keyPattern.MatchString(other.body) {
				t.Errorf("%s contains a key", other.path)
			}
		}
		if n := strings.Count(list.body, "n8n"); n == 0 || strings.Count(list.body, `name="id" value=`) != 2 {
			t.Errorf("the form created more than one key")
		}
		for name, form := range map[string][]string{
			"no name":                     {"id", newID(), "name", " ", "expiry", "90"},
			"a past date":                 {"id", newID(), "name", "kept", "expiry", "date", "date", "2020-01-01"},
			"no such option":              {"id", newID(), "name", "kept", "expiry", "400"},
			"no date":                     {"id", newID(), "name", "kept", "expiry", "date"},
			"an option for existing keys": {"id", newID(), "name", "kept", "expiry", "keep"},
		} {
			p := mark.post(keys, form...)
			if p.status != 422 || !strings.Contains(p.body, `class="wrong"`) || name != "no name" &&
				!strings.Contains(p.body, `value="kept"`) {
				t.Errorf("%s: got %d\n%s", name, p.status, p.body)
			}
		}
		// All problems are shown, and the first field with one has the focus.
		mark.post(keys, "id", newID(), "name", "", "expiry", "date", "date", "").
			want(422, "Name must not be empty", "Choose a date.",
				`aria-invalid="true" aria-describedby="date-wrong date-hint"`, `maxlength="100" autofocus`).without("RFC 3339")
		// A date together with another option is refused.
		mark.post(keys, "id", newID(), "name", "kept", "expiry", "90", "date", "2099-01-31").
			want(422, "You entered a date but selected another option.", `value="2099-01-31"`, `value="90" checked`,
				`aria-label="Date" autofocus`).without(`maxlength="100" autofocus`)
		mark.post(keys, "id", newID(), "name", "f", "expiry", "never").want(201, "valid until you revoke it")
		mark.post(keys, "id", newID(), "name", "d", "expiry", "date", "date", "2099-01-31").want(201,
			"valid until Jan 31, 2099")
	})
}

// cursorConfig returns the configuration in an install link.
func cursorConfig(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Host+u.Path != "anysphere.cursor-deeplink/mcp/install" || u.Query().Get("name") != "memo" {
		t.Fatalf("%s, %v", link, err)
	}
	config, err := base64.StdEncoding.DecodeString(u.Query().Get("config"))
	if err != nil {
		t.Fatal(err)
	}
	return string(config)
}

func TestClientName(t *testing.T) {
	for agent, want := range map[string]string{
		"": "A client", "curl/8.5.0": "curl 8.5", "claude-code/2.1.197 (cli)": "Claude Code 2.1", "Cursor": "Cursor",
		"node": "Node.js", "Python-urllib/3.12": "Python 3.12", "my-script/7": "my-script 7",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Linux",
	} {
		if got := clientName(agent); got != want {
			t.Errorf("%q: got %q, want %q", agent, got, want)
		}
	}
}

// TestKeyStatus checks what the page of a new key polls.
func TestKeyStatus(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	olga, status := w.browser(w.Olga), "/w/"+w.Acme.ID+"/keys/"+w.OlgaKey.ID+"/status"
	olga.get(status).want(200, "<h1>First request</h1>", "Waiting for the first request…", "Check again")
	olga.get(status+"?part").want(200, "Waiting for the first request…").without("<html", "Check again")
	c := w.use(w.OlgaKey.Key)
	_, err := w.App.Transcriptions(context.Background(), c, app.ListQuery{Limit: 20})
	w.Must(err)
	for _, path := range []string{status, status + "?part"} {
		olga.get(path).want(200, "It works.", "<bdi>curl 8 from 192.0.2.7</bdi> listed ", " transcriptions.").
			without("Waiting", "Check again")
	}
	other := "/w/" + w.Acme.ID + "/keys/" + w.MarkKey.ID
	olga.post(other + "/revoke").want(200)
	olga.get(other+"/status").want(200, "This key is revoked. It was never used.")
	w.browser(w.Mark).get(status).want(404)
	w.browser(w.Eve).get(status).want(404)
}

// TestKeyAccess checks that an OWNER can see and revoke all keys, a MEMBER only their own, and
// others none.
func TestKeyAccess(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		keys := "/w/" + w.Acme.ID + "/keys"
		olga, mark, eve := w.browser(w.Olga), w.browser(w.Mark), w.browser(w.Eve)
		olga.get(keys).want(200, w.OlgaKey.ID, w.MarkKey.ID, "All keys in <bdi>Acme</bdi>")
		olga.get(keys+"?q="+w.Mark.Email).want(200, w.MarkKey.ID).without(w.OlgaKey.ID)
		mark.get(keys).want(200, w.MarkKey.ID, "Your keys in <bdi>Acme</bdi>").without(w.OlgaKey.ID, w.Olga.Email)
		mark.get(keys + "/" + w.OlgaKey.ID).want(404)
		mark.post(keys + "/" + w.OlgaKey.ID + "/revoke").want(404)
		for _, path := range []string{
			keys, keys + "/new", keys + "/" + w.MarkKey.ID, "/w/x/keys", "/w/" + newID() + "/keys",
		} {
			eve.get(path).want(404)
		}
		eve.post(keys + "/" + w.MarkKey.ID + "/revoke").want(404)
		eve.post("/w/" + w.Other.ID + "/keys/" + w.MarkKey.ID + "/revoke").want(404)
		if !w.authorised(w.MarkKey.Key) {
			t.Fatal("another user revoked the key")
		}
		log := `href="/w/` + w.Acme.ID + `/audit?key=` + w.MarkKey.ID + `"`
		olga.get(keys+"/"+w.MarkKey.ID).want(200, "Revoke", log).without("<h2>Rotate key</h2>", "<h2>Edit key</h2>")
		mark.get(keys + "/" + w.MarkKey.ID).want(200).without(log) // a member cannot open the log
		olga.post(keys+"/"+w.MarkKey.ID, "name", "Mine now", "expiry", "keep").want(403, "Only the member who created")
		olga.post(keys+"/"+w.MarkKey.ID+"/rotate", "id", newID(), "overlap", "24h").want(403)
		// Both pages have a menu that says what will happen and has the button.
		step := `<button form="laststep" formaction="` + keys + "/" + w.MarkKey.ID + `/revoke" class="danger main"`
		olga.get(keys).want(200, `<form id="laststep" method="post"></form>`, step,
			"It was never used. This cannot be undone.")
		w.use(w.MarkKey.Key)
		for _, path := range []string{keys, keys + "/" + w.MarkKey.ID} {
			olga.get(path).want(200, `<form id="laststep" method="post"></form>`, step,
				"It was last used just now. This cannot be undone.")
		}
		olga.get(keys + "/" + w.MarkKey.ID + "/revoke").want(405)
		if !w.authorised(w.MarkKey.Key) {
			t.Fatal("a GET revoked the key")
		}
		olga.post(keys+"/"+w.MarkKey.ID+"/revoke").want(200, "Key revoked", "Ended 1")
		if w.authorised(w.MarkKey.Key) {
			t.Error("the revoked key is still accepted")
		}
		mark.get(keys).want(200, "No active keys", "Ended 1").without(w.MarkKey.ID)
		mark.get(keys+"?show=inactive").want(200, `Revoked</span><small>just now`, w.MarkKey.ID)
		mark.get(keys + "?show=inactive").without(`action="` + keys + "/" + w.MarkKey.ID)
		mark.get(keys+"/"+w.MarkKey.ID).want(200, `Revoked</span> <small>just now`).without("Revoke key")
		// The links between the two lists keep the filter and drop the message.
		olga.get(keys+"?done=revoked&from=0&span=14d&q=Mark").want(200,
			`href="?q=Mark&amp;show=inactive&amp;span=14d">Ended 1`)
		olga.get(keys+"?show=inactive&q=Olga").want(200, `href="?q=Olga">Active 1`, `name="show" value="inactive"`)
	})
}

func TestChangeAndRotateKey(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mark, key := w.browser(w.Mark), "/w/"+w.Acme.ID+"/keys/"+w.MarkKey.ID
		mark.post(key, "name", "Renamed", "expiry", "30").want(200, "Key updated", "Renamed")
		mark.get(key).want(200, `<dt>Expires</dt><dd><time datetime="`+formatDay(time.Now().AddDate(0, 0, 30)))
		mark.post(key, "name", "", "expiry", "keep").want(422, "Name must not be empty")
		mark.post(key, "name", "Renamed", "expiry", "date", "date", "2020-01-01").want(422,
			"The expiry must be in the future", `value="date" checked`)
		mark.post(key, "name", "Renamed", "expiry", "keep", "date", "2099-01-31").want(422, "You entered a date")
		mark.post(key+"/rotate", "id", newID(), "overlap", "1h").want(422, "Choose how long the old key stays active.")
		id := newID()
		p := mark.post(key+"/rotate", "id", id, "overlap", "24h").want(201, "The old key stays active for 24 hours",
			"Renamed")
		next := keyPattern.FindString(p.body)
		if !w.authorised(next) || !w.authorised(w.MarkKey.Key) {
			t.Error("the old or the new key is refused")
		}
		mark.post(key+"/rotate", "id", id, "overlap", "24h").want(409, "This key was already shown")
		mark.get("/w/"+w.Acme.ID+"/keys/"+id).want(200, "Replaces", "which is still active")
		for _, page := range []page{mark.get(key), mark.get("/w/" + w.Acme.ID + "/keys")} {
			page.want(200, `href="/w/`+w.Acme.ID+"/keys/"+id+`">mk_live_…`+next[36:40]).without("after the rotation",
				"Used after it was replaced")
		}
		w.use(w.MarkKey.Key)
		mark.get(key).want(200, "This key was used after the rotation")
		mark.get("/w/"+w.Acme.ID+"/keys").want(200, "from 192.0.2.7", "Used after it was replaced")
		p = mark.post("/w/"+w.Acme.ID+"/keys/"+id+"/rotate", "id", newID(), "overlap", "0").want(201,
			"The old key is revoked")
		if w.authorised(next) {
			t.Error("the rotated key is still accepted")
		}
		mark.post(key + "/revoke").want(200)
		mark.get(key).want(200, "Revoked").without("<h2>Rotate key</h2>")
	})
}

// TestRefusals checks the table of refused requests.
func TestRefusals(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	mark, path := w.browser(w.Mark), "/w/"+w.Acme.ID+"/keys/"+w.MarkKey.ID
	w.use(w.MarkKey.Key)
	mark.get(path).want(200).without("Refused requests")
	w.SetPlan(memo.PlanFree)
	w.authorised(w.MarkKey.Key)
	w.authorised(w.MarkKey.Key)
	mark.post(path + "/revoke").want(200)
	w.authorised(w.MarkKey.Key)
	w.App.FlushUsage(t.Context())
	use := store.KeyUsage{KeyID: w.MarkKey.ID, Hours: map[int64]memo.Calls{store.Hour(w.Store.Now()): {Refused: 5}}}
	w.Must(w.Store.Write(t.Context(), func(tx *store.Tx) error {
		return tx.RecordUsage(t.Context(), []store.KeyUsage{use}) // as the previous version did, without reasons
	}))
	mark.get(path).want(200, "Refused requests</th>", "No API access<br>", `<td class="num">2</td>`,
		"Key no longer active<br>", `<td class="num">1</td>`, "Other<br>", `<td class="num">5</td>`).
		without("Too many requests")
}

// TestPlanWithoutAPI checks that keys are listed and can be revoked, but not created.
func TestPlanWithoutAPI(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	w.SetPlan(memo.PlanFree)
	olga, keys := w.browser(w.Olga), "/w/"+w.Acme.ID+"/keys"
	olga.get(keys).want(200, "needs the Pro or Expert plan", w.OlgaKey.ID).without("Create key")
	olga.get(keys+"/new").want(200, "needs the Pro or Expert plan").without("<form class=\"card")
	olga.post(keys, "id", newID(), "name", "x", "expiry", "90").want(403, "needs the Pro or Expert plan")
	olga.post(keys+"/"+w.MarkKey.ID+"/revoke").want(200, "Key revoked")
}

func TestManagementLimit(t *testing.T) {
	cfg := sqliteWorld(t)
	cfg.Management = 3
	w := newWorld(t, cfg)
	olga, keys := w.browser(w.Olga), "/w/"+w.Acme.ID+"/keys"
	for range 3 {
		olga.get(keys).want(200)
	}
	p := olga.get(keys).want(429, "a little too fast", "You can try again in")
	if p.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.browser(w.Mark).get(keys).want(200)
}

func TestKeyState(t *testing.T) {
	now := time.Date(2026, 5, 20, 9, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { t := now.Add(d); return &t }
	week := 7 * 24 * time.Hour
	for _, c := range []struct {
		key              memo.KeyView
		kind, text, note string
	}{
		{memo.KeyView{Status: memo.KeyActive, LastUsedAt: at(-time.Minute)}, "good", "Active", ""},
		{memo.KeyView{Status: memo.KeyActive}, "", "Never used", ""},
		{memo.KeyView{Status: memo.KeyActive, LastUsedAt: at(0), ExpiresAt: at(week)}, "warn", "Expires in 7 days", ""},
		{memo.KeyView{Status: memo.KeyActive, LastUsedAt: at(0), ExpiresAt: at(week + 1)}, "good", "Active", ""},
		{
			memo.KeyView{Status: memo.KeyActive, LastUsedAt: at(0), ExposedAt: at(-3 * time.Hour)},
			"bad", "Exposed in a URL", "3 hours ago",
		},
		{
			memo.KeyView{Status: memo.KeyActive, ExposedAt: at(-3 * time.Hour), ExpiresAt: at(6*24*time.Hour + time.Hour)},
			"bad", "Exposed in a URL", "3 hours ago, expires in 6 days",
		},
		{memo.KeyView{Status: memo.KeyExpired, EndedAt: at(-50 * time.Hour)}, "", "Expired", "2 days ago"},
		{memo.KeyView{Status: memo.KeyRevoked, EndedAt: at(-50 * time.Hour)}, "", "Revoked", "2 days ago"},
		{
			memo.KeyView{Status: memo.KeyDeactivated, EndedAt: at(-time.Hour), DeactivationReason: "the member left"},
			"", "Deactivated", "1 hour ago: the member left",
		},
	} {
		if got := keyStateOf(c.key, now); got != (keyState{pillPart{c.kind, c.text}, c.note}) {
			t.Errorf("%+v: got %v, want %q", c.key, got, []string{c.kind, c.text, c.note})
		}
	}
}

func TestSparkChart(t *testing.T) {
	use := make([]memo.Calls, 24)
	use[0].Requests, use[23].Requests, use[23].Refused = 1, 1000, 500
	s := newSparkChart(use, 28)
	if s.Sum != (memo.Calls{Requests: 1001, Refused: 500}) || s.Requests != "M0 28v-1h4v1zM115 28v-18h4v18z" ||
		s.Refused != "M115 10v-9h4v9z" || s.Width != 119 {
		t.Errorf("%+v", s)
	}
	use[0].Refused = 1 // visible next to many
	if s := newSparkChart(use, 28); s.Refused != "M0 27v-2h4v2zM115 10v-9h4v9z" {
		t.Errorf("%+v", s)
	}
	if s := newSparkChart(make([]memo.Calls, 24), 28); s.Sum != (memo.Calls{}) || s.Requests != "" {
		t.Errorf("%+v", s)
	}
}

// TestKeysPage checks the tiles, the chart, the search, the sorts and the list of inactive keys.
func TestKeysPage(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		olga, keys, ctx := w.browser(w.Olga), "/w/"+w.Acme.ID+"/keys", t.Context()
		named := func(name string, expires time.Duration) string {
			caller := memo.Caller{UserID: w.Mark.ID, WorkspaceID: w.Acme.ID, Operator: true}
			in := app.KeyRequest{Name: name}
			if expires > 0 {
				in.ExpiresAt = new(time.Now().Add(expires))
			}
			k, err := w.App.CreateKey(ctx, caller, in)
			w.Must(err)
			return k.Key
		}
		w.use(w.OlgaKey.Key)
		w.use(w.OlgaKey.Key)
		named("مفتاح <النسخ>", 0)
		named("Ключ", 3*24*time.Hour)
		exposed, _ := credential.ParseKey(named("zz 100%", 0))
		w.App.MarkExposed(ctx, []credential.Key{exposed}, app.Client{Address: "192.0.2.7"})
		w.Must(w.App.RevokeKey(ctx, memo.Caller{
			UserID: w.Mark.ID, WorkspaceID: w.Acme.ID, Role: memo.RoleMember,
			Operator: true,
		}, w.MarkKey.ID))
		p := olga.get(keys).want(200, `aria-current="true"><b>4</b> <span>active</span>`,
			`class="tile bad" href="?show=exposed"><b>1</b>`, `class="tile warn" href="?show=expiring"><b>1</b>`,
			`class="tile" href="?show=unused"><b>3</b> <span>never used</span>`, `aria-current="true">Active 4</a>`,
			`href="?show=inactive">Ended 1</a>`, "<small>2 in 24 hours · 1 refused</small>",
			"<caption>Requests 2 in 24 hours · 1 refused</caption>",
			`<th scope="col" aria-sort="descending"><a href="?">Status`, "<bdi>مفتاح &lt;النسخ&gt;</bdi>",
			`<a href="?sort=name">Name</a>`, `<a href="?sort=-used">Last used</a>`)
		order := func(p page) (names string) {
			for _, m := range regexp.MustCompile(`aria-label="Actions for ([^"]*)"><svg`).FindAllStringSubmatch(p.body, -1) {
				names += "|" + html.UnescapeString(m[1])
			}
			return names
		}
		olgas := w.OlgaKey.Name
		for query, want := range map[string]string{
			"":                        "|zz 100%|Ключ|" + olgas + "|مفتاح <النسخ>",
			"?show=exposed":           "|zz 100%",
			"?show=expiring":          "|Ключ",
			"?show=inactive":          "|" + w.MarkKey.Name,
			"?show=unused&q=مفتاح":    "|مفتاح <النسخ>",
			"?q=ключ":                 "|Ключ",
			"?q=100%25":               "|zz 100%",
			"?q=_":                    "",
			"?q=OLGA@":                "|" + olgas,
			"?q=…" + w.OlgaKey.Suffix: "|" + olgas,
			"?q=" + w.OlgaKey.Suffix:  "|" + olgas,
		} {
			if got := order(olga.get(keys + query)); got != want {
				t.Errorf("%s lists %q, want %q", query, got, want)
			}
		}
		if got := order(olga.get(keys + "?sort=-requests")); !strings.HasPrefix(got, "|"+olgas+"|") {
			t.Errorf("by requests: %q", got)
		}
		for _, sort := range []string{"name", "-name", "member", "-member", "used", "-used", "requests", "x"} {
			if got := order(olga.get(keys + "?sort=" + sort)); strings.Count(got, "|") != 4 {
				t.Errorf("sorted by %s: %q", sort, got)
			}
		}
		olga.get(keys+"?sort=name").want(200, `aria-sort="ascending"><a href="?sort=-name">Name`)
		olga.get(keys+"?q=nothing").want(200, "No keys found", `href="?">Clear search`)
		olga.get(keys+"?span=14d").want(200, "2 in 14 days", `aria-current="true">14 d`, time.Now().UTC().Format("Jan 2"))
		olga.get(keys+"?show=inactive").want(200, "Revoked").without(`type="checkbox" name="id"`, "Revoke key")
		w.browser(w.Mark).get(keys).want(200, "Ключ").without("Created by", "Olga Petrova</bdi></span></td>")
		p.without("No keys yet")
	})
}

// TestRevokeSelectedKeys checks that several keys are revoked after a confirmation, but only those
// that the visitor sees.
func TestRevokeSelectedKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		revoke, second := "/w/"+w.Acme.ID+"/keys/revoke", w.Key(w.Acme, w.Mark)
		ids := "?id=" + w.MarkKey.ID + "&id=" + second.ID + "&id=" + w.OlgaKey.ID + "&id=x&id=" + newID()
		mark := w.browser(w.Mark)
		mark.get(revoke+ids).want(200, "Revoke 2 keys?", w.MarkKey.ID, second.ID, "cannot be undone").without(w.OlgaKey.ID)
		mark.get(revoke).want(200, "No keys selected")
		w.browser(w.Eve).get(revoke + ids).want(404)
		if !w.authorised(second.Key) {
			t.Error("the confirmation page revoked a key")
		}
		mark.post(revoke, "id", w.MarkKey.ID, "id", second.ID, "id", w.OlgaKey.ID).want(200, "Keys revoked.", "Ended 2")
		if w.authorised(w.MarkKey.Key) || w.authorised(second.Key) || !w.authorised(w.OlgaKey.Key) {
			t.Error("the keys that were selected and may be revoked are not those that are revoked")
		}
		mark.post(revoke, "id", second.ID).want(200, "Ended 2") // sent again
		w.browser(w.Olga).post(revoke, "id", w.OlgaKey.ID).want(200, "Key revoked.")
		many := []string{}
		for range maxRevoked + 1 {
			many = append(many, "id", newID())
		}
		mark.post(revoke, many...).want(422, "Select at most 100 keys")
	})
}

// TestManyKeys checks that the list is split into pages of limited size.
func TestManyKeys(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	for range 2*keysPerPage + 5 {
		w.Key(w.Acme, w.Mark)
	}
	mark, keys := w.browser(w.Mark), "/w/"+w.Acme.ID+"/keys"
	seen := 0
	for path, pages := keys, 0; path != "" && pages < 9; pages++ {
		p := mark.get(path).want(200)
		if len(p.body) > 100_000 {
			t.Errorf("%s has %d bytes", path, len(p.body))
		}
		seen += strings.Count(p.body, `name="id" value=`)
		next := regexp.MustCompile(`href="(\?[^"]*)">More keys`).FindStringSubmatch(p.body)
		if path = ""; next != nil {
			path = keys + next[1]
		}
	}
	if seen != 2*keysPerPage+6 {
		t.Errorf("got %d keys on all pages", seen)
	}
}
