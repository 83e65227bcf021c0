package mcp

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
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
	server.AddReceivingMiddleware(func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
			// The error of the SDK quotes the URI as Go does, which is not always valid JSON.
			if r, ok := req.(*sdk.ReadResourceRequest); ok {
				if _, ok := resourceID(r.Params.URI); !ok {
					return nil, noResource(r.Params.URI)
				}
			}
			return next(ctx, method, req)
		}
	})
}

func resourceID(uri string) (id string, ok bool) {
	rest, hasPrefix := strings.CutPrefix(uri, resourcePrefix)
	id, ok = app.ParseID(rest)
	return id, hasPrefix && ok
}

func (s *Server) readResource(ctx context.Context, req *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
	uri := req.Params.URI
	id, _ := resourceID(uri)
	f, err := s.App.Export(ctx, callFromContext(ctx).Caller, id, transcript.Markdown)
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
	quoted, _ := jsontext.AppendQuote([]byte(`{"uri":`),
		memo.Printable(uri, maxRepeated)) // the error is about invalid UTF-8, which Printable replaced
	return &rpcError{
		Code: jsonrpc.CodeInvalidParams, Message: "Resource not found. Call " + listTool +
			" to find the ids of transcriptions.",
		Data: append(quoted, '}'),
	}
}

func invalidParams(message string) error {
	return &rpcError{Code: jsonrpc.CodeInvalidParams, Message: message}
}
