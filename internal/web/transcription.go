package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/transcript"
)

// transcriptionPage shows one transcription, see reading.go.
type transcriptionPage struct {
	layout
	Transcription memo.ListItem
	Project       *memo.ProjectRef
	Path          string
	Back          string // path of the list or search that led here
	Tabs          []tab
	Tab           *tab // the current one, above the lines; nil if it is the transcript
	Talk          []talk
	TalkTimed     bool // the shares are of the time
	MoreTalk      int  // speakers that are not shown
	MoreTopics    int

	Find  string // what is looked for in the lines
	Terms []search.Term
	hits  []int // the indexes of the lines with the terms
	Hit   int   // the current one, from 1; 0 if there is none
	// Searched is how many lines were searched. It is 0 if all were.
	Searched  int
	Turns     []turn
	From, To  int // the numbers of the first and last line of Turns
	LineCount int
	// Prev, Next and Last are the first lines of other parts, or 0.
	Prev, Next, Last int
	Timed            bool
	At               string // the requested time, if it is invalid

	MayEdit, Editing bool // Editing: the forms are open
	DetailsForm      form // title, date and language
	ProjectForm      form
	SpeakerForm      form // empty if no line has a speaker
	speakers         []option
}

const (
	pageLines = 3000      // in one part of the lines
	pageBytes = 768 << 10 // of text and markup in one part, before escaping
	lineBytes = 100       // of markup for each line

	reportBytes = 20 << 10 // shown of a report or summary
	markupBytes = 60 << 10 // of HTML for it
	maxTopics   = 30
	maxTalk     = 12  // speakers in the list
	maxSpeakers = 200 // speakers in the form
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
		Transcription: doc.ListItem, Project: doc.Project, Path: v.transcriptionsPath() + "/" + id,
		Back:    v.backToList(id),
		Find:    typed(strings.Join(strings.Fields(cmp.Or(q.Get("find"), q.Get("q"))), " ")),
		Editing: q.Has("edit") || len(v.problems) > 0,
	}
	p.Terms = search.ParseQuery(p.Find)
	if p.At = typed(strings.TrimSpace(q.Get("at"))); p.At != "" {
		if t, err := transcript.ParseClock(p.At); err == nil {
			return v.redirect(p.PartLink(lineAt(doc.Segments, t)))
		}
		v.status = http.StatusUnprocessableEntity
	}
	p.layout = v.newLayout("transcriptions", doc.Title)
	p.Transcription.Topics = doc.Topics[:min(len(doc.Topics), maxTopics)]
	p.MoreTopics = len(doc.Topics) - len(p.Transcription.Topics)
	number, _ := strconv.Atoi(q.Get("line"))
	hit, _ := strconv.Atoi(q.Get("hit"))
	if err := p.readHits(v.ctx, doc.Segments, hit, number); err != nil {
		return err
	}
	p.readTabs(doc, q.Get("tab"), p.Hit > 0 || q.Has("find") || p.At != "" || number > 0)
	p.readLines(doc.Segments, number)
	p.readTalk(doc)
	if err := v.readEditForms(&p); err != nil {
		return err
	}
	if p.MayEdit {
		if p.Undo, err = v.undoChange(p.Path, doc); err != nil {
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
	languages, err := v.App.Languages(v.ctx, v.Caller)
	if err != nil {
		return err
	}
	p.DetailsForm = v.form(formField{
		Name: "title", Label: "Title", Type: "text", Required: true, Max: memo.MaxTitle, Autocomplete: "off",
		Value: p.Transcription.Title,
	}, formField{
		Name: "date", Label: "Date", Type: "date", Required: true, Hint: "In UTC. The time of day does not change.",
		Value: p.Transcription.CreatedAt.UTC().Format(time.DateOnly),
	}, formField{
		Name: "language", Label: "Language", Type: "text", Autocomplete: "off", Max: 20, List: languages,
		Hint: "For example, en or ru. Leave empty if unknown.", Value: string(p.Transcription.Language),
	})
	project := formField{
		Name: "project", Label: "Project", Type: "text", Max: memo.MaxName, Autocomplete: "off",
		List: projects, Hint: "Choose a project or enter a new name. Leave empty to remove it from its project.",
	}
	if p.Project != nil {
		project.Value = p.Project.Name
	}
	p.ProjectForm = v.form(project)
	if len(p.speakers) > 0 {
		p.SpeakerForm = v.form(
			formField{Name: "speaker", Label: "Speaker", Options: p.speakers},
			formField{
				Name: "name", Label: "New name", Type: "text", Required: true, Max: memo.MaxName, Autocomplete: "off",
				Hint: "In every line. The name of another speaker joins the two, which cannot be undone.",
			})
	}
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

// doChangeDetails changes the fields that the form has. A new date has the time of day of the one before.
func doChangeDetails(v *pageRequest) error {
	return v.change(func(id string) (done string, err error) {
		t, err := v.App.Transcription(v.ctx, v.Caller, id)
		if err != nil {
			return "", err
		}
		item, err := t.Item()
		if err != nil {
			return "", err
		}
		var d app.Details
		changed := func(name, before string) *string {
			if value := strings.TrimSpace(v.r.PostFormValue(name)); v.r.PostForm.Has(name) && value != before {
				return &value
			}
			return nil
		}
		d.Title, d.Language = changed("title", item.Title), changed("language", string(item.Language))
		before := item.CreatedAt.UTC()
		if date := changed("date", before.Format(time.DateOnly)); date != nil {
			day, err := time.Parse(time.DateOnly, *date)
			if err != nil {
				return "", memo.Invalid("date", "must be a date such as 2026-05-20")
			}
			d.CreatedAt = new(day.Add(before.Sub(before.Truncate(24 * time.Hour))))
		}
		d, err = v.App.ChangeDetails(v.ctx, v.Caller, id, d)
		if d.Title != nil && d == (app.Details{Title: d.Title}) {
			return "retitled", err
		}
		return "details", err
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
	return v.change(func(id string) (done string, err error) {
		_, err = v.App.ChangeDetails(v.ctx, v.Caller, id,
			app.Details{Project: new(strings.TrimSpace(v.r.PostFormValue("project")))})
		return "moved&from=" + from, err
	})
}

// doRenameSpeaker renames a speaker. The page then has a form that does the opposite, unless the
// speaker is now one with another.
func doRenameSpeaker(v *pageRequest) error {
	id, err := v.transcription()
	if err != nil {
		return err
	}
	from := cmp.Or(v.r.PostFormValue("speaker"), v.r.URL.Query().Get("speaker")) // the latter undoes it
	to := strings.TrimSpace(v.r.PostFormValue("name"))
	merged, err := v.App.RenameSpeaker(v.ctx, v.Caller, id, from, to)
	if err != nil {
		return v.refuse(showTranscription, err, memo.KindInvalid, memo.KindConflict)
	}
	done := "speaker"
	if merged {
		done = "merged"
	}
	return v.redirect(v.transcriptionsPath() + "/" + id + "?done=" + done)
}

// undoChange returns the form that takes back the change that ?done= says was made. The old name
// is the one in the audit trail, so no link can show another.
func (v *pageRequest) undoChange(path string, doc *memo.Transcription) (u undo, err error) {
	switch v.r.URL.Query().Get("done") {
	case "moved":
		return v.undoMove(path)
	case "retitled":
		e, ok, err := v.App.LastRename(v.ctx, v.Caller, doc.ID, memo.ActionTitleChanged)
		if ok && e.Name == memo.Printable(doc.Title, app.MaxEventText) && e.Details.Before != doc.Title {
			u = undo{path + "/details", "title", e.Details.Before}
		}
		return u, err
	case "speaker":
		e, ok, err := v.App.LastRename(v.ctx, v.Caller, doc.ID, memo.ActionSpeakerRenamed)
		if ok && hasSpeaker(doc, e.Details.Name) && !hasSpeaker(doc, e.Details.Before) {
			u = undo{path + "/speaker?speaker=" + url.QueryEscape(e.Details.Name), "name", e.Details.Before}
		}
		return u, err
	}
	return u, nil
}

// hasSpeaker reports whether a transcription has a speaker of this name.
func hasSpeaker(doc *memo.Transcription, name string) bool {
	return slices.ContainsFunc(doc.Speakers, func(s memo.Speaker) bool { return s.Name == name }) ||
		slices.ContainsFunc(doc.Segments, func(s memo.Segment) bool { return string(s.Speaker) == name })
}

// noProject is the value of ?from= of a transcription that was in no project.
const noProject = "none"

// undoMove returns the form that moves the transcription back to the project in ?from=, which is
// one of the workspace. The URL has its id, so no link can show another name.
func (v *pageRequest) undoMove(path string) (undo, error) {
	q := v.r.URL.Query()
	u := undo{path + "/project", "project", ""}
	if from := q.Get("from"); from == "" {
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

// change changes the transcription and shows it. f returns the key of the message in [doneTexts],
// which may have other parameters after it.
func (v *pageRequest) change(f func(id string) (done string, err error)) error {
	id, err := v.transcription()
	if err != nil {
		return err
	}
	done, err := f(id)
	if err != nil {
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
