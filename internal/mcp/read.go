package mcp

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/params"
	"memoai.tech/memo/internal/transcript"
)

// textRange selects a part of a long text. Hosts shorten a block of text that is longer than about
// 12,000 bytes (Codex), 40,000 characters (Gemini CLI) or 50,000 (Claude Code). The default and the
// maximum of max_chars follow from that.
type textRange struct {
	Offset   int `json:"offset,omitzero" default:"0" min:"0" doc:"in characters: 0, or the offset that \"next:\" gave"`
	MaxChars int `json:"max_chars,omitzero" default:"10000" min:"1" max:"45000" doc:"up to 45000, default 10000"`
}

type readIn struct {
	ID params.UUID `json:"id"`
	textRange
}

// getTranscription is memo_get_transcription.
func (s *Server) getTranscription(ctx context.Context, c memo.Caller, in readIn) (*toolResult, error) {
	lines, err := s.App.Text(ctx, c, string(in.ID))
	if err != nil {
		return nil, err
	}
	return in.result(lines, getTool, "transcription "+string(in.ID), "", false), nil
}

const (
	defaultChars = 10_000 // of max_chars
	// defaultBytes leaves 500 bytes for the lines around a page, which then has at most 11,000.
	defaultBytes = 10_500
)

// limit returns the limit of a page. Only the default page has a limit in bytes: a caller that sets max_chars
// knows what its host passes on.
func (in textRange) limit(split bool) pageLimit {
	l := pageLimit{chars: in.MaxChars, split: split}
	if in.MaxChars == defaultChars {
		l.bytes = defaultBytes
	}
	return l
}

// result returns the selected part of s; see [pageAt] and [textPage.withHeader]. tool is the one
// to call again.
func (in textRange) result(s, tool, what, more string, split bool) *toolResult {
	p, ok := pageAt(s, in.Offset, in.limit(split))
	if !ok {
		return errorResult(fmt.Sprintf("The text has %s, and offset is after its end. Call %s with offset=0, or with an "+
			"offset from \"next:\".", memo.Plural(p.total, "character"), tool))
	}
	return textResult(p.withHeader(what, more))
}

type exportIn struct {
	ID     params.UUID `json:"id"`
	Format string      `json:"format,omitzero" default:"md" enum:"md,txt,srt,vtt,json,csv,podcast" doc:"default: md"`
	textRange
}

// exportTranscription is memo_export_transcription.
func (s *Server) exportTranscription(ctx context.Context, c memo.Caller, in exportIn) (*toolResult, error) {
	f, err := s.App.Export(ctx, c, string(in.ID), transcript.Format(in.Format))
	if err != nil {
		return nil, err
	}
	body, err := f.Bytes(ctx)
	if err != nil {
		return nil, err
	}
	return in.result(string(body), exportTool, "transcription "+string(in.ID),
		" | GET "+s.exportPath(string(in.ID), in.Format), true), nil
}

// exportPath returns the REST path of an export.
func (s *Server) exportPath(id, format string) string {
	return s.RESTPrefix + "/transcriptions/" + id + "/export?format=" + format
}

type reportIn struct {
	ID     params.UUID `json:"id" doc:"of the transcription"`
	Report reportName  `json:"report,omitzero" doc:"slug, name or id; leave out to list them"`
	textRange
}

// getReport is memo_get_report. A report that fits into one page is returned as it is, a
// longer one in pages.
func (s *Server) getReport(ctx context.Context, c memo.Caller, in reportIn) (*toolResult, error) {
	reports, err := s.App.Reports(ctx, c, string(in.ID))
	if err != nil {
		return nil, err
	}
	if in.Report == "" {
		return listReports(reports)
	}
	r, ok := reportNamed(reports, string(in.Report))
	switch {
	case !ok && len(reports) == 0:
		return errorResult(fmt.Sprintf("This transcription has no AI reports. Call %s to read what was said.", getTool)), nil
	case !ok:
		return errorResult(fmt.Sprintf("No such report. Call %s without report to list the reports.",
			reportTool)), nil
	case r.Text == "":
		return errorResult(fmt.Sprintf("This report has the status %s and no text. Call %s to read what was said.", r.Status,
			getTool)), nil
	}
	if p, _ := pageAt(r.Text, 0, in.limit(true)); in.Offset == 0 && p.to == p.total {
		return textResult(r.Text), nil
	}
	return in.result(r.Text, reportTool, fmt.Sprintf("report %d of transcription %s", r.ID, in.ID), "", true), nil
}

func listReports(reports []memo.Report) (*toolResult, error) {
	type item struct {
		ID     int64       `json:"id"`
		Slug   string      `json:"slug"`
		Name   string      `json:"name"`
		Status memo.Status `json:"status"`
	}
	items := make([]item, len(reports))
	var lines strings.Builder
	lines.WriteString(memo.Plural(len(reports), "report"))
	for i, r := range reports {
		items[i] = item{r.ID, r.Slug, r.Name, r.Status}
		fmt.Fprintf(&lines, "\n%d | %s | %s | %s", r.ID, singleLine(r.Slug), singleLine(r.Name), r.Status)
	}
	return structuredResult(struct {
		Items []item `json:"items"`
	}{items}, lines.String())
}

// reportNamed returns the report with this slug, id or name. Of several, it returns the newest
// with a text, or if none has one, the newest.
func reportNamed(reports []memo.Report, name string) (memo.Report, bool) {
	name = strings.TrimSpace(name)
	for _, matches := range []func(memo.Report) bool{
		func(r memo.Report) bool { return r.Slug == name },
		func(r memo.Report) bool { return strconv.FormatInt(r.ID, 10) == name },
		func(r memo.Report) bool { return strings.EqualFold(strings.TrimSpace(r.Name), name) },
	} {
		var found *memo.Report
		for _, r := range slices.Backward(reports) {
			if matches(r) && (found == nil || found.Text == "" && r.Text != "") {
				found = &r
			}
		}
		if found != nil {
			return *found, true
		}
	}
	return memo.Report{}, false
}

type bulkIn struct {
	IDs    []params.UUID `json:"ids" min:"1" max:"100"`
	Format string        `json:"format,omitzero" default:"md" enum:"md,txt,srt,vtt,json,csv,podcast" doc:"default: md"`
}

// bulkExport is memo_bulk_export.
func (s *Server) bulkExport(ctx context.Context, c memo.Caller, in bulkIn) (*toolResult, error) {
	archive, err := s.App.PrepareArchive(ctx, c, params.Strings(in.IDs), transcript.Format(in.Format))
	if err != nil {
		return nil, err
	}
	entries, err := archive.Manifest(ctx)
	if err != nil {
		return nil, err
	}
	type item struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		Size int64  `json:"size"` // bytes
		Path string `json:"path"`
	}
	type body struct {
		IDs    []string `json:"ids"`
		Format string   `json:"format"`
	}
	type zip struct {
		Method string `json:"method"`
		Path   string `json:"path"`
		Body   body   `json:"body"`
	}
	items := make([]item, len(entries))
	each := make([]string, len(entries))
	var sum int64
	var lines strings.Builder
	for i, e := range entries {
		items[i] = item{e.ID, e.Name, e.Size, s.exportPath(e.ID, in.Format)}
		each[i], sum = e.ID, sum+e.Size
		fmt.Fprintf(&lines, "\n%s | %d bytes | GET %s", e.Name, e.Size, items[i].Path)
	}
	all := zip{http.MethodPost, s.RESTPrefix + "/transcriptions/export", body{each, in.Format}}
	head := fmt.Sprintf("%s, %d bytes. Each by GET, or all as one ZIP by POST %s with {\"ids\":[…],\"format\":%q}",
		memo.Plural(len(items), "file"), sum, all.Path, in.Format)
	return structuredResult(struct {
		Items []item `json:"items"`
		Size  int64  `json:"size"`
		ZIP   zip    `json:"zip"`
	}{items, sum, all}, head+lines.String())
}
