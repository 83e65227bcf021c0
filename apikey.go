package memo

import (
	"regexp"
	"strings"
	"time"
)

// The prefixes of API keys and of the tokens of connected apps, see docs/contract.md#form-of-a-key.
const (
	KeyPrefix          = "mk_live_"
	AccessTokenPrefix  = "ma_live_"
	RefreshTokenPrefix = "mr_live_"
)

// keyPattern matches an API key or a token, or a part of one that starts with the prefix.
var keyPattern = regexp.MustCompile(`(m[kar]_live_)[0-9A-Za-z]+`)

// RedactKeys replaces every API key and token in s, and every part of one that starts with the
// prefix. Use it on text from outside that is stored, logged or shown.
func RedactKeys(s string) string {
	if !HasKeyPrefix(s) {
		return s
	}
	return keyPattern.ReplaceAllString(s, "${1}[redacted]")
}

// HasKeyPrefix reports whether s contains the prefix of a key or a token.
func HasKeyPrefix(s string) bool {
	return strings.Contains(s, "_live_") && (strings.Contains(s, KeyPrefix) ||
		strings.Contains(s, AccessTokenPrefix) || strings.Contains(s, RefreshTokenPrefix))
}

// KeyStatus is the status of an API key at one moment, see docs/contract.md#status-of-a-key.
type KeyStatus string

// The statuses of a key. All but active are final.
const (
	KeyActive      KeyStatus = "active"
	KeyExpired     KeyStatus = "expired"
	KeyRevoked     KeyStatus = "revoked"
	KeyDeactivated KeyStatus = "deactivated"
)

// KeyStatuses lists every status.
var KeyStatuses = []KeyStatus{KeyActive, KeyExpired, KeyRevoked, KeyDeactivated}

// MaxActiveKeys is how many active keys one member may have in one workspace.
const MaxActiveKeys = 1000

// MaxOverlap is the longest overlap of a rotation.
const MaxOverlap = 7 * 24 * time.Hour

// KeyValidity holds the times that decide whether a key is active. A nil time means never.
type KeyValidity struct {
	ExpiresAt *time.Time
	// ExpiredAt is when the server first recorded that the key has expired. The key stays
	// expired even if the clock is set back.
	ExpiredAt     *time.Time
	RevokedAt     *time.Time
	DeactivatedAt *time.Time
}

// Status returns the status at now. A key is active if it was neither revoked nor deactivated
// and now is before ExpiresAt. Of several statuses that apply, revoked comes before
// deactivated, and both come before expired.
func (v KeyValidity) Status(now time.Time) KeyStatus {
	switch {
	case v.RevokedAt != nil:
		return KeyRevoked
	case v.DeactivatedAt != nil:
		return KeyDeactivated
	case v.ExpiredAt != nil || v.ExpiresAt != nil && !now.Before(*v.ExpiresAt):
		return KeyExpired
	}
	return KeyActive
}

// endedAt returns when the key ended, or nil if it is active at now. An app also expires without use,
// before its expiry.
func (v KeyValidity) endedAt(now time.Time) *time.Time {
	switch v.Status(now) {
	case KeyRevoked:
		return v.RevokedAt
	case KeyDeactivated:
		return v.DeactivatedAt
	case KeyExpired:
		if v.ExpiresAt == nil || v.ExpiredAt != nil && v.ExpiredAt.Before(*v.ExpiresAt) {
			return v.ExpiredAt
		}
		return v.ExpiresAt
	}
	return nil
}

// KeyKind says how a key is used.
type KeyKind string

// The kinds of keys.
const (
	KindKey KeyKind = "key" // by its secret
	KindApp KeyKind = "app" // a connected app, by tokens
)

// Client is the program of a connected app, as it describes itself.
type Client struct {
	ID   string `json:"id"`   // its client id in OAuth
	Name string `json:"name"` // not verified unless its host published it
	Host string `json:"host"` // to which tokens are sent; empty for a program on the user's computer
}

// APIKey is a stored key or connected app. It does not include the secret, of which only the
// SHA-256 and the suffix are stored.
type APIKey struct {
	ID                 string
	Kind               KeyKind
	Client             *Client // of an app
	WorkspaceID        string
	Name               string
	Suffix             string // the last 4 of the 32 random characters; empty for an app
	CreatedAt          time.Time
	CreatedBy          KeyCreator
	Validity           KeyValidity
	DeactivationReason string // a phrase for people; empty unless deactivated
	LastUsedAt         *time.Time
	LastUsedIP         Optional
	LastUsedAgent      Optional
	Requests24h        int64      // counted calls in the last 24 hours
	ExposedAt          *time.Time // when it was first seen in a URL
	RotatedFrom        Optional   // the key that this one replaces
	FirstCall          string     // what its first call did, if this process knows it: "listed 20 transcriptions"
	Access             KeyAccess
}

// KeyCreator is the member on whose behalf a key acts.
type KeyCreator struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// KeyCreatorStats is a creator of keys in a workspace, with the number of their keys.
type KeyCreatorStats struct {
	KeyCreator
	Active, Inactive int
	LastUsedAt       *time.Time // the last use of an active key
}

// KeySet is a set of the keys of a workspace.
type KeySet string

// The sets of keys. All but the inactive ones contain only active keys.
const (
	KeysActive   KeySet = "active"
	KeysInactive KeySet = "inactive"
	KeysExposed  KeySet = "exposed"
	KeysExpiring KeySet = "expiring" // within [ExpiryWarning]
	KeysUnused   KeySet = "unused"
)

// ExpiryWarning is how long before its expiry a key needs attention.
const ExpiryWarning = 7 * 24 * time.Hour

// KeyCounts is the number of keys in each set.
type KeyCounts struct{ Active, Inactive, Exposed, Expiring, Unused int }

// KeySort is the sort of a list of keys. Keys that it does not distinguish are sorted by creation,
// newest first.
type KeySort string

// The sorts of a list of keys. The empty sort is by creation alone.
const (
	// KeysByAttention lists exposed keys first, then keys that expire soon, then those that were
	// used last. Of inactive keys, it lists those first that ended last.
	KeysByAttention KeySort = "attention"
	KeysByName      KeySort = "name"
	KeysByMember    KeySort = "member"
	KeysByUse       KeySort = "used"
	KeysByRequests  KeySort = "requests" // in the last 24 hours
)

// Refusal is why admission refused a call with a known key.
type Refusal int

// The reasons of refusals.
const (
	RefusedByLimit   Refusal = iota // 429
	RefusedByPlan                   // 403: the plan has no API access
	RefusedEnded                    // 401: the key had expired or was revoked or deactivated
	RefusedInURL                    // 401: the key was in the URL
	RefusedForbidden                // 403: only signed-in members may make the call
	RefusedByScope                  // 403: the key lacks a scope
	RefusedByAddress                // 403: the key may not be used from the caller's address
	RefusedByPolicy                 // 403: the key breaks the key policy of the workspace
	refusals                        // the number of reasons
)

// Calls counts the calls with a key.
type Calls struct {
	Requests int64 // accepted
	Refused  int64 // for any reason, also for one that was not stored
	Reasons  [refusals]int64
}

// Plus returns the sum of two counts.
func (c Calls) Plus(d Calls) Calls {
	c.Requests += d.Requests
	c.Refused += d.Refused
	for i, n := range d.Reasons {
		c.Reasons[i] += n
	}
	return c
}

// RefusedCall is the count of one refused call.
func RefusedCall(why Refusal) Calls {
	c := Calls{Refused: 1}
	c.Reasons[why] = 1
	return c
}

// KeyView is a key as REST and the command line show it, see docs/contract.md#the-key-object.
type KeyView struct {
	ID            string     `json:"id"`
	Kind          KeyKind    `json:"kind"`
	Name          string     `json:"name"`
	Client        *Client    `json:"client"` // null unless the kind is app
	Suffix        string     `json:"suffix"`
	Status        KeyStatus  `json:"status"`
	CreatedAt     time.Time  `json:"created_at"`
	CreatedBy     KeyCreator `json:"created_by"`
	ExpiresAt     *time.Time `json:"expires_at"`
	LastUsedAt    *time.Time `json:"last_used_at"`
	LastUsedIP    Optional   `json:"last_used_ip"`
	LastUsedAgent Optional   `json:"last_used_agent"`
	Requests24h   int64      `json:"requests_24h"`
	ExposedAt     *time.Time `json:"exposed_at"`
	RotatedFrom   Optional   `json:"rotated_from"`
	KeyAccess
	// For the web app: when the key ended, why it was deactivated, and what its
	// first call did.
	EndedAt            *time.Time `json:"-"`
	DeactivationReason string     `json:"-"`
	FirstCall          string     `json:"-"`
}

// Label says which key it is, besides its name: "mk_live_…aB3x", or "app at claude.ai".
func (k KeyView) Label() string {
	switch {
	case k.Kind != KindApp:
		return KeyPrefix + "…" + k.Suffix
	case k.Client.Host == "":
		return "app on a computer"
	}
	return "app at " + k.Client.Host
}

// CreatedKey is a KeyView with the secret. It is the response to creating or rotating a key,
// the only place where the secret appears.
type CreatedKey struct {
	KeyView
	Key string `json:"key"`
}

// View returns the key as it is at now.
func (k APIKey) View(now time.Time) KeyView {
	return KeyView{
		ID: k.ID, Kind: k.Kind, Name: k.Name, Client: k.Client, Suffix: k.Suffix, Status: k.Validity.Status(now),
		CreatedAt: k.CreatedAt, CreatedBy: k.CreatedBy, ExpiresAt: k.Validity.ExpiresAt,
		LastUsedAt: k.LastUsedAt, LastUsedIP: k.LastUsedIP, LastUsedAgent: k.LastUsedAgent,
		Requests24h: k.Requests24h, ExposedAt: k.ExposedAt, RotatedFrom: k.RotatedFrom,
		EndedAt: k.Validity.endedAt(now), DeactivationReason: k.DeactivationReason,
		FirstCall: k.FirstCall, KeyAccess: k.Access,
	}
}

// ParseExpiry parses an RFC 3339 time, or a date, which means the end of that day in UTC, and
// rounds it down to milliseconds. It returns KindInvalid for field unless the result is after
// now.
func ParseExpiry(field, s string, now time.Time) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		day, dateErr := time.Parse(time.DateOnly, s)
		if dateErr != nil {
			return time.Time{},
				Invalid(field, "must be an RFC 3339 instant such as 2030-01-31T12:00:00Z or a date such as 2030-01-31")
		}
		t = day.AddDate(0, 0, 1)
	}
	t = TruncateToMillis(t)
	if !t.After(now) {
		return time.Time{}, Invalid(field, "must be in the future")
	}
	if t.After(maxExpiry) {
		t = maxExpiry
	}
	return t, nil
}

// maxExpiry is the latest time that RFC 3339 can express.
var maxExpiry = time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
