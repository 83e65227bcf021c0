package plaintext_test

import (
	"fmt"
	"testing"

	"memoai.tech/memo/internal/plaintext"
)

// TestTruncationKeepsCharacters: a character that people see as one is not split.
func TestTruncationKeepsCharacters(t *testing.T) {
	for _, tt := range []struct {
		s    string
		n    int
		want string
	}{
		{"abc", 3, "abc"},
		{"abc", 2, "ab"},
		{"aé", 2, "a"},
		{"ae\u0301", 2, "a"},
		{"a👍🏽", 5, "a"},
		{"a👩‍👩‍👧b", 18, "a"},
		{"a👩‍👩‍👧b", 19, "a👩‍👩‍👧"},
		{"🇩🇪🇫🇷", 12, "🇩🇪"},
		{"🇩🇪🇫🇷", 8, "🇩🇪"},
		{"✈️x", 3, "✈"}, // longer than 3 bytes, so it is split
		{"\u0301\u0301\u0301", 4, "\u0301\u0301"},
	} {
		t.Run(fmt.Sprintf("%s at %d", tt.s, tt.n), func(t *testing.T) {
			if got := plaintext.Truncate(tt.s, tt.n); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
