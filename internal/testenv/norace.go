//go:build !race

package testenv

// Race reports whether the tests have the race detector.
const Race = false
