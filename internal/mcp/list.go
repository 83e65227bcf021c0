package mcp

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/params"
	"memoai.tech/memo/internal/search"
)

// commonFilters are the filters that list and search share.
type commonFilters struct {
	ProjectID params.UUID `json:"project_id,omitzero" doc:"only this project"`
	DateFrom  params.Date `json:"date_from,omitzero" doc:"YYYY-MM-DD: created on or after this UTC day"`
	DateTo    params.Date `json:"date_to,omitzero" doc:"YYYY-MM-DD: created on or before this UTC day"`
}

type listIn struct {
	Status string `json:"status,omitzero" default:"completed" enum:"queued,processing,completed,failed" doc:"default: completed"`
	commonFilters
	UpdatedAfter params.Instant `json:"updated_after,omitzero" doc:"changed after this instant"`
	Language     string         `json:"language,omitzero" doc:"en, de, …"`
	ExternalID   string         `json:"external_id,omitzero" doc:"exact match"`
	Q            string         `json:"q,omitzero" doc:"words that must occur"`
	Sort         string         `json:"sort,omitzero" default:"-created_at" enum:"-created_at,created_at,duration,-duration,updated_at,-updated_at" doc:"default: newest first"`
	Detail       string         `json:"detail,omitzero" default:"summary" enum:"summary,titles" doc:"titles: only id, title and time"`
	Limit        int            `json:"limit,omitzero" default:"10" min:"1" max:"50" doc:"1 to 50, default 10"`
	Cursor       string         `json:"cursor,omitzero" doc:"next_cursor of the previous page, with the same arguments"`
}

// titlesOnly is the Detail of a list without summaries.
const titlesOnly = "titles"

func (in listIn) toQuery() app.ListQuery {
	return app.ListQuery{
		Status: memo.Status(in.Status), ProjectID: string(in.ProjectID), Language: in.Language,
		From: in.DateFrom.Time, To: in.DateTo.Time, UpdatedAfter: in.UpdatedAfter.Time,
		ExternalID: in.ExternalID, Query: in.Q, Sort: in.Sort, Limit: in.Limit, Cursor: in.Cursor, NoSnippets: true,
		AllWords: true, ReportNames: in.Detail != titlesOnly,
	}
}

// listedItem is an item of a list in JSON. It has no member that says nothing, because every member of
// every item costs the host's model tokens.
type listedItem struct {
	ID         string        `json:"id"`
	Title      string        `json:"title"`
	CreatedAt  time.Time     `json:"created_at"`
	Status     memo.Status   `json:"status,omitzero"` // unless completed
	Language   memo.Optional `json:"language,omitzero"`
	Duration   memo.Seconds  `json:"duration_seconds,omitzero"`
	Summary    memo.Optional `json:"summary,omitzero"`
	Speakers   []string      `json:"speakers,omitempty"`
	Topics     []string      `json:"topics,omitempty"`
	Project    string        `json:"project,omitzero"`
	Reports    []string      `json:"reports,omitempty"` // names
	ExternalID memo.Optional `json:"external_id,omitzero"`
	CharCount  int           `json:"char_count,omitzero"`
}

func newListedItem(it app.ListItem, t memo.ListItem, detail string) listedItem {
	item := listedItem{ID: t.ID, Title: t.Title, CreatedAt: t.CreatedAt}
	if detail == titlesOnly {
		return item
	}
	if t.Status != memo.StatusCompleted {
		item.Status = t.Status
	}
	for _, s := range t.Speakers {
		item.Speakers = append(item.Speakers, s.Name)
	}
	for _, topic := range t.Topics {
		item.Topics = append(item.Topics, topic.Title)
	}
	if it.Project != nil {
		item.Project = it.Project.Name
	}
	item.Language, item.Duration, item.Summary, item.ExternalID = t.Language, t.Duration, t.Summary, t.ExternalID
	item.Reports, item.CharCount = it.Reports, it.CharCount
	return item
}

// listTranscriptions is memo_list_transcriptions.
func (s *Server) listTranscriptions(ctx context.Context, c memo.Caller, in listIn) (*toolResult, error) {
	page, err := s.App.Transcriptions(ctx, c, in.toQuery())
	if err != nil {
		return nil, err
	}
	items := make([]listedItem, len(page.Items))
	lines := fmt.Appendf(make([]byte, 0, 256*len(page.Items)+256), "%s of %s%d",
		memo.Plural(len(page.Items), "transcription"), moreThan(page), page.Total)
	for i, it := range page.Items {
		t, err := it.Item()
		if err != nil {
			return nil, err
		}
		items[i] = newListedItem(it, t, in.Detail)
		if in.Detail == titlesOnly {
			lines = fmt.Appendf(lines, "\n%s | %s | id %s", t.CreatedAt.UTC().Format("2006-01-02 15:04"),
				singleLine(t.Title), t.ID)
			continue
		}
		lines = appendSummary(append(lines, "\n\n"...), it, t)
		if t.Summary != "" {
			lines = append(append(lines, '\n'), singleLine(string(t.Summary))...)
		}
	}
	if page.NextCursor != "" {
		lines = fmt.Appendf(lines, "\n\nThere are more: call %s again with the same arguments and cursor=%s", listTool,
			page.NextCursor)
	}
	hint := ""
	if len(items) == 0 {
		hint = fmt.Sprintf("Nothing matches. Leave filters out, widen the dates, or search with %s.", searchTool)
		lines = append(append(lines, ". "...), hint...)
	}
	if page.Warnings != nil {
		lines = append(append(lines, "\n\n"...), strings.Join(page.Warnings, "\n")...)
	}
	return structuredResult(struct {
		Items         []listedItem  `json:"items"`
		Total         int           `json:"total"`
		TotalRelation string        `json:"total_relation"`
		NextCursor    memo.Optional `json:"next_cursor"`
		Warnings      []string      `json:"warnings,omitempty"`
		Hint          string        `json:"hint,omitzero"`
	}{items, page.Total, page.TotalRelation(), memo.Optional(page.NextCursor), page.Warnings, hint}, string(lines))
}

type searchIn struct {
	Query string `json:"query" min:"1" max:"1000" doc:"words, up to 1000 characters"`
	commonFilters
	Limit int `json:"limit,omitzero" default:"10" min:"1" max:"50" doc:"hits: 1 to 50, default 10"`
}

// searchHit is a hit in JSON. A hit in the title, the summary or a report has no time, no speaker and
// offset 0. The first hit of a transcription names its reports.
type searchHit struct {
	ID        string        `json:"id"`
	Title     string        `json:"title"`
	CreatedAt time.Time     `json:"created_at"`
	Time      memo.Optional `json:"time,omitzero"` // 12:34, as in the line
	Speaker   memo.Optional `json:"speaker,omitzero"`
	Snippet   string        `json:"snippet"`
	Offset    int           `json:"offset"` // of the line in the transcript, in characters
	Reports   []string      `json:"reports,omitempty"`
	Missing   []string      `json:"missing_words,omitempty"`
}

func (in searchIn) toQuery() app.ListQuery {
	return app.ListQuery{
		Status: memo.StatusCompleted, ProjectID: string(in.ProjectID), From: in.DateFrom.Time, To: in.DateTo.Time,
		Query: in.Query, Sort: "relevance", Limit: in.Limit, ReportNames: true,
	}
}

// searchTranscriptions is memo_search_transcriptions.
func (s *Server) searchTranscriptions(ctx context.Context, c memo.Caller, in searchIn) (*toolResult, error) {
	page, err := s.App.Transcriptions(ctx, c, in.toQuery())
	if err != nil {
		return nil, err
	}
	hits := []searchHit{}
	var lines []byte
	for _, it := range page.Items {
		t, err := it.Item()
		if err != nil {
			return nil, err
		}
		itemHits := searchHits(it, t, in.Query)
		itemHits = itemHits[:min(len(itemHits), in.Limit-len(hits))]
		if len(itemHits) > 0 {
			lines = appendSummary(append(lines, "\n\n"...), it, t)
			if it.Missing != nil {
				lines = append(append(lines, " | without "...), strings.Join(it.Missing, ", ")...)
			}
		}
		for _, h := range itemHits {
			lines = append(append(lines, '\n'), h.line()...)
		}
		hits = append(hits, itemHits...)
	}
	head := fmt.Sprintf("%s; %s%s with these words", memo.Plural(len(hits), "hit"), moreThan(page),
		memo.Plural(page.Total-page.Closest, "transcription"))
	if page.Closest > 0 {
		head += fmt.Sprintf(", %d with most of them", page.Closest)
	}
	hint := ""
	switch {
	case page.Total == 0:
		hint = fmt.Sprintf("Nothing is found. Try fewer or other words, in the language of the meeting, or %s.", listTool)
	case page.Total == page.Closest:
		hint = "No transcription has all words: missing_words says what each of these lacks."
	}
	if hint != "" {
		head += ". " + hint
	} else {
		head += ". At most three hits are shown for each: read it to find more"
	}
	return structuredResult(struct {
		Hits          []searchHit `json:"hits"`
		Total         int         `json:"total"`            // transcriptions
		Closest       int         `json:"closest,omitzero"` // of them: those that lack words
		TotalRelation string      `json:"total_relation"`
		Hint          string      `json:"hint,omitzero"`
	}{hits, page.Total, page.Closest, page.TotalRelation(), hint}, head+string(lines))
}

// searchHits returns the hits in one transcription: its snippets, or if there are none, its summary
// or title.
func searchHits(it app.ListItem, t memo.ListItem, query string) []searchHit {
	h := searchHit{ID: t.ID, Title: t.Title, CreatedAt: t.CreatedAt, Missing: it.Missing}
	if len(it.Snippets) == 0 {
		h.Snippet = t.Title
		if t.Summary != "" {
			h.Snippet = search.Snippet(search.ParseQuery(query), string(t.Summary))
		}
		h.Reports = it.Reports
		return []searchHit{h}
	}
	hits := make([]searchHit, len(it.Snippets))
	for i, s := range it.Snippets {
		h.Speaker, h.Snippet, h.Offset = s.Speaker, s.Text, s.Offset
		h.Time = ""
		if t.Duration > 0 || s.Start > 0 {
			h.Time = memo.Optional(s.Start.Timestamp())
		}
		hits[i] = h
	}
	hits[0].Reports = it.Reports
	return hits
}

// line returns the hit as one line, with the offset from which to read.
func (h searchHit) line() string {
	var b strings.Builder
	if h.Time != "" {
		b.WriteString("[" + string(h.Time) + "] ")
	}
	if h.Speaker != "" {
		b.WriteString(singleLine(string(h.Speaker)) + ": ")
	}
	fmt.Fprintf(&b, "%s | offset=%d", singleLine(h.Snippet), h.Offset)
	return b.String()
}

type projectsIn struct {
	Limit  int    `json:"limit,omitzero" default:"20" min:"1" max:"50" doc:"1 to 50, default 20"`
	Cursor string `json:"cursor,omitzero" doc:"next_cursor of the previous page"`
}

// listProjects is memo_list_projects.
func (s *Server) listProjects(ctx context.Context, c memo.Caller, in projectsIn) (*toolResult, error) {
	offset := 0
	if in.Cursor != "" {
		var err error
		if offset, err = strconv.Atoi(in.Cursor); err != nil || offset < 1 || strconv.Itoa(offset) != in.Cursor {
			return nil, memo.Invalid("cursor", "must be a next_cursor of this list, unchanged")
		}
	}
	projects, total, err := s.App.Projects(ctx, c, in.Limit, offset)
	if err != nil {
		return nil, err
	}
	type item struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Count int    `json:"count"`
	}
	items := make([]item, len(projects))
	var lines strings.Builder
	fmt.Fprintf(&lines, "%s of %d", memo.Plural(len(projects), "project"), total)
	for i, p := range projects {
		items[i] = item{p.ID, p.Name, p.TranscriptionCount}
		fmt.Fprintf(&lines, "\n%s | %s | id %s", singleLine(p.Name), memo.Plural(p.TranscriptionCount, "transcription"), p.ID)
	}
	var next memo.Optional
	hint := ""
	if total == 0 {
		hint = fmt.Sprintf("The workspace has no projects. Call %s without project_id.", listTool)
		lines.WriteString(". " + hint)
	}
	if end := offset + len(projects); end < total {
		next = memo.Optional(strconv.Itoa(end))
		fmt.Fprintf(&lines, "\nThere are more: call %s again with cursor=%s", projectsTool, next)
	}
	return structuredResult(struct {
		Items      []item        `json:"items"`
		Total      int           `json:"total"`
		NextCursor memo.Optional `json:"next_cursor"`
		Hint       string        `json:"hint,omitzero"`
	}{items, total, next, hint}, lines.String())
}

// appendSummary appends one line that describes a transcription.
func appendSummary(b []byte, it app.ListItem, t memo.ListItem) []byte {
	b = t.CreatedAt.UTC().AppendFormat(b, "2006-01-02 15:04")
	add := func(part string) { b = append(append(b, " | "...), singleLine(part)...) }
	add(t.Title)
	if t.Duration > 0 {
		add(t.Duration.Timestamp())
	}
	if it.Project != nil {
		add(it.Project.Name)
	}
	if len(t.Speakers) > 0 {
		names := make([]string, len(t.Speakers))
		for i, s := range t.Speakers {
			names[i] = s.Name
		}
		add(strings.Join(names, ", "))
	}
	add(memo.Plural(it.CharCount, "character"))
	if len(it.Reports) > 0 {
		add("reports: " + strings.Join(it.Reports, ", "))
	}
	return append(append(b, " | id "...), t.ID...)
}

// singleLine returns text from users on one line and without delimiters, so that it cannot imitate
// other lines of the result.
func singleLine(s string) string {
	if isSingleLine(s) {
		return s
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), " | ", " / ")
}

// isSingleLine reports whether singleLine has nothing to do, as for most texts.
func isSingleLine(s string) bool {
	afterSpace := true
	for _, r := range s {
		if r == '|' || unicode.IsSpace(r) && (r != ' ' || afterSpace) {
			return false
		}
		afterSpace = r == ' '
	}
	return !afterSpace
}

// moreThan returns the words before the total of a search: empty if the total is exact.
func moreThan(p app.Page) string {
	if p.HasMoreThanTotal {
		return "more than "
	}
	return ""
}
