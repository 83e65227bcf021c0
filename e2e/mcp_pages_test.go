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

// TestMCPPagesOfLongTranscript reads a transcript of three hours page by page, as an
// assistant does. Whatever the page size, every character must come once and nothing
// may be added to the text.
func TestMCPPagesOfLongTranscript(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p database) {
		h := newInstallation(t, p)
		text := longTranscript()
		if n := utf8.RuneCountInString(text); n < 200_000 {
			t.Fatalf("%d characters", n)
		}
		id := importText(t, h, "2026-05-20 Quarterly review.txt", text)
		s := start(t, p, withoutLimits...)
		c := s.client(h.newKey(t, "reader").Key)
		full := decode[struct{ Text string }](t, c.must(t, http.StatusOK, "GET", api+"/transcriptions/"+id, nil))
		if strings.TrimSuffix(full.Text, "\n") != strings.TrimSuffix(text, "\n") {
			t.Fatalf("the text of REST differs from the imported text at %s", firstDifference(full.Text, text))
		}
		transcript := pagedText{
			c: c, tool: "memo_get_transcription", arguments: map[string]any{"id": id},
			subject: "transcription " + id, lines: true,
		}
		pages := 0
		for _, size := range []int{0, 12_345, 45_000} { // 0: the default of the tool
			pages += transcript.readPages(t, full.Text, size, -1)
		}
		// With one character per page, every page is one line. Only a few pages are
		// read, and those near the longest line.
		nearLongest := transcript.from(lineBefore(full.Text, strings.Index(full.Text, longestLine)))
		pages += transcript.readPages(t, full.Text, 1, 8)
		pages += nearLongest.readPages(t, full.Text, 1, 3)
		pages += nearLongest.readPages(t, full.Text, 19_999, 2)
		pages += nearLongest.readPages(t, full.Text, 997, 5)
		for _, format := range []string{"md", "json"} {
			file := c.must(t, http.StatusOK, "GET", api+"/transcriptions/"+id+"/export?format="+format, nil)
			export := pagedText{
				c: c, tool: "memo_export_transcription", arguments: map[string]any{"id": id, "format": format},
				subject: "transcription " + id, suffix: " | GET " + api + "/transcriptions/" + id + "/export?format=" + format,
			}
			pages += export.readPages(t, string(file.body), 44_987, -1)
			pages += export.readPages(t, string(file.body), 0, 3)
			pages += export.from(100_003).readPages(t, string(file.body), 1, 3)
		}
		t.Logf("%d characters, %d pages", utf8.RuneCountInString(full.Text), pages)
	})
}

// longestLine is the text of a segment with 20,000 characters.
var longestLine = strings.TrimSuffix(strings.Repeat("договор ", 2_500), " ") + "."

// longTranscript returns a transcript of three hours, written as the REST API writes
// it, in several languages, with segments of 1 to 20,000 characters.
func longTranscript() string {
	sentences := []string{
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
		text := sentences[random.IntN(len(sentences))]
		for range random.IntN(6) {
			text += " " + sentences[random.IntN(len(sentences))]
		}
		if second == 7*700 {
			text = longestLine
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

// lineBefore returns where the line before the one with byte at starts, in
// characters.
func lineBefore(s string, at int) int {
	line := strings.LastIndexByte(s[:at], '\n')
	return utf8.RuneCountInString(s[:strings.LastIndexByte(s[:line], '\n')+1])
}

// firstDifference describes where two texts begin to differ.
func firstDifference(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return fmt.Sprintf("byte %d of %d and %d: %.60q and %.60q", n, len(a), len(b), a[n:], b[n:])
}

// pagedText is a text that a tool returns in pages.
type pagedText struct {
	c         *apiClient
	tool      string
	arguments map[string]any
	subject   string // how the first and the last line of a page begin
	suffix    string // how they end
	lines     bool   // pages consist of whole lines
	start     int    // in characters
}

func (r pagedText) from(start int) pagedText {
	r.start = start
	return r
}

// pageMarker matches the first and the last line of a page.
var pageMarker = regexp.MustCompile(
	`^(.+?) \| characters (\d+)-(\d+) of (\d+) \| (end|next: offset=(\d+)( \(within a line\))?)(.*)$`)

// readPages reads up to maxPages pages, or all if it is negative, and returns how many
// it read. With size 0 the tool chooses the size.
func (r pagedText) readPages(t *testing.T, want string, size, maxPages int) (pages int) {
	t.Helper()
	runes := []rune(want)
	offset := r.start
	var got strings.Builder
	for end := false; !end && pages != maxPages; pages++ {
		p := r.page(t, offset, size)
		if p.from != offset || p.to <= p.from || p.total != len(runes) || p.end != (p.to == p.total) {
			t.Fatalf("%s from %d by %d: the page is %+v, the text has %d characters", r.tool, offset, size, p, len(runes))
		}
		limit := size
		if size == 0 {
			limit = 10_000
		}
		if n := p.to - p.from; n > limit && (!r.lines || strings.Count(strings.TrimSuffix(p.text, "\n"), "\n") > 0) {
			t.Fatalf("%s from %d by %d: the page has %d characters", r.tool, offset, size, n)
		}
		// A default page ends within a line only if the line is longer than a page may be.
		cut := size == 0 && p.within && !strings.Contains(p.text, "\n")
		if r.lines && !p.end && !cut && (p.within || !strings.HasSuffix(p.text, "\n")) {
			t.Fatalf("%s from %d by %d: the page ends within a line", r.tool, offset, size)
		}
		got.WriteString(p.text)
		offset, end = p.to, p.end
		if pages > len(runes) {
			t.Fatalf("%s by %d never ends", r.tool, size)
		}
	}
	if text := string(runes[r.start:offset]); got.String() != text {
		t.Fatalf("%s by %d, from %d to %d, differs at %s", r.tool, size, r.start, offset, firstDifference(got.String(), text))
	}
	if maxPages < 0 && offset != len(runes) {
		t.Fatalf("%s by %d ends at %d of %d", r.tool, size, offset, len(runes))
	}
	return pages
}

// textPage is a page with what its marker says.
type textPage struct {
	text            string
	from, to, total int
	end, within     bool
}

func (r pagedText) page(t *testing.T, offset, size int) (p textPage) {
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
	m := pageMarker.FindStringSubmatch(head)
	if m == nil || m[1] != r.subject || m[8] != r.suffix {
		t.Fatalf("%s: the first line is %.300q", r.tool, head)
	}
	body, ok := strings.CutSuffix(rest, head)
	if !ok {
		t.Fatalf("%s: the first and the last line differ: %.300q and %.300q", r.tool, head, tail(rest, 300))
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
		t.Fatalf("%s: %d characters between the lines %q", r.tool, n, head)
	}
	p.text = body
	return p
}
