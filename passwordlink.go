package memo

import "time"

// PasswordLinkLifetime is the time from the creation of a password link to its expiry.
const PasswordLinkLifetime = 24 * time.Hour

// PasswordLink lets a user set a new password, once. It is a link with a token, of which only the
// SHA-256 is stored.
type PasswordLink struct {
	UserID      string
	Email       string // of the user
	Disabled    bool   // the user is disabled
	WorkspaceID string // that of the OWNER who created it, or empty for the operator
	ExpiresAt   time.Time
	UsedAt      *time.Time
}
