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

// Session is one signed-in device. Only the SHA-256 of its token is stored.
type Session struct {
	ID         string    `json:"id"`
	UserID     string    `json:"-"`
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at"`   // at the latest; see SessionIdleTimeout
	LastUsedAt time.Time `json:"last_used_at"` // up to SessionUseInterval before the last request
	IP         string    `json:"ip"`
	Agent      string    `json:"agent"`
	Current    bool      `json:"current"` // the session of this request
}

// How long a session lasts, and how many a user may have.
const (
	SessionLifetime    = 30 * 24 * time.Hour // after the sign-in
	SessionIdleTimeout = 7 * 24 * time.Hour  // after the last recorded use
	SessionUseInterval = time.Hour           // minimum time between two records of a use
	MaxSessions        = 100                 // active; one more ends the oldest
)

// Limits on names and passwords, in characters.
const (
	MaxName     = 100
	MaxTitle    = 500 // of transcriptions
	MinPassword = 8
	MaxPassword = 1000
)

// CleanName returns name without surrounding space and invisible characters. A name is 1 to
// 100 characters of valid text on one line; if not, the error names field.
func CleanName(field, name string) (string, error) { return cleanLine(field, name, MaxName) }

// CleanTitle is CleanName for the title of a transcription: 1 to 500 characters.
func CleanTitle(title string) (string, error) { return cleanLine("title", title, MaxTitle) }

func cleanLine(field, name string, most int) (string, error) {
	if !utf8.ValidString(name) {
		return "", Invalid(field, "must be valid UTF-8")
	}
	name = strings.TrimSpace(strings.Map(dropInvisible, name))
	switch {
	case !strings.ContainsFunc(name, isVisible):
		return "", Invalid(field, "must not be empty")
	case utf8.RuneCountInString(name) > most:
		return "", Invalid(field, "must have at most %d characters", most)
	case strings.ContainsFunc(name, isControl):
		return "", Invalid(field, "must not contain control characters or line breaks")
	case RedactKeys(name) != name:
		return "", Invalid(field, "must not contain an API key: it would be kept and shown to others")
	}
	return name, nil
}

// isControl reports characters that could fake a second line in a terminal, a log or a page,
// or change the direction of the text after them.
func isControl(r rune) bool {
	return unicode.Is(unicode.Cc, r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) &&
		!isInvisible(r)
}

// isInvisible reports characters that do not show on a page, so that two different names look
// the same. Pasted text often has them, especially Hebrew and Arabic. Joiners are allowed,
// because emoji and several scripts need them.
func isInvisible(r rune) bool {
	switch r {
	case '\u200C', '\u200D':
		return false
	case '\u061C', '\u200E', '\u200F': // these have a direction but change no other text
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

// isVisible reports characters that show on a page.
func isVisible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// CleanEmail returns the address in the stored form, lower case.
func CleanEmail(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 || strings.ContainsFunc(email, isForbiddenInEmail) {
		return "", Invalid("email", "must be an e-mail address such as name@example.com")
	}
	return email, nil
}

// isForbiddenInEmail reports characters that no address may have, including joiners.
func isForbiddenInEmail(r rune) bool { return isControl(r) || unicode.Is(unicode.Cf, r) }

// CheckPassword checks the length of a new password.
func CheckPassword(password string) error {
	n := utf8.RuneCountInString(password)
	if n < MinPassword || n > MaxPassword || !utf8.ValidString(password) {
		return Invalid("password", "must have %d to %d characters", MinPassword, MaxPassword)
	}
	return nil
}
