package memo_test

import (
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testenv"
)

func TestKeyValidityStatus(t *testing.T) {
	expiry := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	past := expiry.Add(-time.Hour)
	for _, c := range []struct {
		name     string
		validity memo.KeyValidity
		now      time.Time
		want     memo.KeyStatus
	}{
		{"a nanosecond before the expiry", memo.KeyValidity{ExpiresAt: &expiry}, expiry.Add(-1), memo.KeyActive},
		{"at the expiry", memo.KeyValidity{ExpiresAt: &expiry}, expiry, memo.KeyExpired},
		{"after the expiry", memo.KeyValidity{ExpiresAt: &expiry}, expiry.Add(1), memo.KeyExpired},
		{
			"at the expiry, in another time zone",
			memo.KeyValidity{ExpiresAt: &expiry},
			expiry.In(time.FixedZone("", 14*3600)), memo.KeyExpired,
		},
		{"no expiry", memo.KeyValidity{}, expiry, memo.KeyActive},
		{
			"recorded as expired, then the clock is set back",
			memo.KeyValidity{ExpiresAt: &expiry, ExpiredAt: &expiry},
			past, memo.KeyExpired,
		},
		{"recorded as expired, then the expiry is removed", memo.KeyValidity{ExpiredAt: &past}, expiry, memo.KeyExpired},
		{
			"revoked and expired",
			memo.KeyValidity{ExpiresAt: &past, ExpiredAt: &past, RevokedAt: &past},
			expiry, memo.KeyRevoked,
		},
		{"deactivated and expired", memo.KeyValidity{ExpiresAt: &past, DeactivatedAt: &past}, expiry, memo.KeyDeactivated},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.validity.Status(c.now); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestParseExpiry(t *testing.T) {
	now := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{
		"2026-05-20":                     "2026-05-21T00:00:00Z", // the end of today
		"2026-05-20T12:00:00.001Z":       "2026-05-20T12:00:00.001Z",
		"2026-05-21T02:30:00+14:00":      "2026-05-20T12:30:00Z",
		"2026-05-20T13:00:00.123999999Z": "2026-05-20T13:00:00.123Z", // rounded down
		"9999-12-31":                     "9999-12-31T23:59:59.999Z", // the last moment that RFC 3339 can express
		"9999-12-31T23:59:59Z":           "9999-12-31T23:59:59Z",
		"2028-02-29":                     "2028-03-01T00:00:00Z",
	} {
		t.Run(in, func(t *testing.T) {
			got, err := memo.ParseExpiry("expires_at", in, now)
			if err != nil || got.Format(time.RFC3339Nano) != want {
				t.Errorf("got %v, %v; want %s", got, err, want)
			}
		})
	}
	for _, in := range []string{
		"", "tomorrow", "90d", "2026-05-19", "2026-05-20T12:00:00Z", "2026-05-20T12:00:00.0005Z", "0001-01-01",
		"2027-02-29", "2027-13-01", "10000-01-01", "2027-01-01T00:00:00", "2027-01-01 00:00:00Z", "1e3",
		"2027-01-01T25:00:00Z",
	} {
		t.Run("not "+in, func(t *testing.T) {
			if got, err := memo.ParseExpiry("expires_at", in, now); memo.KindOf(err) != memo.KindInvalid {
				t.Errorf("got %v, %v; want KindInvalid", got, err)
			}
		})
	}
}

func TestViewHasEveryFieldOfAKey(t *testing.T) {
	key := testenv.Filled[memo.APIKey]()
	testenv.NoFieldIsZero(t, key.View(time.Now()), "add it to APIKey.View")
}
