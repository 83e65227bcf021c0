package mcp

import (
	"context"
	"fmt"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"memoai.tech/memo"
)

// promptDef is a prompt: a frequent question about meetings. text returns its text for the
// arguments, each on one line, and today's date in UTC. Hosts sometimes fill an argument with
// something else than the user meant, so the text says what to do then.
type promptDef struct {
	sdk.Prompt
	text func(arg map[string]string, today time.Time) string
}

var prompts = []promptDef{
	{sdk.Prompt{
		Name: "week_brief", Title: "Weekly brief",
		Description: "What the meetings of the last seven days decided, advanced and left open.",
		Arguments:   []*sdk.PromptArgument{{Name: "project", Description: "only this project, by its name"}},
	}, func(arg map[string]string, today time.Time) string {
		meetings := "all meetings"
		if arg["project"] != "" {
			meetings = fmt.Sprintf("the meetings of the project %q (find its id with %s; "+
				"if that is not a name, use all meetings)",
				arg["project"], projectsTool)
		}
		return fmt.Sprintf("Brief me on %s from %s to %s (UTC). List them with %s, page by page, and read each to its "+
			"end with %s. "+
			"Then write at most one page: what was decided, what advanced, what is open and who owns it, "+
			"what needs my attention. "+
			"Give the meeting and the time [mm:ss] for every statement. If there was no meeting, say so.",
			meetings, today.AddDate(0, 0, -6).Format(time.DateOnly), today.Format(time.DateOnly), listTool, getTool)
	}},
	{sdk.Prompt{
		Name: "decisions", Title: "Decisions and owners of a meeting",
		Description: "Every decision and task of one meeting, with its owner, its date and where it was said.",
		Arguments: []*sdk.PromptArgument{
			{Name: "meeting", Description: "the meeting's title, words from it, or its id", Required: true},
		},
	}, func(arg map[string]string, _ time.Time) string {
		return fmt.Sprintf("Find the meeting %q: pass an id to %s, or search for anything else with %s. If several "+
			"match, ask me which one. "+
			"Read it to its end, following \"next:\". Then make two tables: decisions (what, who decided, [mm:ss]) and "+
			"tasks (what, owner, due, [mm:ss]). "+
			"Write \"not said\" where no owner or date was named, and do not guess.", arg["meeting"], getTool, searchTool)
	}},
	{sdk.Prompt{
		Name: "follow_ups", Title: "Follow-ups of a person",
		Description: "What a person promised or was asked to do in recent weeks, and whether it was mentioned again.",
		Arguments: []*sdk.PromptArgument{
			{Name: "person", Description: "the name as the transcripts have it", Required: true},
			{Name: "since", Description: "a date such as 2026-05-20; 30 days ago if left out"},
		},
	}, func(arg map[string]string, today time.Time) string {
		// Some hosts split input at spaces, so since may be a surname. Others leave it empty.
		monthAgo := today.AddDate(0, 0, -30).Format(time.DateOnly)
		since := monthAgo
		if arg["since"] != "" {
			since = fmt.Sprintf("%q", arg["since"])
		}
		if _, err := time.Parse(time.DateOnly, arg["since"]); err != nil && arg["since"] != "" {
			since += fmt.Sprintf(" (if that is not a date, it is part of the name, and the date is %s)", monthAgo)
		}
		return fmt.Sprintf("What did %q promise, or was asked to do, since %s? Search for the name with %s and that day "+
			"as date_from, and read the meetings it finds to their end with %s. "+
			"List each follow-up once: what, for whom, due, the meeting and [mm:ss]; then whether a later meeting says that "+
			"it was done. "+
			"Separate promises from what others only expect.", arg["person"], since, searchTool, getTool)
	}},
}

// addPrompts adds the prompts. They contain no data of the workspace; the model reads it with
// tools.
func (s *Server) addPrompts(server *sdk.Server) {
	for _, p := range prompts {
		server.AddPrompt(&p.Prompt, func(_ context.Context, req *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
			arg := map[string]string{}
			for _, a := range p.Arguments {
				// On one line, so that a name cannot add lines to the prompt.
				arg[a.Name] = memo.Printable(strings.Join(strings.Fields(req.Params.Arguments[a.Name]), " "), maxRepeated)
				if a.Required && arg[a.Name] == "" {
					return nil, invalidParams(fmt.Sprintf("The prompt %s needs the argument %s: %s.", p.Name, a.Name, a.Description))
				}
			}
			return &sdk.GetPromptResult{
				Description: p.Description,
				Messages:    []*sdk.PromptMessage{{Role: "user", Content: &sdk.TextContent{Text: p.text(arg, s.Now().UTC())}}},
			}, nil
		})
	}
}
