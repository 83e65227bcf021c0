package credential

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"memoai.tech/memo"
)

// The parameters of argon2id. 19 MiB and two passes are the minimum that OWASP
// recommends. Every hash includes its parameters, so these can be raised later.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2        // passes
	argonThreads = 1
	argonSalt    = 16 // bytes
	argonKey     = 32 // bytes
)

// PasswordHasher hashes and checks passwords. It limits how many are hashed at the
// same time: each takes 19 MiB and about 20 ms, and many sign-ins at once must not
// exhaust memory or CPU.
type PasswordHasher struct {
	slots chan struct{}
	wait  time.Duration
	dummy string // the hash that Matches uses for unknown users
}

// NewPasswordHasher returns a hasher that hashes at most limit passwords at the same
// time. Its methods wait up to two seconds for a free slot and then return
// [memo.KindUnavailable].
func NewPasswordHasher(limit int) *PasswordHasher {
	p := &PasswordHasher{slots: make(chan struct{}, limit), wait: 2 * time.Second}
	p.dummy = encodePHC(make([]byte, argonSalt), make([]byte, argonKey))
	return p
}

// Hash returns the hash of a password, with a new salt, in the PHC string format:
// $argon2id$v=19$m=…,t=…,p=…$salt$key.
func (p *PasswordHasher) Hash(ctx context.Context, password string) (string, error) {
	if err := p.acquire(ctx); err != nil {
		return "", err
	}
	defer p.release()
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	return encodePHC(salt, argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)), nil
}

// Matches reports whether hash is a hash of password. For an empty hash, which
// stands for an unknown user, it returns false after the same time, so that the
// duration does not reveal whether the user exists. It returns an error if hash is
// not an argon2id hash.
func (p *PasswordHasher) Matches(ctx context.Context, password, hash string) (bool, error) {
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	memory, passes, threads, salt, want, err := decodePHC(hash)
	if err != nil {
		return false, err
	}
	if err := p.acquire(ctx); err != nil {
		return false, err
	}
	defer p.release()
	got := argon2.IDKey([]byte(password), salt, passes, memory, threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}

func (p *PasswordHasher) acquire(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &memo.Error{
			Kind: memo.KindUnavailable, Message: "Too many sign-ins at once. Try again in a few seconds.",
			RetryAfter: 2 * time.Second, Err: ctx.Err(),
		}
	}
}

func (p *PasswordHasher) release() { <-p.slots }

func encodePHC(salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, argonMemory, argonTime, argonThreads, b64(salt), b64(key))
}

func decodePHC(hash string) (memory, passes uint32, threads uint8, salt, key []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return 0, 0, 0, nil, nil, fmt.Errorf("credential: not an argon2id hash")
	}
	var version int
	if _, err = fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return 0, 0, 0, nil, nil, fmt.Errorf("credential: unknown argon2 version %q", parts[2])
	}
	if _, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil {
		return 0, 0, 0, nil, nil, fmt.Errorf("credential: argon2 parameters: %w", err)
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return 0, 0, 0, nil, nil, fmt.Errorf("credential: argon2 salt: %w", err)
	}
	if key, err = base64.RawStdEncoding.DecodeString(parts[5]); err == nil && len(key) == 0 {
		err = errors.New("empty")
	}
	if err != nil {
		return 0, 0, 0, nil, nil, fmt.Errorf("credential: argon2 key: %w", err)
	}
	return memory, passes, threads, salt, key, nil
}
