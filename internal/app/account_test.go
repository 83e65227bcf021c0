package app_test

import (
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/testenv"
)

func TestNewPasswordEndsEverySession(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		signIn := func(password string) (string, error) {
			token, _, _, err := w.SignIn(w.ctx, app.SignIn{Email: w.member.Email, Password: password}, at("192.0.2.1"))
			return token, err
		}
		one, err := signIn(testenv.Password)
		must(t, one, err)
		two, err := signIn(testenv.Password)
		must(t, two, err)
		c, err := w.AuthoriseUser(w.ctx, one, app.Client{Address: "192.0.2.1"})
		must(t, c, err)
		must(t, 0, w.RenameUser(w.ctx, c, "  Mark Twain "))
		if u, err := w.Account(w.ctx, c); err != nil || u.Name != "Mark Twain" {
			t.Errorf("the account is %+v (%v), want the new name without spaces", u, err)
		}
		wantKind(t, "an empty name", w.RenameUser(w.ctx, c, " "), memo.KindInvalid)
		wantKind(t, "a wrong password", w.ChangePassword(w.ctx, c, "wrong", "battery staple", false), memo.KindInvalid)
		wantKind(t, "a short password", w.ChangePassword(w.ctx, c, testenv.Password, "short", false), memo.KindInvalid)
		must(t, 0, w.ChangePassword(w.ctx, c, testenv.Password, "battery staple", false))
		for _, token := range []string{one, two} {
			if _, err := w.AuthoriseUser(w.ctx, token, app.Client{}); memo.KindOf(err) != memo.KindUnauthorized {
				t.Errorf("a session after the change of the password: got %v, want unauthorized", err)
			}
		}
		if _, err := signIn(testenv.Password); memo.KindOf(err) != memo.KindUnauthorized {
			t.Errorf("signing in with the old password: got %v, want unauthorized", err)
		}
		three, err := signIn("battery staple")
		must(t, three, err)
		wantKind(t, "a session that has ended ends others", w.SignOutEverywhere(w.ctx, c), memo.KindUnauthorized)
		c, err = w.AuthoriseUser(w.ctx, three, app.Client{Address: "192.0.2.1"})
		must(t, c, err)
		four, err := signIn("battery staple")
		must(t, four, err)
		must(t, 0, w.SignOutElsewhere(w.ctx, c))
		if _, err := w.AuthoriseUser(w.ctx, four, app.Client{}); memo.KindOf(err) != memo.KindUnauthorized {
			t.Errorf("another session after signing out elsewhere: got %v, want unauthorized", err)
		}
		if _, err := w.AuthoriseUser(w.ctx, three, app.Client{}); err != nil {
			t.Errorf("this session after signing out elsewhere: %v", err)
		}
		must(t, 0, w.SignOutEverywhere(w.ctx, c))
		if _, err := w.AuthoriseUser(w.ctx, three, app.Client{}); memo.KindOf(err) != memo.KindUnauthorized {
			t.Errorf("a session after signing out everywhere: got %v, want unauthorized", err)
		}
		var last error
		for range 12 {
			last = w.ChangePassword(w.ctx, c, "guess", "battery staple", false)
		}
		wantKind(t, "guessing the current password", last, memo.KindRateLimited)
	})
}

// TestConcurrentPasswordChangeIsRefused: of two changes at the same time, one is refused.
func TestConcurrentPasswordChangeIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		c := w.as(w.member)
		hash, err := w.store.PasswordHash(w.ctx, c.UserID)
		must(t, hash, err)
		must(t, 0, app.SetPasswordAfter(w.ctx, w.App, c, hash, "the first one", false))
		wantKind(t, "the second change",
			app.SetPasswordAfter(w.ctx, w.App, c, hash, "the second one", false), memo.KindInvalid)
		_, _, _, err = w.SignIn(w.ctx, app.SignIn{Email: w.member.Email, Password: "the first one"}, app.Client{})
		must(t, 0, err)
	})
}
