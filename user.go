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

// Limits on names, titles and passwords, in characters.
const (
	MaxName     = 100
	MaxTitle    = 500 // of transcriptions
	MinPassword = 8
	MaxPassword = 1000
)

// CleanName returns name without surrounding space and invisible characters. It returns
// KindInvalid for field unless the result has 1 to 100 characters on one line and contains no
// API key.
func CleanName(field, name string) (string, error) { return cleanLine(field, name, MaxName) }

// CleanTitle is CleanName for the title of a transcription: 1 to 500 characters.
func CleanTitle(title string) (string, error) { return cleanLine("title", title, MaxTitle) }

func cleanLine(field, name string, maxChars int) (string, error) {
	if !utf8.ValidString(name) {
		return "", Invalid(field, "must be valid UTF-8")
	}
	name = strings.TrimSpace(strings.Map(dropInvisible, name))
	switch {
	case !strings.ContainsFunc(name, isVisible):
		return "", Invalid(field, "must not be empty")
	case utf8.RuneCountInString(name) > maxChars:
		return "", Invalid(field, "must have at most %d characters", maxChars)
	case strings.ContainsFunc(name, isUnprintable):
		return "", Invalid(field, "must not contain control characters or line breaks")
	case RedactKeys(name) != name:
		return "", Invalid(field, "must not contain an API key, because it would be stored and shown to other people")
	}
	return name, nil
}

// isInvisible reports whether r is not visible on a page, so that two different names could
// look the same. Pasted text often has such characters, especially in Hebrew and Arabic.
// Joiners are not reported, because emoji and several scripts need them.
func isInvisible(r rune) bool {
	switch r {
	case '\u200C', '\u200D':
		return false
	case '\u061C', '\u200E', '\u200F': // they have a direction but do not change that of other text
		return true
	}
	return unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Bidi_Control, r)
}

func dropInvisible(r rune) rune {
	if isInvisible(r) {
		return -1
	}
	return r
}

// isVisible reports whether r is visible on a page.
func isVisible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// CleanEmail returns the address as it is stored: in lower case, without surrounding space. It
// returns KindInvalid if it is not an e-mail address.
func CleanEmail(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 || strings.ContainsFunc(email, isForbiddenInEmail) {
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
