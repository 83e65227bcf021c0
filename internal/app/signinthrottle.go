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
// out for more than a minute after their last attempt. If an account is attacked from many
// addresses, its user can still sign in from addresses where they are signed in already.
const (
	throttleSpan = time.Minute

	perAddress           ratelimit.Class = "sign-in from an address"
	perAccountAndAddress ratelimit.Class = "sign-in of an account from an address"
	perAccount           ratelimit.Class = "sign-in of an account"
	perAccountEvent      ratelimit.Class = "event of a failed sign-in"
)

// throttle limits attempts to sign in.
type throttle struct{ windows *ratelimit.Memory }

// newThrottle returns a throttle that counts in this process, even if replicas share the rate
// limits. No sign-in waits for Redis, and an attacker gets as many times the attempts as there
// are replicas, which is still too few to guess a password.
func newThrottle() *throttle {
	return &throttle{ratelimit.NewMemoryWithSpan(map[ratelimit.Class]int{
		perAddress: 60, perAccountAndAddress: 10, perAccount: 100, perAccountEvent: 1,
	}, throttleSpan)}
}

// neverKnown is the known argument of [throttle.take] if the limit has no exceptions.
func neverKnown() (bool, error) { return false, nil }

// take counts an attempt, or returns KindRateLimited and counts nothing. Call undo if the attempt
// does not count. The limit of the address is checked first, so that an attempt refused by it
// creates no window for the account. known reports whether the account has a session from this
// address; it is called only if the limit of the account is reached, so that all other refusals
// read nothing from the database.
func (t *throttle) take(
	ctx context.Context, account, ip string, known func() (bool, error),
) (undo func(), err error) {
	ip = throttleNetwork(ip)
	limits := []struct {
		class   ratelimit.Class
		subject string
	}{{perAddress, digest(ip)}, {perAccountAndAddress, digest(account, ip)}, {perAccount, digest(account)}}
	taken := 0
	undo = func() {
		for _, s := range limits[:taken] {
			t.windows.Undo(s.class, s.subject)
		}
	}
	for _, s := range limits {
		d, err := t.windows.Take(ctx, s.class, s.subject)
		if err == nil && d.Accepted {
			taken++
			continue
		}
		if err == nil && s.class == perAccount {
			var isKnown bool
			if isKnown, err = known(); isKnown {
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

// attempt runs check, which checks a password for this account and address. The attempt counts unless
// the password is right or could not be checked.
func (t *throttle) attempt(
	ctx context.Context, account, ip string, known, check func() (bool, error),
) (ok bool, err error) {
	undo, err := t.take(ctx, account, ip, known)
	if err != nil {
		return false, err
	}
	if ok, err = check(); ok || err != nil {
		undo()
	}
	return ok, err
}

// digest returns a subject of 16 bytes for the throttle, because an e-mail may be long.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return string(sum[:16])
}

// throttleNetwork returns what the throttle counts for an address: for IPv6 its /64 network,
// because one customer usually has all addresses in it.
func throttleNetwork(ip string) string {
	if a, err := netip.ParseAddr(ip); err == nil && a.Is6() {
		return netip.PrefixFrom(a, 64).Masked().String()
	}
	return ip
}
