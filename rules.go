package memo

import "time"

// Caller is who makes a request, with the role and plan that they had when they were
// authorised. Every use case takes one.
type Caller struct {
	UserID      string
	WorkspaceID string
	Role        Role
	Plan        Plan

	KeyID     string // set for a caller with an API key
	SessionID string // set for a signed-in caller
	Operator  bool   // set on the command line; may do everything

	Scopes     []Scope  // of a caller with an API key
	ProjectIDs []string // the only projects that the caller sees; empty for all transcriptions

	ClientAddress string // of the request; X-Forwarded-For counts only from trusted proxies
	UserAgent     string

	// ContentVersion is the content version of the workspace at authorisation. Responses that
	// depend only on its transcriptions may be cached under it.
	ContentVersion int64
	// KeyLastUsedAt is the stored time of the key's last use. It is zero if none is stored.
	KeyLastUsedAt time.Time
}

// Refusals of an authenticated caller, see docs/contract.md#order-of-refusals.
var (
	ErrAPIAccessDenied = Forbidden("api_access_denied",
		"API and MCP access needs the Pro or Expert plan. The operator of this server sets the plan; existing keys work "+
			"again after an upgrade.")
	ErrReadOnlyKey            = Forbidden("read_only", "An API key can read and export, but cannot change anything.")
	ErrKeyManagementForbidden = Forbidden("key_management_forbidden",
		"An API key cannot manage keys. Sign in as a member: POST /api/v1/session, or Settings → API & MCP in the web app.")
)

// MayUseAPI returns an error if the plan has no API access.
func MayUseAPI(p Plan) error {
	if p.HasAPI() {
		return nil
	}
	return ErrAPIAccessDenied
}

// MaySeeKey allows members to see their own keys, and an OWNER to see every key of the
// workspace. For all others the key does not exist.
func MaySeeKey(c Caller, k APIKey) error {
	if c.Operator || isInWorkspaceOf(c, k) && (isCreator(c, k) || c.Role == RoleOwner) {
		return nil
	}
	return NotFound("API key")
}

// MayChangeKey allows the creator to rename and rotate a key and to change its expiry, because
// the key acts on their behalf.
func MayChangeKey(c Caller, k APIKey) error {
	if err := MaySeeKey(c, k); err != nil {
		return err
	}
	if c.Operator || isCreator(c, k) {
		return nil
	}
	return Forbidden("not_your_key", "Only the member who created a key may rename or rotate it. An owner may revoke it.")
}

// MayRevokeKey allows the creator and any OWNER of the workspace to revoke a key.
func MayRevokeKey(c Caller, k APIKey) error { return MaySeeKey(c, k) }

// SeesAllKeys reports whether the caller sees all keys of the workspace, not only their own.
func SeesAllKeys(c Caller) bool { return c.Operator || c.Role == RoleOwner && c.KeyID == "" }

// isInWorkspaceOf reports whether a signed-in caller is in the key's workspace. An API key
// never is, because keys must not manage keys.
func isInWorkspaceOf(c Caller, k APIKey) bool {
	return c.KeyID == "" && c.WorkspaceID != "" && c.WorkspaceID == k.WorkspaceID
}

func isCreator(c Caller, k APIKey) bool { return c.UserID != "" && c.UserID == k.CreatedBy.ID }

// MayChangeTranscription allows an OWNER to change every transcription of the workspace, and
// other members those that they imported. importedBy is the id of a user; it may be empty.
func MayChangeTranscription(c Caller, workspaceID, importedBy string) error {
	switch {
	case c.Operator:
		return nil
	case c.KeyID != "":
		return ErrReadOnlyKey
	case c.WorkspaceID == "" || c.WorkspaceID != workspaceID:
		return NotFound("Transcription")
	case c.Role == RoleOwner || importedBy != "" && importedBy == c.UserID:
		return nil
	}
	return Forbidden("not_your_transcription", "Only an owner or the member who imported a transcription may change it.")
}
