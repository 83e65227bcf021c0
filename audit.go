package memo

import (
	"strings"
	"time"
)

// AuditEvent is an event of the audit trail. The event of a change is written in the same
// transaction as the change.
type AuditEvent struct {
	ID          int64     `json:"id"`
	WorkspaceID Optional  `json:"workspace_id"` // empty if it belongs to no workspace
	At          time.Time `json:"at"`
	Action      Action    `json:"action"`
	ActorID     Optional  `json:"actor_id"` // the user; empty for the operator and the system
	Actor       string    `json:"actor"`    // "operator", "system" or the user's e-mail
	Subject     string    `json:"subject"`  // the id of what the action applies to; of an archive, several ids
	Name        string    `json:"name"`     // the subject's name at that time, or a user's e-mail; may be empty
	Detail      string    `json:"detail"`   // more about it, for people; never a secret
	IP          Optional  `json:"ip"`
	Agent       Optional  `json:"agent"`
}

// Action is what happened, in the form noun.verb.
type Action string

// Noun returns what the action applies to: "key" for "key.created".
func (a Action) Noun() string {
	noun, _, _ := strings.Cut(string(a), ".")
	return noun
}

// The recorded actions.
const (
	ActionKeyCreated     Action = "key.created"
	ActionKeyChanged     Action = "key.changed"
	ActionKeyRotated     Action = "key.rotated"
	ActionKeyRevoked     Action = "key.revoked"
	ActionKeyDeactivated Action = "key.deactivated"
	ActionKeyExposed     Action = "key.exposed"

	ActionMemberAdded   Action = "member.added"
	ActionRoleChanged   Action = "member.role_changed"
	ActionMemberRemoved Action = "member.removed"

	ActionInviteCreated Action = "member.invited"
	ActionInviteRevoked Action = "member.invite_revoked"

	ActionUserCreated  Action = "user.created"
	ActionUserRenamed  Action = "user.renamed"
	ActionUserDisabled Action = "user.disabled"
	ActionUserEnabled  Action = "user.enabled"
	ActionSignedIn     Action = "session.created"
	ActionSignedOut    Action = "session.revoked"
	ActionSignInFailed Action = "session.refused"

	ActionWorkspaceCreated Action = "workspace.created"
	ActionWorkspaceRenamed Action = "workspace.renamed"
	ActionPlanChanged      Action = "workspace.plan_changed"
	ActionImported         Action = "transcription.imported"
	ActionTitleChanged     Action = "transcription.renamed"
	ActionProjectChanged   Action = "transcription.moved"
	ActionDeleted          Action = "transcription.deleted"
	ActionDownloaded       Action = "transcription.downloaded"
	ActionRestored         Action = "database.restored"
)
