package main

import (
	"os"

	"memoai.tech/memo/internal/bridge"
)

// mcpCmd has no option for the key: a command line is seen by every process of
// the machine.
type mcpCmd struct {
	URL string `name:"url" env:"MEMO_URL" default:"http://127.0.0.1:8080" help:"The Memo server's address, such as https://memo.example.com." placeholder:"URL"`
}

// Help is what memo mcp --help says besides its options.
func (c *mcpCmd) Help() string {
	return "An assistant starts it and talks MCP with it over stdin and stdout. The API key is read from MEMO_API_KEY and goes to the server alone."
}

func (c *mcpCmd) Run(e *environment) error {
	b := bridge.New(bridge.Config{URL: c.URL, Key: os.Getenv("MEMO_API_KEY"), Version: version, Log: e.stderr})
	return b.Run(e.ctx, e.stdin, e.stdout)
}
