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

// maxRetention is the longest retention in days. A longer one is written as "forever".
const maxRetention = 36_500

func (r *retention) UnmarshalText(text []byte) error {
	if string(text) == "forever" {
		*r = retention(app.Forever)
		return nil
	}
	digits, ok := strings.CutSuffix(string(text), "d")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 1 || n > maxRetention {
		return fmt.Errorf(`write a number of days, from 1d to %dd, or "forever"; got %q`, maxRetention, text)
	}
	*r = retention(time.Duration(n) * 24 * time.Hour)
	return nil
}

// String is the inverse of UnmarshalText.
func (r retention) String() string {
	if time.Duration(r) == app.Forever {
		return "forever"
	}
	return strconv.Itoa(int(time.Duration(r)/(24*time.Hour))) + "d"
}
