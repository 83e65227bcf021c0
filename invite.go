package memo

import "time"

// InviteLifetime is how long an invitation is valid, MaxInvites how many a workspace may have
// open.
const (
	InviteLifetime = 7 * 24 * time.Hour
	MaxInvites     = 100
)

// Invite lets one person join a workspace, once. It is a link with a token, of which only the
// SHA-256 is stored.
type Invite struct {
	ID          string
	WorkspaceID string
	Workspace   string // its name
	Role        Role
	CreatedAt   time.Time
	ExpiresAt   time.Time
	CreatedBy   string // the e-mail of the OWNER who made it
}
