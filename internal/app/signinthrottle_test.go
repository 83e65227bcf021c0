// These tests are internal because the throttle is not exported.
package app

import (
	"fmt"
	"strings"
	"testing"

	"memoai.tech/memo"
)

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
		if _, err := th.take(t.Context(), "mark@example.com", "203.0.113.1", neverKnown); err != nil {
			t.Fatal(err)
		}
	}
	before := th.windows.Windows()
	for range 5 { // refused for account and address
		_, err := th.take(t.Context(), "mark@example.com", "203.0.113.1", neverKnown)
		if memo.KindOf(err) != memo.KindRateLimited {
			t.Errorf("the same account: got %v, want a refusal", err)
		}
	}
	for range 50 {
		_, _ = th.windows.Take(t.Context(), perAddress, digest("203.0.113.1"))
	}
	for i := range 5 { // refused for the address
		_, err := th.take(t.Context(), fmt.Sprint(i), "203.0.113.1", neverKnown)
		if memo.KindOf(err) != memo.KindRateLimited {
			t.Errorf("other accounts: got %v, want a refusal", err)
		}
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
		t.Run(ip, func(t *testing.T) {
			if got := throttleNetwork(ip); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
