package web

import "strings"

// clientSetup is a way to use a key, with what to paste.
type clientSetup struct {
	ID      string
	Name    string
	How     string // where it goes
	Snippet string
	Works   string // what shows that it works
	MCP     bool   // an assistant, not a program
	Notes   []string
	// variable makes of a paste that holds a key one that takes it from the
	// environment, as this client does: texts and what stands in their place.
	variable []string
}

// keyFromEnvironment is in place of a key in the docs: each client takes it from the
// environment then, where it can.
const keyFromEnvironment = "$MEMO_API_KEY"

// clientSetups are the ways to use a key, with this server's address: in the page that
// shows a new key with it, in the docs with [keyFromEnvironment]. docs/mcp.md has the
// same hosts at length.
func clientSetups(server, key string) []clientSetup {
	list := []clientSetup{
		{
			ID: "curl", Name: "curl", How: "In a terminal:", Works: "It prints the newest transcriptions as JSON.",
			Snippet: `curl {server}/api/v1/developer/transcriptions -H "Authorization: Bearer {key}"`,
		},
		{
			ID: "python", Name: "Python", How: "Save as memo.py and run “python3 memo.py”. It needs the standard library alone:",
			Works: "It prints a line for each of the five newest transcriptions.",
			Snippet: `import json, urllib.request

key = "{key}"
request = urllib.request.Request(
    "{server}/api/v1/developer/transcriptions?limit=5",
    headers={"Authorization": "Bearer " + key})
for item in json.load(urllib.request.urlopen(request))["items"]:
    print(item["created_at"], item["title"])`,
			variable: []string{"import json, urllib", "import json, os, urllib", `"{key}"`, `os.environ["MEMO_API_KEY"]`},
		},
		{
			ID: "javascript", Name: "JavaScript", How: "Save as memo.mjs and run “node memo.mjs”, with Node.js 18 or newer:",
			Works: "It prints a line for each of the five newest transcriptions.",
			Snippet: `const key = "{key}"
const answer = await fetch("{server}/api/v1/developer/transcriptions?limit=5", {
  headers: { Authorization: "Bearer " + key },
})
for (const item of (await answer.json()).items) console.log(item.created_at, item.title)`,
			variable: []string{`"{key}"`, `process.env.MEMO_API_KEY`},
		},
		{
			ID: "claude-code", Name: "Claude Code", How: "In a terminal:", MCP: true,
			Works:    "“claude mcp list” says that memo is connected.",
			Snippet:  `claude mcp add --transport http --scope user memo {server}/mcp --header "Authorization: Bearer {key}"`,
			variable: []string{`"Authorization: Bearer {key}"`, `'Authorization: Bearer ${MEMO_API_KEY}'`},
			Notes: []string{
				"The single quotes matter: the name of the variable is written to the configuration, and filled in at each start.",
				"Prompts are commands such as /mcp__memo__week_brief.",
				"“Requires re-authorization (token expired)” means that the key died. There is nothing to authorise again: set " +
					"a new key and start anew.",
			},
		},
		{
			ID: "claude-desktop", Name: "Claude Desktop", MCP: true,
			How: "Put the memo binary on your machine: “make build” in Memo's source makes it. Then add memo to " +
				"claude_desktop_config.json (Settings → Developer → Edit Config), with the full path of the binary:",
			Works: "Restart Claude Desktop: Settings → Developer shows memo as running.",
			Snippet: `{
  "mcpServers": {
    "memo": {
      "command": "/usr/local/bin/memo",
      "args": ["mcp"],
      "env": { "MEMO_URL": "{server}", "MEMO_API_KEY": "{key}" }
    }
  }
}`,
			variable: []string{"{key}", "mk_live_…"},
			Notes: []string{
				"It takes a header for no remote server, so it starts “memo mcp”, which passes every message on with the key. " +
					"Any other host that can only start processes can use it as well.",
				"Here the key is in the file: let only yourself read it, and give the key an expiry.",
			},
		},
		{
			ID: "cursor", Name: "Cursor", How: "In ~/.cursor/mcp.json. If the file is there already, add memo to its servers:",
			MCP:   true,
			Works: "Cursor's settings list memo and its tools under MCP.",
			Snippet: `{
  "mcpServers": {
    "memo": {
      "url": "{server}/mcp",
      "headers": { "Authorization": "Bearer {key}" }
    }
  }
}`,
			variable: []string{"{key}", "${env:MEMO_API_KEY}"},
		},
		{
			ID: "vscode", Name: "VS Code", MCP: true,
			How: "In .vscode/mcp.json. If the file is there already, add memo to its inputs and servers. VS Code asks for " +
				"the key at the first start: keep it at hand until then.",
			Works: "The command “MCP: List Servers” starts memo, and shows that it runs.",
			Snippet: `{
  "inputs": [{ "type": "promptString", "id": "memo-key", "description": "Memo API key", "password": true }],
  "servers": {
    "memo": {
      "type": "http",
      "url": "{server}/mcp",
      "headers": { "Authorization": "Bearer ${input:memo-key}" }
    }
  }
}`,
			Notes: []string{"The key is kept in VS Code's own store, not in the file."},
		},
		{
			ID: "codex", Name: "Codex", How: "In a terminal:", MCP: true,
			Works: "/mcp in codex connects, and lists memo's tools.",
			Snippet: `export MEMO_API_KEY={key}
codex mcp add memo --url {server}/mcp --bearer-token-env-var MEMO_API_KEY`,
			variable: []string{"export MEMO_API_KEY={key}\n", ""},
			Notes: []string{
				"codex keeps a process in the background with the environment that it was started with. After a change of the " +
					"key, run “codex app-server daemon restart”.",
				"“Authentication required” means that the key is refused. “codex mcp login” cannot help: Memo has no OAuth.",
			},
		},
		{
			ID: "gemini", Name: "Gemini CLI", How: "In a terminal:", MCP: true,
			Works:    "“gemini mcp list” says that memo is connected.",
			Snippet:  `gemini mcp add --scope user --transport http memo {server}/mcp --header "Authorization: Bearer {key}"`,
			variable: []string{`"Authorization: Bearer {key}"`, `'Authorization: Bearer $MEMO_API_KEY'`},
			Notes: []string{
				"The single quotes matter: the name of the variable is written to the configuration, and filled in at each start.",
				"In a folder that it does not trust it leaves out all servers: trust the folder first. Prompts are commands " +
					"such as /week_brief.",
			},
		},
		{
			ID: "opencode", Name: "opencode",
			How: "In ~/.config/opencode/opencode.json. If the file is there already, add memo to its servers:", MCP: true,
			Works: "“opencode mcp list” says that memo is connected.",
			Snippet: `{
  "$schema": "https://opencode.ai/config.json",
  "mcp": {
    "memo": {
      "type": "remote",
      "url": "{server}/mcp",
      "oauth": false,
      "headers": { "Authorization": "Bearer {key}" }
    }
  }
}`,
			variable: []string{"{key}", "{env:MEMO_API_KEY}"},
			Notes:    []string{"Keep the line about OAuth: with it, opencode does not take a refused key for a missing sign-in."},
		},
	}
	for i := range list {
		pairs := []string{"{server}", server}
		if key == keyFromEnvironment {
			pairs = append(pairs, list[i].variable...)
		}
		list[i].Snippet = strings.NewReplacer(append(pairs, "{key}", key)...).Replace(list[i].Snippet)
	}
	return list
}
