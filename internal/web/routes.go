package web

import (
	"net/http"

	"memoai.tech/memo/internal/oauth"
)

// table lists the routes. CONTRIBUTING.md lists what to change when a page is added.
func (s *Site) table() []route {
	const get, post = http.MethodGet, http.MethodPost
	const keys = "/w/{workspace}/keys"
	const texts = "/w/{workspace}/transcriptions"
	return []route{
		{get, "/{$}", public, ordinary, showHome},
		{get, "/setup", public, ordinary, showSetup},
		{post, "/setup", public, ordinary, doSetup},
		{get, "/signin", public, ordinary, showSignIn},
		{post, "/signin", public, ordinary, doSignIn},
		{post, "/signout", public, ordinary, doSignOut},

		{get, "/docs", public, ordinary, showDocs},
		{get, "/docs/errors", public, ordinary, showDocs},
		{get, "/docs/rest", public, ordinary, showDocs},
		{get, "/docs/transcripts", public, ordinary, showDocs},
		{get, "/docs/mcp", public, ordinary, showDocs},

		{get, oauth.AuthorizePath, signedIn, ordinary, showConsent},
		{post, oauth.AuthorizePath, signedIn, ordinary, doConsent},

		{get, "/account", signedIn, ordinary, showAccount},
		{post, "/account/name", signedIn, changing, doRename},
		{post, "/account/password", signedIn, ordinary, doPassword},
		{post, "/account/sessions/{id}/end", signedIn, ordinary, doEndSession},
		{post, "/account/sessions/end", signedIn, ordinary, doEndSessions},

		{get, keys, memberOnly, countsAsManagement, showKeys},
		{get, keys + "/new", memberOnly, ordinary, showNewKey},
		{get, keys + "/connect", memberOnly, ordinary, showConnect},
		{post, keys, memberOnly, countsAsManagement, doCreateKey},
		{get, keys + "/revoke", memberOnly, countsAsManagement, showRevokeKeys},
		{post, keys + "/revoke", memberOnly, countsAsManagement, doRevokeKeys},
		{get, keys + "/policy", ownerOnly, ordinary, showKeyPolicy},
		{post, keys + "/policy", ownerOnly, changing, doSetKeyPolicy},
		{get, keys + "/{id}", memberOnly, countsAsManagement, showKey},
		{get, keys + "/{id}/status", memberOnly, ordinary, showKeyStatus},
		{post, keys + "/{id}", memberOnly, countsAsManagement, doChangeKey},
		{post, keys + "/{id}/rotate", memberOnly, countsAsManagement, doRotateKey},
		{post, keys + "/{id}/revoke", memberOnly, countsAsManagement, doRevokeKey},

		{get, "/w/{workspace}/members", ownerOnly, ordinary, showMembers},
		{post, "/w/{workspace}/members/{id}", ownerOnly, changing, doSetRole},
		{get, "/w/{workspace}/members/{id}/remove", memberOnly, ordinary, showRemoveMember},
		{post, "/w/{workspace}/members/{id}/remove", memberOnly, ordinary, doRemoveMember},
		{post, "/w/{workspace}/members/{id}/password", ownerOnly, changing, doPasswordLink},
		{get, "/w/{workspace}/invites/new", ownerOnly, ordinary, showInvite},
		{post, "/w/{workspace}/invites", ownerOnly, changing, doInvite},
		{post, "/w/{workspace}/invites/{id}/revoke", ownerOnly, ordinary, doRevokeInvite},
		{get, "/join/{token}", public, ordinary, showJoin},
		{post, "/join/{token}", public, ordinary, doJoin},
		{post, "/join/{token}/new", public, ordinary, doJoinNew},
		{get, "/password/{token}", public, ordinary, showPassword},
		{post, "/password/{token}", public, ordinary, doSetPassword},
		{get, "/w/{workspace}/workspace", ownerOnly, ordinary, showWorkspace},
		{post, "/w/{workspace}/workspace", ownerOnly, changing, doRenameWorkspace},
		{get, "/w/{workspace}/audit", ownerOnly, ordinary, showAudit},
		{get, "/w/{workspace}/audit.csv", ownerOnly, ordinary, auditCSV},

		{get, texts, memberOnly, ordinary, showTranscriptions},
		{get, "/w/{workspace}/find", memberOnly, ordinary, findMeetings},
		{post, texts + "/export", memberOnly, changing, downloadMany},
		{get, texts + "/{id}", memberOnly, ordinary, showTranscription},
		{get, texts + "/{id}/export", memberOnly, changing, download},
		{post, texts + "/{id}/details", memberOnly, changing, doChangeDetails},
		{post, texts + "/{id}/project", memberOnly, changing, doMove},
		{post, texts + "/{id}/speaker", memberOnly, changing, doRenameSpeaker},
		{get, texts + "/{id}/delete", memberOnly, ordinary, showDelete},
		{post, texts + "/{id}/delete", memberOnly, changing, doDelete},
		{get, "/w/{workspace}/import", memberOnly, ordinary, showImport},
		{post, "/w/{workspace}/import", memberOnly, readsOwnBody, doImport},
		{post, "/w/{workspace}/import/select", memberOnly, readsOwnBody, selectFiles},
		{post, "/w/{workspace}/import/samples", memberOnly, changing, doImportSamples},
		{post, "/w/{workspace}/started", memberOnly, ordinary, doHideFirstSteps},
	}
}
