package app_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/transcript"
)

// at returns a client at an address.
func at(ip string) app.Client { return app.Client{Address: ip, UserAgent: "test"} }

// signIn signs a user in and returns the session token.
func (w *world) signIn(u memo.User, replaces string) string {
	w.t.Helper()
	in := app.SignIn{Email: u.Email, Password: testenv.Password, Replaces: replaces}
	token, _, _, err := w.SignIn(w.ctx, in, at("192.0.2.1"))
	return must(w.t, token, err)
}

// signedIn signs a user in and returns them as a caller with a session.
func (w *world) signedIn(u memo.User) memo.Caller {
	w.t.Helper()
	c, err := w.AuthoriseSession(w.ctx, w.signIn(u, ""), w.workspace.ID, at("192.0.2.1"))
	return must(w.t, c, err)
}

// works reports whether a session token is accepted.
func (w *world) works(token string) bool {
	w.t.Helper()
	_, err := w.AuthoriseUser(w.ctx, token, at("192.0.2.1"))
	if err != nil && memo.KindOf(err) != memo.KindUnauthorized {
		w.t.Fatal(err)
	}
	return err == nil
}

// events returns the audit events of an action in the workspace, newest first.
func (w *world) events(action memo.Action) (found []memo.AuditEvent) {
	w.t.Helper()
	all, err := w.store.Events(w.ctx, store.EventFilter{WorkspaceID: w.workspace.ID}, 1000)
	for _, e := range must(w.t, all, err) {
		if e.Action == action {
			found = append(found, e)
		}
	}
	return found
}

func TestCommonPasswordsAreRefused(t *testing.T) {
	const common = "Password1"
	onBoth(t, func(t *testing.T, w *world) {
		c := w.signedIn(w.member)
		_, token, err := w.Invite(w.ctx, w.as(w.owner), memo.RoleMember, "")
		must(t, token, err)
		_, added := w.AddUser(w.ctx, theOperator, "new@example.com", "New", common)
		problems := app.SetupRequest{Email: "a@example.com", Name: "A", Workspace: "W", Password: common}.Check()
		_, joining, err := w.SignUpWithInvite(w.ctx, token, "new@example.com", "New", common, at("192.0.2.1"))
		must(t, 0, err)
		for desc, err := range map[string]error{
			"add a user": added, "set up": firstOf(problems), "join": firstOf(joining),
			"change": w.ChangePassword(w.ctx, c, testenv.Password, common, false),
			"set":    w.SetPassword(w.ctx, memo.Caller{Operator: true, UserID: c.UserID}, common),
		} {
			wantKind(t, desc, err, memo.KindInvalid)
			if err != nil && !strings.HasSuffix(err.Error(),
				"This password is too common. Choose another one.") {
				t.Errorf("%s: %v", desc, err)
			}
		}

		// A common password that was set earlier still works.
		hash, err := credential.NewPasswordHasher(1).Hash(w.ctx, common)
		must(t, hash, err)
		must(t, 0, w.store.Write(w.ctx, func(tx *store.Tx) error { return tx.SetPassword(w.ctx, w.member.ID, hash) }))
		_, _, _, err = w.SignIn(w.ctx, app.SignIn{Email: w.member.Email, Password: common}, at("192.0.2.1"))
		must(t, 0, err)
	})
}

func firstOf(problems []*memo.Error) error {
	if len(problems) == 0 {
		return nil
	}
	return problems[0]
}

// TestUnusedSessionEnds seven days after its last use, and every session
// thirty days after the sign-in.
func TestUnusedSessionEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		used, unused := w.signIn(w.member, ""), w.signIn(w.member, "")
		start := w.clock.read()
		w.clock.add(memo.SessionIdleTimeout - time.Minute)
		if !w.works(used) {
			t.Fatal("a session ended before seven days without use")
		}
		c, err := w.AuthoriseUser(w.ctx, used, at("192.0.2.1"))
		must(t, c, err)
		w.FlushUsage(w.ctx)
		w.clock.add(time.Minute)
		if w.works(unused) {
			t.Error("a session works seven days after its last use")
		}
		list, err := w.Sessions(w.ctx, c)
		if must(t, list, err); len(list) != 1 || !list[0].Current ||
			!list[0].LastUsedAt.Equal(start.Add(memo.SessionIdleTimeout-time.Minute)) {
			t.Errorf("the sessions are %+v, want only the current one, used a minute ago", list)
		}
		for w.clock.read().Before(start.Add(memo.SessionLifetime)) {
			if !w.works(used) {
				t.Fatalf("a session in use ended after %v", w.clock.read().Sub(start))
			}
			w.FlushUsage(w.ctx)
			w.clock.add(5 * 24 * time.Hour)
		}
		if w.works(used) {
			t.Error("a session works thirty days after the sign-in")
		}

		// A request that was authorised before the session ended cannot write after that.
		idle := w.signedIn(w.member)
		w.clock.add(memo.SessionIdleTimeout)
		wantKind(t, "rename", w.RenameUser(w.ctx, idle, "Late"), memo.KindUnauthorized)
		wantKind(t, "sign out everywhere", w.SignOutEverywhere(w.ctx, idle), memo.KindUnauthorized)
		if known, err := w.store.KnowsAddress(w.ctx, w.member.Email, "192.0.2.1"); known || err != nil {
			t.Errorf("the address of an ended session counts as known: %v", err)
		}
	})
}

// TestSessionUseIsWrittenOnceAnHour: a use that cannot be written waits, within bounds.
func TestSessionUseIsWrittenOnceAnHour(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		token := w.signIn(w.member, "")
		c, err := w.AuthoriseUser(w.ctx, token, at("192.0.2.1"))
		must(t, c, err)
		last := func() time.Time {
			list, err := w.Sessions(w.ctx, c)
			must(t, list, err)
			return list[0].LastUsedAt
		}
		var written []time.Time
		for range 12 { // three hours
			w.clock.add(15 * time.Minute)
			w.works(token)
			w.FlushUsage(w.ctx)
			if now := last(); len(written) == 0 || !now.Equal(written[len(written)-1]) {
				written = append(written, now)
			}
		}
		if len(written) != 4 { // at the sign-in, and three times after it
			t.Errorf("the last use was written as %v, want 4 times", written)
		}
		w.clock.add(time.Hour)
		w.works(token)
		app.NoteSessionUse(w.App, "unknown", w.clock.read())
		w.store.Close()
		app.RunPass(w.ctx, w.App)
		if n := app.PendingSessionUses(w.App); n != 2 {
			t.Errorf("%d uses wait for a closed database, want 2", n)
		}
		for i := range app.MaxSessionUses {
			app.NoteSessionUse(w.App, fmt.Sprint(i), w.clock.read())
		}
		if n := app.PendingSessionUses(w.App); n != app.MaxSessionUses {
			t.Errorf("%d uses wait, want %d", n, app.MaxSessionUses)
		}
	})
}

// TestSignInEndsTheBrowsersSession checks that the old session ends even if it is another user's.
func TestSignInEndsTheBrowsersSession(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		first, other := w.signIn(w.member, ""), w.signIn(w.member, "")
		second := w.signIn(w.owner, first)
		if w.works(first) || !w.works(second) || !w.works(other) {
			t.Errorf("the replaced session works: %v, the new one: %v, another one: %v; want false, true, true",
				w.works(first), w.works(second), w.works(other))
		}
		_, _, _, err := w.SignIn(w.ctx, app.SignIn{Email: w.owner.Email, Password: "wrong horse", Replaces: second},
			at("192.0.2.1"))
		wantKind(t, "a wrong password", err, memo.KindUnauthorized)
		if !w.works(second) {
			t.Error("a failed sign-in ended a session")
		}
		for _, token := range []string{"", "x", first, strings.Repeat("x", len(first))} {
			w.signIn(w.owner, token)
		}
	})
}

func TestOneSessionTooManyEndsTheOldest(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		others := w.signIn(w.owner, "")
		var tokens []string
		for range memo.MaxSessions + 2 {
			w.clock.add(time.Second)
			tokens = append(tokens, w.signIn(w.member, ""))
		}
		for i, token := range tokens {
			if got, want := w.works(token), i >= 2; got != want {
				t.Errorf("session %d works: %v, want %v", i, got, want)
			}
		}
		if !w.works(others) {
			t.Error("another user's session ended")
		}
		c, err := w.AuthoriseUser(w.ctx, tokens[5], app.Client{})
		must(t, c, err)
		if list, err := w.Sessions(w.ctx, c); err != nil || len(list) != memo.MaxSessions {
			t.Errorf("%d sessions are listed (%v), want %d", len(list), err, memo.MaxSessions)
		}
	})
}

// TestSignInsThatReplaceEachOthersSessionsDoNotDeadlock: two users with too many sessions sign in at
// the same time, each in a browser that has the oldest session of the other.
func TestSignInsThatReplaceEachOthersSessionsDoNotDeadlock(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		tokens := map[string][]string{}
		must(t, 0, w.store.Write(w.ctx, func(tx *store.Tx) error {
			for _, u := range []memo.User{w.owner, w.member} {
				for i := range memo.MaxSessions {
					token, hash := credential.NewToken()
					tokens[u.ID] = append(tokens[u.ID], token)
					at := tx.Now.Add(time.Duration(i-memo.MaxSessions) * time.Minute)
					if err := tx.AddSession(w.ctx, memo.Session{
						ID: app.NewID(), UserID: u.ID, CreatedAt: at, LastUsedAt: at, ExpiresAt: tx.Now.Add(time.Hour),
					}, hash); err != nil {
						return err
					}
				}
			}
			return nil
		}))
		for i := range 20 {
			w.clock.add(time.Minute) // so that the throttle is not reached
			var both sync.WaitGroup
			for n, u := range []memo.User{w.owner, w.member} {
				other := []memo.User{w.member, w.owner}[n]
				both.Go(func() {
					in := app.SignIn{Email: u.Email, Password: testenv.Password, Replaces: tokens[other.ID][i]}
					if _, _, _, err := w.SignIn(w.ctx, in, at(fmt.Sprintf("192.0.2.%d", i))); err != nil {
						t.Errorf("sign-in %d: %v", i, err)
					}
				})
			}
			both.Wait()
			for _, u := range []memo.User{w.owner, w.member} {
				if w.works(tokens[u.ID][i]) {
					t.Errorf("session %d of %s still works", i, u.Email)
				}
			}
		}
	})
}

func TestFailedSignInsAreRecorded(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		fail := func(email string) {
			t.Helper()
			_, _, _, err := w.SignIn(w.ctx, app.SignIn{Email: email, Password: "wrong horse"}, at("203.0.113.9"))
			wantKind(t, email, err, memo.KindUnauthorized)
		}
		start := w.clock.read()
		for range 5 {
			fail(w.member.Email)
			fail("nobody@example.com")
			w.clock.add(time.Second)
		}
		if n := len(w.events(memo.ActionSignInFailed)); n != 0 {
			t.Errorf("%d events were written before the response", n)
		}
		w.FlushUsage(w.ctx)
		w.FlushUsage(w.ctx)
		got := w.events(memo.ActionSignInFailed)
		if len(got) != 1 {
			t.Fatalf("%d events for five failures within a minute, want 1", len(got))
		}
		if e := got[0]; e.Actor != "system" || e.ActorID != "" || e.Subject != w.member.ID || e.Name != w.member.Email ||
			e.IP != "203.0.113.9" || e.Details.Reason != "the password was wrong" || !e.At.Equal(start) {
			t.Errorf("the event is %+v", e)
		}

		must(t, 0, w.DisableUser(w.ctx, theOperator, w.owner.ID))
		_, _, _, err := w.SignIn(w.ctx, app.SignIn{Email: w.owner.Email, Password: testenv.Password}, at("203.0.113.9"))
		wantKind(t, "a disabled user", err, memo.KindUnauthorized)
		alone := w.user("alone@example.com") // in no workspace
		fail(alone.Email)
		w.FlushUsage(w.ctx)
		if got := w.events(memo.ActionSignInFailed); len(got) != 2 || got[0].Details.Reason != "the user is disabled" {
			t.Errorf("the events are %+v, want one more, for the disabled user", got)
		}

		// If the database cannot write, the sign-in is refused as before and the event waits.
		eve := w.user("eve@example.com")
		fail(eve.Email)
		w.store.Close()
		app.RunPass(w.ctx, w.App)
		if n := app.PendingFailedSignIns(w.App); n != 1 {
			t.Errorf("%d events wait, want 1", n)
		}
		for range app.MaxFailedSignIns {
			app.NoteFailedSignIn(w.ctx, w.App, memo.User{ID: app.NewID()})
		}
		if n := app.PendingFailedSignIns(w.App); n != app.MaxFailedSignIns {
			t.Errorf("%d events wait, want %d", n, app.MaxFailedSignIns)
		}
	})
}

// TestThrottledSignInDoesNotReadDatabase: with the database closed, a throttled sign-in
// still gets KindRateLimited, whether or not the account exists.
func TestThrottledSignInDoesNotReadDatabase(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		fill := func(n int, account, ip string) {
			for range n {
				_ = app.TakeAttempt(w.ctx, w.App, account, ip)
			}
		}
		fill(10, w.member.Email, "203.0.113.1")
		fill(10, "nobody@example.com", "203.0.113.1")
		for i := range 60 {
			fill(1, fmt.Sprint(i), "203.0.113.2")
		}
		w.store.Close()
		for _, email := range []string{w.member.Email, "nobody@example.com", "no e-mail"} {
			for _, ip := range []string{"203.0.113.1", "203.0.113.2"} {
				if email == "no e-mail" && ip == "203.0.113.1" {
					continue
				}
				_, _, _, err := w.SignIn(w.ctx, app.SignIn{Email: email, Password: "wrong horse"}, at(ip))
				wantKind(t, email+" from "+ip, err, memo.KindRateLimited)
			}
		}
	})
}

// TestAccountLimitAppliesToNewAddresses: it does not apply to addresses from which the
// account is signed in, and is the same for an account that does not exist.
func TestAccountLimitAppliesToNewAddresses(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.signIn(w.member, "") // from 192.0.2.1
		for _, email := range []string{w.member.Email, "nobody@example.com"} {
			for i := range 100 {
				must(t, 0, app.TakeAttempt(w.ctx, w.App, email, fmt.Sprintf("198.51.100.%d", i)))
			}
			_, _, _, err := w.SignIn(w.ctx, app.SignIn{Email: email, Password: "correct horse"}, at("203.0.113.1"))
			wantKind(t, email, err, memo.KindRateLimited)
		}
		w.signIn(w.member, "")
		if known, err := w.store.KnowsAddress(w.ctx, w.owner.Email, "192.0.2.1"); known || err != nil {
			t.Errorf("another user's address counts as known: %v", err)
		}
	})
}

// TestFailedSignInIsWrittenSoon, without waiting for the next regular write.
func TestFailedSignInIsWrittenSoon(t *testing.T) {
	w := newWorld(t, store.Config{Dir: t.TempDir()})
	ctx, stop := context.WithCancel(w.ctx)
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	defer running.Wait()
	defer stop()
	_, _, _, err := w.SignIn(w.ctx, app.SignIn{Email: w.member.Email, Password: "wrong horse"}, at("203.0.113.9"))
	wantKind(t, "a wrong password", err, memo.KindUnauthorized)
	end := time.Now().Add(4 * time.Second)
	for len(w.events(memo.ActionSignInFailed)) == 0 {
		if time.Now().After(end) {
			t.Fatal("no event after four seconds")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestDownloadsAreRecorded(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		c := w.signedIn(w.member)
		one, two := w.file("One.txt", "Ann: hello").ID, w.file("Two.txt", "Ann: bye").ID
		file, err := w.Export(w.ctx, c, one, transcript.SRT)
		must(t, file, err)
		w.RecordDownload(w.ctx, c, file)
		ar, err := w.PrepareArchive(w.ctx, c, []string{two, one, two}, transcript.Markdown)
		must(t, ar, err)
		w.clock.add(time.Second)
		w.RecordDownload(w.ctx, c, ar)
		got := w.events(memo.ActionDownloaded)
		if len(got) != 2 {
			t.Fatalf("the events are %+v, want two", got)
		}
		for i, want := range []memo.AuditEvent{
			{Subject: two + " " + one, Name: "2 transcriptions", Details: memo.EventDetails{Format: "md", Archive: true}},
			{Subject: one, Name: "One", Details: memo.EventDetails{Format: "srt"}},
		} {
			e := got[i]
			if e.Subject != want.Subject || e.Name != want.Name || e.Details != want.Details {
				t.Errorf("event %d is %+v, want %+v", i, e, want)
			}
			if e.Actor != w.member.Email || e.IP != "192.0.2.1" {
				t.Errorf("event %d was %s from %s, want the member from 192.0.2.1", i, e.Actor, e.IP)
			}
		}
		w.store.Close()
		w.RecordDownload(w.ctx, c, file)
		log := w.log.String()
		if !strings.Contains(log, "a download is not in the audit trail") || !strings.Contains(log, one) {
			t.Errorf("the log is %q, want the download that could not be recorded", log)
		}
	})
}

func TestPasswordChangeRevokesKeysOnRequest(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		second := w.addWorkspace("Second", w.member)
		here, view := w.key(w.member, "here")
		elsewhere, err := w.CreateKey(w.ctx, memo.Caller{UserID: w.member.ID, WorkspaceID: second.ID},
			app.KeyRequest{Name: "elsewhere"})
		must(t, elsewhere, err)
		there, _ := credential.ParseKey(elsewhere.Key)
		others, _ := w.key(w.owner, "another user's")
		ended, endedView := w.key(w.member, "ended")
		must(t, 0, w.RevokeKey(w.ctx, w.as(w.member), endedView.ID))
		c := w.signedIn(w.member)
		if n, err := w.CountOwnKeys(w.ctx, c); n != 2 || err != nil {
			t.Errorf("%d active keys (%v), want 2", n, err)
		}

		must(t, 0, w.ChangePassword(w.ctx, c, testenv.Password, "battery staple", false))
		w.wantCode("after a change that keeps keys", here, "")
		token, _, _, err := w.SignIn(w.ctx, app.SignIn{Email: w.member.Email, Password: "battery staple"}, at("192.0.2.1"))
		must(t, token, err)
		c, err = w.AuthoriseUser(w.ctx, token, at("192.0.2.1"))
		must(t, c, err)
		wantKind(t, "a wrong password", w.ChangePassword(w.ctx, c, "wrong horse", "staple battery", true), memo.KindInvalid)
		w.wantCode("after a refusal", here, "")
		must(t, 0, w.ChangePassword(w.ctx, c, "battery staple", "staple battery", true))
		w.wantCode("here", here, "revoked")
		w.wantCode("elsewhere", there, "revoked")
		w.wantCode("another user's", others, "")
		w.wantCode("ended before", ended, "revoked")
		got := w.events(memo.ActionKeyRevoked)
		if len(got) != 2 || got[0].Subject != view.ID || got[0].Actor != w.member.Email ||
			got[0].Details.Reason != "when the password was changed" {
			t.Errorf("the events are %+v", got)
		}
		if n, err := w.CountOwnKeys(w.ctx, c); n != 0 || err != nil {
			t.Errorf("%d active keys (%v), want 0", n, err)
		}
	})
}

// TestKeyCreatedDuringPasswordChangeIsRevoked: another session creates a key while the
// password is being changed.
func TestKeyCreatedDuringPasswordChangeIsRevoked(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		c, thief := w.signedIn(w.member), w.signedIn(w.member)
		hash, err := w.store.PasswordHash(w.ctx, c.UserID)
		must(t, hash, err)
		changed := make(chan error, 1)
		must(t, 0, app.Write(w.ctx, w.App, thief, func(tx *store.Tx) error {
			secret := credential.NewKey()
			k := memo.APIKey{
				ID: app.NewID(), WorkspaceID: w.workspace.ID, Name: "theirs", Suffix: secret.Suffix(),
				CreatedAt: tx.Now, CreatedBy: memo.KeyCreator{ID: thief.UserID},
			}
			if _, err := tx.AddKey(w.ctx, k, secret.Hash()); err != nil {
				return err
			}
			if err := app.RequireSession(w.ctx, tx, thief); err != nil {
				return err
			}
			go func() { changed <- app.SetPasswordAfter(w.ctx, w.App, c, hash, "battery staple", true) }()
			time.Sleep(time.Second) // by now the change waits for this transaction
			return nil
		}))
		must(t, 0, <-changed)
		if n, err := w.CountOwnKeys(w.ctx, c); n != 0 || err != nil {
			t.Fatalf("%d keys are active after the change (%v), want 0", n, err)
		}
		_, err = w.CreateKey(w.ctx, thief, app.KeyRequest{Name: "late"})
		wantKind(t, "a key after the change", err, memo.KindUnauthorized)
	})
}

// TestKeysChangeDuringPasswordChange: two sessions create, change, rotate and revoke keys as fast as
// they can, until a change of the password ends both. No transaction waits for another that waits
// for it, and no key stays active.
func TestKeysChangeDuringPasswordChange(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for range 8 {
			c, other := w.signedIn(w.member), w.signedIn(w.member)
			_, shared := w.key(w.member, "shared")
			noOverlap := new(time.Duration)
			var all sync.WaitGroup
			for name, act := range map[string]func(c memo.Caller, i int) error{
				"change a key": func(c memo.Caller, i int) error {
					return errOf(w.ChangeKey(w.ctx, c, shared.ID, app.KeyChange{Name: new(fmt.Sprint("name ", i))}))
				},
				"create, rotate and revoke a key": func(c memo.Caller, i int) error {
					k, err := w.CreateKey(w.ctx, c, app.KeyRequest{Name: "new"})
					if err == nil {
						k, err = w.RotateKey(w.ctx, c, k.ID, "", noOverlap)
					}
					if err == nil && i%10 > 0 { // the others stay active, up to the limit of a member
						err = w.RevokeKey(w.ctx, c, k.ID)
					}
					return err
				},
			} {
				for _, c := range []memo.Caller{c, other} {
					all.Go(func() {
						var err error
						for i := 0; err == nil; i++ {
							err = act(c, i)
						}
						if memo.KindOf(err) != memo.KindUnauthorized && codeOf(err) != "key_not_active" {
							t.Errorf("%s: got %v, want the end of the session or of the key", name, err)
						}
					})
				}
			}
			err := w.ChangePassword(w.ctx, c, testenv.Password, testenv.Password, true)
			if err != nil {
				t.Errorf("change the password: %v", err)
				must(t, 0, w.SignOutEverywhere(w.ctx, c)) // or the others would not stop
			}
			all.Wait()
			if n, err := w.CountOwnKeys(w.ctx, c); n != 0 || err != nil {
				t.Errorf("%d keys are active after the change (%v), want 0", n, err)
			}
		}
	})
}

// TestNothingIsWrittenAfterSignOut: a slow request that was admitted before the sign-out
// cannot write after it.
func TestNothingIsWrittenAfterSignOut(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner := w.signedIn(w.owner)
		in, err := w.Import(w.ctx, owner, app.ImportFile{Name: "a.txt", Data: []byte("Ann: hello")})
		must(t, in, err)
		late := func(c memo.Caller) map[string]error {
			_, created := w.CreateKey(w.ctx, c, app.KeyRequest{Name: "late"})
			_, _, invited := w.Invite(w.ctx, c, memo.RoleOwner, "")
			_, imported := w.Import(w.ctx, c, app.ImportFile{Name: "late.txt", Data: []byte("Ann: late")})
			return map[string]error{
				"create a key": created, "invite": invited, "import": imported,
				"change a title":       errOf(w.ChangeDetails(w.ctx, c, in.ID, app.Details{Title: new("Late")})),
				"rename the workspace": w.RenameWorkspace(w.ctx, c, "Late"),
				"rename the user":      w.RenameUser(w.ctx, c, "Late"),
				"change the password":  w.ChangePassword(w.ctx, c, testenv.Password, "battery staple", false),
			}
		}
		must(t, 0, w.SignOutEverywhere(w.ctx, owner))
		for desc, err := range late(owner) {
			wantKind(t, desc, err, memo.KindUnauthorized)
		}
		full, err := w.Transcription(w.ctx, owner, in.ID)
		must(t, full, err)
		if body, err := full.AppendJSON(nil); err != nil || bytes.Contains(body, []byte("Late")) {
			t.Errorf("the transcription is %s (%v), want the old title", body, err)
		}
		keys, err := w.ListKeys(w.ctx, owner, app.KeyQuery{})
		if err != nil || len(keys.Items) != 0 {
			t.Errorf("the keys are %+v (%v), want none", keys, err)
		}

		// The same holds after a removal or a lost role, even with a session that has not ended.
		member, demoted := w.signedIn(w.member), w.signedIn(w.owner)
		theirs, err := w.Import(w.ctx, member, app.ImportFile{Name: "b.txt", Data: []byte("Ann: bye")})
		must(t, theirs, err)
		_, err = w.AddMember(w.ctx, memo.Caller{Operator: true}, w.workspace.ID, w.user("second@example.com").ID,
			memo.RoleOwner)
		must(t, 0, err)
		_, err = w.SetRole(w.ctx, memo.Caller{Operator: true}, w.workspace.ID, w.owner.ID, memo.RoleMember)
		must(t, 0, err)
		must(t, 0, w.RemoveMember(w.ctx, memo.Caller{Operator: true}, w.workspace.ID, w.member.ID))
		_, err = w.Import(w.ctx, member, app.ImportFile{Name: "late.txt", Data: []byte("Ann: late")})
		wantKind(t, "a removed member imports", err, memo.KindNotFound)
		wantKind(t, "a demoted OWNER changes another member's title",
			errOf(w.ChangeDetails(w.ctx, demoted, theirs.ID, app.Details{Title: new("Late")})), memo.KindForbidden)
		must(t, 0, errOf(w.ChangeDetails(w.ctx, demoted, in.ID, app.Details{Title: new("Own")})))
	})
}
