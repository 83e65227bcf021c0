package memo

import "time"

// Limits of invitations.
const (
	InviteLifetime = 7 * 24 * time.Hour // from creation to expiry
	MaxInvites     = 100                // open ones in a workspace
)

// Invite lets one person join a workspace, once. It is a link with a token, of which only the
// SHA-256 is stored.
type Invite struct {
	ID          string
	WorkspaceID string
	Workspace   string // its name
	Role        Role
	Recipient   string // who it is for, as the OWNER typed it: a name or an e-mail; may be empty
	CreatedAt   time.Time
	ExpiresAt   time.Time
	CreatedBy   string // the e-mail of the OWNER who created it
}
