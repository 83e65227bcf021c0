package app

import (
	"cmp"
	"context"
	"net/netip"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
)

// sessionLife is how long a sign-in lasts.
const sessionLife = 30 * 24 * time.Hour

// errBadSignIn is the one answer to every sign-in that fails, in text and in
// time: whether the address is known is not told.
var errBadSignIn = unauthorized("bad_sign_in", "E-mail or password is wrong")

// The throttle of sign-ins. An attacker is held at every account and address;
// the window slides, so nobody is locked out for longer than a minute after
// the last attempt, and an account that is attacked from many addresses stays
// open for the addresses that its owner is signed in from.
const (
	throttleSpan = time.Minute

	perAccountAndAddress ratelimit.Class = "sign-in of an account from an address"
	perAddress           ratelimit.Class = "sign-in from an address"
	perAccount           ratelimit.Class = "sign-in of an account"
)

type throttle struct{ windows *ratelimit.Memory }

// newThrottle counts in this process, also where replicas share the limits of
// keys: an attack on R of them has R times the attempts, which a password bears,
// and nobody has to wait for Redis to sign in.
func newThrottle() *throttle {
	return &throttle{ratelimit.NewMemorySpan(map[ratelimit.Class]int{
		perAccountAndAddress: 10, perAddress: 60, perAccount: 100,
	}, throttleSpan)}
}

// attempt counts an attempt, or refuses it with KindRateLimited. undo takes it
// back when the password was right.
func (t *throttle) attempt(ctx context.Context, email, ip string, known bool) (undo func(), err error) {
	ip = network(ip)
	steps := []struct {
		class   ratelimit.Class
		subject string
	}{{perAccountAndAddress, email + " " + ip}, {perAddress, ip}, {perAccount, email}}
	if known {
		steps = steps[:2]
	}
	done := 0
	undo = func() {
		for _, s := range steps[:done] {
			t.windows.Undo(s.class, s.subject)
		}
	}
	for _, s := range steps {
		d, err := t.windows.Take(ctx, s.class, s.subject)
		if err != nil {
			return nil, err
		}
		if !d.Accepted {
			undo()
			return nil, &memo.Error{
				Kind: memo.KindRateLimited, RetryAfter: d.RetryAfter,
				Message: "Too many attempts to sign in. Wait a minute and try again.",
			}
		}
		done++
	}
	return undo, nil
}

// network is whom an address counts for: one who has an IPv6 address has 2⁶⁴.
func network(ip string) string {
	if a, err := netip.ParseAddr(ip); err == nil && a.Is6() {
		return netip.PrefixFrom(a, 64).Masked().String()
	}
	return ip
}

// AttemptSetup counts an attempt to set the server up, or refuses it with
// KindRateLimited: the code is no password to be guessed at.
func (a *App) AttemptSetup(ctx context.Context, o Origin) error {
	_, err := a.throttle.attempt(ctx, "set-up", o.IP, false)
	return err
}

// SignIn opens a session. The token goes into the cookie and is kept nowhere.
// Errors: 401 for an unknown user, a wrong password and a disabled user alike,
// 429 when there were too many attempts, 503 when there are too many at once.
func (a *App) SignIn(ctx context.Context, email, password string, o Origin) (token string, s memo.Session, u memo.User, err error) {
	clean, err := memo.CleanEmail(email)
	if err != nil {
		clean = "" // takes the way of an unknown user, to the end
	}
	var hash string
	var known bool
	u, err = a.store.UserByEmail(ctx, clean)
	if err == nil {
		if hash, err = a.store.PasswordHash(ctx, u.ID); err != nil {
			return "", s, u, err
		}
		known, err = a.store.KnowsAddress(ctx, u.ID, o.IP)
	}
	if err != nil && memo.KindOf(err) != memo.KindNotFound {
		return "", s, u, err
	}
	undo, err := a.throttle.attempt(ctx, clean, o.IP, known)
	if err != nil {
		return "", s, u, err
	}
	ok, err := a.passwords.Matches(ctx, password, hash)
	if err != nil {
		undo()
		return "", s, u, err
	}
	if !ok || u.DisabledAt != nil {
		return "", s, u, errBadSignIn
	}
	undo()
	token, tokenHash := credential.NewToken()
	c := memo.Caller{UserID: u.ID, IP: o.IP, Agent: o.Agent}
	err = a.store.Write(ctx, func(tx *store.Tx) error {
		tx.UseHalfReserve()
		// Checking a password takes a while, in which access may have ended.
		if same, err := tx.LockUser(ctx, u.ID, hash); err != nil || !same {
			return cmp.Or(err, errBadSignIn)
		}
		s = memo.Session{
			ID: newID(), UserID: u.ID, CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(sessionLife),
			IP: o.IP, Agent: cut(o.Agent, maxAgent), Current: true,
		}
		if err := tx.AddSession(ctx, s, tokenHash); err != nil {
			return err
		}
		return record(ctx, tx, c, memo.Event{Action: memo.ActionSignedIn, Subject: s.ID})
	})
	return token, s, u, err
}

// Sessions lists where the caller is signed in, newest first.
func (a *App) Sessions(ctx context.Context, c memo.Caller) ([]memo.Session, error) {
	sessions, err := a.store.Sessions(ctx, c.UserID)
	for i := range sessions {
		sessions[i].Current = sessions[i].ID == c.SessionID
	}
	return sessions, err
}

// RevokeSession signs the caller out of one of their sessions, which is dead
// when this returns.
func (a *App) RevokeSession(ctx context.Context, c memo.Caller, id string) error {
	return a.store.Write(ctx, func(tx *store.Tx) error {
		tx.UseReserve()
		ended, err := tx.RevokeSession(ctx, c.UserID, id)
		if err != nil {
			return err
		}
		if !ended {
			return memo.NotFound("Session")
		}
		return record(ctx, tx, c, memo.Event{Action: memo.ActionSignedOut, Subject: id})
	})
}

// SetPassword gives the caller a password without asking for the present one,
// and ends all of their sessions.
func (a *App) SetPassword(ctx context.Context, c memo.Caller, password string) error {
	if err := memo.CheckPassword(password); err != nil {
		return err
	}
	old, err := a.store.PasswordHash(ctx, c.UserID)
	if err != nil {
		return err
	}
	return a.setPassword(ctx, c, old, password)
}

// setPassword changes the caller's password, if it is the one with the hash old
// still, and ends all of their sessions.
func (a *App) setPassword(ctx context.Context, c memo.Caller, old, password string) error {
	hash, err := a.passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(tx *store.Tx) error {
		tx.UseReserve()
		// Checking and making the hashes takes a while, in which another may have changed it.
		if same, err := tx.LockUser(ctx, c.UserID, old); err != nil || !same {
			return cmp.Or(err, errNotCurrent)
		}
		if err := stillSignedIn(ctx, tx, c); err != nil {
			return err
		}
		if err := tx.SetPassword(ctx, c.UserID, hash); err != nil {
			return err
		}
		if err := tx.RevokeSessions(ctx, c.UserID); err != nil {
			return err
		}
		return record(ctx, tx, c, memo.Event{Action: memo.ActionSignedOut, Subject: c.UserID, Detail: "password changed, all sessions ended"})
	})
}
