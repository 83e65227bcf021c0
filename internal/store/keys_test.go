package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/testenv"
)

// TestNoFieldOfAKeyIsLost: a column that AddKey does not write, or that keyQuery does not read,
// would always be empty in REST.
func TestNoFieldOfAKeyIsLost(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx, s := t.Context(), mustOpen(t, cfg)
		key := testenv.Filled[memo.APIKey]()
		key.Kind = memo.KindApp
		err := s.Write(ctx, func(tx *Tx) error {
			err := tx.AddWorkspace(ctx, memo.Workspace{ID: key.WorkspaceID, Name: "Acme", Plan: memo.PlanPro})
			if err != nil {
				return err
			}
			if _, err := tx.AddUser(ctx, memo.User{
				ID: key.CreatedBy.ID, Name: "Olga", Email: "olga@example.com",
			}, ""); err != nil {
				return err
			}
			_, err = tx.AddKey(ctx, key, credential.Hash{1})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		read := func() memo.APIKey {
			k, err := s.Key(ctx, key.ID, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		testenv.NoFieldIsZero(t, read(), "add its column to AddKey, or to the exceptions of this test if it is set later",
			"DeactivationReason", "LastUsedAt", "LastUsedIP", "LastUsedAgent", "Requests24h", "ExposedAt", "FirstCall")

		i := slices.IndexFunc(tables, func(t table) bool { return t.name == "api_keys" })
		for column := range strings.SplitSeq(tables[i].columns, ", ") {
			if _, err := s.write.Exec(fmt.Sprintf(`UPDATE api_keys SET %s = '1' WHERE %[1]s IS NULL`, column)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.write.Exec(`UPDATE api_keys SET deactivated_by = 'a reason'`); err != nil {
			t.Fatal(err)
		}
		testenv.NoFieldIsZero(t, read(), "add its column to keyQuery and scanKey", "Requests24h", "FirstCall")
	})
}
