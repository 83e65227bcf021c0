package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Window is the calls of one subject that counted against a limit when a server
// stopped, oldest first.
type Window struct {
	Class   string
	Subject []byte // a hash
	Calls   []time.Time
}

// SaveWindows writes windows for the next start, in one transaction, and removes
// those whose last call is older than age. Several servers may do so on one
// database: each has rows of its own.
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
			if err := t.exec(ctx, `INSERT INTO limit_windows (server, class, subject, calls, latest)
				VALUES ($1, $2, $3, $4, $5)`, server, w.Class, w.Subject, calls, toMillis(w.Calls[len(w.Calls)-1])); err != nil {
				return err
			}
		}
		return nil
	})
}

// TakeWindows reads what all servers saved, and removes it. Where there is
// nothing it does not write.
func (s *Store) TakeWindows(ctx context.Context) (windows []Window, err error) {
	var any bool
	if err := s.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM limit_windows)`).Scan(&any); err != nil || !any {
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
