package web

import (
	"encoding/base64"
	"html/template"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
)

// clientSetup describes how to use a key with one client.
type clientSetup struct {
	ID      string
	Icon    string
	Name    string
	How     string // where to paste the snippet
	Snippet string
	Works   string       // how to see that it works
	MCP     bool         // an MCP host, not a REST client
	Install template.URL // opens the client, which asks whether to add the server; optional
	Notes   []string
	// variable lists texts of the snippet and their replacements, in pairs. They make
	// the snippet read the key from the environment in the way that this client supports.
	variable []string
}

// keyFromEnvironment is what the docs pass as the key. The snippets then read the key
// from the environment, if the client can.
const keyFromEnvironment = "$MEMO_API_KEY"

// clientSetups returns the snippets of all clients for this server's URL. The page of a
// new key passes the key, the docs pass [keyFromEnvironment]. docs/mcp.md describes the
// same hosts in more detail.
func clientSetups(server, key string) []clientSetup {
	list := []clientSetup{
		{
			ID: "claude-code", Icon: "terminal", Name: "Claude Code", How: "In a terminal:", MCP: true,
			Works:    "“claude mcp list” shows memo as connected.",
			Snippet:  `claude mcp add --transport http --scope user memo {server}/mcp --header "Authorization: Bearer {key}"`,
			variable: []string{`"Authorization: Bearer {key}"`, `'Authorization: Bearer ${MEMO_API_KEY}'`},
			Notes: []string{
				"Keep the single quotes: the configuration stores the name of the variable, which is expanded at each start.",
				"Prompts are available as commands such as /mcp__memo__week_brief.",
				"“Requires re-authorization (token expired)” means that the key is inactive: set a new key and restart Claude " +
					"Code.",
			},
		},
		{
			ID: "claude-desktop", Icon: "window", Name: "Claude Desktop", MCP: true,
			How: "In claude_desktop_config.json (Settings → Developer → Edit Config). It needs Node.js 20 or newer on your " +
				"machine:",
			Works: "Restart Claude Desktop. Settings → Developer shows memo as running.",
			Snippet: `{
  "mcpServers": {
    "memo": {
      "command": "npx",
      "args": ["-y", "mcp-remote", "{server}/mcp", "--header", "Authorization:${AUTHORIZATION}"{http}],
      "env": { "AUTHORIZATION": "Bearer {key}" }
    }
  }
}`,
			variable: []string{"{key}", "YOUR_MEMO_API_KEY"},
			Notes: []string{
				"Claude Desktop cannot send a header to a remote server, so it starts mcp-remote, which forwards every message " +
					"with the key. Without Node.js, “memo mcp” does the same.",
				"The key is stored in this file: make it readable only by you, and give the key an expiry.",
			},
		},
		{
			ID: "cursor", Icon: "pointer", Name: "Cursor",
			How:   "In ~/.cursor/mcp.json. If the file already exists, add memo to its servers:",
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
			ID: "vscode", Icon: "code", Name: "VS Code", MCP: true,
			How: "In .vscode/mcp.json. If the file already exists, add memo to its inputs and servers. VS Code asks for " +
				"the key at the first start, so have it ready.",
			Works: "The command “MCP: List Servers” starts memo and shows it as running.",
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
			Notes: []string{"VS Code stores the key in its secret storage, not in this file."},
		},
		{
			ID: "codex", Icon: "terminal", Name: "Codex", How: "In a terminal:", MCP: true,
			Works: "/mcp in codex connects and lists memo's tools.",
			Snippet: `export MEMO_API_KEY={key}
codex mcp add memo --url {server}/mcp --bearer-token-env-var MEMO_API_KEY`,
			variable: []string{"export MEMO_API_KEY={key}\n", ""},
			Notes: []string{
				"codex runs a background process with the environment that it was started with. After you change the key, run " +
					"“codex app-server daemon restart”.",
				"“Authentication required” means that the key was refused: set a new key.",
			},
		},
		{
			ID: "gemini", Icon: "terminal", Name: "Gemini CLI", How: "In a terminal:", MCP: true,
			Works:    "“gemini mcp list” shows memo as connected.",
			Snippet:  `gemini mcp add --scope user --transport http memo {server}/mcp --header "Authorization: Bearer {key}"`,
			variable: []string{`"Authorization: Bearer {key}"`, `'Authorization: Bearer $MEMO_API_KEY'`},
			Notes: []string{
				"Keep the single quotes: the configuration stores the name of the variable, which is expanded at each start.",
				"Gemini CLI ignores all servers in a folder that it does not trust: trust the folder first. Prompts are " +
					"available as commands such as /week_brief.",
			},
		},
		{
			ID: "opencode", Icon: "terminal", Name: "opencode",
			How: "In ~/.config/opencode/opencode.json. If the file already exists, add memo to its servers:", MCP: true,
			Works: "“opencode mcp list” shows memo as connected.",
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
			Notes:    []string{"Keep the oauth line: without it, opencode treats a refused key as a missing sign-in."},
		},
		{
			ID: "curl", Icon: "terminal", Name: "curl", How: "In a terminal:",
			Works:   "It prints the newest transcriptions as JSON.",
			Snippet: `curl {server}/api/v1/developer/transcriptions -H "Authorization: Bearer {key}"`,
		},
		{
			ID: "python", Icon: "snake", Name: "Python",
			How:   "Save as memo.py and run “python3 memo.py”. It needs only the standard library:",
			Works: "It prints one line for each of the five newest transcriptions.",
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
			ID: "javascript", Icon: "braces", Name: "JavaScript",
			How:   "Save as memo.mjs and run “node memo.mjs”, with Node.js 18 or newer:",
			Works: "It prints one line for each of the five newest transcriptions.",
			Snippet: `const key = "{key}"
const response = await fetch("{server}/api/v1/developer/transcriptions?limit=5", {
  headers: { Authorization: "Bearer " + key },
})
for (const item of (await response.json()).items) console.log(item.created_at, item.title)`,
			variable: []string{`"{key}"`, `process.env.MEMO_API_KEY`},
		},
		{
			ID: "n8n", Icon: "flow", Name: "n8n", How: "In an HTTP Request node, choose “Import cURL” and paste:",
			Works:    "“Execute step” shows the newest transcriptions.",
			Snippet:  `curl {server}/api/v1/developer/transcriptions -H "Authorization: Bearer {key}"`,
			variable: []string{"{key}", "YOUR_MEMO_API_KEY"},
		},
		{
			ID: "other", Icon: "chat", Name: "Other",
			How: "Any assistant or program that can send a header to an MCP server. ChatGPT and claude.ai cannot: connect " +
				"them by URL.",
			Works: "It lists Memo's tools.", MCP: true,
			Snippet: `URL:            {server}/mcp
Transport:      Streamable HTTP
Authorization:  Bearer {key}`,
			variable: []string{"{key}", "YOUR_MEMO_API_KEY"},
		},
	}
	http := ""
	if strings.HasPrefix(server, "http://") {
		http = `, "--allow-http"` // without it, mcp-remote connects only to this machine
	}
	for i := range list {
		c := &list[i]
		pairs := []string{"{server}", server, "{http}", http}
		if key == keyFromEnvironment {
			pairs = append(pairs, c.variable...)
		}
		c.Snippet = strings.NewReplacer(append(pairs, "{key}", key)...).Replace(c.Snippet)
		if key != keyFromEnvironment {
			c.Install = installLink(c.ID, server, key)
		}
	}
	return list
}

// installLink returns the link that adds the server to a client, or "" if the client has none.
func installLink(client, server, key string) template.URL {
	type headers struct{ Authorization string }
	switch client {
	case "cursor":
		config, _ := json.Marshal(struct { // cannot fail
			URL     string  `json:"url"`
			Headers headers `json:"headers"`
		}{server + "/mcp", headers{"Bearer " + key}})
		query := url.Values{"name": {"memo"}, "config": {base64.StdEncoding.EncodeToString(config)}}
		return template.URL("cursor://anysphere.cursor-deeplink/mcp/install?" + query.Encode())
	case "vscode":
		type input struct {
			Type        string `json:"type"`
			ID          string `json:"id"`
			Description string `json:"description"`
			Password    bool   `json:"password"`
		}
		config, _ := json.Marshal(struct { // cannot fail
			Name    string  `json:"name"`
			Type    string  `json:"type"`
			URL     string  `json:"url"`
			Headers headers `json:"headers"`
			Inputs  []input `json:"inputs"`
		}{
			"memo", "http", server + "/mcp",
			headers{"Bearer ${input:memo-key}"},
			[]input{{"promptString", "memo-key", "Memo API key", true}},
		})
		return template.URL("vscode:mcp/install?" + url.PathEscape(string(config)))
	}
	return ""
}
