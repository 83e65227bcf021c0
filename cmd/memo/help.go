package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// description is the beginning of the help.
const description = `A server that lets scripts and AI assistants read a team's transcriptions.

Examples:
  memo serve --demo
  memo user add --email olga@example.com --name Olga
  memo workspace add --name Acme --plan pro --owner olga@example.com
  memo import --workspace Acme --project Sales ./transcripts
  memo key create --workspace Acme --member olga@example.com --name n8n --expires 90d

'memo help COMMAND' shows the options of a command.`

// helpOptions are the options of kong for the help: commands in groups, on a line each, and options
// with their defaults.
var helpOptions = []kong.Option{
	kong.Description(description),
	kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoAppDescFormat: true}),
	kong.ValueFormatter(formatHelp),
	kong.ExplicitGroups([]kong.Group{
		{Key: "server", Title: "Server:"},
		{Key: "people", Title: "People, workspaces and keys:"},
		{Key: "content", Title: "Transcriptions:"},
		{Key: "database", Title: "Database:"},
		{Key: "client", Title: "Clients of a server:"},
	}),
}

// formatHelp adds the default of an option to its help, unless that names it.
func formatHelp(v *kong.Value) string {
	help := kong.DefaultHelpValueFormatter(v)
	if !v.HasDefault || v.Default == "" || strings.Contains(strings.ToLower(help), "default") {
		return help
	}
	return strings.TrimSuffix(help, ".") + ", default " + v.Default + "."
}

// helpArgs returns the arguments with which kong prints the help that memo and memo help ask for.
func helpArgs(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(args[1:len(args):len(args)], "--help")
	}
	return args
}
