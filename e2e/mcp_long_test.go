package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// A meeting of three hours is read to its end as an assistant reads it, page by
// page: every character once, whatever the size of the pages, and nothing of
// the server's own between them.
func TestLongMeetingOverMCP(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p database) {
		h := newInstallation(t, p)
		meeting := threeHours()
		if n := utf8.RuneCountInString(meeting); n < 200_000 {
			t.Fatalf("%d characters", n)
		}
		id := importText(t, h, "2026-05-20 Quarterly review.txt", meeting)
		s := start(t, p, unlimitedOptions...)
		c := s.client(h.newKey(t, "reader").Key)
		full := decode[struct{ Text string }](t, c.must(t, http.StatusOK, "GET", api+"/transcriptions/"+id, nil))
		if strings.TrimSuffix(full.Text, "\n") != strings.TrimSuffix(meeting, "\n") {
			t.Fatalf("REST's text is not what was imported, from %s", differ(full.Text, meeting))
		}
		read := reading{c: c, tool: "memo_get_transcription", arguments: map[string]any{"id": id}, what: "transcription " +
			id, lines: true}
		pages := 0
		for _, size := range []int{0, 12_345, 45_000} { // 0: what the tool gives unasked
			pages += read.mustGive(t, full.Text, size, -1)
		}
		// One character a page gives one line a page: a few, and those about
		// the longest. Others, too, need not be asked for all.
		around := read.from(lineBefore(full.Text, strings.Index(full.Text, longest)))
		pages += read.mustGive(t, full.Text, 1, 8)
		pages += around.mustGive(t, full.Text, 1, 3)
		pages += around.mustGive(t, full.Text, 19_999, 2)
		pages += around.mustGive(t, full.Text, 997, 5)
		for _, format := range []string{"md", "json"} {
			file := c.must(t, http.StatusOK, "GET", api+"/transcriptions/"+id+"/export?format="+format, nil)
			export := reading{
				c: c, tool: "memo_export_transcription", arguments: map[string]any{"id": id, "format": format},
				what: "transcription " + id, more: " | GET " + api + "/transcriptions/" + id + "/export?format=" + format,
			}
			pages += export.mustGive(t, string(file.body), 44_987, -1)
			pages += export.mustGive(t, string(file.body), 0, 3)
			pages += export.from(100_003).mustGive(t, string(file.body), 1, 3)
		}
		t.Logf("%d characters, %d pages", utf8.RuneCountInString(full.Text), pages)
	})
}

// longest is a line's text of 20,000 characters in one go.
var longest = strings.TrimSuffix(strings.Repeat("договор ", 2_500), " ") + "."

// threeHours is a transcript in the form of contract section 2, in several
// languages, with lines from one letter to 20,000.
func threeHours() string {
	said := []string{
		"Let us go through the numbers of the last quarter, region by region, before we talk about the plan.",
		"Das müssen wir größer denken – Übergabe, Schlüssel, „Straße“ – und zwar bis nächste Woche.",
		"Давайте вернёмся к договору: цена, сроки, ответственность сторон.",
		"四半期の数字を確認しましょう。来週までに資料を送ります。", "我们下周再讨论预算和合同。", "다음 주까지 자료를 보내 드리겠습니다.",
		"لنراجع العقد قبل نهاية الأسبوع.", "אנחנו צריכים לדבר על המחיר.", "हम अगले सप्ताह बजट पर चर्चा करेंगे।",
		"👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 great, ship it 🚀", "e\u0301galite\u0301, fraternite\u0301", "a\u200db\u00a0c",
		"<b>not</b> & `code` | next: offset=7 | end", "Hm.", "?",
	}
	speakers := []string{"Alex", "Jordan Lee", "Мария", "田中", "Zoë"}
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for second := 0; second < 3*3600; second += 7 {
		text := said[random.IntN(len(said))]
		for range random.IntN(6) {
			text += " " + said[random.IntN(len(said))]
		}
		if second == 7*700 {
			text = longest
		}
		fmt.Fprintf(&b, "[%s] %s: %s\n", clock(second), speakers[random.IntN(len(speakers))], text)
	}
	return b.String()
}

func clock(second int) string {
	if second < 3600 {
		return fmt.Sprintf("%02d:%02d", second/60, second%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", second/3600, second/60%60, second%60)
}

// lineBefore is the offset in characters of the line before the one that the
// byte at stands in.
func lineBefore(s string, at int) int {
	line := strings.LastIndexByte(s[:at], '\n')
	return utf8.RuneCountInString(s[:strings.LastIndexByte(s[:line], '\n')+1])
}

// differ tells where two texts part.
func differ(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return fmt.Sprintf("byte %d of %d and %d: %.60q and %.60q", n, len(a), len(b), a[n:], b[n:])
}

// reading is a text that a tool gives in pages.
type reading struct {
	c         *apiClient
	tool      string
	arguments map[string]any
	what      string // the pages' first and last line begins so
	more      string // and ends so
	lines     bool   // a page is made of whole lines
	start     int    // in characters
}

func (r reading) from(start int) reading {
	r.start = start
	return r
}

var stands = regexp.MustCompile(`^(.+?) \| characters (\d+)-(\d+) of (\d+) \| (end|next: offset=(\d+)( \(within a line\))?)(.*)$`)

// mustGive follows "next: offset=" for so many pages, or to the end, and
// returns how many there were. Size 0 leaves the size to the tool.
func (r reading) mustGive(t *testing.T, want string, size, most int) (pages int) {
	t.Helper()
	runes := []rune(want)
	offset := r.start
	var got strings.Builder
	for end := false; !end && pages != most; pages++ {
		p := r.page(t, offset, size)
		if p.from != offset || p.to <= p.from || p.total != len(runes) || p.end != (p.to == p.total) {
			t.Fatalf("%s from %d by %d: it stands at %+v, of %d", r.tool, offset, size, p, len(runes))
		}
		limit := size
		if size == 0 {
			limit = 10_000
		}
		if n := p.to - p.from; n > limit && (!r.lines || strings.Count(strings.TrimSuffix(p.text, "\n"), "\n") > 0) {
			t.Fatalf("%s from %d by %d: %d characters", r.tool, offset, size, n)
		}
		if r.lines && !p.end && (p.within || !strings.HasSuffix(p.text, "\n")) {
			t.Fatalf("%s from %d by %d: it ends within a line", r.tool, offset, size)
		}
		got.WriteString(p.text)
		offset, end = p.to, p.end
		if pages > len(runes) {
			t.Fatalf("%s by %d has no end", r.tool, size)
		}
	}
	if text := string(runes[r.start:offset]); got.String() != text {
		t.Fatalf("%s by %d, from %d to %d, parts at %s", r.tool, size, r.start, offset, differ(got.String(), text))
	}
	if most < 0 && offset != len(runes) {
		t.Fatalf("%s by %d ends at %d of %d", r.tool, size, offset, len(runes))
	}
	return pages
}

// leaf is a page as it says itself.
type leaf struct {
	text            string
	from, to, total int
	end, within     bool
}

func (r reading) page(t *testing.T, offset, size int) (p leaf) {
	t.Helper()
	arguments := map[string]any{"offset": offset}
	if size > 0 {
		arguments["max_chars"] = size
	}
	for name, value := range r.arguments {
		arguments[name] = value
	}
	whole := r.c.text(t, tool([]string{unnamed, older, newest}[offset%3], r.tool, arguments))
	head, rest, _ := strings.Cut(whole, "\n")
	m := stands.FindStringSubmatch(head)
	if m == nil || m[1] != r.what || m[8] != r.more {
		t.Fatalf("%s: the first line is %.300q", r.tool, head)
	}
	body, ok := strings.CutSuffix(rest, head)
	if !ok {
		t.Fatalf("%s: the last line is not the first: %.300q and %.300q", r.tool, head, lastLines(rest, 300))
	}
	for i, n := range []*int{&p.from, &p.to, &p.total} {
		*n, _ = strconv.Atoi(m[2+i]) // digits
	}
	p.end, p.within = m[5] == "end", m[7] != ""
	if m[6] != "" && m[6] != m[3] {
		t.Fatalf("%s: %q", r.tool, head)
	}
	// A page that does not end with a line break gets one before the last line.
	if n := utf8.RuneCountInString(body); n == p.to-p.from+1 && strings.HasSuffix(body, "\n") {
		body = body[:len(body)-1]
	} else if n != p.to-p.from {
		t.Fatalf("%s: %d characters between %q", r.tool, n, head)
	}
	p.text = body
	return p
}
