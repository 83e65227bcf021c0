package store

import (
	"context"
	"database/sql"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

const userColumns = `id, email, name, created_at, disabled_at`

func scanUser(row scanner) (u memo.User, err error) {
	var created int64
	var disabled sql.NullInt64
	err = row.Scan(&u.ID, &u.Email, &u.Name, &created, &disabled)
	u.CreatedAt, u.DisabledAt = fromMillis(created), fromNullMillis(disabled)
	return u, err
}

// Users lists every user by e-mail.
func (r reader) Users(ctx context.Context) ([]memo.User, error) {
	return list(ctx, r.q, scanUser, `SELECT `+userColumns+` FROM users ORDER BY email`)
}

// User finds a user by id.
func (r reader) User(ctx context.Context, id string) (memo.User, error) {
	return one(r.q.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1`, id), scanUser, "User")
}

// UserByEmail finds a user by the e-mail as it is kept, in lower case.
func (r reader) UserByEmail(ctx context.Context, email string) (memo.User, error) {
	return one(r.q.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE email = $1`, email), scanUser, "User")
}

// PasswordHash returns the hash behind a user's password, empty when they have none.
func (r reader) PasswordHash(ctx context.Context, userID string) (string, error) {
	var hash string
	err := r.q.QueryRowContext(ctx, `SELECT password_hash FROM users WHERE id = $1`, userID).Scan(&hash)
	return hash, classify(err)
}

// LockUsers makes other transactions that add users wait for this one. SQLite
// runs one at a time anyway.
func (t *Tx) LockUsers(ctx context.Context) error {
	if t.dialect != dialectPostgres {
		return nil
	}
	return t.exec(ctx, `LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE`)
}

// HasUsers reports whether there is any user.
func (r reader) HasUsers(ctx context.Context) (bool, error) {
	var n int
	err := r.q.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 AS one FROM users LIMIT 1) u`).Scan(&n)
	return n > 0, classify(err)
}

// RenameUser changes a user's name.
func (t *Tx) RenameUser(ctx context.Context, userID, name string) error {
	return t.exec(ctx, `UPDATE users SET name = $2 WHERE id = $1`, userID, name)
}

// AddUser adds a user, or reports false when the e-mail is taken.
func (t *Tx) AddUser(ctx context.Context, u memo.User, passwordHash string) (bool, error) {
	n, err := t.changed(ctx, `INSERT INTO users (id, email, name, password_hash, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, u.ID, u.Email, u.Name, passwordHash, millis(u.CreatedAt))
	return n == 1, err
}

// LockUser makes others who disable the user or change the password wait, and
// proves that neither has happened: false otherwise.
func (t *Tx) LockUser(ctx context.Context, userID, passwordHash string) (bool, error) {
	n, err := t.changed(ctx, `UPDATE users SET name = name WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL`, userID, passwordHash)
	return n == 1, err
}

// SetPassword keeps another password hash.
func (t *Tx) SetPassword(ctx context.Context, userID, hash string) error {
	return t.exec(ctx, `UPDATE users SET password_hash = $2 WHERE id = $1`, userID, hash)
}

// SetUserDisabled disables a user or enables them again. It reports false when
// they were so already.
func (t *Tx) SetUserDisabled(ctx context.Context, userID string, disabled bool) (bool, error) {
	var n int64
	var err error
	if disabled {
		n, err = t.changed(ctx, `UPDATE users SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL`, userID, millis(t.Now))
	} else {
		n, err = t.changed(ctx, `UPDATE users SET disabled_at = NULL WHERE id = $1 AND disabled_at IS NOT NULL`, userID)
	}
	return n == 1, err
}

// AddSession keeps a new session under the hash of its token.
func (t *Tx) AddSession(ctx context.Context, s memo.Session, hash credential.Hash) error {
	return t.exec(ctx, `INSERT INTO sessions (id, hash, user_id, created_at, expires_at, ip, agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, s.ID, hash[:], s.UserID, millis(s.CreatedAt), millis(s.ExpiresAt), s.IP, s.Agent)
}

// Sessions lists the sessions of a user that are alive at Now, newest first.
func (s *Store) Sessions(ctx context.Context, userID string) ([]memo.Session, error) {
	return list(ctx, s.q, scanSession, `SELECT id, user_id, created_at, expires_at, ip, agent FROM sessions
		WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY created_at DESC, id DESC`, userID, millis(s.Now()))
}

func scanSession(row scanner) (s memo.Session, err error) {
	var created, expires int64
	err = row.Scan(&s.ID, &s.UserID, &created, &expires, &s.IP, &s.Agent)
	s.CreatedAt, s.ExpiresAt = fromMillis(created), fromMillis(expires)
	return s, err
}

// KnowsAddress reports whether the user has a living session from this address.
func (s *Store) KnowsAddress(ctx context.Context, userID, ip string) (bool, error) {
	var n int
	err := s.q.QueryRowContext(ctx, `SELECT count(*) FROM sessions WHERE user_id = $1 AND ip = $2 AND revoked_at IS NULL AND expires_at > $3`,
		userID, ip, millis(s.Now())).Scan(&n)
	return n > 0, classify(err)
}

// LockSession makes others who would end the session wait, and proves that it is
// alive: false otherwise.
func (t *Tx) LockSession(ctx context.Context, id string) (bool, error) {
	n, err := t.changed(ctx, `UPDATE sessions SET agent = agent WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2`, id, millis(t.Now))
	return n == 1, err
}

// RevokeSession ends one session of a user; false when there is none to end.
func (t *Tx) RevokeSession(ctx context.Context, userID, id string) (bool, error) {
	n, err := t.changed(ctx, `UPDATE sessions SET revoked_at = $3 WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL`, userID, id, millis(t.Now))
	return n == 1, err
}

// RevokeSessions ends every session of a user. It locks the user before their
// sessions, as all do who take both, or two of them would wait for each other.
func (t *Tx) RevokeSessions(ctx context.Context, userID string) error {
	if err := t.exec(ctx, `UPDATE users SET name = name WHERE id = $1`, userID); err != nil {
		return err
	}
	return t.exec(ctx, `UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL`, userID, millis(t.Now))
}
