package web

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/transcript"
)

// tab is a part of the reading page: the summary, a report or the transcript alone. All but the
// last have the transcript below them, so a link to a line leads to it from every tab.
type tab struct {
	Key, Title, Href string
	Current          bool

	Text      string
	HTML      template.HTML // of the text, if it is Markdown
	Cut       bool          // the full text is only in the exports
	Status    memo.Status   // of a report
	CreatedAt time.Time     // of a report
}

const (
	summaryTab    = "summary"
	transcriptTab = "transcript"
)

// readTabs sets the tabs. key is the one that the URL names; without one, the first is current, or
// the transcript if the URL leads to a line.
func (p *transcriptionPage) readTabs(doc *memo.Transcription, key string, toLine bool) {
	if doc.Summary != "" {
		p.Tabs = append(p.Tabs, tab{Key: summaryTab, Title: "Summary", Text: string(doc.Summary)})
	}
	for _, r := range doc.Reports {
		p.Tabs = append(p.Tabs, tab{
			Key: strconv.FormatInt(r.ID, 10), Title: cmp.Or(r.Name, "Report"), Text: r.Text, Status: r.Status,
			CreatedAt: r.CreatedAt,
		})
	}
	p.Tabs = append(p.Tabs, tab{Key: transcriptTab, Title: "Transcript"})
	current := slices.IndexFunc(p.Tabs, func(t tab) bool { return t.Key == key })
	if current < 0 && toLine {
		current = len(p.Tabs) - 1
	}
	current = max(current, 0)
	for i := range p.Tabs {
		p.Tabs[i].Current = i == current
		p.Tabs[i].Href = p.Path + "?tab=" + p.Tabs[i].Key
		if p.Find != "" {
			p.Tabs[i].Href += "&find=" + url.QueryEscape(p.Find)
		}
	}
	if current == len(p.Tabs)-1 {
		return // the lines are the text
	}
	t := p.Tabs[current]
	if len(t.Text) > reportBytes {
		t.Text, t.Cut = cutText(t.Text, reportBytes), true
	}
	t.HTML = renderMarkdown(t.Text, p.Terms, markupBytes)
	p.Tab = &t
}

// cutText returns the first bytes of a text, up to the end of a character.
func cutText(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// turn is what one speaker says until another one speaks.
type turn struct {
	Speaker string
	Lines   []line
}

// line is a line of the transcript.
type line struct {
	Number int
	memo.Segment
	Current bool // the found line that the page shows
}

// readLines sets the lines of the page: all of them, or the part with the found line, or else with
// the line of this number. The parts do not depend on the number.
func (p *transcriptionPage) readLines(segments []memo.Segment, number int) {
	p.LineCount, p.Timed = len(segments), memo.HasTimes(segments)
	if p.LineCount == 0 {
		return
	}
	var starts []int // the first line of each part
	lines, size := pageLines, 0
	for i, s := range segments {
		if lines == pageLines || size+len(s.Text) > pageBytes {
			starts, lines, size = append(starts, i+1), 0, 0
		}
		lines, size = lines+1, size+len(s.Text)+lineBytes
	}
	if p.Hit > 0 {
		number = p.hits[p.Hit-1] + 1
	}
	next, _ := slices.BinarySearch(starts, min(max(number, 1), p.LineCount)+1)
	p.From, p.To = starts[next-1], p.LineCount
	if next > 1 {
		p.Prev = starts[next-2]
	}
	if next < len(starts) {
		p.To, p.Next, p.Last = starts[next]-1, starts[next], starts[len(starts)-1]
	}
	for n := p.From; n <= p.To; n++ {
		s := segments[n-1]
		if last := len(p.Turns) - 1; last < 0 || p.Turns[last].Speaker != string(s.Speaker) {
			p.Turns = append(p.Turns, turn{Speaker: string(s.Speaker)})
		}
		t := &p.Turns[len(p.Turns)-1]
		t.Lines = append(t.Lines, line{n, s, p.Hit > 0 && n == number})
	}
}

// readHits finds the lines with the terms. The current one is the one that the URL names, or else
// the first one from a line on, or else the first.
func (p *transcriptionPage) readHits(ctx context.Context, segments []memo.Segment, hit, number int) (err error) {
	searched := 0
	p.hits, searched, err = linesMatching(ctx, segments, p.Terms)
	if searched < len(segments) {
		p.Searched = searched
	}
	if err != nil || len(p.hits) == 0 {
		return err
	}
	if p.Hit = hit; hit < 1 || hit > len(p.hits) {
		p.Hit = 1
		if i := slices.IndexFunc(p.hits, func(i int) bool { return i+1 >= number }); number > 0 && i >= 0 {
			p.Hit = i + 1
		}
	}
	return nil
}

// HitNumbers returns the numbers of the found lines, for the script.
func (p transcriptionPage) HitNumbers() string {
	var b []byte
	for i, n := range p.hits {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, int64(n+1), 10)
	}
	return string(b)
}

// HitCount returns how many lines were found, and NextHit and PrevHit the links to those after and
// before the current one. The first comes after the last.
func (p transcriptionPage) HitCount() int   { return len(p.hits) }
func (p transcriptionPage) NextHit() string { return p.hitLink(p.Hit%len(p.hits) + 1) }
func (p transcriptionPage) PrevHit() string {
	return p.hitLink((p.Hit+len(p.hits)-2)%len(p.hits) + 1)
}

func (p transcriptionPage) hitLink(n int) string {
	return fmt.Sprintf("%s?find=%s&hit=%d#hit", p.Path, url.QueryEscape(p.Find), n)
}

// Paged reports whether the page has only a part of the lines.
func (p transcriptionPage) Paged() bool { return p.Prev > 0 || p.Next > 0 }

// PartLink returns the link to the part of the lines that begins with a line.
func (p transcriptionPage) PartLink(n int) string {
	query := url.Values{"line": {strconv.Itoa(n)}}
	if p.Find != "" {
		query.Set("find", p.Find)
	}
	return fmt.Sprintf("%s?%s#t-%d", p.Path, query.Encode(), n)
}

// FindLink returns the link that finds a text in the transcript.
func (p transcriptionPage) FindLink(s string) string {
	return p.Path + "?find=" + url.QueryEscape(truncateChars(s, search.MaxQuery)) + "#hit"
}

// SpeakerLink returns the link to the transcriptions with a speaker.
func (p transcriptionPage) SpeakerLink(name string) string {
	return "/w/" + p.Workspace.ID + "/transcriptions?speaker=" + url.QueryEscape(name)
}

// talk is how much a speaker says, of all that is said.
type talk struct {
	Name    string
	Percent int
	Time    string // empty if it is not known
}

// readTalk sets the shares of the speakers, the largest first: of the time, or of the characters if
// the lines have no times.
func (p *transcriptionPage) readTalk(doc *memo.Transcription) {
	said, chars := map[string]float64{}, map[string]float64{}
	total, allChars := 0.0, 0.0
	for _, s := range doc.Segments {
		if s.Speaker == "" {
			continue
		}
		d, n := float64(max(s.End-s.Start, 0)), float64(utf8.RuneCountInString(s.Text))
		said[string(s.Speaker)] += d
		chars[string(s.Speaker)] += n
		total, allChars = total+d, allChars+n
	}
	if p.TalkTimed = total > 0; !p.TalkTimed {
		said, total = chars, allChars
	}
	for _, s := range doc.Speakers {
		if _, ok := said[s.Name]; !ok && s.Name != "" {
			said[s.Name] = 0
		}
	}
	for name, d := range said {
		t := talk{Name: name, Percent: int(100*d/max(total, 1) + .5)}
		if p.TalkTimed {
			t.Time = memo.Seconds(d).Length()
		}
		p.Talk = append(p.Talk, t)
	}
	slices.SortFunc(p.Talk, func(a, b talk) int {
		return cmp.Or(cmp.Compare(said[b.Name], said[a.Name]), cmp.Compare(a.Name, b.Name))
	})
	for _, t := range p.Talk[:min(len(p.Talk), maxSpeakers)] {
		p.speakers = append(p.speakers, option{t.Name, t.Name})
	}
	p.MoreTalk = max(0, len(p.Talk)-maxTalk)
	p.Talk = p.Talk[:min(len(p.Talk), maxTalk)]
}

// Faces returns the speakers whose initials the header shows.
func (p transcriptionPage) Faces() []talk { return p.Talk[:min(len(p.Talk), 5)] }

// DownloadMenu has the formats of a download.
func (p transcriptionPage) DownloadMenu() menu {
	m := menu{ID: "download", Label: "Download"}
	for _, f := range formatChoices {
		m.Items = append(m.Items, menuItem{Text: f.Label, Note: "." + f.Value, Href: p.Path + "/export?format=" + f.Value})
	}
	return m
}

// EditMenu has what a user who may change the transcription can do with it.
func (p transcriptionPage) EditMenu() menu {
	return newMenu("more", "More actions", newMenuItem("Edit details", "edit", p.Path+"?edit=1#edit"),
		dangerItem(newMenuItem("Delete transcription", "trash", p.Path+"/delete")))
}

// lineAt returns the number of the line at a time, or 1 if the time is before the first line.
func lineAt(segments []memo.Segment, at memo.Seconds) int {
	i := slices.IndexFunc(segments, func(s memo.Segment) bool { return s.Start > at })
	if i < 0 {
		return len(segments)
	}
	return max(i, 1)
}

// linesMatching returns the indexes of the lines with all terms, or of those with any term if no
// line has all. It searches about the first [search.MaxText] bytes of text and returns the
// number of lines searched. It stops when ctx ends.
func linesMatching(ctx context.Context, segments []memo.Segment, terms []search.Term) (
	found []int, searched int, err error,
) {
	if len(terms) == 0 {
		return nil, len(segments), nil
	}
	var all, some []int
	size := 0
	for i, s := range segments {
		if err := ctx.Err(); err != nil {
			return nil, i, err
		}
		if size >= search.MaxText {
			break
		}
		searched++
		text := string(s.Speaker) + ": " + s.Text
		size += len(text)
		switch n := search.CountTerms(terms, text); {
		case n == len(terms):
			all = append(all, i)
		case n > 0:
			some = append(some, i)
		}
	}
	if len(all) > 0 {
		return all, searched, nil
	}
	return some, searched, nil
}

// languageName returns the English name of the language of a transcription, or its code.
func languageName(code memo.Optional) string {
	return cmp.Or(transcript.LanguageName(string(code)), string(code))
}
