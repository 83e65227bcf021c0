package memo

import "time"

// Caller is who asks, as the database stood when they were authorised. Every
// use case takes one and starts from it; there is no other way in.
type Caller struct {
	UserID      string
	WorkspaceID string
	Role        Role
	Plan        Plan

	KeyID     string // set when an API key was shown
	SessionID string // set when a member signed in
	Operator  bool   // the command line, which stands above roles

	ClientAddress string // of the request, believed only as far as the proxies are
	UserAgent     string

	// ContentVersion is the workspace's at that moment. What is rendered from
	// the workspace's transcriptions may be kept under it.
	ContentVersion int64
	// KeyLastUsedAt is when the key's use was last written, zero for never.
	KeyLastUsedAt time.Time
}

// The answers that a caller who may not gets (contract section 1).
var (
	ErrAPIAccessDenied = Forbidden("api_access_denied",
		"API and MCP access needs the Pro or Expert plan. Whoever runs this server sets the plan; the same keys work "+
			"again after an upgrade.")
	ErrKeyManagementForbidden = Forbidden("key_management_forbidden",
		"An API key cannot manage keys. Sign in as a member: POST /api/v1/session, or Settings → API & MCP in the web app.")
)

// MayUseAPI refuses a workspace whose plan has no API access.
func MayUseAPI(p Plan) error {
	if p.HasAPI() {
		return nil
	}
	return ErrAPIAccessDenied
}

// MaySeeKey lets members see their own keys and an OWNER every key of the
// workspace. For all others the key is not there.
func MaySeeKey(c Caller, k APIKey) error {
	if c.Operator || isInWorkspaceOf(c, k) && (isCreator(c, k) || c.Role == RoleOwner) {
		return nil
	}
	return NotFound("API key")
}

// MayChangeKey is about name, expiry and rotation: only the creator may, for
// the key acts on the creator's behalf. Others who can see it are told so.
func MayChangeKey(c Caller, k APIKey) error {
	if err := MaySeeKey(c, k); err != nil {
		return err
	}
	if c.Operator || isCreator(c, k) {
		return nil
	}
	return Forbidden("not_your_key", "Only the member who created a key may rename or rotate it. An OWNER may revoke it.")
}

// MayRevokeKey lets the creator and any OWNER of the workspace revoke.
func MayRevokeKey(c Caller, k APIKey) error { return MaySeeKey(c, k) }

// SeesAllKeys reports whether a list of keys covers the whole workspace or the
// caller's own only.
func SeesAllKeys(c Caller) bool { return c.Operator || c.Role == RoleOwner && c.KeyID == "" }

func isInWorkspaceOf(c Caller, k APIKey) bool {
	return c.KeyID == "" && c.WorkspaceID != "" && c.WorkspaceID == k.WorkspaceID
}

func isCreator(c Caller, k APIKey) bool { return c.UserID != "" && c.UserID == k.CreatedBy.ID }

// MayChangeTranscription lets an OWNER change every transcription of the
// workspace, and a member those that they imported.
func MayChangeTranscription(c Caller, workspaceID, importedBy string) error {
	switch {
	case c.Operator:
		return nil
	case c.KeyID != "":
		return Forbidden("read_only", "An API key can read and export, and change nothing.")
	case c.WorkspaceID == "" || c.WorkspaceID != workspaceID:
		return NotFound("Transcription")
	case c.Role == RoleOwner || importedBy != "" && importedBy == c.UserID:
		return nil
	}
	return Forbidden("not_your_transcription", "Only the member who imported a transcription and an OWNER may change it.")
}
