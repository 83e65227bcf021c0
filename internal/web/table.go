package web

import "net/http"

// table is the list of pages. To add one: its line here, its function and its
// page struct in the file of its noun, its template, and its row in pages_test.go.
func (s *Site) table() []route {
	const get, post = http.MethodGet, http.MethodPost
	const keys = "/w/{workspace}/keys"
	const texts = "/w/{workspace}/transcriptions"
	return []route{
		{get, "/{$}", open, false, home},
		{get, "/setup", open, false, showSetup},
		{post, "/setup", open, false, doSetup},
		{get, "/signin", open, false, showSignIn},
		{post, "/signin", open, false, doSignIn},
		{post, "/signout", open, false, doSignOut},

		{get, "/docs", open, false, showDocs},
		{get, "/docs/errors", open, false, showDocs},
		{get, "/docs/rest", open, false, showDocs},
		{get, "/docs/mcp", open, false, showDocs},

		{get, "/account", user, false, showAccount},
		{post, "/account/name", user, false, doRename},
		{post, "/account/password", user, false, doPassword},
		{post, "/account/sessions/{id}/end", user, false, doEndSession},
		{post, "/account/sessions/end", user, false, doEndSessions},

		{get, keys, member, true, showKeys},
		{get, keys + "/new", member, false, showNewKey},
		{post, keys, member, true, doCreateKey},
		{get, keys + "/{id}", member, true, showKey},
		{get, keys + "/{id}/status", member, false, keyStatus},
		{post, keys + "/{id}", member, true, doChangeKey},
		{post, keys + "/{id}/rotate", member, true, doRotateKey},
		{post, keys + "/{id}/revoke", member, true, doRevokeKey},

		{get, "/w/{workspace}/members", owner, false, showMembers},
		{post, "/w/{workspace}/members/{id}", owner, false, doSetRole},
		{get, "/w/{workspace}/members/{id}/remove", member, false, showRemoveMember},
		{post, "/w/{workspace}/members/{id}/remove", member, false, doRemoveMember},
		{post, "/w/{workspace}/invites", owner, false, doInvite},
		{post, "/w/{workspace}/invites/{id}/revoke", owner, false, doRevokeInvite},
		{get, "/join/{token}", open, false, showJoin},
		{post, "/join/{token}", open, false, doJoin},
		{post, "/join/{token}/new", open, false, doJoinNew},
		{get, "/w/{workspace}/workspace", owner, false, showWorkspace},
		{post, "/w/{workspace}/workspace", owner, false, doRenameWorkspace},
		{get, "/w/{workspace}/audit", owner, false, showAudit},
		{get, "/w/{workspace}/audit.csv", owner, false, auditCSV},

		{get, texts, member, false, showTranscriptions},
		{post, texts + "/export", member, false, downloadMany},
		{get, texts + "/{id}", member, false, showTranscription},
		{get, texts + "/{id}/export", member, false, download},
		{post, texts + "/{id}/title", member, false, doRetitle},
		{post, texts + "/{id}/project", member, false, doMove},
		{get, texts + "/{id}/delete", member, false, showDelete},
		{post, texts + "/{id}/delete", member, false, doDelete},
		{get, "/w/{workspace}/import", member, false, showImport},
		{post, "/w/{workspace}/import", member, false, doImport},
	}
}
