package main

import (
	"os"

	"memoai.tech/memo/internal/bridge"
)

// mcpCmd has no option for the key: a command line is seen by every process of
// the machine.
type mcpCmd struct {
	URL string `name:"url" env:"MEMO_URL" default:"http://127.0.0.1:8080" help:"The Memo server's address, such as https://memo.example.com; http://127.0.0.1:8080 if left out." placeholder:"URL"`
}

// Help is what memo mcp --help says besides its options.
func (c *mcpCmd) Help() string {
	return "The assistant starts it and speaks MCP with it over stdin and stdout. Set MEMO_API_KEY to the key, which " +
		"goes to this server alone. " +
		"It opens no database: --data, --database and --json mean nothing here."
}

func (c *mcpCmd) Run(e *environment) error {
	b := bridge.New(bridge.Config{URL: c.URL, Key: os.Getenv("MEMO_API_KEY"), Version: version, Log: e.stderr})
	if err := b.Run(e.ctx, e.stdin, e.stdout); err != nil {
		return errAlreadyReported
	}
	return nil
}
