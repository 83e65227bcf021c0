package store

import (
	"context"

	"memoai.tech/memo"
)

const userColumns = `id, email, name, created_at, disabled_at`

func scanUser(row scanner) (u memo.User, err error) {
	err = row.Scan(&u.ID, &u.Email, &u.Name, timeInto(&u.CreatedAt), optionalTimeInto(&u.DisabledAt))
	return u, err
}

// Users lists all users, by e-mail.
func (r reader) Users(ctx context.Context) ([]memo.User, error) {
	return queryAll(ctx, r.q, scanUser, `SELECT `+userColumns+` FROM users ORDER BY email`)
}

// User returns the user with this id.
func (r reader) User(ctx context.Context, id string) (memo.User, error) {
	return queryOne(r.q.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1`, id), scanUser, "User")
}

// UserByEmail returns the user with this e-mail, which must be in lower case, as it is
// stored.
func (r reader) UserByEmail(ctx context.Context, email string) (memo.User, error) {
	return queryOne(r.q.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE email = $1`, email), scanUser,
		"User")
}

// Account is a user with the hash of their password, which is empty if they have no
// password.
type Account struct {
	memo.User
	PasswordHash string
}

// AccountByEmail returns the account with this e-mail, which must be in lower case, in
// one indexed query. For an unknown e-mail it returns an [Account] without an id and no
// error, so that the caller does the same work in both cases.
func (s *Store) AccountByEmail(ctx context.Context, email string) (Account, error) {
	accounts, err := queryAll(ctx, s.q, func(row scanner) (a Account, err error) {
		err = row.Scan(&a.ID, &a.Email, &a.Name, timeInto(&a.CreatedAt), optionalTimeInto(&a.DisabledAt), &a.PasswordHash)
		return a, err
	}, `SELECT `+userColumns+`, password_hash FROM users WHERE email = $1`, email)
	if err != nil || len(accounts) == 0 {
		return Account{}, err
	}
	return accounts[0], nil
}

// PasswordHash returns the hash of a user's password, or "" if they have no password.
func (r reader) PasswordHash(ctx context.Context, userID string) (string, error) {
	var hash string
	err := r.q.QueryRowContext(ctx, `SELECT password_hash FROM users WHERE id = $1`, userID).Scan(&hash)
	return hash, classifyError(err)
}

// LockUsers makes other transactions that add users wait for this one. It does nothing
// on SQLite, which runs one write transaction at a time.
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
	return n > 0, classifyError(err)
}

// RenameUser changes a user's name.
func (t *Tx) RenameUser(ctx context.Context, userID, name string) error {
	return t.exec(ctx, `UPDATE users SET name = $2 WHERE id = $1`, userID, name)
}

// AddUser adds a user. It returns false if the e-mail is taken.
func (t *Tx) AddUser(ctx context.Context, u memo.User, passwordHash string) (bool, error) {
	n, err := t.execCount(ctx, `INSERT INTO users (id, email, name, password_hash, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, u.ID, u.Email, u.Name, passwordHash, toMillis(u.CreatedAt))
	return n == 1, err
}

// LockUser locks a user, so that other transactions that disable the user or change the password
// must wait. It returns false if the user is disabled or has another password hash.
func (t *Tx) LockUser(ctx context.Context, userID, passwordHash string) (bool, error) {
	return t.lock(ctx, `SELECT id FROM users WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL`,
		userID, passwordHash)
}

// LockUserRow locks a user as LockUser does, whatever their state.
func (t *Tx) LockUserRow(ctx context.Context, userID string) error {
	_, err := t.lock(ctx, `SELECT id FROM users WHERE id = $1`, userID)
	return err
}

// SetPassword stores a new password hash for a user.
func (t *Tx) SetPassword(ctx context.Context, userID, hash string) error {
	return t.exec(ctx, `UPDATE users SET password_hash = $2 WHERE id = $1`, userID, hash)
}

// ReplaceUser stores another e-mail and name of a user, and disables them without a password.
func (t *Tx) ReplaceUser(ctx context.Context, u memo.User) error {
	return t.exec(ctx, `UPDATE users SET email = $2, name = $3, password_hash = '', disabled_at = coalesce(disabled_at, $4)
		WHERE id = $1`, u.ID, u.Email, u.Name, toMillis(t.Now))
}

// SetUserDisabled disables or enables a user. It returns false if that changes nothing.
func (t *Tx) SetUserDisabled(ctx context.Context, userID string, disabled bool) (bool, error) {
	var n int64
	var err error
	if disabled {
		n, err = t.execCount(ctx, `UPDATE users SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL`, userID,
			toMillis(t.Now))
	} else {
		n, err = t.execCount(ctx, `UPDATE users SET disabled_at = NULL WHERE id = $1 AND disabled_at IS NOT NULL`, userID)
	}
	return n == 1, err
}
