package mcp

import (
	"context"
	"encoding/json"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/transcript"
)

const resourcePrefix = "memo://transcriptions/"

// addResources adds the only resource template: a transcription as in the Markdown export.
func (s *Server) addResources(server *sdk.Server) {
	server.AddResourceTemplate(&sdk.ResourceTemplate{
		Name: "transcription", Title: "Transcription", URITemplate: resourcePrefix + "{id}", MIMEType: "text/markdown",
		Description: "A complete transcription as Markdown: summary, topics, AI reports and every line. Ids come from " +
			listTool + "; " + getTool + " reads long ones page by page.",
	}, s.readResource)
}

func (s *Server) readResource(ctx context.Context, req *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
	uri := req.Params.URI
	id, ok := app.ParseID(strings.TrimPrefix(uri, resourcePrefix))
	if !ok {
		return nil, noResource(uri)
	}
	f, err := s.App.Export(ctx, callFromContext(ctx).caller, id, transcript.Markdown)
	if memo.KindOf(err) == memo.KindNotFound {
		return nil, noResource(uri)
	}
	if err != nil {
		return nil, err
	}
	body, err := f.Bytes(ctx)
	if err != nil {
		return nil, err
	}
	return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{
		URI: uri, MIMEType: "text/markdown",
		Text: string(body),
	}}}, nil
}

func noResource(uri string) error {
	e := invalidParams("Resource not found. Call " + listTool + " to find the ids of transcriptions.")
	e.rpc.Data, _ = json.Marshal(map[string]string{"uri": memo.Printable(uri, maxRepeated)}) // strings only
	return e
}
