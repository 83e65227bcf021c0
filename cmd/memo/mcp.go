package main

import (
	"os"

	"memoai.tech/memo/internal/bridge"
)

// mcpCmd has no option for the key, because every process on the machine can read
// command lines.
type mcpCmd struct {
	URL string `default:"http://127.0.0.1:8080" help:"URL of the Memo server (default: ${default})." placeholder:"URL"`
}

// Help returns the details that memo mcp --help prints above the options.
func (c *mcpCmd) Help() string {
	return "The host starts this command and speaks MCP with it over stdin and stdout. Set MEMO_API_KEY to the API key; " +
		"it is sent only to the server at --url. This command does not open the database and ignores --data, " +
		"--database and --json."
}

func (c *mcpCmd) Run(e *environment) error {
	b := bridge.New(bridge.Config{URL: c.URL, Key: os.Getenv("MEMO_API_KEY"), Version: version, Log: e.stderr})
	if err := b.Run(e.ctx, e.stdin, e.stdout); err != nil {
		return errAlreadyReported
	}
	return nil
}
