package testenv

import (
	"database/sql"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func TestEveryCallReturnsAnotherSchema(t *testing.T) {
	for range 2 {
		db, err := sql.Open("pgx", Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(`CREATE TABLE here (x INTEGER)`); err != nil {
			t.Fatal(err)
		}
	}
}
