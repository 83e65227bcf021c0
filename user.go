package memo

import (
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// User is a person who can sign in. Permissions come from memberships, not from the user.
type User struct {
	ID         string     `json:"id"`
	Email      string     `json:"email"` // lower case
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"created_at"`
	DisabledAt *time.Time `json:"disabled_at"`
}

// deletedDomain ends the pseudonyms of deleted users. RFC 2606 reserves the top-level domain.
const deletedDomain = "@deleted.invalid"

// Pseudonym returns the user as they are stored after their deletion. Keys, transcriptions and audit
// events still refer to them.
func (u User) Pseudonym() User {
	u.Email, u.Name = u.ID+deletedDomain, "Deleted user"
	return u
}

// IsDeleted reports whether the user is a pseudonym.
func (u User) IsDeleted() bool { return strings.HasSuffix(u.Email, deletedDomain) }

// Session is one signed-in browser or client. Only the SHA-256 of its token is stored.
type Session struct {
	ID         string    `json:"id"`
	UserID     string    `json:"-"`
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at"`   // or earlier, see SessionIdleTimeout
	LastUsedAt time.Time `json:"last_used_at"` // up to SessionUseInterval before the last request
	IP         string    `json:"ip"`
	Agent      string    `json:"agent"`
	Current    bool      `json:"current"` // the session of this request
}

// How long a session lasts, and how many a user may have.
const (
	SessionLifetime    = 30 * 24 * time.Hour // after the sign-in
	SessionIdleTimeout = 7 * 24 * time.Hour  // after the last recorded use
	SessionUseInterval = time.Hour           // minimum time between two writes of LastUsedAt
	MaxSessions        = 100                 // active ones; signing in once more ends the oldest
)

// The length of a password, in characters.
const (
	MinPassword = 8
	MaxPassword = 1000
)

// CleanEmail returns the address as it is stored: in lower case, without surrounding space. It
// returns KindInvalid if it is not an e-mail address.
func CleanEmail(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 || strings.ContainsFunc(email, isForbiddenInEmail) ||
		strings.HasSuffix(email, deletedDomain) {
		return "", Invalid("email", "must be an e-mail address such as name@example.com")
	}
	return email, nil
}

// isForbiddenInEmail reports whether r is a control or format character. Unlike a name, an
// address may not contain joiners.
func isForbiddenInEmail(r rune) bool { return isUnprintable(r) || unicode.Is(unicode.Cf, r) }

// CheckPassword checks the length of a new password.
func CheckPassword(password string) error {
	n := utf8.RuneCountInString(password)
	if n < MinPassword || n > MaxPassword || !utf8.ValidString(password) {
		return Invalid("password", "must have %d to %d characters", MinPassword, MaxPassword)
	}
	return nil
}
