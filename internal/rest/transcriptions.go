package rest

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/transcript"
)

// listItem describes the JSON of a list item for the OpenAPI document.
type listItem struct {
	memo.ListItem
	Project  *memo.ProjectRef `json:"project"`
	Snippets []app.Snippet    `json:"snippets,omitempty"` // with q only
}

// listPage describes the JSON of a list for the OpenAPI document. appendListPage writes it.
type listPage struct {
	Items         []listItem    `json:"items"`
	Total         int           `json:"total"`
	TotalRelation totalRelation `json:"total_relation"`
	Limit         int           `json:"limit"`
	Offset        int           `json:"offset"`
	NextCursor    *string       `json:"next_cursor"`
}

// totalRelation is "eq" if total is exact, and "gte" if there are more: a search counts up to
// 10,000.
type totalRelation string

type listIn struct {
	Status     string   `query:"status" default:"completed" doc:"status; any unknown value returns an empty list"`
	ProjectID  idParam  `query:"project_id" doc:"only in this project"`
	Language   string   `query:"language" doc:"only in this language: en, ru, …"`
	DateFrom   dayParam `query:"date_from" doc:"created on or after this day (UTC)"`
	DateTo     dayParam `query:"date_to" doc:"created on or before this day (UTC)"`
	ExternalID string   `query:"external_id" doc:"only with this external id"`
	Q          string   `query:"q" doc:"words to search for in title, summary and transcript; all of them must occur"`
	Sort       string   `query:"sort" default:"-created_at" enum:"-created_at,created_at,duration,-duration,relevance" doc:"ties are broken by id; relevance needs q"`
	Limit      int      `query:"limit" default:"20" doc:"how many; clamped to 1–100"`
	Offset     int      `query:"offset" default:"0" min:"0" doc:"how many to skip"`
	Cursor     string   `query:"cursor" doc:"next_cursor of the previous page, instead of offset"`
}

func (in listIn) toQuery() app.ListQuery {
	return app.ListQuery{
		Status: memo.Status(in.Status), ProjectID: string(in.ProjectID), Language: in.Language,
		From: in.DateFrom.Time, To: in.DateTo.Time, ExternalID: in.ExternalID, Query: in.Q,
		Sort: in.Sort, Limit: in.Limit, Offset: in.Offset, Cursor: in.Cursor,
	}
}

func (in *listIn) validate() (problems httpx.ParamErrors) {
	for _, e := range in.toQuery().Check() {
		problems = append(problems, paramError("query", e.Field, e.Message, "value_error"))
	}
	return problems
}

func listTranscriptions(c *request, in listIn) ([]byte, listPage, error) {
	p, err := c.app.Transcriptions(c.ctx, c.Caller, in.toQuery())
	if err != nil {
		return nil, listPage{}, err
	}
	body, err := appendListPage(make([]byte, 0, 1024*len(p.Items)+256), p, in.Q != "")
	return body, listPage{}, err
}

type oneIn struct {
	ID idParam `path:"id"`
}

func (in oneIn) checkExists(c *request) error {
	return c.app.RequireTranscription(c.ctx, c.Caller, string(in.ID))
}

func getTranscription(c *request, in oneIn) ([]byte, memo.Transcription, error) {
	t, err := c.app.Transcription(c.ctx, c.Caller, string(in.ID))
	if err != nil {
		return nil, memo.Transcription{}, err
	}
	body, err := t.JSON()
	return body, memo.Transcription{}, err
}

type exportIn struct {
	ID     idParam `path:"id"`
	Format string  `query:"format" default:"md" enum:"md,txt,srt,vtt,json" doc:"the file's format"`
}

func (in exportIn) checkExists(c *request) error { return oneIn{in.ID}.checkExists(c) }

func exportTranscription(c *request, in exportIn) error {
	f, err := c.app.Export(c.ctx, c.Caller, string(in.ID), transcript.Format(in.Format))
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", f.Format.ContentType())
	setDownloadHeaders(h, f.Name)
	return httpx.Send(c.w, c.r, f.Write)
}

// setDownloadHeaders makes browsers save a file and never render it as a page.
func setDownloadHeaders(h http.Header, name string) {
	h.Set("Content-Disposition", filename.ContentDisposition(name))
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

type bulkIn struct {
	Body bulkBody `body:"required"`
}

type bulkBody struct {
	IDs    []string          `json:"ids"`
	Format transcript.Format `json:"format,omitempty"`
}

func (b *bulkBody) validate() httpx.ParamErrors {
	problems := b.checkIDs()
	if b.Format == "" {
		b.Format = transcript.Markdown
	}
	if _, ok := transcript.ParseFormat(string(b.Format)); !ok {
		problems = append(problems, paramError("body", "format", fmt.Sprintf("must be one of %v", transcript.Formats),
			"enum"))
	}
	return problems
}

// checkIDs checks the ids and converts them to canonical form.
func (b *bulkBody) checkIDs() (problems httpx.ParamErrors) {
	if n := len(b.IDs); n < 1 || n > app.MaxArchiveFiles {
		return httpx.ParamErrors{paramError("body", "ids", fmt.Sprintf("must have 1 to %d ids", app.MaxArchiveFiles),
			"length")}
	}
	for i, s := range b.IDs {
		u, ok := app.ParseID(s)
		if !ok {
			problems = append(problems, httpx.ParamError{Loc: []any{"body", "ids", i}, Msg: "must be a UUID", Type: "uuid"})
			continue
		}
		b.IDs[i] = u
	}
	return problems
}

// checkExists returns 404 if a transcription is missing. It checks nothing if an id is malformed.
func (in bulkIn) checkExists(c *request) error {
	if in.Body.checkIDs() != nil {
		return nil
	}
	_, err := c.app.PrepareArchive(c.ctx, c.Caller, in.Body.IDs, transcript.Markdown)
	return err
}

func exportTranscriptions(c *request, in bulkIn) error {
	archive, err := c.app.PrepareArchive(c.ctx, c.Caller, in.Body.IDs, in.Body.Format)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/zip")
	setDownloadHeaders(h, app.ArchiveName(time.Now()))
	return httpx.StreamWithRecheck(c.w, c.r, c.Recheck,
		func(ctx context.Context) error { return archive.WriteZip(ctx, c.w) })
}
