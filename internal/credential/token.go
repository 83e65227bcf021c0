package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// NewToken mints the token of a session: 256 random bits, base64url. It has
// nothing of a key's form, so that neither is ever taken for the other.
func NewToken() (token string, hash Hash) {
	var b [32]byte
	rand.Read(b[:])
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, HashToken(token)
}

// HashToken returns the SHA-256 under which a token is kept.
func HashToken(token string) Hash { return sha256.Sum256([]byte(token)) }
