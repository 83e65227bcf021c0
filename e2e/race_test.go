//go:build race

package e2e

// withRace builds the binary with the race detector where the tests have it:
// a race in the server then fails the test that provoked it.
const withRace = true
