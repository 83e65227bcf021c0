package e2e

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memoai.tech/memo"
)

// plantedSecret is a secret that must not appear anywhere, in any encoding.
type plantedSecret struct {
	name    string
	value   string
	needles [][]byte
	shown   int // how many responses may contain it
}

// newSecret prepares the search for a secret. It also searches for its parts, which an
// incomplete redaction would leave, and for its hexadecimal and Base64 forms.
func newSecret(name, value string, shown int) plantedSecret {
	s := plantedSecret{name: name, value: value, shown: shown}
	random := value
	if memo.HasKeyPrefix(value) {
		random = value[len(memo.KeyPrefix):]
	}
	forms := []string{value, random[:len(random)/3], random[len(random)/3 : 2*len(random)/3]}
	for _, f := range forms {
		s.needles = append(s.needles, []byte(f), []byte(hex.EncodeToString([]byte(f))))
	}
	whole := base64.StdEncoding.EncodeToString([]byte(value))
	s.needles = append(s.needles, []byte(whole[:len(whole)/4*4-4]))
	return s
}

func (s plantedSecret) in(b []byte) bool {
	for _, n := range s.needles {
		if bytes.Contains(b, n) {
			return true
		}
	}
	return false
}

// seenText is text from the server, a command or a stored file.
type seenText struct {
	name string
	text []byte
}

// open opens a database next to the server.
func open(t *testing.T, p database) *sql.DB {
	driver, dsn := "pgx", p.value
	if p.flag == "--data" {
		driver, dsn = "sqlite", "file:"+filepath.Join(p.value, "memo.db")+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// searchStored searches the logs, the output of commands, the backup and the database.
func (s *leakTest) searchStored(when string) {
	stored := []seenText{
		{"the log", []byte(s.server.stderr.String())},
		{"the server's output", []byte(s.server.stdout.String())},
	}
	stored = append(stored, s.outputs...)
	stored = append(stored, listFiles(s.t, s.backup)...)
	if s.home.flag == "--data" {
		stored = append(stored, listFiles(s.t, s.home.value)...)
	} else {
		stored = append(stored, readRows(s.t, open(s.t, s.home.database))...)
	}
	for _, place := range stored {
		for _, secret := range s.secrets {
			if secret.in(place.text) {
				s.t.Errorf("%s is in %s %s%s", secret.name, place.name, when, secret.context(place.text))
			}
		}
	}
}

// context returns the text around a secret that was found whole.
func (s plantedSecret) context(b []byte) string {
	i := bytes.Index(b, []byte(s.value))
	if i < 0 {
		return ", in part or encoded"
	}
	return fmt.Sprintf(": %.160q", b[max(0, i-80):])
}

// searchResponses searches all responses. A key that was created over REST is in one.
func (s *leakTest) searchResponses() {
	for _, secret := range s.secrets {
		var found []string
		for _, a := range s.responses {
			if secret.in(a.text) {
				found = append(found, a.name)
			}
		}
		if len(found) != secret.shown {
			s.t.Errorf("%s is in %d responses instead of %d: %q", secret.name, len(found), secret.shown,
				found[:min(len(found), 12)])
		}
	}
	s.t.Logf("searched %d responses and %d outputs of commands for %d secrets", len(s.responses), len(s.outputs),
		len(s.secrets))
}

func listFiles(t *testing.T, root string) (found []seenText) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = append(found, seenText{filepath.Base(path), b})
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %d files, %v", root, len(found), err)
	}
	return found
}

// readRows reads all rows of all tables as text. Bytes are shown in hexadecimal.
func readRows(t *testing.T, db *sql.DB) (found []seenText) {
	tables := readColumn(t, db, `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`)
	if len(tables) < 10 {
		t.Fatalf("tables: %q", tables)
	}
	for _, name := range tables {
		found = append(found, seenText{
			"table " + name,
			[]byte(strings.Join(readColumn(t, db, `SELECT x::text FROM "`+name+`" x`), "\n")),
		})
	}
	return found
}

func readColumn(t *testing.T, db *sql.DB, query string) (values []string) {
	r, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for r.Next() {
		var v string
		if err := r.Scan(&v); err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}
