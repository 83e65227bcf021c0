//go:build race

package e2e

// withRace builds the binary with the race detector if the tests have it. A race
// in the server then fails the test that caused it.
const withRace = true
