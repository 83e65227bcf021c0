package mcp

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/params"
)

// The names of the tools, see docs/contract.md#tools.
const (
	listTool     = "memo_list_transcriptions"
	searchTool   = "memo_search_transcriptions"
	getTool      = "memo_get_transcription"
	reportTool   = "memo_get_report"
	exportTool   = "memo_export_transcription"
	bulkTool     = "memo_bulk_export"
	projectsTool = "memo_list_projects"

	// ChatGPT fixes the names and the shape of these.
	hostSearchTool = "search"
	hostFetchTool  = "fetch"
)

// addTools adds the tools. CONTRIBUTING.md lists what to change when one is added. The whole list
// must stay under 8,000 bytes, because hosts put it at the start of every conversation.
func (s *Server) addTools(server *sdk.Server) {
	addTool(s, server, listTool, "List transcriptions",
		"Lists meetings, calls and recordings by date, project, language or status, without their text: id, title, "+
			"summary, speakers, duration, char_count. "+
			"Use it for \"last week\" or \"all of project X\"; to find what was said use "+searchTool+".",
		s.listTranscriptions)
	addTool(s, server, searchTool, "Search transcriptions",
		"Searches titles, summaries, topics, AI reports, speakers and texts for words or a question. Those with all "+
			"words come first, then those with most of them (missing_words says what they lack). At most three hits per "+
			"transcription; each hit has the transcription's id and the offset from which to continue with "+
			getTool+".", s.searchTranscriptions)
	addTool(s, server, getTool, "Read a transcription",
		"Reads the text of one transcription, one line per segment: \"[12:34] Speaker: …\". Long ones come in pages of "+
			"whole lines; the first and last line of a page give its position. "+
			"Call again with the offset that \"next:\" names until it says \"end\".", s.getTranscription)
	addTool(s, server, reportTool, "Read an AI report",
		"Reads one AI report of a transcription, such as action items. Leave report out to list them.", s.getReport)
	addExportTool(s, server, exportTool, "Export a transcription",
		"Returns one transcription as the text of a file: md has summary, topics and reports, srt and vtt are subtitles. "+
			"Paged as "+getTool+"; the first line also names the REST path to download it. To read, use "+getTool+".",
		s.exportTranscription)
	addExportTool(s, server, bulkTool, "Plan a bulk export",
		"Describes a download of up to 100 transcriptions: name, size in bytes and REST path of each, and the call "+
			"for one ZIP. It returns no text.", s.bulkExport)
	addTool(s, server, projectsTool, "List projects",
		"Lists the workspace's projects with how many transcriptions each has; their ids filter the other tools.",
		s.listProjects)
	if s.PublicURL == "" {
		return // what these return is cited by its URL
	}
	addTool(s, server, hostSearchTool, "Search", "Searches transcriptions: id, title and url of up to 10, for "+
		hostFetchTool+". "+searchTool+" also returns what was said.", s.hostSearch)
	addExportTool(s, server, hostFetchTool, "Fetch",
		"Returns one transcription with summary, AI reports and text, and its url.", s.hostFetch)
}

// tool calls a tool with the arguments that a client sent.
type tool func(ctx context.Context, c memo.Caller, arguments []byte) (*toolResult, error)

// addTool adds a tool. All tools are read-only, idempotent and closed-world.
func addTool[In any](s *Server, server *sdk.Server, name, title, description string,
	f func(context.Context, memo.Caller, In) (*toolResult, error),
) {
	run := func(ctx context.Context, c memo.Caller, arguments []byte) (*toolResult, error) {
		return runTool(ctx, name, c, arguments, f)
	}
	s.tools[name] = run
	no := false
	server.AddTool(&sdk.Tool{
		Name: name, Description: description, InputSchema: params.ArgumentSchema(reflect.TypeFor[In]()),
		Annotations: &sdk.ToolAnnotations{
			Title: title, ReadOnlyHint: true, DestructiveHint: &no, IdempotentHint: true, OpenWorldHint: &no,
		},
	}, func(ctx context.Context, req *sdk.CallToolRequest) (_ *sdk.CallToolResult, err error) {
		c := callFromContext(ctx)
		c.result, err = run(ctx, c.caller, req.Params.Arguments)
		return new(sdk.CallToolResult), err // see toolResult
	})
}

// addExportTool is addTool for a tool that needs the scope export.
func addExportTool[In any](s *Server, server *sdk.Server, name, title, description string,
	f func(context.Context, memo.Caller, In) (*toolResult, error),
) {
	addTool(s, server, name, title, description, f)
	s.needs[name] = memo.PermissionExport
}

// runTool decodes the arguments of a tool and calls it. Invalid arguments and unknown ids become an error
// result that says what to call next. Other errors are returned unchanged.
func runTool[In any](ctx context.Context, name string, caller memo.Caller, arguments []byte,
	f func(context.Context, memo.Caller, In) (*toolResult, error),
) (*toolResult, error) {
	var in In
	if problem := decodeArguments(arguments, &in); problem != "" {
		return argumentError(name, problem), nil
	}
	result, err := f(ctx, caller, in)
	e, ok := errors.AsType[*memo.Error](err)
	switch {
	case ok && e.Kind == memo.KindInvalid:
		return argumentError(name, strings.TrimSpace(e.Field+" "+e.Message)), nil
	case ok && e.Kind == memo.KindNotFound && e.IDs != nil:
		return errorResult(fmt.Sprintf("These transcriptions are not in this workspace: %s. Call %s again without them, "+
			"or %s to find ids.",
			strings.Join(e.IDs, ", "), name, listTool)), nil
	case ok && e.Kind == memo.KindNotFound:
		return errorResult(fmt.Sprintf("No transcription in this workspace has this id. Call %s or %s to find "+
			"the right id.", listTool, searchTool)), nil
	}
	return result, err
}
