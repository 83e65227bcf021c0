package store

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
)

// TestBackupCoversEveryColumn compares the columns that a backup copies with the schema, so that
// nobody forgets a new column.
func TestBackupCoversEveryColumn(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := mustOpen(t, cfg)
		query := `SELECT m.name, x.name FROM sqlite_master m JOIN pragma_table_xinfo(m.name) x
			WHERE m.type = 'table' AND x.hidden = 0 AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'search_index%'
			AND x.name <> 'search_rowid'`
		if s.dialect == dialectPostgres {
			query = `SELECT table_name, column_name FROM information_schema.columns
				WHERE table_schema = current_schema() AND is_generated = 'NEVER' AND table_name <> 'transcription_search'`
		}
		inSchema, err := queryAll(t.Context(), plainQuerier{s.write}, func(row scanner) (s string, err error) {
			var table, column string
			err = row.Scan(&table, &column)
			return table + "." + column, err
		}, query)
		if err != nil {
			t.Fatal(err)
		}
		inSchema = slices.DeleteFunc(inSchema, func(s string) bool { return strings.HasPrefix(s, migrationsTable+".") })
		var listed []string
		for _, table := range tables {
			for column := range strings.SplitSeq(table.columns, ", ") {
				listed = append(listed, table.name+"."+column)
			}
		}
		slices.Sort(inSchema)
		slices.Sort(listed)
		if diff := cmp.Diff(inSchema, listed); diff != "" {
			t.Errorf("backups would lose or miss columns; make tables in backup.go (+) equal to the schema (-):\n%s", diff)
		}
	})
}

// TestBackupWithForeignSchemaIsRefused opens backups whose schema was changed. Each is refused
// before any SQL in it can run.
func TestBackupWithForeignSchemaIsRefused(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir()})
	for name, test := range map[string]struct{ tamper, want string }{
		"a column whose name is SQL": {
			`ALTER TABLE users ADD COLUMN "x) VALUES ('a'); DROP TABLE users; --" TEXT`,
			`table "users" differs`,
		},
		"a trigger": {
			`CREATE TRIGGER t AFTER UPDATE ON api_keys BEGIN DELETE FROM users; END`,
			`contains a trigger, "t"`,
		},
		"a trigger on the migrations": {
			`CREATE TRIGGER t AFTER INSERT ON goose_db_version BEGIN DELETE FROM users; END`,
			`contains a trigger, "t"`,
		},
		"an extra view": {`CREATE VIEW v AS SELECT * FROM users`, `contains a view, "v"`},
		"a view in place of a table": {
			`ALTER TABLE key_usage RENAME TO u; CREATE VIEW key_usage AS SELECT * FROM u`,
			`contains a view, "key_usage"`,
		},
		"a view in place of the migrations": {
			`ALTER TABLE goose_db_version RENAME TO g; CREATE VIEW goose_db_version AS SELECT * FROM g`,
			`contains a view, "goose_db_version"`,
		},
		"a generated column": {
			`ALTER TABLE api_keys ADD COLUMN extra TEXT AS (upper(name))`,
			`table "api_keys" differs`,
		},
		"a missing column":       {`ALTER TABLE api_keys DROP COLUMN exposed_at`, `table "api_keys" differs`},
		"an extra table":         {`CREATE TABLE more (a TEXT)`, `table "more", which memo does not create`},
		"an extra virtual table": {`CREATE VIRTUAL TABLE more USING fts5 (a)`, `which memo does not create`},
		"a virtual table in place of a table": {
			`DROP TABLE key_usage; CREATE VIRTUAL TABLE key_usage USING fts5 (key_id, hour, requests, refused)`,
			`key_usage`,
		},
		"a missing table":        {`DROP TABLE key_usage`, `has no table "key_usage"`},
		"an index on a function": {`CREATE INDEX i ON users (upper(email))`, `index "i", which memo does not create`},
		"a changed index": {
			`DROP INDEX api_keys_state; CREATE INDEX api_keys_state ON api_keys (workspace_id, upper(name))`,
			`index "api_keys_state" differs`,
		},
		"a check constraint": {
			`DROP TABLE key_usage;
			CREATE TABLE key_usage (key_id TEXT NOT NULL REFERENCES api_keys(id), hour INTEGER NOT NULL,
				requests INTEGER NOT NULL, refused INTEGER NOT NULL CHECK (refused < random()),
				PRIMARY KEY (key_id, hour)) STRICT, WITHOUT ROWID`,
			`table "key_usage" differs`,
		},
		"a schema other than its version says": {
			`DELETE FROM goose_db_version WHERE version_id > 1`,
			`differs from the one that memo creates`,
		},
		"a newer schema": {
			`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`,
			`newer memo`,
		},
		"an extra column hidden after -- in a default": {
			`PRAGMA writable_schema = ON;
			UPDATE sqlite_master SET sql = replace(sql, 'DEFAULT ''''',
				'DEFAULT ''--'', extra TEXT DEFAULT ''' || char(10) || '''') WHERE name = 'users'`,
			`table "users" differs`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "backup.db")
			if _, err := s.WriteBackup(t.Context(), file, 0, nil); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(test.tamper); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			b, err := OpenBackup(t.Context(), file, time.Now)
			if err == nil {
				b.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one that contains %s", err, test.want)
			}
		})
	}
}

// TestBackupOfEverySchemaVersionIsRestored restores a backup of each schema version so far.
func TestBackupOfEverySchemaVersionIsRestored(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := mustOpen(t, cfg)
		newest, err := newestMigration()
		if err != nil {
			t.Fatal(err)
		}
		for version := int64(1); version <= newest; version++ {
			file := filepath.Join(t.TempDir(), "old.db")
			if _, err := schemaOf(t.Context(), file, version); err != nil {
				t.Fatal(err)
			}
			b, err := OpenBackup(t.Context(), file, time.Now)
			if err != nil {
				t.Errorf("schema %d: %v", version, err)
				continue
			}
			if _, err := s.Restore(t.Context(), b, false, nil); err != nil {
				t.Errorf("schema %d: %v", version, err)
			}
			b.Close()
		}
	})
}

// TestRestoreDoesNotReactivateExpiredKey restores a backup from before a key expired,
// after the clock was set back to a time before the key's expiry.
func TestRestoreDoesNotReactivateExpiredKey(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := t.Context()
		now := time.Date(2026, 5, 20, 9, 0, 0, 0, time.UTC)
		cfg.Now = func() time.Time { return now }
		h := newHarness(t, cfg, 1)
		at := now.Add(time.Hour)
		if err := h.Write(ctx, func(tx *Tx) error {
			_, err := tx.ChangeKey(ctx, keyID(0), "k", &at)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		b := backUp(t, h.Store)
		now = at
		if n, err := h.ExpireDueKeys(ctx, 10); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		now = at.Add(-time.Minute)
		r, err := h.Restore(ctx, b, true, nil)
		if err != nil || r.CarriedOver != 1 {
			t.Errorf("restore: %+v, %v; want 1 key carried over", r, err)
		}
		if k, err := h.Key(ctx, keyID(0), now); err != nil || k.Validity.Status(now) != memo.KeyExpired {
			t.Errorf("the key is %+v, want it expired (%v)", k.Validity, err)
		}
		if k, err := h.Key(ctx, keyID(0), now); err != nil || k.Validity.ExpiredAt == nil ||
			!k.Validity.ExpiredAt.Equal(at) {
			t.Errorf("the key expired at %v, want %v (%v)", k.Validity.ExpiredAt, at, err)
		}
	})
}

func TestSchemaComparisonIgnoresComments(t *testing.T) {
	for in, want := range map[string]string{
		"CREATE TABLE a (b -- c\n  , d)":   "CREATE TABLE a (b , d)",
		"CREATE TABLE a (b /* c */ TEXT)":  "CREATE TABLE a (b TEXT)",
		"a DEFAULT '--' , b":               "a DEFAULT '--' , b",
		"a DEFAULT 'it''s  /* not */' --x": "a DEFAULT 'it''s  /* not */'",
		`"a--b" [c/*d] ` + "`--`\t\n":      `"a--b" [c/*d] ` + "`--`",
		"'open --":                         "'open --",
		"a--b":                             "a",
	} {
		if got := withoutComments(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
