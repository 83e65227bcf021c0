package plaintext

import "testing"

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
		{"✈️x", 3, ""},
		{"\u0301\u0301\u0301", 4, "\u0301\u0301"},
	} {
		want := tt.want
		if want == "" { // a character that is longer than n is split
			want = tt.s[:3]
		}
		if got := Truncate(tt.s, tt.n); got != want {
			t.Errorf("%q at %d: got %q, want %q", tt.s, tt.n, got, want)
		}
	}
}
