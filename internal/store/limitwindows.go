package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Window holds the calls of one subject that counted against a rate limit when a server stopped.
type Window struct {
	Class   string
	Subject []byte      // the hash of the subject
	Calls   []time.Time // oldest first, at least one
}

// SaveWindows stores windows for the next start, in one transaction, and deletes those
// whose last call is older than age. Several servers can do this on one database, because each
// call of SaveWindows adds its own rows.
func (s *Store) SaveWindows(ctx context.Context, windows []Window, age time.Duration) error {
	server := rand.Text()
	return s.Write(ctx, func(t *Tx) error {
		if err := t.exec(ctx, `DELETE FROM limit_windows WHERE latest < $1`, toMillis(t.Now.Add(-age))); err != nil {
			return err
		}
		for _, w := range windows {
			var calls []byte
			for _, at := range w.Calls {
				calls = binary.BigEndian.AppendUint64(calls, uint64(toMillis(at)))
			}
			err := t.exec(ctx, `INSERT INTO limit_windows (server, class, subject, calls, latest)
				VALUES ($1, $2, $3, $4, $5)`, server, w.Class, w.Subject, calls, toMillis(w.Calls[len(w.Calls)-1]))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// TakeWindows returns the windows that all servers saved, and deletes them. If there are
// none, it does not write.
func (s *Store) TakeWindows(ctx context.Context) (windows []Window, err error) {
	var exist bool
	err = s.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM limit_windows)`).Scan(&exist)
	if err != nil || !exist {
		return nil, classifyError(err)
	}
	err = s.Write(ctx, func(t *Tx) error {
		windows, err = queryAll(ctx, t.q, scanWindow, `DELETE FROM limit_windows RETURNING class, subject, calls`)
		return err
	})
	return windows, err
}

func scanWindow(row scanner) (w Window, err error) {
	var calls []byte
	err = row.Scan(&w.Class, &w.Subject, &calls)
	for ; len(calls) >= 8; calls = calls[8:] {
		w.Calls = append(w.Calls, fromMillis(int64(binary.BigEndian.Uint64(calls))))
	}
	return w, err
}
