package search_test

import (
	"strings"
	"testing"

	"memoai.tech/memo/internal/search"
)

// BenchmarkCount counts 32 terms in a line that contains half of them.
func BenchmarkCount(b *testing.B) {
	words := strings.Fields("price budget salary " +
		"alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi " +
		"chi psi omega one two three four five")
	query := search.ParseQuery(strings.Join(words, " "))
	line := "Marta: " + strings.Join(words[:16], " and ")
	for b.Loop() {
		if search.CountTerms(query, line) < 16 {
			b.Fatal("not found")
		}
	}
}
