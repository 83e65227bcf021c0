// Package credential mints, checks and hashes the secrets of Memo: API keys,
// session tokens and passwords.
//
// A secret leaves this package once, when it is minted; everything else works
// on its [Hash]. Keys and tokens are random, so a plain SHA-256 protects them;
// passwords are not, so they go through argon2id. The package does no I/O but
// reading the system's random source, and decides nothing about who may do what.
package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"regexp"
	"strings"

	"memoai.tech/memo"
)

// The form of an API key (contract section 1): KeyPrefix, 32 random base62
// characters, and 6 base62 characters of the CRC-32 of everything before them.
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

// Hash is the SHA-256 of a key or a token: the only form that is kept.
type Hash [sha256.Size]byte

// Key is a well-formed API key. The zero Key is not one; a Key comes from
// [NewKey] or [ParseKey], so its form and checksum are right.
type Key struct{ text string }

// NewKey mints a key from the system's random source.
func NewKey() Key {
	body := KeyPrefix + randomBase62(randomLen)
	return Key{body + keyChecksum(body)}
}

// ParseKey accepts a string of the right form and checksum. Whether such a key
// was ever issued only the database knows.
func ParseKey(s string) (Key, bool) {
	if len(s) != KeyLen || !strings.HasPrefix(s, KeyPrefix) {
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

// Secret returns the whole key, for the one answer that shows it.
func (k Key) Secret() string { return k.text }

// String hides the secret, so that a key which is printed by mistake is not.
func (k Key) String() string { return KeyPrefix + "…" + k.Suffix() }

// GoString hides the secret from %#v as well.
func (k Key) GoString() string { return k.String() }

// Suffix returns the last 4 of the random characters, which are kept for display.
func (k Key) Suffix() string {
	if k.text == "" {
		return ""
	}
	return k.text[bodyLen-suffixLen : bodyLen]
}

// Hash returns the SHA-256 of the whole key.
func (k Key) Hash() Hash { return sha256.Sum256([]byte(k.text)) }

var keyForm = regexp.MustCompile(KeyPrefix + `[0-9A-Za-z]{38}`)

// FindKeys returns the well-formed keys within s, ten at the most, for one who
// looks for keys where none should be.
func FindKeys(s string) []Key {
	var keys []Key
	for _, m := range keyForm.FindAllString(s, 10) {
		if k, ok := ParseKey(m); ok {
			keys = append(keys, k)
		}
	}
	return keys
}

// keyChecksum is the CRC-32 (IEEE) of body in base62, most significant digit
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

// randomBase62 returns n uniform characters. A byte of 248 or more is thrown
// away: 248 is the largest multiple of 62 in a byte, and a plain modulo would
// favour the first characters.
func randomBase62(n int) string {
	out := make([]byte, 0, n)
	var buf [64]byte
	for len(out) < n {
		rand.Read(buf[:]) // never fails: it ends the process if the system cannot
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
