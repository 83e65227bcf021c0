package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
)

// A connected app is a key that a client uses with tokens: a member allows it on the consent page,
// which gives the client a code, and the client redeems the code for tokens. Plan, limit, usage,
// audit and end of an app are those of a key.

// Lifetimes of the codes and tokens of connected apps.
const (
	codeLifetime    = time.Minute
	accessLifetime  = 12 * time.Hour
	refreshLifetime = 30 * 24 * time.Hour
	// A refresh token may be used again for a short time after its first use, because some clients
	// run as several processes that share their tokens without a lock.
	refreshGrace = time.Minute
	maxReuses    = 5
)

// maxAppCodes is how many codes of one member are stored.
const maxAppCodes = 100

// Consent is what a member allows a client.
type Consent struct {
	Client      memo.Client
	RedirectURI string
	Challenge   string     // of PKCE with S256
	ExpiresAt   *time.Time // of the app; nil: never
}

// AllowApp records that the caller, a signed-in member, connects an app to the workspace, and
// returns the code that the client redeems with [App.RedeemCode] within a minute. Errors:
// KindForbidden if the plan has no API access, KindConflict too_many_codes, KindInvalid key_policy.
func (a *App) AllowApp(ctx context.Context, c memo.Caller, in Consent) (code string, err error) {
	if err := requireSignedInMember(c); err != nil {
		return "", err
	}
	code, hash := credential.NewToken()
	return code, a.write(ctx, c, func(tx *store.Tx) error {
		k, plan, err := newKey(ctx, tx, c)
		if err != nil {
			return err
		}
		if err := memo.MayUseAPI(plan); err != nil {
			return err
		}
		k.Validity.ExpiresAt = in.ExpiresAt
		if err := checkKeyPolicy(ctx, tx, k); err != nil {
			return err
		}
		n, err := tx.CountAppCodes(ctx, c.WorkspaceID, c.UserID)
		if err != nil {
			return err
		}
		if n >= maxAppCodes {
			return memo.Conflict("too_many_codes", "You have connected many apps within a short time. Try again in an hour.")
		}
		return tx.AddAppCode(ctx, store.AppCode{
			WorkspaceID: c.WorkspaceID, UserID: c.UserID, Client: in.Client, RedirectURI: in.RedirectURI,
			Challenge: in.Challenge, AppExpiresAt: in.ExpiresAt, ExpiresAt: tx.Now.Add(codeLifetime),
		}, hash)
	})
}

// TakeRegistration counts a registration of a client, of which an address may make as many in a minute
// as a member may make management calls. Above that it is KindRateLimited.
func (a *App) TakeRegistration(ctx context.Context, client Client) error {
	d, err := a.limits.Take(ctx, ratelimit.Management, "register "+client.Address)
	if err == nil && !d.Accepted {
		return &memo.Error{Kind: memo.KindRateLimited, Message: "Rate limit exceeded", RetryAfter: d.RetryAfter}
	}
	return err
}

// ErrInvalidGrant is the error for a code or refresh token that is not valid. It does not say why,
// because the client may not be the one that it was given to.
var ErrInvalidGrant error = memo.Invalid("grant", "is not valid any more. Connect again.")

// AppTokens are the tokens of a connected app.
type AppTokens struct {
	Access, Refresh credential.Key
	AccessExpiresAt time.Time
	Now             time.Time // when they were made
}

// Redemption is how a client redeems a code.
type Redemption struct {
	Code, ClientID, RedirectURI string
	Verifier                    string // of PKCE
}

// RedeemCode makes a connected app of a code, and returns its first tokens. A code works once: a
// second attempt ends the app, because one of the two clients has stolen the code. Errors:
// [ErrInvalidGrant].
func (a *App) RedeemCode(ctx context.Context, in Redemption, client Client) (out AppTokens, err error) {
	if len(in.Code) != tokenLen {
		return out, ErrInvalidGrant
	}
	hash := credential.HashToken(in.Code)
	if ok, err := a.store.HasAppCode(ctx, hash); err != nil || !ok {
		return out, cmp.Or(err, ErrInvalidGrant) // without a transaction, which anyone could start
	}
	refused := false
	err = a.store.Write(ctx, func(tx *store.Tx) error {
		code, ok, err := tx.LockAppCode(ctx, hash)
		if err != nil {
			return err
		}
		c := memo.Caller{
			UserID: code.UserID, WorkspaceID: code.WorkspaceID, ClientAddress: client.Address, UserAgent: client.UserAgent,
		}
		switch {
		case ok && code.KeyID != "":
			refused = true
			return endReplayedApp(ctx, tx, c, code.KeyID, "a code was used twice")
		case !ok || code.Client.ID != in.ClientID || code.RedirectURI != in.RedirectURI ||
			!isVerifier(in.Verifier, code.Challenge) || !tx.Now.Before(code.ExpiresAt):
			refused = true
			return nil
		}
		k, _, err := newKey(ctx, tx, c)
		if err != nil {
			return err
		}
		k.Kind, k.Name, k.Client, k.Validity.ExpiresAt = memo.KindApp, code.Client.Name, &code.Client, code.AppExpiresAt
		if err := addKey(ctx, tx, c, k, credential.NewKey(), memo.ActionAppConnected); err != nil {
			return err
		}
		if err := tx.UseAppCode(ctx, hash, k.ID); err != nil {
			return err
		}
		out, err = addTokens(ctx, tx, k)
		return err
	})
	if refused || memo.KindOf(err) == memo.KindNotFound || memo.KindOf(err) == memo.KindConflict {
		return AppTokens{}, ErrInvalidGrant // not a member any more, or too many apps
	}
	return out, err
}

// isVerifier reports whether a PKCE challenge was made from this verifier.
func isVerifier(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// addTokens gives an app a new pair of tokens, which end no later than the app.
func addTokens(ctx context.Context, tx *store.Tx, k memo.APIKey) (AppTokens, error) {
	end := func(lifetime time.Duration) time.Time {
		t := tx.Now.Add(lifetime)
		if e := k.Validity.ExpiresAt; e != nil && e.Before(t) {
			return *e
		}
		return t
	}
	t := AppTokens{
		Access: credential.NewAccessToken(), Refresh: credential.NewRefreshToken(),
		AccessExpiresAt: end(accessLifetime), Now: tx.Now,
	}
	return t, tx.AddAppTokens(ctx, k.ID, t.Access.Hash(), t.Refresh.Hash(), t.AccessExpiresAt, end(refreshLifetime))
}

// endReplayedApp ends an app whose code or refresh token was used a second time.
func endReplayedApp(ctx context.Context, tx *store.Tx, c memo.Caller, id, why string) error {
	k, err := tx.Key(ctx, id, tx.Now)
	if err != nil {
		return err
	}
	c.UserID = "" // it is not known who used it
	return revokeKey(ctx, tx, c, k, memo.ActionAppReplayed, why)
}

// RefreshApp returns new tokens for a refresh token, which may be used again for a minute and up to
// five times. A later use ends the app, because somebody has a copy of the token. Errors:
// [ErrInvalidGrant].
func (a *App) RefreshApp(ctx context.Context, token, clientID string, client Client) (out AppTokens, err error) {
	refresh, ok := credential.ParseKeyOrToken(token)
	if !ok || refresh.Prefix() != memo.RefreshTokenPrefix {
		return out, ErrInvalidGrant
	}
	id, err := a.store.AppOfToken(ctx, refresh.Hash())
	if err != nil {
		return out, err
	}
	if id == "" {
		return out, ErrInvalidGrant
	}
	refused := false
	err = a.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockKey(ctx, id); err != nil {
			return err
		}
		k, err := tx.Key(ctx, id, tx.Now)
		if err != nil {
			return err
		}
		t, ok, err := tx.LockRefreshToken(ctx, refresh.Hash())
		if err != nil {
			return err
		}
		if !ok || k.Client == nil || k.Client.ID != clientID || !tx.Now.Before(t.ExpiresAt) ||
			k.Validity.Status(tx.Now) != memo.KeyActive || a.expired.has(id) {
			refused = true
			return nil
		}
		if t.UsedAt != nil && (tx.Now.Sub(*t.UsedAt) > refreshGrace || t.Reuses >= maxReuses) {
			refused = true
			c := memo.Caller{WorkspaceID: k.WorkspaceID, ClientAddress: client.Address, UserAgent: client.UserAgent}
			return endReplayedApp(ctx, tx, c, id, "a refresh token was used again after it was replaced")
		}
		if err := tx.UseRefreshToken(ctx, refresh.Hash()); err != nil {
			return err
		}
		out, err = addTokens(ctx, tx, k)
		return err
	})
	if refused || memo.KindOf(err) == memo.KindNotFound {
		return AppTokens{}, ErrInvalidGrant
	}
	return out, err
}

// DisconnectByToken ends the app of an access or refresh token, if it is that client's. A token that
// is not known is not an error.
func (a *App) DisconnectByToken(ctx context.Context, token, clientID string, client Client) error {
	t, ok := credential.ParseKeyOrToken(token)
	if !ok || t.Prefix() == memo.KeyPrefix {
		return nil
	}
	id, err := a.store.AppOfToken(ctx, t.Hash())
	if err != nil || id == "" {
		return err
	}
	k, err := a.store.Key(ctx, id, a.store.Now())
	if err != nil || k.Client == nil || clientID != "" && k.Client.ID != clientID {
		return err
	}
	c := memo.Caller{
		UserID: k.CreatedBy.ID, WorkspaceID: k.WorkspaceID, ClientAddress: client.Address, UserAgent: client.UserAgent,
	}
	return a.writeEnding(ctx, c, k.CreatedBy.ID, func(tx *store.Tx) error {
		return revokeKey(ctx, tx, c, k, memo.ActionAppDisconnected, "by the app")
	})
}
