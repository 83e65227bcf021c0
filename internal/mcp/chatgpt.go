package mcp

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/params"
	"memoai.tech/memo/internal/transcript"
)

// ChatGPT searches and reads with two tools of its own design, whose results have one JSON object, as
// text and as the structured form. It cites a result by its url.

type hostSearchIn struct {
	Query string `json:"query" min:"1" max:"1000" doc:"words or a question"`
}

// hostResult is one result of search, and the start of the result of fetch.
type hostResult struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// hostSearch is search.
func (s *Server) hostSearch(ctx context.Context, c memo.Caller, in hostSearchIn) (*toolResult, error) {
	page, err := s.App.Transcriptions(ctx, c, app.ListQuery{
		Status: memo.StatusCompleted, Query: in.Query, Sort: "relevance", Limit: 10, NoSnippets: true,
	})
	if err != nil {
		return nil, err
	}
	results := make([]hostResult, len(page.Items))
	for i, it := range page.Items {
		t, err := it.Item()
		if err != nil {
			return nil, err
		}
		results[i] = s.hostResult(c, t)
	}
	return jsonResult(struct {
		Results []hostResult `json:"results"`
	}{results})
}

func (s *Server) hostResult(c memo.Caller, t memo.ListItem) hostResult {
	return hostResult{t.ID, t.Title, s.PublicURL + "/w/" + c.WorkspaceID + "/transcriptions/" + t.ID}
}

type hostFetchIn struct {
	ID params.UUID `json:"id" doc:"from search"`
}

// maxFetched is the maximum length of the text that fetch returns, in characters.
const maxFetched = 45_000

// hostFetch is fetch. The text is the Markdown export; metadata say how to read the rest of a long one.
func (s *Server) hostFetch(ctx context.Context, c memo.Caller, in hostFetchIn) (*toolResult, error) {
	f, err := s.App.Export(ctx, c, string(in.ID), transcript.Markdown)
	if err != nil {
		return nil, err
	}
	body, err := f.Bytes(ctx)
	if err != nil {
		return nil, err
	}
	t := f.Item()
	p, _ := pageAt(string(body), 0, pageLimit{chars: maxFetched, split: true})
	metadata := map[string]string{"created_at": t.CreatedAt.UTC().Format("2006-01-02T15:04:05Z")}
	if t.Language != "" {
		metadata["language"] = string(t.Language)
	}
	if p.to < p.total {
		metadata["next"] = fmt.Sprintf("These are %d of %d characters. Call %s with this id and offset=%d for the rest.",
			p.to, p.total, exportTool, p.to)
	}
	result := s.hostResult(c, t)
	return jsonResult(struct {
		ID       string            `json:"id"`
		Title    string            `json:"title"`
		Text     string            `json:"text"`
		URL      string            `json:"url"`
		Metadata map[string]string `json:"metadata"`
	}{result.ID, result.Title, p.text, result.URL, metadata})
}

// jsonResult returns a result with v both as its structured form and as its text.
func jsonResult(v any) (*toolResult, error) {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("mcp: result: %w", err)
	}
	return &toolResult{structured: b, text: string(b)}, nil
}
