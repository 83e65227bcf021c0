package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/params"
	"memoai.tech/memo/internal/transcript"
)

type listIn struct {
	Status       string         `query:"status" default:"completed" doc:"queued, processing, completed or failed; any other value returns an empty list with a warning"`
	ProjectID    params.UUID    `query:"project_id" doc:"only in this project"`
	Language     string         `query:"language" doc:"only in this language: en, ru, …"`
	DateFrom     params.Date    `query:"date_from" doc:"created on or after this day (UTC)"`
	DateTo       params.Date    `query:"date_to" doc:"created on or before this day (UTC)"`
	UpdatedAfter params.Instant `query:"updated_after" doc:"updated after this instant, such as 2026-05-20T08:00:00Z"`
	ExternalID   string         `query:"external_id" doc:"only with this external id"`
	Q            string         `query:"q" doc:"words to search for in titles, summaries, reports and transcripts; what has all of them comes first, then up to 20 what has most of three or more"`
	Sort         string         `query:"sort" default:"-created_at" enum:"-created_at,created_at,duration,-duration,updated_at,-updated_at,relevance" doc:"ties are broken by id; relevance needs q"`
	Limit        int            `query:"limit" default:"20" doc:"how many; clamped to 1–100"`
	Offset       int            `query:"offset" default:"0" min:"0" doc:"how many to skip; use cursor where transcriptions may be added meanwhile"`
	Cursor       string         `query:"cursor" doc:"next_cursor of the previous page, instead of offset"`
}

func (in listIn) toQuery() app.ListQuery {
	return app.ListQuery{
		Status: memo.Status(in.Status), ProjectID: string(in.ProjectID), Language: in.Language,
		From: in.DateFrom.Time, To: in.DateTo.Time, UpdatedAfter: in.UpdatedAfter.Time,
		ExternalID: in.ExternalID, Query: in.Q, Sort: in.Sort, Limit: in.Limit, Offset: in.Offset, Cursor: in.Cursor,
	}
}

func (in *listIn) validate() (faults params.Faults) {
	for _, e := range in.toQuery().Check() {
		faults = append(faults, params.InvalidValue("query", e).(params.Faults)...)
	}
	return faults
}

func listTranscriptions(c *request, in listIn) (listPage, error) {
	p, err := c.app.Transcriptions(c.ctx, c.Caller, in.toQuery())
	if err != nil {
		return listPage{}, err
	}
	c.setLinks("cursor", p.NextCursor)
	return listPage{
		Items: p.Items, Total: p.Total, TotalRelation: p.TotalRelation(), Limit: p.Limit, Offset: p.Offset,
		NextCursor: memo.Optional(p.NextCursor), Warnings: p.Warnings, hasSnippets: in.Q != "",
	}, nil
}

type changesIn struct {
	After string `query:"after" doc:"next_cursor of the page before; without it, from the beginning"`
	Limit int    `query:"limit" default:"100" doc:"how many; clamped to 1–100"`
}

func listChanges(c *request, in changesIn) (changePage, error) {
	p, err := c.app.Changes(c.ctx, c.Caller, in.After, in.Limit)
	page := changePage{NextCursor: p.NextCursor, HasMore: p.HasMore}
	for _, change := range p.Changes {
		page.Changes = append(page.Changes, changeOut{change})
	}
	return page, err
}

type oneIn struct {
	ID params.UUID `path:"id"`
}

func (in oneIn) checkExists(c *request) error {
	return c.app.RequireTranscription(c.ctx, c.Caller, string(in.ID))
}

func getTranscription(c *request, in oneIn) (app.Transcription, error) {
	return c.app.Transcription(c.ctx, c.Caller, string(in.ID))
}

type exportIn struct {
	oneIn
	Format string `query:"format" default:"md" enum:"md,txt,srt,vtt,json,csv,podcast" doc:"the file's format"`
}

// download is a response that is a file.
type download interface {
	mediaTypes() []string // in the OpenAPI document
	send(*request) error
}

// setDownloadHeaders makes browsers save a file and never render it as a page.
func setDownloadHeaders(h http.Header, name, contentType string) {
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", filename.ContentDisposition(name))
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

type exportOut struct{ app.File }

func exportTranscription(c *request, in exportIn) (exportOut, error) {
	f, err := c.app.Export(c.ctx, c.Caller, string(in.ID), transcript.Format(in.Format))
	return exportOut{f}, err
}

func (exportOut) mediaTypes() (list []string) {
	for _, f := range transcript.Formats {
		mediaType, _, _ := strings.Cut(f.ContentType(), ";")
		list = append(list, mediaType)
	}
	return list
}

func (out exportOut) send(c *request) error {
	setDownloadHeaders(c.w.Header(), out.Name, out.Format.ContentType())
	return httpx.Send(c.w, c.r, out.Write)
}

type bulkIn struct {
	Body bulkBody `body:"required"`
}

type bulkBody struct {
	IDs    []params.UUID `json:"ids" min:"1" max:"100"`
	Format string        `json:"format,omitzero" default:"md" enum:"md,txt,srt,vtt,json,csv,podcast"`
}

// checkExists returns 404 if a transcription is missing. It checks nothing if an id is malformed.
func (in bulkIn) checkExists(c *request) error {
	if len(in.Body.IDs) == 0 {
		return nil
	}
	_, err := c.app.PrepareArchive(c.ctx, c.Caller, params.Strings(in.Body.IDs), transcript.Markdown)
	return err
}

type archiveOut struct{ *app.Archive }

func exportTranscriptions(c *request, in bulkIn) (archiveOut, error) {
	a, err := c.app.PrepareArchive(c.ctx, c.Caller, params.Strings(in.Body.IDs), transcript.Format(in.Body.Format))
	return archiveOut{a}, err
}

func (archiveOut) mediaTypes() []string { return []string{"application/zip"} }

func (out archiveOut) send(c *request) error {
	setDownloadHeaders(c.w.Header(), app.ArchiveName(time.Now()), out.mediaTypes()[0])
	return httpx.StreamWithRecheck(c.w, c.r, c.Recheck,
		func(ctx context.Context) error { return out.WriteZip(ctx, c.w) })
}
