package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// NewToken returns a new token, for a session or an invitation, and its hash. The
// token is 256 random bits in base64url: 43 characters. A key has another length,
// so neither can be taken for the other.
func NewToken() (token string, hash Hash) {
	var b [32]byte
	rand.Read(b[:])
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, HashToken(token)
}

// HashToken returns the SHA-256 of a token, as it is stored.
func HashToken(token string) Hash { return sha256.Sum256([]byte(token)) }
