package credential

const Base62 = base62

var CommonHashes = &commonHashes

func CommonHash(password string) [4]byte { return commonHash(password) }

// NewBusyHasher returns a hasher that computes another hash and does not wait for it.
func NewBusyHasher() *PasswordHasher {
	p := NewPasswordHasher(1)
	p.wait = 0
	p.slots <- struct{}{}
	return p
}
