package web

import (
	"context"
	"html/template"
	"net/http"
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
	Summary       string
	SummaryHTML   template.HTML // the same, if it is Markdown
	Project       *memo.ProjectRef
	Reports       []reportRow
	Path          string
	Formats       []option

	Q        string
	Terms    []search.Term
	Hits     []line
	HitCount int // matching lines, including those that are not shown
	// Searched is how many lines were searched. It is 0 if all were.
	Searched  int
	Lines     []line
	From, To  int // the numbers of the first and last of Lines
	LineCount int
	// Prev, Next and Last are the first lines of other parts, or 0.
	Prev, Next, Last int
	Timed            bool
	At               string // the requested time, if it is invalid

	MayEdit                bool
	TitleForm, ProjectForm form
}

// line is a line of the transcript.
type line struct {
	Number int
	memo.Segment
}

// LineLink returns the link to a line.
func (p transcriptionPage) LineLink(n int) string { return lineLink(p.Path, p.Q, n) }

// reportRow is an AI report, which may be shortened.
type reportRow struct {
	memo.Report
	HTML template.HTML // of the text, if it is Markdown
	Cut  bool          // the full report is only in the exports
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
	id, err := v.transcription()
	if err != nil {
		return err
	}
	stored, err := v.App.Transcription(v.ctx, v.Caller, id)
	if err != nil {
		return err
	}
	doc, err := stored.Decode(v.ctx)
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	p := transcriptionPage{
		Transcription: doc.ListItem, Project: doc.Project, Reports: reportRows(doc.Reports),
		Path: v.transcriptionsPath() + "/" + id, Formats: formatChoices,
		Q: typed(strings.Join(strings.Fields(q.Get("q")), " ")), Summary: truncateChars(string(doc.Summary), maxSummary),
	}
	p.Terms = search.ParseQuery(p.Q)
	if p.At = typed(strings.TrimSpace(q.Get("at"))); p.At != "" {
		if t, err := transcript.ParseClock(p.At); err == nil {
			return v.redirect(p.LineLink(lineAt(doc.Segments, t)))
		}
		v.status = http.StatusUnprocessableEntity
	}
	p.layout = v.newLayout("transcriptions", doc.Title)
	p.SummaryHTML = renderMarkdown(p.Summary, p.Terms, markupBytes)
	p.Transcription.Topics = doc.Topics[:min(len(doc.Topics), maxTopics)]
	number, _ := strconv.Atoi(q.Get("line"))
	if err := p.readLines(v.ctx, doc.Segments, number); err != nil {
		return err
	}
	if err := v.readEditForms(&p); err != nil {
		return err
	}
	if p.MayEdit {
		if p.Undo, err = v.undoMove(p.Path); err != nil {
			return err
		}
	}
	return v.render("transcription", p)
}

// readEditForms sets the forms of a user who may change the transcription.
func (v *pageRequest) readEditForms(p *transcriptionPage) (err error) {
	if p.MayEdit, err = v.App.MayChangeTranscription(v.ctx, v.Caller, p.Transcription.ID); err != nil || !p.MayEdit {
		return err
	}
	projects, err := v.projectNames()
	if err != nil {
		return err
	}
	p.TitleForm = v.form(formField{
		Name: "title", Label: "Title", Type: "text", Required: true, Max: memo.MaxTitle, Autocomplete: "off",
		Value: p.Transcription.Title,
	})
	project := formField{
		Name: "project", Label: "Project", Type: "text", Max: memo.MaxName, Autocomplete: "off",
		List: projects, Hint: "Choose a project or enter a new name. Leave empty to remove it from its project.",
	}
	if p.Project != nil {
		project.Value = p.Project.Name
	}
	p.ProjectForm = v.form(project)
	return nil
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

// readLines sets the part of the lines that contains the line with this number, and the hits in
// all lines. The parts do not depend on the number.
func (p *transcriptionPage) readLines(ctx context.Context, segments []memo.Segment, number int) error {
	p.LineCount, p.Timed = len(segments), memo.HasTimes(segments)
	if p.LineCount == 0 {
		return nil
	}
	var starts []int // the first line of each part
	size := partBytes
	for i, s := range segments {
		if size+len(s.Text)+lineBytes > partBytes {
			starts, size = append(starts, i+1), 0
		}
		size += len(s.Text) + len(s.Speaker) + lineBytes
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
		p.Lines = append(p.Lines, line{n, segments[n-1]})
	}
	found, searched, err := linesMatching(ctx, segments, p.Terms)
	if searched < p.LineCount {
		p.Searched = searched
	}
	p.HitCount = len(found)
	for _, i := range found[:min(len(found), maxHits)] {
		p.Hits = append(p.Hits, line{i + 1, segments[i]})
	}
	return err
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

func doRetitle(v *pageRequest) error {
	return v.change("retitled", func(id string) error {
		return v.App.ChangeTitle(v.ctx, v.Caller, id, v.r.PostFormValue("title"))
	})
}

func doMove(v *pageRequest) error {
	if !v.r.PostForm.Has("project") { // it would remove the transcription from its project
		return errUnreadable
	}
	id, err := v.transcription()
	if err != nil {
		return err
	}
	before, err := v.App.Transcription(v.ctx, v.Caller, id)
	if err != nil {
		return err
	}
	from := noProject // for the form that takes the move back
	if p := before.Project(); p != nil {
		from = p.ID
	}
	return v.change("moved&from="+from, func(id string) error {
		return v.App.ChangeProject(v.ctx, v.Caller, id, strings.TrimSpace(v.r.PostFormValue("project")))
	})
}

// noProject is the value of ?from= of a transcription that was in no project.
const noProject = "none"

// undoMove returns the form that moves the transcription back to the project in ?from=, which is
// one of the workspace. The URL has its id, so no link can show another name.
func (v *pageRequest) undoMove(path string) (undo, error) {
	q := v.r.URL.Query()
	u := undo{path + "/project", "project", ""}
	if from := q.Get("from"); q.Get("done") != "moved" || from == "" {
		return undo{}, nil
	} else if from != noProject {
		projects, err := v.App.ProjectNames(v.ctx, v.Caller)
		i := slices.IndexFunc(projects, func(p memo.ProjectRef) bool { return p.ID == from })
		if err != nil || i < 0 {
			return undo{}, err
		}
		u.Value = projects[i].Name
	}
	return u, nil
}

// change changes the transcription and shows it. done is the key of the message in [doneTexts],
// and may have other parameters after it.
func (v *pageRequest) change(done string, f func(id string) error) error {
	id, err := v.transcription()
	if err != nil {
		return err
	}
	if err := f(id); err != nil {
		return v.refuse(showTranscription, err, memo.KindInvalid)
	}
	return v.redirect(v.transcriptionsPath() + "/" + id + "?done=" + done)
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
	stored, err := v.App.Transcription(v.ctx, v.Caller, id)
	if err != nil {
		return err
	}
	item, err := stored.Item()
	if err != nil {
		return err
	}
	return v.render("delete", deletePage{
		v.newLayout("transcriptions", "Delete a transcription"), item, v.transcriptionsPath() + "/" + id,
	})
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
