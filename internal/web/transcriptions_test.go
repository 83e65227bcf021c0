package web

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
	"memoai.tech/memo/internal/transcript"
)

// texts returns the path of Acme's transcriptions, followed by more.
func (w *world) texts(more string) string { return "/w/" + w.Acme.ID + "/transcriptions" + more }

// hostile is a transcription with markup in every text that pages show.
const hostile = `{"title":"<script>alert(1)</script>\" onload=\"x","status":"completed",
  "summary":"<img src=x onerror=alert(1)> price","language":"en","duration_seconds":9,
  "speakers":[{"name":"<b>Bob</b>"}],"topics":[{"title":"<i>topic</i>"}],"media_type":"audio","external_id":"<u>x</u>",
  "created_at":"2026-06-01T10:00:00Z","updated_at":"2026-06-01T10:00:00Z","project":{"name":"<em>P</em>"},
  "segments":[{"start":1,"end":4,"speaker_id":"1","speaker":"<b>Bob</b>",
    "text":"a </mark><script>alert(2)</script> price & more"}],
  "prompt_results":[{"name":"<s>r</s>","slug":"r","status":"completed",
    "text":"</details><script>alert(3)</script>","created_at":"2026-06-01T10:31:00Z"}]}`

func TestListTranscriptions(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		b := w.browser(w.Mark)
		all := b.get(w.texts("")).want(200, "Pricing talk", "Besprechung über Größe", "会議", "3 transcriptions",
			"About the price.", "Alex, Jordan", "<span>1 min</span>", ">May 2026</h2>", "Any project", "Any language",
			`<time datetime="2026-05-01T10:00:00Z" data-time="short" title="Fri, May 1, 2026, 10:00:00 UTC">May 1</time>`,
			"Select all 3", "Download all").without("Still queued", "Secret", `rel="next"`, ` style=`)
		if strings.Index(all.body, "会議") > strings.Index(all.body, "Pricing talk") {
			t.Error("the newest transcription is not first")
		}
		b.get(w.texts("?status=queued")).want(200, "Still queued", `<span class="pill warn">Queued `).
			without("Pricing talk")
		b.get(w.texts("?language=de")).want(200, "Größe", `<bdi class="cut">German</bdi><svg`,
			`value="de" aria-current="true"`, "Clear</a>").without("Pricing talk")
		b.get(w.texts("?from=2026-05-02&to=2026-05-02")).want(200, "Größe").without("Pricing talk", "会議")
		b.get(w.texts("?sort=created_at&status=completed&language=")).want(200, "Pricing talk")
		b.get(w.texts("?q=nowhere")).want(200, "No results")
		b.get(w.texts("?q=&sort=relevance")).want(200, "Pricing talk")
		for query, want := range map[string]string{
			"from=2026-02-30":                `id="from-wrong">From must be a date`,
			"from=2026-05-02&to=2026-05-01":  `id="from-wrong">From must not be after`,
			"project=x":                      `id="project-wrong">Project must be`,
			"language=%00":                   `id="language-wrong">Language must be`,
			"status=lost":                    `id="status-wrong">Status must be`,
			"sort=title":                     `id="sort-wrong">Sort must be`,
			"cursor=abc":                     "Go to the first page",
			"q=" + strings.Repeat("a", 1001): `id="q-wrong">Search must have at most 1000 characters`,
		} {
			b.get(w.texts("?"+query)).want(422, want).without("Pricing talk")
		}
		b.get(w.texts("?project=x&to=soon")).want(422, "Project must be", "To must be a date")
		w.browser(w.Eve).get(w.texts("")).want(404)
		w.browser(memo.User{}).get(w.texts("?q=a")).want(200, "Sign in", "transcriptions?q=a")
		w.browser(w.Eve).get("/w/"+w.Other.ID+"/transcriptions?q=nothing").want(200, "No results")
	})
}

func TestEmptyWorkspace(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		empty, err := w.App.AddWorkspace(context.Background(), memo.Caller{Operator: true}, "New", memo.PlanFree, w.Olga.ID)
		w.Must(err)
		w.browser(w.Olga).get("/w/"+empty.ID+"/transcriptions").want(200, "No transcriptions yet",
			"memo import --workspace "+empty.ID, "/w/"+empty.ID+"/import")
	})
}

func TestListPagination(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i := range pageRows {
			w.Import(w.Acme, fmt.Sprintf("n%d.txt", i), fmt.Sprintf("Line %d", i))
		}
		b := w.browser(w.Olga)
		first := b.get(w.texts("?q=&language=")).want(200, "28 transcriptions", "Older").without("Pricing talk", "First page")
		_, rest, _ := strings.Cut(first.body, `rel="next" href="`)
		next, _, _ := strings.Cut(rest, `"`)
		b.get(strings.ReplaceAll(next, "&amp;", "&")).want(200, "Pricing talk", "First page").without("Older")
	})
}

func TestSearchHighlights(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		id := w.Import(w.Acme, "x.json", hostile)
		b := w.browser(w.Mark)
		b.get(w.texts("?q=price")).want(200,
			"the <mark>price</mark> is &lt;b&gt;nine", "&lt;/mark&gt;&lt;script&gt;alert(2)&lt;/script&gt; <mark>price</mark>",
			"/transcriptions/"+w.Transcriptions[3]+"?line=2&amp;q=price#t-2",
			"About the <mark>price</mark>", "2 transcriptions").
			without("<script>alert", "<img", "<b>nine", "<em>P")
		b.get(w.texts("?q=uber")).want(200, "<mark>Über</mark> die", "<mark>über</mark> Größe")
		b.get(w.texts("?q=予算")).want(200, "来年の<mark>予算</mark>を")
		b.get(w.texts("?q=" + `%22%3E%3Cscript%3Ealert(9)%3C/script%3E`)).without("<script>alert")
		page := b.get(w.texts("/"+id+"?q=price")).
			want(200, "1 of 1", `id="hit"`, `id="t-1" class="current"`, "&lt;s&gt;r&lt;/s&gt;", "&lt;i&gt;topic").
			without("<script>alert", "<img", "<s>r", "<i>topic", "<u>x", "<b>Bob")
		if n := strings.Count(page.body, "</mark><script"); n > 0 {
			t.Error("the text closes its own <mark>")
		}
		w.Import(w.Acme, "far.json", strings.Replace(hostile, `"summary":"`,
			`"summary":"`+strings.Repeat("so many words ", 100)+"zebra ", 1))
		b.get(w.texts("?q=zebra")).want(200, "many words <mark>zebra</mark>")
		b.get(w.texts("/" + id + "/delete")).want(403)
		w.browser(w.Olga).get(w.texts("/"+id+"/delete")).want(200, "&lt;script&gt;alert(1)").without("<script>alert")
	})
}

func TestDownload(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		b := w.browser(w.Mark)
		c := memo.Caller{Operator: true, WorkspaceID: w.Acme.ID}
		for _, f := range transcript.Formats {
			want, err := w.App.Export(context.Background(), c, w.Transcriptions[1], f)
			w.Must(err)
			text, err := want.Bytes(context.Background())
			w.Must(err)
			p := b.get(w.texts("/" + w.Transcriptions[1] + "/export?format=" + string(f))).want(200)
			if p.body != string(text) {
				t.Errorf("%s: got %q, want %q", f, p.body, text)
			}
			for name, value := range map[string]string{
				"Content-Type": f.ContentType(), "Content-Disposition": filename.ContentDisposition(want.Name),
				"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff", "Content-Length": fmt.Sprint(len(text)),
			} {
				if got := p.header.Get(name); got != value {
					t.Errorf("%s: %s is %q, want %q", f, name, got, value)
				}
			}
		}
		b.get(w.texts("/"+w.Transcriptions[1]+"/export?format=exe")).want(422, "Unknown format")
	})
}

func TestDownloadZIP(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		b := w.browser(w.Mark)
		p := b.post(w.texts("/export"), "id", w.Transcriptions[3], "id", w.Transcriptions[1],
			"id", w.Transcriptions[3], "format", "txt").
			want(200)
		if p.header.Get("Content-Type") != "application/zip" ||
			!strings.HasPrefix(p.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("got %v", p.header)
		}
		z, err := zip.NewReader(bytes.NewReader([]byte(p.body)), int64(len(p.body)))
		w.Must(err)
		if len(z.File) != 2 {
			t.Fatalf("archive has %d files, want 2", len(z.File))
		}
		f, err := z.File[0].Open()
		w.Must(err)
		got, err := io.ReadAll(f)
		w.Must(err)
		operator := memo.Caller{Operator: true, WorkspaceID: w.Acme.ID}
		want, err := w.App.Export(context.Background(), operator, w.Transcriptions[3], transcript.Text)
		w.Must(err)
		text, err := want.Bytes(context.Background())
		w.Must(err)
		if string(got) != string(text) {
			t.Errorf("got %q", got)
		}
		b.post(w.texts("/export?q=price&status=completed"), "format", "md").
			want(422, "Select at least one transcription", "Pricing talk", `value="price"`, `action="`+w.texts("")+`"`,
				`action="`+w.texts("/export?q=price")).
			without("Besprechung", `href="?`)
		b.post(w.texts("/export"), "id", w.Transcriptions[1], "format", "exe").want(422, "Unknown format")
		b.post(w.texts("/export"), "id", w.Transcriptions[1], "id", w.OtherTranscription).
			want(404, "nothing was downloaded").without(w.OtherTranscription)
		b.post(w.texts("/export"), "id", "../x").want(404)
		var many []string
		for range app.MaxArchiveFiles + 1 {
			many = append(many, "id", w.Transcriptions[1])
		}
		b.post(w.texts("/export"), many...).want(422, "at most 100")
	})
}

// TestZIPIsCutWhenSessionEnds checks that the stream breaks when the user signs out or is
// removed.
func TestZIPIsCutWhenSessionEnds(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	form := url.Values{"format": {"md"}}
	random, noise := rand.NewChaCha8([32]byte{1}), make([]byte, 8<<10)
	for i := range 8 { // much more than the buffers hold
		var text strings.Builder
		for range 128 {
			_, _ = random.Read(noise) // never fails
			fmt.Fprintf(&text, "Ann: %s\n", base64.RawURLEncoding.EncodeToString(noise))
		}
		form.Add("id", w.Import(w.Acme, fmt.Sprintf("noise %d.txt", i), text.String()))
	}
	for _, c := range []struct {
		name string
		end  func(b *browser) error
	}{
		{"signed out", func(b *browser) error { b.post("/signout"); return nil }},
		{"removed", func(*browser) error {
			return w.App.RemoveMember(context.Background(), memo.Caller{Operator: true}, w.Acme.ID, w.Mark.ID)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := w.browser(w.Mark)
			dial := func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				if err == nil {
					err = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
				}
				return conn, err
			}
			slow := &http.Client{Jar: b.client.Jar, Transport: &http.Transport{DialContext: dial}}
			r, err := http.NewRequest(http.MethodPost, w.Server.URL+w.texts("/export"), strings.NewReader(form.Encode()))
			w.Must(err)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", w.Server.URL)
			res, err := slow.Do(r)
			w.Must(err)
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Fatalf("got %d", res.StatusCode)
			}
			_, err = io.CopyN(io.Discard, res.Body, 64<<10)
			w.Must(err)
			w.Must(c.end(b))
			pace := time.NewTicker(5 * time.Millisecond) // the whole archive would take many seconds
			defer pace.Stop()
			for err == nil {
				<-pace.C
				_, err = io.CopyN(io.Discard, res.Body, 8<<10)
			}
			if errors.Is(err, io.EOF) {
				t.Error("the archive was sent completely")
			}
		})
	}
}

func TestChangePermissions(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mark, olga, eve := w.browser(w.Mark), w.browser(w.Olga), w.browser(w.Eve)
		marks := w.importAs(mark, "mine.txt", "Hello there")
		mark.get(w.texts("/"+marks)).want(200, "Edit details", "Delete transcription")
		mark.post(w.texts("/"+marks+"/details"), "title", "A better title").want(200, "Title updated.", "A better title")
		mark.post(w.texts("/"+marks+"/details"), "title", " ").want(422, "Title must not be empty", `value=" "`)
		mark.post(w.texts("/"+marks+"/details"), "title", "A better title", "date", "2026-05-20", "language", "german").
			want(200, "A better title", "May 20, 2026", "German", `value="2026-05-20"`)
		mark.post(w.texts("/"+marks+"/details"), "date", "soon").want(422, "Date must be a date such as", "May 20, 2026")
		mark.post(w.texts("/"+marks+"/details"), "language", "??").want(422, "Language must be a language code")
		mark.post(w.texts("/"+marks+"/details"), "language", "").want(200, "May 20, 2026").without("German")
		mark.post(w.texts("/"+marks+"/project"), "project", "Brand new").want(200, "Project updated.", "Brand new")
		mark.post(w.texts("/"+marks+"/project"), "project", "a\u202eb").want(422, "Project must not contain")
		mark.post(w.texts("/"+marks+"/project"), "project", "").want(200, "Project updated.").without("<dt>Project")

		olgas := w.Transcriptions[3]
		mark.get(w.texts("/" + olgas + "/delete")).want(403)
		for _, path := range []string{"/details", "/project", "/delete"} {
			mark.post(w.texts("/"+olgas+path), "title", "x", "project", "x").want(403, "Only an owner or the member who")
			eve.post(w.texts("/"+marks+path), "title", "x", "project", "x").want(404)
			eve.post("/w/"+w.Other.ID+"/transcriptions/"+marks+path, "title", "x", "project", "x").
				want(404, "Transcription not found")
			mark.do(http.MethodPost, w.texts("/"+marks+path), "title=x",
				func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }).want(403)
		}
		olga.post(w.texts("/"+olgas+"/details"), "title", "Renamed").want(200, "Renamed")
		olga.get(w.texts("?q=renamed")).want(200, "<mark>Renamed</mark>")
		olga.get(w.texts("/"+marks+"/delete")).want(200, "cannot be undone")
		olga.post(w.texts("/"+marks+"/delete")).want(200, "Transcription deleted.").without("A better title")
		mark.post(w.texts("/" + marks + "/delete")).want(404)
	})
}

// TestDownloadList downloads all transcriptions that a filter selects, whatever page shows them.
func TestDownloadList(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i := range pageRows {
			w.Import(w.Acme, "same.txt", fmt.Sprintf("Line %d of zebra", i))
		}
		b := w.browser(w.Mark)
		b.get(w.texts("?q=zebra&language=")).want(200, `action="`+w.texts("/export?q=zebra")+`"`, "25 transcriptions",
			`<input type="checkbox" name="all" value="1">Select all 25</label>`)
		for _, c := range []struct {
			query, name string
			files       int
		}{
			{"", "transcriptions " + formatDay(time.Now()) + ".zip", pageRows + 3},
			{"?q=zebra", "zebra.zip", pageRows},
			{"?q=ZEBRA&sort=duration&cursor=", "ZEBRA.zip", pageRows},
			{"?language=de", "German.zip", 1},
			{"?speaker=Jordan&language=en", "Jordan, English.zip", 1},
			{"?from=2026-05-01&to=2026-05-31", "May 2026.zip", 3},
			{"?from=2026-05-01&to=2026-05-02&status=completed", "May 1, 2026 to May 2, 2026.zip", 2},
			{"?status=queued", "Queued.zip", 1},
			{"?when=today&q=zebra", "zebra, " + newDay(time.Now()).Text + ".zip", pageRows},
		} {
			p := b.post(w.texts("/export"+c.query), "all", "1", "format", "txt", "id", w.Transcriptions[1]).want(200)
			if got := p.header.Get("Content-Disposition"); got != filename.ContentDisposition(c.name) {
				t.Errorf("%s: the name is %s, want %s", c.query, got, c.name)
			}
			z, err := zip.NewReader(strings.NewReader(p.body), int64(len(p.body)))
			w.Must(err)
			names := map[string]bool{}
			for _, f := range z.File {
				names[f.Name] = true
			}
			if len(names) != c.files {
				t.Errorf("%s: the archive has %d files, want %d", c.query, len(names), c.files)
			}
		}
		b.post(w.texts("/export?q=nowhere"), "all", "1").want(422, "No transcriptions match", `value="nowhere"`)
		b.post(w.texts("/export?from=soon"), "all", "1").want(422, "From must be a date").without("Pricing talk")
		b.post(w.texts("/export"), "all", "1", "format", "exe").want(422, "Unknown format")
		w.browser(w.Eve).post(w.texts("/export"), "all", "1").want(404)
		w.browser(w.Olga).get("/w/"+w.Acme.ID+"/audit").want(200, "28 transcriptions")
	})
}

// TestSpeakerFilter: the menu has the most frequent speakers, and a field for the others.
func TestSpeakerFilter(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		b := w.browser(w.Mark)
		speaks := func(name string, times int) {
			for i := range times {
				w.Import(w.Acme, "x.json", strings.NewReplacer("Jordan", name, "Pricing talk", fmt.Sprint("With ", name, " ", i)).
					Replace(testworld.Sources[0]))
			}
		}
		speaks("ليلى الحسن", 3)
		chip := `<span class="hidden">Speaker: </span><bdi class="cut">`
		b.get(w.texts("")).want(200, chip+"Any speaker",
			`<button name="speaker" value="Alex">`, `<button name="speaker" value="ليلى الحسن">`).without("Someone else")
		b.get(w.texts("?speaker=Jordan&q=price")).want(200, "1 transcription", "Pricing",
			`value="Jordan" aria-current="true"`,
			chip+"Jordan", `action="`+w.texts("/export?q=price&amp;speaker=Jordan")+`"`, `href="`+w.texts("?q=price")+`">Clear`).
			without("With ")
		b.get(w.texts("?speaker=%20LAYLA")).want(200, chip+"LAYLA", "No transcriptions match these filters")
		b.get(w.texts("?speaker="+strings.Repeat("x", 201))).want(422, "Speaker must have at most 200 characters")
		for i := range menuSpeakers - 2 {
			speaks(fmt.Sprint("Guest ", i), 2)
		}
		speaks("<b>rare</b>", 1)
		b.get(w.texts("?speaker=jordan&when=month&sort=duration")).want(200, chip+"jordan", "Someone else",
			`<option value="&lt;b&gt;rare&lt;/b&gt;">`, `<option value="Alex">`,
			`<input type="hidden" name="sort" value="duration">`).
			without(`<button name="speaker" value="&lt;b&gt;rare`, `<button name="speaker" value="Jordan">`)
		b.get(w.texts("?speaker=alex")).want(200, "17 transcriptions")
		w.browser(w.Eve).get("/w/"+w.Other.ID+"/transcriptions?speaker=jordan").want(200, "1 transcription").
			without("ليلى الحسن", "Guest")
	})
}

func TestBackToTheList(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	b, id := w.browser(w.Mark), w.Transcriptions[1]
	for referer, want := range map[string]string{
		"": w.texts("#" + id),
		w.Server.URL + w.texts("?q=price&done=moved&sort=duration"): w.texts("?q=price&amp;sort=duration#" + id),
		w.Server.URL + w.texts("/"+id) + "?q=a":                     w.texts("#" + id),
		"https://evil.example/?q=a":                                 w.texts("#" + id),
		"%":                                                         w.texts("#" + id),
	} {
		b.do(http.MethodGet, w.texts("/"+id), "", func(r *http.Request) { r.Header.Set("Referer", referer) }).
			want(200, `href="`+want+`">Transcriptions</a>`)
	}
	b.get(w.texts("")).want(200, `<li id="`+id+`"`)
}

func TestDaysOfTheFilter(t *testing.T) {
	now := time.Date(2026, 1, 4, 23, 0, 0, 0, time.FixedZone("", -2*60*60)) // a Monday in UTC
	for when, want := range map[string]string{
		"today": "Jan 5, 2026", "week": "Jan 5, 2026 to Jan 11, 2026", "month": "January 2026",
		"lastmonth": "December 2025",
	} {
		from, to, ok := daysOf(when, now)
		if got := daysText(from, to); !ok || got != want {
			t.Errorf("%s is %s, want %s", when, got, want)
		}
	}
	day := time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)
	for got, want := range map[string]string{
		daysText(day, time.Time{}): "Since Feb 28, 2026", daysText(time.Time{}, day): "Until Feb 28, 2026",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSearchTotalIsCapped(t *testing.T) {
	cfg := sqliteWorld(t)
	w := newWorld(t, cfg)
	w.Import(w.Acme, "x.txt", "[00:01] Ann: zebra")
	testenv.Repeat(t, cfg.Store.Dir, 10_000)
	b := w.browser(w.Olga)
	b.get(w.texts("?q=zebra")).want(200, "More than 10,000 transcriptions matching “<bdi>zebra</bdi>”").
		without("Download all", "Select all")
	b.get(w.texts("")).want(200, "10,004 transcriptions").without("More than", "Download all")
	b.post(w.texts("/export"), "all", "1").want(422, "One ZIP has at most 10,000 transcriptions", "Narrow the list")
}

// TestTheFormHasEveryFilter: a filter that REST has is also on the page.
func TestTheFormHasEveryFilter(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	projects, err := w.App.ProjectNames(context.Background(), memo.Caller{Operator: true, WorkspaceID: w.Acme.ID})
	w.Must(err)
	values := url.Values{
		"q": {"price"}, "project": {projects[0].ID}, "language": {"en"}, "speaker": {"Ann"},
		"from": {"2026-05-01"}, "to": {"2026-05-02"},
		"sort": {"duration"}, "status": {"completed"}, "cursor": {"x"},
	}
	r := httptest.NewRequest(http.MethodGet, "/?"+values.Encode(), nil)
	v := &pageRequest{
		Site: w.site, r: r, ctx: r.Context(), Caller: memo.Caller{Operator: true, WorkspaceID: w.Acme.ID},
	}
	in, err := v.filter(new(transcriptionsPage))
	w.Must(err)
	testenv.NoFieldIsZero(t, in, "add its field to pageRequest.filter and its value to this test",
		"ExternalID", "UpdatedAfter", "Offset", "NoSnippets", "AllWords", "ReportNames") // for scripts
}
