package memo

import (
	"cmp"
	"fmt"
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
	IP          Optional  `json:"ip"`
	Agent       Optional  `json:"agent"`

	Details EventDetails `json:"details"`
}

// EventDetails says more about an event. The action determines which fields are set. None of
// them is ever a secret. It is stored as JSON.
type EventDetails struct {
	Role      Role           `json:"role,omitempty"`       // that the member gets
	InvitedBy string         `json:"invited_by,omitempty"` // the e-mail of a user
	Name      string         `json:"name,omitempty"`       // the new name of a workspace, user or speaker
	Speaker   string         `json:"speaker,omitempty"`    // the previous name of a speaker
	Before    string         `json:"before,omitempty"`     // the previous title or name, if it can be given back
	Plan      Plan           `json:"plan,omitempty"`
	Email     string         `json:"email,omitempty"`    // of a new user
	Project   string         `json:"project,omitempty"`  // the name of the new project
	Date      string         `json:"date,omitempty"`     // the new one of a transcription, RFC 3339
	Language  string         `json:"language,omitempty"` // the new one of a transcription
	Format    string         `json:"format,omitempty"`   // of a download
	Source    string         `json:"source,omitempty"`   // what was understood of an imported file
	Archive   bool           `json:"archive,omitzero"`   // the download is a ZIP
	Restored  *RestoreCounts `json:"restored,omitempty"`
	Reason    string         `json:"reason,omitempty"` // for people
}

// RestoreCounts counts the restored keys, and what a restore did not give back.
type RestoreCounts struct {
	Keys             int64 `json:"keys"`
	KeysEnded        int64 `json:"keys_ended"`   // since the backup
	KeysUnknown      int64 `json:"keys_unknown"` // deactivated
	MembershipsEnded int64 `json:"memberships_ended"`
}

// String returns the details as text for people.
func (d EventDetails) String() string {
	switch r := d.Restored; {
	case d.InvitedBy != "":
		return string(d.Role) + ", invited by " + d.InvitedBy
	case d.Speaker != "":
		return d.Speaker + " is now " + d.Name
	case d.Name != "" && d.Plan != "":
		return d.Name + ", plan " + string(d.Plan)
	case d.Archive:
		return "a ZIP of " + d.Format + " files"
	case r != nil:
		return fmt.Sprintf("%d keys: %d ended since the backup, %d unknown and deactivated; "+
			"%d memberships ended since the backup", r.Keys, r.KeysEnded, r.KeysUnknown, r.MembershipsEnded)
	}
	return cmp.Or(string(d.Role), d.Name, string(d.Plan), d.Email, d.Project, d.Date,
		d.Language, d.Format, d.Source, d.Before, d.Reason)
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

	ActionAppConnected    Action = "app.connected"
	ActionAppDisconnected Action = "app.disconnected"
	ActionAppChanged      Action = "app.changed"
	ActionAppReplayed     Action = "app.replayed"
	ActionAppDeactivated  Action = "app.deactivated"

	ActionMemberAdded   Action = "member.added"
	ActionRoleChanged   Action = "member.role_changed"
	ActionMemberRemoved Action = "member.removed"

	ActionInviteCreated Action = "member.invited"
	ActionInviteRevoked Action = "member.invite_revoked"

	ActionPasswordLinkCreated Action = "member.password_link_created"
	ActionPasswordLinkUsed    Action = "member.password_link_used"

	ActionUserCreated  Action = "user.created"
	ActionUserRenamed  Action = "user.renamed"
	ActionUserDisabled Action = "user.disabled"
	ActionUserEnabled  Action = "user.enabled"
	ActionUserDeleted  Action = "user.deleted"
	ActionSignedIn     Action = "session.created"
	ActionSignedOut    Action = "session.revoked"
	ActionSignInFailed Action = "session.refused"

	ActionWebhookCreated Action = "webhook.created"
	ActionWebhookChanged Action = "webhook.changed"
	ActionWebhookRotated Action = "webhook.rotated"
	ActionWebhookPaused  Action = "webhook.paused"
	ActionWebhookResumed Action = "webhook.resumed"
	ActionWebhookTested  Action = "webhook.tested"
	ActionWebhookResent  Action = "webhook.resent"
	ActionWebhookDeleted Action = "webhook.deleted"

	ActionWorkspaceCreated Action = "workspace.created"
	ActionWorkspaceRenamed Action = "workspace.renamed"
	ActionWorkspaceDeleted Action = "workspace.deleted"
	ActionPlanChanged      Action = "workspace.plan_changed"
	ActionKeyPolicyChanged Action = "workspace.key_policy_changed"
	ActionImported         Action = "transcription.imported"
	ActionTitleChanged     Action = "transcription.renamed"
	ActionDateChanged      Action = "transcription.date_changed"
	ActionLanguageChanged  Action = "transcription.language_changed"
	ActionProjectChanged   Action = "transcription.moved"
	ActionSpeakerRenamed   Action = "transcription.speaker_renamed"
	ActionDeleted          Action = "transcription.deleted"
	ActionDownloaded       Action = "transcription.downloaded"

	ActionProjectRenamed Action = "project.renamed"
	ActionProjectDeleted Action = "project.deleted"

	ActionRestored Action = "database.restored"
)
