package store

import (
	"context"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

// activeSessionCondition selects the active sessions. $2 must be the current time, and $3 the
// result of idleCutoff for it.
const activeSessionCondition = `revoked_at IS NULL AND expires_at > $2 AND last_used_at > $3`

// idleCutoff returns the time by which a session must have been used last to have ended at now,
// because it was idle for too long.
func idleCutoff(now time.Time) int64 { return toMillis(now.Add(-memo.SessionIdleTimeout)) }

// AddSession stores a new session under the hash of its token.
func (t *Tx) AddSession(ctx context.Context, s memo.Session, hash credential.Hash) error {
	return t.exec(ctx, `INSERT INTO sessions (id, hash, user_id, created_at, expires_at, last_used_at, ip, agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		s.ID, hash[:], s.UserID, toMillis(s.CreatedAt), toMillis(s.ExpiresAt), toMillis(s.LastUsedAt), s.IP, s.Agent)
}

// Sessions lists the active sessions of a user, newest first, at most
// [memo.MaxSessions].
func (s *Store) Sessions(ctx context.Context, userID string) ([]memo.Session, error) {
	now := s.Now()
	return queryAll(ctx, s.dataReader.q, func(row scanner) (s memo.Session, err error) {
		err = row.Scan(&s.ID, &s.UserID, timeInto(&s.CreatedAt), timeInto(&s.ExpiresAt), timeInto(&s.LastUsedAt),
			&s.IP, &s.Agent)
		return s, err
	}, `SELECT id, user_id, created_at, expires_at, last_used_at, ip, agent FROM sessions
		WHERE user_id = $1 AND `+activeSessionCondition+` ORDER BY created_at DESC, id DESC LIMIT $4`,
		userID, toMillis(now), idleCutoff(now), memo.MaxSessions)
}

// KnowsAddress reports whether the user with this e-mail has an active session from this
// address. It does the same look-ups in the same indexes whether or not the user exists.
func (s *Store) KnowsAddress(ctx context.Context, email, ip string) (known bool, err error) {
	now := s.Now()
	err = s.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sessions
		WHERE user_id = coalesce((SELECT id FROM users WHERE email = $1), '') AND ip = $4 AND `+activeSessionCondition+`)`,
		email, toMillis(now), idleCutoff(now), ip).Scan(&known)
	return known, classifyError(err)
}

// LockSession locks a session, so that other transactions that would end it must wait. It returns
// false if the session was not active when this transaction first locked it.
func (t *Tx) LockSession(ctx context.Context, id string) (active bool, err error) {
	if t.session != "" && t.session == id {
		return true, nil
	}
	active, err = t.lock(ctx, `SELECT id FROM sessions WHERE id = $1 AND `+activeSessionCondition,
		id, toMillis(t.Now), idleCutoff(t.Now))
	if active {
		t.session = id
	}
	return active, err
}

// RevokeSession ends one session of a user. It returns false if the user has no such
// session, or if it was ended before.
func (t *Tx) RevokeSession(ctx context.Context, userID, id string) (bool, error) {
	n, err := t.execCount(ctx, `UPDATE sessions SET revoked_at = $3
		WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL`, userID, id, toMillis(t.Now))
	return n == 1, err
}

// RevokeSessions ends all sessions of a user but the one with the id in keep, which may be empty.
// It locks the user before the sessions, so that no sign-in adds one meanwhile.
func (t *Tx) RevokeSessions(ctx context.Context, userID, keep string) error {
	if err := t.LockUserRow(ctx, userID); err != nil {
		return err
	}
	return t.exec(ctx, `UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND id <> $3 AND revoked_at IS NULL`,
		userID, toMillis(t.Now), keep)
}

// ReplaceSession ends the session whose token has this hash, and returns its ID and
// UserID. Both are empty if there is no such active session.
func (t *Tx) ReplaceSession(ctx context.Context, hash credential.Hash) (ended memo.Session, err error) {
	rows, err := queryAll(ctx, t.q, scanEndedSession, `UPDATE sessions SET revoked_at = $2
		WHERE hash = $1 AND `+activeSessionCondition+`
		RETURNING id, user_id`, hash[:], toMillis(t.Now), idleCutoff(t.Now))
	if err != nil || len(rows) == 0 {
		return memo.Session{}, err
	}
	return rows[0], nil
}

// EndOldestSessions ends all active sessions of a user but the newest limit ones. The
// returned sessions have only ID and UserID set. The user must be locked. It skips sessions that
// another transaction has locked, because that may be the sign-in of another user, which replaces
// one of them and waits for the session that this transaction has replaced.
func (t *Tx) EndOldestSessions(ctx context.Context, userID string, limit int) ([]memo.Session, error) {
	return queryAll(ctx, t.q, scanEndedSession, `UPDATE sessions SET revoked_at = $2 WHERE id IN (SELECT id FROM sessions
			WHERE revoked_at IS NULL AND id IN (SELECT id FROM sessions
				WHERE user_id = $1 AND `+activeSessionCondition+` ORDER BY created_at DESC, id DESC LIMIT 1000 OFFSET $4)
			`+t.skipLocked()+`)
		RETURNING id, user_id`, userID, toMillis(t.Now), idleCutoff(t.Now), limit)
}

func scanEndedSession(row scanner) (s memo.Session, err error) {
	err = row.Scan(&s.ID, &s.UserID)
	return s, err
}

// UseSession records when a session was last used, unless a later use is recorded or the
// session was revoked. On PostgreSQL it skips a session that another transaction has
// locked, because the caller updates several sessions in one transaction and must not
// wait for one while it holds the locks of others.
func (t *Tx) UseSession(ctx context.Context, id string, at time.Time) error {
	return t.exec(ctx, `UPDATE sessions SET last_used_at = $2 WHERE id = (SELECT id FROM sessions
		WHERE id = $1 AND last_used_at < $2 AND revoked_at IS NULL`+t.skipLocked()+`)`, id, toMillis(at))
}
