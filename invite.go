package memo

import "time"

// InviteLifetime is how long an invitation can be taken up, MaxInvites how many of a
// workspace may be open.
const (
	InviteLifetime = 7 * 24 * time.Hour
	MaxInvites     = 100
)

// Invite lets one person join a workspace, once. It is a link whose token is
// kept as SHA-256 only.
type Invite struct {
	ID          string
	WorkspaceID string
	Workspace   string // its name
	Role        Role
	CreatedAt   time.Time
	ExpiresAt   time.Time
	CreatedBy   string // the e-mail of the OWNER who made it
}
