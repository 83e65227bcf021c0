package web

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"memoai.tech/memo"
)

func TestShowTranscription(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		b := w.browser(w.Mark)
		id := w.Transcriptions[3]
		first := b.get(w.texts("/"+id)).
			want(200, "<title>Pricing talk · Memo</title>", "May 1, 2026, 10:00 UTC", "1 min", "English", "Sales",
				"Action items", "Summary</bdi></h2>", "About the price", "00:42", "Jordan", `id="t-2"`, "crm-1").
			without("Delete transcription", "Edit details", "send the offer")
		report := reportTab.FindString(first.body)
		b.get(w.texts("/"+id+report)).want(200, ">Action items</bdi></h2>", "send the offer", `id="t-2"`).
			without("About the price")
		b.get(w.texts("/"+id+"?tab=transcript")).want(200, `id="t-2"`).without("About the price", "send the offer")
		b.get(w.texts("/"+id+"?line=2")).want(200, `id="t-2"`).without("About the price")
		b.get(w.texts("/"+id+"?tab=nothing")).want(200, "About the price")
		b.get(w.texts("/"+id+"?find=cost+Alex")).
			want(200, "1 of 1", "<mark>Alex</mark>", "<mark>cost</mark>", `value="cost Alex"`)
		b.get(w.texts("/"+id+"?find=nothing")).want(200, "No matches").without("1 of")
		for _, bad := range []string{w.OtherTranscription, "3fa85f64-5717-4562-b3fc-2c963f66afa6", "x", "%00"} {
			for _, path := range []string{"", "/export", "/delete", "/export?format=x"} {
				b.get(w.texts("/"+bad+path)).want(404, "Transcription not found").without("Secret")
			}
			for _, path := range []string{"/details", "/project", "/delete"} {
				b.post(w.texts("/"+bad+path), "title", "x", "project", "x").want(404, "Transcription not found")
			}
		}
	})
}

// reportTab matches the query of the tab of a report.
var reportTab = regexp.MustCompile(`\?tab=\d+`)

// TestLongTranscription: a meeting of 3,000 lines is one page, and a longer one has parts.
func TestLongTranscription(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	day := func(n int) string {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "[%02d:%02d] Ann: line number %d of a long day's talk & more\n", i/60, i%60, i+1)
		}
		return w.texts("/" + w.Import(w.Acme, fmt.Sprintf("long%d.txt", n), text.String()))
	}
	b := w.browser(w.Olga)
	whole := b.get(day(pageLines)).want(200, `id="t-1"`, `id="t-3000"`).without("Lines 1–", ">Next<")
	if per := len(whole.body) / pageLines; per > 220 {
		t.Errorf("a line has %d bytes", per)
	}
	long := day(7000)
	b.get(long).want(200, `id="t-1"`, "Lines 1–3,000 of 7,000", ">Next<").
		without(">Previous<", `id="t-3001"`, "data-copy-lines")
	b.get(long+"?line=2999").want(200, `id="t-2999"`, `id="t-1"`)
	b.get(long+"?line=3001").want(200, `id="t-3001"`, `id="t-6000"`, ">Previous<").without(`id="t-3000"`, `id="t-6001"`)
	b.get(long+"?find=6999").want(200, "1 of 1", `id="t-6999" class="current"`).without(`id="t-1"`)
	b.get(long+"?find=line").
		want(200, "1 of 7000", `id="t-1" class="current"`, "hit=7000#hit", "hit=2#hit").without("data-hits")
	b.get(long+"?find=line&hit=7000").want(200, "7000 of 7000", `id="t-7000" class="current"`, "hit=1#hit")
	b.get(long+"?find=line&line=5000").want(200, "5000 of 7000", `id="t-5000" class="current"`)
	b.get(long+"?find=line&hit=7001").want(200, "1 of 7000")
	b.get(long+"?line=-7").want(200, `id="t-1"`)
	for at, line := range map[string]string{
		"0:00": "1", "49:58": "2999", "49:59": "3000", "30:00.5": "1801", "9:59:59": "7000",
	} {
		p := b.get(long+"?find=day&at="+at).want(200, `id="t-`+line+`"`)
		if p.path != long+"?find=day&line="+line {
			t.Errorf("at %s: redirected to %s", at, p.path)
		}
	}
	b.get(long+"?at=noon").want(422, "Enter a time such as", `value="noon"`, `id="t-1"`)
	b.get(long + "?line=99999999999").want(200)
}

// TestTurnsAndTalk: consecutive lines of a speaker are one turn, and shares are of the time, or of
// the text if there are no times.
func TestTurnsAndTalk(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	b := w.browser(w.Olga)
	timed := b.get(w.texts("/"+w.Import(w.Acme, "a.json", `{"title":"Turns","segments":[
		{"start":0,"end":60,"speaker":"Ann","text":"One"},{"start":60,"end":90,"speaker":"Ann","text":"Two"},
		{"start":90,"end":120,"speaker":"مريم","text":"ثلاثة"},{"start":120,"end":120,"text":"Nobody"}]}`))).
		want(200, "75%", "2 min", "25%", "<bdi>مريم</bdi>", `class="share c`).without("Shares of the text", ">Summary<")
	if n := strings.Count(timed.body, `<b><span class="avatar`); n != 2 {
		t.Errorf("the page has %d turns of speakers, want 2", n)
	}
	b.get(w.texts("/"+w.Import(w.Acme, "b.txt", "Ann: aaaaaa\nBob: bb\n"))).want(200, "75%", "25%", "Shares of the text")
	b.get(w.texts("/"+w.Import(w.Acme, "c.txt", "No speakers here.\n"))).want(200, "No speakers").without("<h2>Speakers")
}

// TestLongReport checks that a long report is shortened, with a link to the full text.
func TestLongReport(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	long := strings.Repeat("wörter & ", 20_000)
	doc, err := json.Marshal(map[string]any{
		"status": "completed", "duration_seconds": 1, "speakers": []any{}, "topics": []any{}, "media_type": "audio",
		"created_at": "2026-05-20T09:14:00Z",
		"title":      "Long", "summary": long[:15_000], "segments": []map[string]any{{"start": 0, "end": 1, "text": "hello"}},
		"prompt_results": []map[string]any{
			{"name": "First", "slug": "a", "status": "completed", "text": "short"},
			{"name": "Second", "slug": "b", "status": "completed", "text": long},
			{"name": "Third", "slug": "c", "status": "failed", "text": ""},
		},
	})
	w.Must(err)
	b := w.browser(w.Olga)
	path := w.texts("/" + w.Import(w.Acme, "long.json", string(doc)))
	tabs := reportTab.FindAllString(b.get(path).want(200, "Third").body, -1)
	if len(tabs) != 3 {
		t.Fatalf("the page has the tabs %q", tabs)
	}
	b.get(path+tabs[0]).want(200, "short").without("Shortened")
	b.get(path+tabs[2]).want(200, "This report failed.")
	p := b.get(path+tabs[1]).want(200, "Markdown download</a> has all of it")
	if len(p.body) > 100_000 {
		t.Errorf("page has %d bytes", len(p.body))
	}
}

// TestUndoTitle checks the form that gives a transcription its old title again.
func TestUndoTitle(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mark, olga := w.browser(w.Mark), w.browser(w.Olga)
		path := w.texts("/" + w.importAs(mark, "First.txt", "Ann: Hello"))
		undoTo := func(title string) string {
			return `<input type="hidden" name="title" value="` + title + `"><button>Undo</button>`
		}
		mark.get(path+"?done=retitled").want(200, "Title updated.").without("Undo")
		mark.post(path+"/details", "title", "<Second>").want(200, "Title updated.", undoTo("First"))
		mark.get(path+"?done=retitled&was=Third").want(200, undoTo("First")).without("Third")
		olga.get(path + "?done=retitled").want(200).without("Undo")
		long := strings.Repeat("題", memo.MaxTitle)
		mark.post(path+"/details", "title", long).want(200, undoTo("&lt;Second&gt;"))
		mark.post(path+"/details", "title", "<Second>").want(200, undoTo(long))
		mark.post(path+"/details", "title", "<Second>").want(200).without("Undo") // nothing has changed
		olga.post(path+"/details", "title", "Fourth").want(200, undoTo("&lt;Second&gt;"))
		mark.get(path + "?done=retitled").want(200).without("Undo") // somebody else has changed it since
		olga.get("/w/"+w.Acme.ID+"/audit").want(200, "renamed <bdi>First</bdi> to")
	})
}

func TestRenameSpeaker(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mark, olga := w.browser(w.Mark), w.browser(w.Olga)
		id := w.importAs(mark, "mine.txt", "Ann: Hello\nBob: Hi\nAnn: Bye\n")
		path := w.texts("/" + id)
		mark.get(path).want(200, `<option value="Ann">Ann</option>`, "Rename speaker",
			`<a href="`+w.texts("?speaker=Ann")+`" title="Ann"><bdi class="cut">Ann</bdi></a>`)
		mark.get(path+"?done=speaker&was=Eve&now=Ann").want(200).without("Undo", "Eve")
		const back = `/speaker?speaker=%3CAnna%3E">
    <input type="hidden" name="name" value="Ann"><button>Undo</button>`
		mark.post(path+"/speaker", "speaker", "Ann", "name", "<Anna>").
			want(200, "Speaker renamed.", "<bdi>&lt;Anna&gt;</bdi>", back).without("<bdi>Ann</bdi>", "<Anna>")
		// A link cannot choose the name. The form is for the person who made the change, while it can be taken back.
		mark.get(path+"?done=speaker&was=Eve&now=Bob").want(200, back).without("Eve")
		olga.get(path+"?done=speaker").want(200, "Speaker renamed.").without("Undo")
		mark.get(path).want(200).without("Undo")
		olga.post(path+"/speaker", "speaker", "Bob", "name", "Ann").want(200, ">Undo</button>")
		mark.get(path + "?done=speaker").want(200).without("Undo") // it would join two speakers
		olga.post(path+"/speaker", "speaker", "Ann", "name", "Bob").want(200, ">Undo</button>")
		mark.post(path+"/speaker?speaker=%3CAnna%3E", "name", "Ann").want(200, "<bdi>Ann</bdi>").without("Anna&gt;</bdi>")
		mark.post(path+"/speaker", "speaker", "Ann", "name", "").want(422, "New name must not be empty")
		mark.post(path+"/speaker", "speaker", "Eve", "name", "Ann").want(422,
			"This speaker is not in the transcription. Reload the page.")
		olga.post(path+"/speaker", "speaker", "Ann", "name", "Bob").want(200, "cannot be undone", "100%").without("Undo")
		olga.get(path + "?done=speaker").want(200).without("Undo") // nor after a link that does not say so
		olgas := w.texts("/" + w.Transcriptions[3])
		mark.post(olgas+"/speaker", "speaker", "Jordan", "name", "x").want(403)
		w.browser(w.Eve).post(path+"/speaker", "speaker", "Bob", "name", "x").want(404)
		olga.get("/w/"+w.Acme.ID+"/audit").want(200, "renamed a speaker of", "Ann is now Bob")
	})
}
