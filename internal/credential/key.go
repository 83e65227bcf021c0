// Package credential creates, checks and hashes the secrets of Memo: API keys,
// session tokens and passwords.
//
// Only the response that creates a key or token contains it; everything else uses
// its [Hash]. Keys and tokens are random, so SHA-256 is enough to protect them.
// Passwords are not random, so they are hashed with argon2id. The package does no
// I/O, apart from reading the system's random source, and does not decide who may
// do what.
package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"regexp"
	"slices"

	"memoai.tech/memo"
)

// The form of an API key: KeyPrefix, 32 random base62 characters, and the CRC-32 of
// everything before it as 6 base62 characters. See docs/contract.md#form-of-a-key. The tokens of
// connected apps differ only in the prefix.
const (
	KeyPrefix = memo.KeyPrefix

	randomLen   = 32
	checksumLen = 6
	bodyLen     = len(KeyPrefix) + randomLen
	suffixLen   = 4

	// KeyLen is the length of a whole key in bytes.
	KeyLen = bodyLen + checksumLen
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Hash is the SHA-256 of a key or token, the only form in which it is stored.
type Hash [sha256.Size]byte

// Key is a well-formed API key or token of a connected app. The functions of this package return
// one, so its form and checksum are correct. The zero Key is not a key.
type Key struct{ text string }

// NewKey returns a new random API key.
func NewKey() Key { return newKey(KeyPrefix) }

// NewAccessToken returns a new random access token of a connected app.
func NewAccessToken() Key { return newKey(memo.AccessTokenPrefix) }

// NewRefreshToken returns a new random refresh token of a connected app.
func NewRefreshToken() Key { return newKey(memo.RefreshTokenPrefix) }

func newKey(prefix string) Key {
	body := prefix + randomBase62(randomLen)
	return Key{body + keyChecksum(body)}
}

// ParseKey parses a whole API key. It returns false if s is malformed, but does not check
// whether the key was ever issued.
func ParseKey(s string) (Key, bool) {
	k, ok := ParseKeyOrToken(s)
	if !ok || k.Prefix() != KeyPrefix {
		return Key{}, false
	}
	return k, true
}

// ParseKeyOrToken is ParseKey for API keys and for the tokens of connected apps.
func ParseKeyOrToken(s string) (Key, bool) {
	if len(s) != KeyLen || !slices.Contains(prefixes, s[:len(KeyPrefix)]) {
		return Key{}, false
	}
	for i := len(KeyPrefix); i < len(s); i++ {
		if !isBase62(s[i]) {
			return Key{}, false
		}
	}
	if keyChecksum(s[:bodyLen]) != s[bodyLen:] {
		return Key{}, false
	}
	return Key{s}, true
}

var prefixes = []string{KeyPrefix, memo.AccessTokenPrefix, memo.RefreshTokenPrefix}

// Prefix returns the prefix, which says what the key or token is for.
func (k Key) Prefix() string { return k.text[:min(len(KeyPrefix), len(k.text))] }

// Secret returns the whole key, for the one response that contains it.
func (k Key) Secret() string { return k.text }

// String returns the prefix and the suffix, so that printing a key by mistake does
// not reveal the secret.
func (k Key) String() string { return k.Prefix() + "…" + k.Suffix() }

// GoString is String, for the verb %#v.
func (k Key) GoString() string { return k.String() }

// Suffix returns the last 4 random characters, which are stored for display.
func (k Key) Suffix() string {
	if k.text == "" {
		return ""
	}
	return k.text[bodyLen-suffixLen : bodyLen]
}

// Hash returns the SHA-256 of the whole key.
func (k Key) Hash() Hash { return sha256.Sum256([]byte(k.text)) }

var keyForm = regexp.MustCompile(`m[kar]_live_[0-9A-Za-z]{38}`)

// FindKeys returns the well-formed keys and tokens among the first ten parts of s that look like
// keys. Use it to find keys in a text that must not contain any.
func FindKeys(s string) []Key {
	var keys []Key
	for _, m := range keyForm.FindAllString(s, 10) {
		if k, ok := ParseKeyOrToken(m); ok {
			keys = append(keys, k)
		}
	}
	return keys
}

// keyChecksum returns the CRC-32 (IEEE) of body in base62, most significant digit
// first, padded with '0'. 62⁶ is more than 2³², so it always fits.
func keyChecksum(body string) string {
	n := crc32.ChecksumIEEE([]byte(body))
	var out [checksumLen]byte
	for i := checksumLen - 1; i >= 0; i-- {
		out[i] = base62[n%62]
		n /= 62
	}
	return string(out[:])
}

// randomBase62 returns n uniformly random characters. It discards bytes of 248 and
// more: 248 is four times 62, and the larger bytes would make the first eight
// characters more likely than the others.
func randomBase62(n int) string {
	out := make([]byte, 0, n)
	var buf [64]byte
	for len(out) < n {
		rand.Read(buf[:]) // never returns an error: it ends the process if the source fails
		for _, b := range buf {
			if b < 248 && len(out) < n {
				out = append(out, base62[b%62])
			}
		}
	}
	return string(out)
}

func isBase62(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
