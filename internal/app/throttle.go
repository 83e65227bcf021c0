package app

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/ratelimit"
)

// The throttle of sign-ins. It limits guesses at every account and from every
// address. The window slides, so nobody is locked out for longer than a minute
// after the last attempt, and an account that is attacked from many addresses
// stays open for the addresses that its owner is signed in from.
const (
	throttleSpan = time.Minute

	perAddress           ratelimit.Class = "sign-in from an address"
	perAccountAndAddress ratelimit.Class = "sign-in of an account from an address"
	perAccount           ratelimit.Class = "sign-in of an account"
	perAccountRefusal    ratelimit.Class = "event of a failed sign-in"
)

type throttle struct{ windows *ratelimit.Memory }

// newThrottle counts in this process, also where replicas share the limits of
// keys: an attack on R of them has R times the attempts, which a password
// withstands, and nobody waits for Redis to sign in.
func newThrottle() *throttle {
	return &throttle{ratelimit.NewMemoryWithSpan(map[ratelimit.Class]int{
		perAddress: 60, perAccountAndAddress: 10, perAccount: 100, perAccountRefusal: 1,
	}, throttleSpan)}
}

// nobody is the known of [throttle.take] where no address has an exception.
func nobody() (bool, error) { return false, nil }

// take counts an attempt, or refuses it with KindRateLimited. undo takes it
// back when the password was right. The address comes first, so that a refused
// attempt makes no window for the account that it names. known is asked only when
// the limit of the account itself is reached, and reports whether the account
// knows this address; every other refusal reads nothing.
func (t *throttle) take(
	ctx context.Context, account, ip string, known func() (bool, error),
) (undo func(), err error) {
	ip = throttleNetwork(ip)
	steps := []struct {
		class   ratelimit.Class
		subject string
	}{{perAddress, digest(ip)}, {perAccountAndAddress, digest(account, ip)}, {perAccount, digest(account)}}
	done := 0
	undo = func() {
		for _, s := range steps[:done] {
			t.windows.Undo(s.class, s.subject)
		}
	}
	for _, s := range steps {
		d, err := t.windows.Take(ctx, s.class, s.subject)
		if err == nil && d.Accepted {
			done++
			continue
		}
		if err == nil && s.class == perAccount {
			var is bool
			if is, err = known(); is {
				continue
			}
		}
		undo()
		if err != nil {
			return nil, err
		}
		return nil, &memo.Error{
			Kind: memo.KindRateLimited, RetryAfter: d.RetryAfter,
			Message: "Too many attempts to sign in. Wait a minute and try again.",
		}
	}
	return undo, nil
}

// digest is a subject of the throttle: 16 bytes, however long an e-mail is.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return string(sum[:16])
}

// throttleNetwork returns what an address counts as: of IPv6 its /64, because one customer
// has all the 2⁶⁴ addresses in it.
func throttleNetwork(ip string) string {
	if a, err := netip.ParseAddr(ip); err == nil && a.Is6() {
		return netip.PrefixFrom(a, 64).Masked().String()
	}
	return ip
}
