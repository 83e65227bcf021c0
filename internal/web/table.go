package web

import "net/http"

// table is the list of pages. To add one: its line here, its function and its
// page struct in the file of its noun, its template, and its row in templates_test.go.
func (s *Site) table() []route {
	const get, post = http.MethodGet, http.MethodPost
	const keys = "/w/{workspace}/keys"
	const texts = "/w/{workspace}/transcriptions"
	return []route{
		{get, "/{$}", open, plain, home},
		{get, "/setup", open, plain, showSetup},
		{post, "/setup", open, plain, doSetup},
		{get, "/signin", open, plain, showSignIn},
		{post, "/signin", open, plain, doSignIn},
		{post, "/signout", open, plain, doSignOut},

		{get, "/docs", open, plain, showDocs},
		{get, "/docs/errors", open, plain, showDocs},
		{get, "/docs/rest", open, plain, showDocs},
		{get, "/docs/mcp", open, plain, showDocs},

		{get, "/account", user, plain, showAccount},
		{post, "/account/name", user, changing, doRename},
		{post, "/account/password", user, plain, doPassword},
		{post, "/account/sessions/{id}/end", user, plain, doEndSession},
		{post, "/account/sessions/end", user, plain, doEndSessions},

		{get, keys, member, managed, showKeys},
		{get, keys + "/new", member, plain, showNewKey},
		{post, keys, member, managed, doCreateKey},
		{get, keys + "/{id}", member, managed, showKey},
		{get, keys + "/{id}/status", member, plain, keyStatus},
		{post, keys + "/{id}", member, managed, doChangeKey},
		{post, keys + "/{id}/rotate", member, managed, doRotateKey},
		{get, keys + "/{id}/revoke", member, managed, showRevokeKey},
		{post, keys + "/{id}/revoke", member, managed, doRevokeKey},

		{get, "/w/{workspace}/members", owner, plain, showMembers},
		{post, "/w/{workspace}/members/{id}", owner, changing, doSetRole},
		{get, "/w/{workspace}/members/{id}/remove", member, plain, showRemoveMember},
		{post, "/w/{workspace}/members/{id}/remove", member, plain, doRemoveMember},
		{post, "/w/{workspace}/invites", owner, changing, doInvite},
		{post, "/w/{workspace}/invites/{id}/revoke", owner, plain, doRevokeInvite},
		{get, "/join/{token}", open, plain, showJoin},
		{post, "/join/{token}", open, plain, doJoin},
		{post, "/join/{token}/new", open, plain, doJoinNew},
		{get, "/w/{workspace}/workspace", owner, plain, showWorkspace},
		{post, "/w/{workspace}/workspace", owner, changing, doRenameWorkspace},
		{get, "/w/{workspace}/audit", owner, plain, showAudit},
		{get, "/w/{workspace}/audit.csv", owner, plain, auditCSV},

		{get, texts, member, plain, showTranscriptions},
		{post, texts + "/export", member, changing, downloadMany},
		{get, texts + "/{id}", member, plain, showTranscription},
		{get, texts + "/{id}/export", member, changing, download},
		{post, texts + "/{id}/title", member, changing, doRetitle},
		{post, texts + "/{id}/project", member, changing, doMove},
		{get, texts + "/{id}/delete", member, plain, showDelete},
		{post, texts + "/{id}/delete", member, changing, doDelete},
		{get, "/w/{workspace}/import", member, plain, showImport},
		{post, "/w/{workspace}/import", member, files, doImport},
	}
}
