package web

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/transcript"
)

// transcriptionPage shows one transcription. It shows a part of the lines at a time, because
// a long recording can have a megabyte of text.
type transcriptionPage struct {
	layout
	Transcription memo.ListItem
	Heading       highlighted
	About         highlighted
	AboutHTML     template.HTML // the same, if it is Markdown
	Project       *memo.ProjectRef
	SpeakerNames  string
	Reports       []reportRow
	Path          string
	Formats       []formatChoice

	Q        string
	Hits     []hitRow
	HitCount int // matching lines, including those that are not shown
	// Searched is how many lines were searched. It is 0 if all were.
	Searched  int
	Lines     []lineRow
	LineCount int
	Parts     []linesPart
	Prev      string
	Next      string
	Last      string
	Timed     bool
	At        string // the requested time, if it is invalid
	gotoLink  string // link to the line at the requested time; empty if no time was requested

	MayEdit     bool
	TitleForm   formFields
	ProjectForm formFields
}

// reportRow is an AI report, which may be shortened.
type reportRow struct {
	memo.Report
	HTML template.HTML // of the text, if it is Markdown
	Cut  bool          // the full report is only in the exports
}

// lineRow is a line of the transcript.
type lineRow struct {
	Number  int
	Clock   string
	Speaker highlighted
	Text    highlighted
}

// hitRow is a line that matches the search.
type hitRow struct {
	lineRow
	Link string
}

// linesPart is a part of the lines, with the link to it.
type linesPart struct {
	From, To int
	Link     string
	Current  bool
}

type formatChoice struct {
	Format transcript.Format
	Label  string
}

var formatChoices = []formatChoice{
	{transcript.Markdown, "Markdown"},
	{transcript.Text, "Plain text"},
	{transcript.SRT, "SRT subtitles"},
	{transcript.VTT, "WebVTT subtitles"},
	{transcript.JSON, "JSON"},
}

const (
	partBytes = 32 << 10 // of text and markup in one part of the lines, before escaping
	lineBytes = 100      // of markup for each line
	maxHits   = 50       // hits that are listed

	reportBytes = 20 << 10 // shown of all reports together
	markupBytes = 60 << 10 // of HTML for them
	maxSummary  = 4000     // characters
	maxTopics   = 50
)

// transcription returns the id in the path. A malformed id gets the same error as an unknown one.
func (v *pageRequest) transcription() (string, error) {
	id, ok := app.ParseID(v.r.PathValue("id"))
	if !ok {
		return "", memo.NotFound("Transcription")
	}
	return id, nil
}

func showTranscription(v *pageRequest) error {
	p, err := v.transcriptionPage()
	if err != nil {
		return err
	}
	switch {
	case p.gotoLink != "":
		return v.redirect(p.gotoLink)
	case p.At != "":
		return v.render(http.StatusUnprocessableEntity, "transcription", p)
	}
	return v.render(http.StatusOK, "transcription", p)
}

func (v *pageRequest) transcriptionPage() (transcriptionPage, error) {
	id, err := v.transcription()
	if err != nil {
		return transcriptionPage{}, err
	}
	full, err := v.App.Transcription(v.ctx, v.Caller, id)
	if err != nil {
		return transcriptionPage{}, err
	}
	doc, err := full.Decode(v.ctx)
	if err != nil {
		return transcriptionPage{}, err
	}
	p := transcriptionPage{
		Transcription: doc.ListItem, Project: doc.Project, Reports: reportRows(doc.Reports),
		Path: v.transcriptionsPath() + "/" + id, Formats: formatChoices,
	}
	p.layout = v.sectionLayout("transcriptions", p.Transcription.Title)
	p.Q = typed(strings.Join(strings.Fields(v.r.URL.Query().Get("q")), " "))
	terms := search.ParseQuery(p.Q)
	p.Heading, p.SpeakerNames = highlight(terms, p.Transcription.Title), speakerNames(p.Transcription.Speakers)
	summary := truncateChars(string(p.Transcription.Summary), maxSummary)
	p.About, p.AboutHTML = highlight(terms, summary), renderMarkdown(summary, terms, markupBytes)
	p.Transcription.Topics = p.Transcription.Topics[:min(len(p.Transcription.Topics), maxTopics)]
	line, _ := strconv.Atoi(v.r.URL.Query().Get("line"))
	if at := typed(strings.TrimSpace(v.r.URL.Query().Get("at"))); at != "" {
		t, err := transcript.ParseClock(at)
		if err == nil {
			p.gotoLink = lineLink(p.Path, p.Q, lineAt(doc.Segments, t))
			return p, nil
		}
		p.At = at
	}
	if err := p.readLines(v.ctx, doc.Segments, terms, line); err != nil {
		return p, err
	}
	if p.MayEdit, err = v.App.MayChangeTranscription(v.ctx, v.Caller, id); err != nil || !p.MayEdit {
		return p, err
	}
	projects, err := v.projectNames()
	p.TitleForm = formFields{{
		Name: "title", Label: "Title", Type: "text", Required: true, Max: memo.MaxTitle, Autocomplete: "off",
		Value: p.Transcription.Title,
	}}
	p.ProjectForm = formFields{{
		Name: "project", Label: "Project", Type: "text", Max: memo.MaxName, Autocomplete: "off",
		List: projects, Hint: "Choose a project or enter a new name. Leave empty to remove it from its project.",
	}}
	if p.Project != nil {
		p.ProjectForm[0].Value = p.Project.Name
	}
	return p, err
}

// projectNames returns the names of the workspace's projects.
func (v *pageRequest) projectNames() ([]string, error) {
	projects, err := v.App.ProjectNames(v.ctx, v.Caller)
	names := make([]string, len(projects))
	for i, p := range projects {
		names[i] = p.Name
	}
	return names, err
}

// readLines sets the part of the lines that contains the given line, and the hits in all lines.
func (p *transcriptionPage) readLines(ctx context.Context, segments []memo.Segment, terms []search.Term,
	line int,
) error {
	p.LineCount = len(segments)
	p.split(segments, min(max(line, 1), max(p.LineCount, 1)))
	p.Timed = memo.HasTimes(segments)
	row := func(i int, text string) lineRow {
		r := lineRow{Number: i + 1, Speaker: highlight(terms, string(segments[i].Speaker)), Text: highlight(terms, text)}
		if p.Timed {
			r.Clock = segments[i].Start.Timestamp()
		}
		return r
	}
	for i := range p.Parts {
		if !p.Parts[i].Current {
			continue
		}
		for n := p.Parts[i].From; n <= p.Parts[i].To; n++ {
			p.Lines = append(p.Lines, row(n-1, segments[n-1].Text))
		}
		if i > 0 {
			p.Prev = p.Parts[i-1].Link
		}
		if i+1 < len(p.Parts) {
			p.Next, p.Last = p.Parts[i+1].Link, p.Parts[len(p.Parts)-1].Link
		}
	}
	found, searched, err := linesMatching(ctx, segments, terms)
	if err != nil {
		return err
	}
	if searched < p.LineCount {
		p.Searched = searched
	}
	p.HitCount = len(found)
	for _, i := range found[:min(len(found), maxHits)] {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.Hits = append(p.Hits, hitRow{row(i, search.Snippet(terms, segments[i].Text)), lineLink(p.Path, p.Q, i+1)})
	}
	return nil
}

// split divides the lines into parts and marks the part with the given line. The division
// does not depend on that line.
func (p *transcriptionPage) split(segments []memo.Segment, line int) {
	for from := 0; from < len(segments); {
		to, size := from, 0
		for to < len(segments) && (to == from || size+len(segments[to].Text)+lineBytes <= partBytes) {
			size += len(segments[to].Text) + len(segments[to].Speaker) + lineBytes
			to++
		}
		p.Parts = append(p.Parts, linesPart{
			From: from + 1, To: to, Link: lineLink(p.Path, p.Q, from+1), Current: from < line && line <= to,
		})
		from = to
	}
}

// lineAt returns the number of the line at a time, or 1 if the time is before the first line.
func lineAt(segments []memo.Segment, at memo.Seconds) int {
	i := slices.IndexFunc(segments, func(s memo.Segment) bool { return s.Start > at })
	if i < 0 {
		return len(segments)
	}
	return max(i, 1)
}

// reportRows shortens the texts of the reports to reportBytes in total and renders Markdown.
func reportRows(all []memo.Report) []reportRow {
	rows := make([]reportRow, len(all))
	left, leftHTML := reportBytes, markupBytes
	for i, r := range all {
		rows[i].Report = r
		if len(r.Text) > left {
			rows[i].Text, rows[i].Cut = strings.ToValidUTF8(r.Text[:left], ""), true
		}
		rows[i].HTML = renderMarkdown(rows[i].Text, nil, leftHTML)
		left, leftHTML = left-len(rows[i].Text), leftHTML-len(rows[i].HTML)
	}
	return rows
}

// linesMatching returns the indexes of the lines with all terms, or of those with any term if no
// line has all. It searches about the first [search.MaxText] bytes of text and returns the
// number of lines searched. It stops when ctx ends.
func linesMatching(ctx context.Context, segments []memo.Segment, terms []search.Term) (
	found []int, searched int, err error,
) {
	var all, some []int
	if len(terms) == 0 {
		return nil, len(segments), nil
	}
	size := 0
	for i, s := range segments {
		if err := ctx.Err(); err != nil {
			return nil, i, err
		}
		if size >= search.MaxText {
			break
		}
		searched++
		line := string(s.Speaker) + ": " + s.Text
		size += len(line)
		switch n := search.CountTerms(terms, line); {
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

func doRetitle(v *pageRequest) error {
	return v.change("retitled", func(id string) error {
		return v.App.ChangeTitle(v.ctx, v.Caller, id, v.r.PostFormValue("title"))
	})
}

func doMove(v *pageRequest) error {
	if !v.r.PostForm.Has("project") { // it would remove the transcription from its project
		return errUnreadable
	}
	return v.change("moved", func(id string) error {
		return v.App.ChangeProject(v.ctx, v.Caller, id, strings.TrimSpace(v.r.PostFormValue("project")))
	})
}

// change changes the transcription and shows it. An invalid value stays in its form, with the
// problem. done is the key of the message in [doneTexts].
func (v *pageRequest) change(done string, f func(id string) error) error {
	id, err := v.transcription()
	if err != nil {
		return err
	}
	err = f(id)
	if err == nil {
		return v.redirect(v.transcriptionsPath() + "/" + id + "?" + url.Values{"done": {done}}.Encode())
	}
	e, ok := asFormError(err, memo.KindInvalid)
	if !ok {
		return err
	}
	p, err := v.transcriptionPage()
	if err != nil {
		return err
	}
	form := p.TitleForm
	if e.Field == "project" {
		form = p.ProjectForm
	}
	form.fill(v)
	form.showErrors(e)
	return v.render(http.StatusUnprocessableEntity, "transcription", p)
}

// deletePage asks for confirmation before a transcription is deleted.
type deletePage struct {
	layout
	Transcription memo.ListItem
	Path          string
}

func showDelete(v *pageRequest) error {
	id, err := v.transcription()
	if err != nil {
		return err
	}
	may, err := v.App.MayChangeTranscription(v.ctx, v.Caller, id)
	if err != nil {
		return err
	}
	if !may {
		return memo.MayChangeTranscription(v.Caller, v.WorkspaceID, "")
	}
	full, err := v.App.Transcription(v.ctx, v.Caller, id)
	if err != nil {
		return err
	}
	p := deletePage{layout: v.sectionLayout("transcriptions", "Delete a transcription"), Path: v.transcriptionsPath() +
		"/" + id}
	if p.Transcription, err = full.Item(); err != nil {
		return err
	}
	return v.render(http.StatusOK, "delete", p)
}

func doDelete(v *pageRequest) error {
	id, err := v.transcription()
	if err != nil {
		return err
	}
	if err := v.App.DeleteTranscription(v.ctx, v.Caller, id); err != nil {
		return err
	}
	return v.redirect(v.transcriptionsPath() + "?done=deleted")
}
