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

// The limits of sign-ins, per account and per address. The window slides, so nobody is locked
// out for more than a minute after the last attempt. An account that is attacked from many
// addresses stays open for the addresses where its owner is signed in.
const (
	throttleSpan = time.Minute

	perAddress           ratelimit.Class = "sign-in from an address"
	perAccountAndAddress ratelimit.Class = "sign-in of an account from an address"
	perAccount           ratelimit.Class = "sign-in of an account"
	perAccountRefusal    ratelimit.Class = "event of a failed sign-in"
)

type throttle struct{ windows *ratelimit.Memory }

// newThrottle returns a throttle that counts in this process, even if replicas share the
// limits of keys. With R replicas an attacker has R times the attempts, which passwords
// withstand, and no sign-in waits for Redis.
func newThrottle() *throttle {
	return &throttle{ratelimit.NewMemoryWithSpan(map[ratelimit.Class]int{
		perAddress: 60, perAccountAndAddress: 10, perAccount: 100, perAccountRefusal: 1,
	}, throttleSpan)}
}

// nobody is the known argument of [throttle.take] if no address is an exception.
func nobody() (bool, error) { return false, nil }

// take counts an attempt or returns KindRateLimited. undo removes it after a correct password.
// The address is checked first, so that a refused attempt creates no window for the account.
// known reports whether the account has a session from this address; it is called only if the
// limit of the account is reached, so other refusals read nothing.
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
			Message: "Too many attempts. Wait a minute and try again.",
		}
	}
	return undo, nil
}

// digest returns a 16-byte subject for the throttle, because e-mails have any length.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return string(sum[:16])
}

// throttleNetwork returns the part of an address that counts: for IPv6 the /64, because one
// customer has all addresses in it.
func throttleNetwork(ip string) string {
	if a, err := netip.ParseAddr(ip); err == nil && a.Is6() {
		return netip.PrefixFrom(a, 64).Masked().String()
	}
	return ip
}
