package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"memoai.tech/memo/internal/app"
)

// retention is the value of an option: a number of days such as 400d, or "forever", which is
// [app.Forever].
type retention time.Duration

func (r *retention) UnmarshalText(text []byte) error {
	if string(text) == "forever" {
		*r = retention(app.Forever)
		return nil
	}
	days, ok := parseDays(string(text))
	if !ok {
		return fmt.Errorf(`write a number of days, from 1d to %dd, or "forever"; got %q`, maxDays, text)
	}
	*r = retention(time.Duration(days) * 24 * time.Hour)
	return nil
}

// maxDays is the largest number of days in an option. A longer retention is written as "forever".
const maxDays = 36_500

// parseDays parses a number of days such as 90d.
func parseDays(s string) (days int, ok bool) {
	digits, ok := strings.CutSuffix(s, "d")
	days, err := strconv.Atoi(digits)
	return days, ok && err == nil && days >= 1 && days <= maxDays
}

// String is the inverse of UnmarshalText.
func (r retention) String() string {
	if time.Duration(r) == app.Forever {
		return "forever"
	}
	return strconv.Itoa(int(time.Duration(r)/(24*time.Hour))) + "d"
}
