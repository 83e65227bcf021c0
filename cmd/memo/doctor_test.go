package main

import (
	"strings"
	"testing"

	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
)

// TestAStrangerIsToldSo: what PostgreSQL says of a user that it does not let in.
func TestAStrangerIsToldSo(t *testing.T) {
	url := strings.Replace(testenv.Postgres(t), "user=memo", "user=stranger", 1)
	_, err := store.Examine(t.Context(), store.Config{URL: url})
	if err == nil {
		t.Fatal("a stranger was let in")
	}
	if says := cause(err); !strings.Contains(says, `"stranger"`) || strings.Contains(says, "\n") {
		t.Errorf("it says %q", says)
	}
	if mend := reach(err, "Start it."); !strings.HasPrefix(mend, "Mend the user") {
		t.Errorf("what to do: %s", mend)
	}
}
