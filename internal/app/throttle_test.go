package app

import (
	"fmt"
	"strings"
	"testing"

	"memoai.tech/memo"
)

// TestThrottledSignInDoesNotReadDatabase: with the database closed, a throttled sign-in
// still gets KindRateLimited, whether or not the account exists.
func TestThrottledSignInDoesNotReadDatabase(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		fill := func(n int, account, ip string) {
			for range n {
				_, _ = w.throttle.take(w.ctx, account, ip, neverKnown)
			}
		}
		fill(10, w.member.Email, "203.0.113.1")
		fill(10, "nobody@example.com", "203.0.113.1")
		for i := range 60 {
			fill(1, fmt.Sprint(i), "203.0.113.2")
		}
		w.store.Close()
		for _, email := range []string{w.member.Email, "nobody@example.com", "no e-mail"} {
			for _, ip := range []string{"203.0.113.1", "203.0.113.2"} {
				if email == "no e-mail" && ip == "203.0.113.1" {
					continue
				}
				_, _, _, err := w.SignIn(w.ctx, SignIn{Email: email, Password: "wrong horse"}, at(ip))
				wantKind(t, email+" from "+ip, err, memo.KindRateLimited)
			}
		}
	})
}

// TestAccountLimitAppliesToNewAddresses: it does not apply to addresses from which the
// account is signed in, and is the same for an account that does not exist.
func TestAccountLimitAppliesToNewAddresses(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.signIn(w.member, "") // from 192.0.2.1
		for _, email := range []string{w.member.Email, "nobody@example.com"} {
			for i := range 100 {
				_, err := w.throttle.take(w.ctx, email, fmt.Sprintf("198.51.100.%d", i), neverKnown)
				must(t, 0, err)
			}
			_, _, _, err := w.SignIn(w.ctx, SignIn{Email: email, Password: "correct horse"}, at("203.0.113.1"))
			wantKind(t, email, err, memo.KindRateLimited)
		}
		w.signIn(w.member, "")
		if known, err := w.store.KnowsAddress(w.ctx, w.owner.Email, "192.0.2.1"); known || err != nil {
			t.Errorf("another user's address counts as known: %v", err)
		}
	})
}

// TestThrottleIsBounded under a flood of accounts from one address, and is empty after
// its attempts were undone.
func TestThrottleIsBounded(t *testing.T) {
	w := &App{throttle: newThrottle()}
	accepted := 0
	for i := range 5_000 {
		email := strings.Repeat("x", 240) + fmt.Sprint(i)
		if _, err := w.throttle.take(t.Context(), email, "203.0.113.1", neverKnown); err == nil {
			accepted++
		}
	}
	if n := w.throttle.windows.Windows(); accepted != 60 || n != 1+2*60 {
		t.Errorf("%d attempts were accepted with %d windows, want 60 with 121", accepted, n)
	}
	if d := digest(strings.Repeat("x", 254), "203.0.113.1"); len(d) != 16 ||
		d == digest(strings.Repeat("x", 254)+"203.0.113.1") {
		t.Errorf("a digest has %d bytes, or two subjects have the same", len(d))
	}

	w.throttle = newThrottle()
	for i := range 1_000 {
		undo, err := w.throttle.take(t.Context(), fmt.Sprint(i), fmt.Sprintf("2001:db8:%x::1", i), neverKnown)
		if err != nil {
			t.Fatal(err)
		}
		undo()
	}
	if n := w.throttle.windows.Windows(); n != 0 {
		t.Errorf("%d windows are left, want 0", n)
	}
}

// TestRefusedAttemptIsNotCounted, neither for the limit that refused it nor for others.
func TestRefusedAttemptIsNotCounted(t *testing.T) {
	th := newThrottle()
	for range 10 {
		must(t, 0, errOf(th.take(t.Context(), "mark@example.com", "203.0.113.1", neverKnown)))
	}
	before := th.windows.Windows()
	for range 5 { // refused for account and address
		wantKind(t, "the same account", errOf(th.take(t.Context(), "mark@example.com", "203.0.113.1", neverKnown)),
			memo.KindRateLimited)
	}
	for range 50 {
		_, _ = th.windows.Take(t.Context(), perAddress, digest("203.0.113.1"))
	}
	for i := range 5 { // refused for the address
		wantKind(t, "other accounts", errOf(th.take(t.Context(), fmt.Sprint(i), "203.0.113.1", neverKnown)),
			memo.KindRateLimited)
	}
	if n := th.windows.Windows(); n != before {
		t.Errorf("%d windows after the refused attempts, want %d as before", n, before)
	}
	if d, _ := th.windows.Take(t.Context(), perAccount, digest("mark@example.com")); !d.Accepted || d.Remaining != 100-11 {
		t.Errorf("refused attempts were counted: %+v", d)
	}
}

func TestThrottleCountsIPv6ByNetwork(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1":         "192.0.2.1",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"2001:db8:1:2::9":   "2001:db8:1:2::/64",
		"":                  "",
		"x":                 "x",
	} {
		if got := throttleNetwork(ip); got != want {
			t.Errorf("%s: got %s, want %s", ip, got, want)
		}
	}
}
