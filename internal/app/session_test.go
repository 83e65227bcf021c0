package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/transcript"
)

// at is an origin.
func at(ip string) Client { return Client{Address: ip, UserAgent: "test"} }

// signIn opens a session of a user and returns its token.
func (w *world) signIn(u memo.User, replaces string) string {
	w.t.Helper()
	in := SignIn{Email: u.Email, Password: testenv.Password, Replaces: replaces}
	token, _, _, err := w.SignIn(w.ctx, in, at("192.0.2.1"))
	return must(w.t, token, err)
}

// signedIn is a caller with a session.
func (w *world) signedIn(u memo.User) memo.Caller {
	w.t.Helper()
	c, err := w.AuthoriseSession(w.ctx, w.signIn(u, ""), w.workspace.ID, at("192.0.2.1"))
	return must(w.t, c, err)
}

// works reports whether a session's token is accepted.
func (w *world) works(token string) bool {
	w.t.Helper()
	_, err := w.AuthoriseUser(w.ctx, token, at("192.0.2.1"))
	if err != nil && memo.KindOf(err) != memo.KindUnauthorized {
		w.t.Fatal(err)
	}
	return err == nil
}

// events are those of an action in the workspace, newest first.
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
		_, token, err := w.Invite(w.ctx, w.as(w.owner), memo.RoleMember)
		must(t, token, err)
		_, added := w.AddUser(w.ctx, theOperator, "new@example.com", "New", common)
		problems := SetupRequest{Email: "a@example.com", Name: "A", Workspace: "W", Password: common}.Check()
		_, joining, err := w.SignUpWithInvite(w.ctx, token, "new@example.com", "New", common, at("192.0.2.1"))
		must(t, 0, err)
		for what, err := range map[string]error{
			"add a user": added, "set up": firstOf(problems), "join": firstOf(joining),
			"change": w.ChangePassword(w.ctx, c, testenv.Password, common, false),
			"set":    w.SetPassword(w.ctx, memo.Caller{Operator: true, UserID: c.UserID}, common),
		} {
			wantKind(t, what, err, memo.KindInvalid)
			if err != nil && !strings.HasSuffix(err.Error(),
				"This password is on lists of common passwords. Choose another one.") {
				t.Errorf("%s: %v", what, err)
			}
		}

		// One that was set before still opens its account.
		hash, err := credential.NewPasswords(1).Hash(w.ctx, common)
		must(t, hash, err)
		must(t, 0, w.store.Write(w.ctx, func(tx *store.Tx) error { return tx.SetPassword(w.ctx, w.member.ID, hash) }))
		_, _, _, err = w.SignIn(w.ctx, SignIn{Email: w.member.Email, Password: common}, at("192.0.2.1"))
		must(t, 0, err)
	})
}

func firstOf(problems []*memo.Error) error {
	if len(problems) == 0 {
		return nil
	}
	return problems[0]
}

// TestASessionEndsWithoutUse: seven days after its last use, and never later than
// thirty days after the sign-in.
func TestASessionEndsWithoutUse(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		used, unused := w.signIn(w.member, ""), w.signIn(w.member, "")
		begun := w.clock.read()
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
			!list[0].LastUsedAt.Equal(begun.Add(memo.SessionIdleTimeout-time.Minute)) {
			t.Errorf("the list has %+v", list)
		}
		for w.clock.read().Before(begun.Add(memo.SessionLifetime)) {
			if !w.works(used) {
				t.Fatalf("a session in use ended after %v", w.clock.read().Sub(begun))
			}
			w.FlushUsage(w.ctx)
			w.clock.add(5 * 24 * time.Hour)
		}
		if w.works(used) {
			t.Error("a session works thirty days after the sign-in")
		}

		// What a request began before the end is not written after it.
		idle := w.signedIn(w.member)
		w.clock.add(memo.SessionIdleTimeout)
		wantKind(t, "rename", w.RenameUser(w.ctx, idle, "Late"), memo.KindUnauthorized)
		wantKind(t, "sign out everywhere", w.SignOutEverywhere(w.ctx, idle), memo.KindUnauthorized)
		if known, err := w.store.KnowsAddress(w.ctx, w.member.Email, "192.0.2.1"); known || err != nil {
			t.Errorf("the address of a session that has ended is known: %v", err)
		}
	})
}

// TestUseIsWrittenOnceAnHour: and what cannot be written waits, within bounds.
func TestUseIsWrittenOnceAnHour(t *testing.T) {
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
		if len(written) != 4 { // that of the sign-in, and three
			t.Errorf("the last use was %v", written)
		}
		w.clock.add(time.Hour)
		w.works(token)
		w.backlog.noteUse(store.SessionState{SessionID: "of nobody"}, w.clock.read())
		w.store.Close()
		w.backlog.write(w.ctx)
		if n := len(w.backlog.uses); n != 2 {
			t.Errorf("%d uses wait for a database that takes no writes, want 2", n)
		}
		for i := range maxUses {
			w.backlog.noteUse(store.SessionState{SessionID: fmt.Sprint(i)}, w.clock.read())
		}
		if n := len(w.backlog.uses); n != maxUses {
			t.Errorf("%d uses wait, want no more than %d", n, maxUses)
		}
	})
}

// TestASignInReplacesTheSession that the browser has, whoever's it is.
func TestASignInReplacesTheSession(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		first, other := w.signIn(w.member, ""), w.signIn(w.member, "")
		second := w.signIn(w.owner, first)
		if w.works(first) || !w.works(second) || !w.works(other) {
			t.Errorf("works: the replaced one %v, the new one %v, another %v", w.works(first), w.works(second), w.works(other))
		}
		_, _, _, err := w.SignIn(w.ctx, SignIn{Email: w.owner.Email, Password: "wrong horse", Replaces: second},
			at("192.0.2.1"))
		wantKind(t, "a wrong password", err, memo.KindUnauthorized)
		if !w.works(second) {
			t.Error("a sign-in that failed ended a session")
		}
		for _, token := range []string{"", "x", first, strings.Repeat("x", tokenLen)} {
			w.signIn(w.owner, token)
		}
	})
}

func TestTooManySessionsEndTheOldest(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		others := w.signIn(w.owner, "")
		var tokens []string
		for range memo.MaxSessions + 2 {
			w.clock.add(time.Second)
			tokens = append(tokens, w.signIn(w.member, ""))
		}
		for i, token := range tokens {
			if got, want := w.works(token), i >= 2; got != want {
				t.Errorf("session %d works: %v", i, got)
			}
		}
		if !w.works(others) {
			t.Error("somebody else's session ended")
		}
		c, err := w.AuthoriseUser(w.ctx, tokens[5], Client{})
		must(t, c, err)
		if list, err := w.Sessions(w.ctx, c); err != nil || len(list) != memo.MaxSessions {
			t.Errorf("%d sessions are listed, %v", len(list), err)
		}
	})
}

func TestFailedSignInsAreRecorded(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		fail := func(email string) {
			t.Helper()
			_, _, _, err := w.SignIn(w.ctx, SignIn{Email: email, Password: "wrong horse"}, at("203.0.113.9"))
			wantKind(t, email, err, memo.KindUnauthorized)
		}
		begun := w.clock.read()
		for range 5 {
			fail(w.member.Email)
			fail("nobody@example.com")
			w.clock.add(time.Second)
		}
		if n := len(w.events(memo.ActionNotSignedIn)); n != 0 {
			t.Errorf("%d events were written while the caller waited", n)
		}
		w.FlushUsage(w.ctx)
		w.FlushUsage(w.ctx)
		got := w.events(memo.ActionNotSignedIn)
		if len(got) != 1 {
			t.Fatalf("%d events of five failures within a minute", len(got))
		}
		if e := got[0]; e.Actor != "system" || e.ActorID != "" || e.Subject != w.member.ID || e.Name != w.member.Email ||
			e.IP != "203.0.113.9" || e.Detail != "the password was wrong" || !e.At.Equal(begun) {
			t.Errorf("%+v", e)
		}

		must(t, 0, w.DisableUser(w.ctx, theOperator, w.owner.ID))
		_, _, _, err := w.SignIn(w.ctx, SignIn{Email: w.owner.Email, Password: testenv.Password}, at("203.0.113.9"))
		wantKind(t, "a disabled user", err, memo.KindUnauthorized)
		alone := w.user("alone@example.com") // in no workspace
		fail(alone.Email)
		w.FlushUsage(w.ctx)
		if got := w.events(memo.ActionNotSignedIn); len(got) != 2 || got[0].Detail != "the user is disabled" {
			t.Errorf("%+v", got)
		}

		// A database that takes no writes fails no sign-in, and loses no event.
		eve := w.user("eve@example.com")
		fail(eve.Email)
		w.store.Close()
		w.backlog.write(w.ctx)
		if n := len(w.backlog.refusals); n != 1 {
			t.Errorf("%d events wait, want 1", n)
		}
		w.log, w.backlog.log = slog.New(slog.DiscardHandler), slog.New(slog.DiscardHandler)
		for range maxRefusals {
			w.backlog.noteFailure(failedSignIn{})
		}
		if n := len(w.backlog.refusals); n != maxRefusals {
			t.Errorf("%d events wait, want no more than %d", n, maxRefusals)
		}
	})
}

// TestRunWritesFailedSignIns soon, not at its next turn.
func TestRunWritesFailedSignIns(t *testing.T) {
	w := newWorld(t, store.Config{Dir: t.TempDir()})
	ctx, stop := context.WithCancel(w.ctx)
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	defer running.Wait()
	defer stop()
	_, _, _, err := w.SignIn(w.ctx, SignIn{Email: w.member.Email, Password: "wrong horse"}, at("203.0.113.9"))
	wantKind(t, "a wrong password", err, memo.KindUnauthorized)
	for end := time.Now().Add(4 * time.Second); len(w.events(memo.ActionNotSignedIn)) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("there is no event after four seconds")
		}
	}
}

func TestDownloadsAreRecorded(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		c := w.signedIn(w.member)
		one, two := w.file("One.txt", "Ann: hello").ID, w.file("Two.txt", "Ann: bye").ID
		w.RecordDownload(w.ctx, c, one, transcript.SRT)
		ar, err := w.PrepareArchive(w.ctx, c, []string{two, one, two}, transcript.Markdown)
		must(t, ar, err)
		w.clock.add(time.Second)
		w.RecordArchive(w.ctx, c, ar)
		got := w.events(memo.ActionDownloaded)
		if len(got) != 2 {
			t.Fatalf("%+v", got)
		}
		for i, want := range []memo.AuditEvent{
			{Subject: two + " " + one, Name: "2 transcriptions", Detail: "a ZIP of md files"},
			{Subject: one, Name: "One", Detail: "srt"},
		} {
			e := got[i]
			if e.Subject != want.Subject || e.Name != want.Name || e.Detail != want.Detail {
				t.Errorf("%+v", e)
			}
			if e.Actor != w.member.Email || e.IP != "192.0.2.1" {
				t.Errorf("it was %s from %s", e.Actor, e.IP)
			}
		}
		var log bytes.Buffer
		w.log = slog.New(slog.NewTextHandler(&log, nil))
		w.store.Close()
		w.RecordDownload(w.ctx, c, one, transcript.SRT)
		if !strings.Contains(log.String(), "a download is not in the audit trail") || !strings.Contains(log.String(), one) {
			t.Errorf("the log has %q", &log)
		}
	})
}

func TestAChangeOfPasswordRevokesKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		second := w.addWorkspace("Second", w.member)
		here, view := w.key(w.member, "here")
		elsewhere, err := w.CreateKey(w.ctx, memo.Caller{UserID: w.member.ID, WorkspaceID: second.ID},
			KeyRequest{Name: "elsewhere"})
		must(t, elsewhere, err)
		there, _ := credential.ParseKey(elsewhere.Key)
		others, _ := w.key(w.owner, "of somebody else")
		ended, endedView := w.key(w.member, "ended")
		must(t, 0, w.RevokeKey(w.ctx, w.as(w.member), endedView.ID))
		c := w.signedIn(w.member)
		if n, err := w.CountOwnKeys(w.ctx, c); n != 2 || err != nil {
			t.Errorf("%d keys, %v", n, err)
		}

		must(t, 0, w.ChangePassword(w.ctx, c, testenv.Password, "battery staple", false))
		w.wantCode("without the wish", here, "")
		token, _, _, err := w.SignIn(w.ctx, SignIn{Email: w.member.Email, Password: "battery staple"}, at("192.0.2.1"))
		must(t, token, err)
		c, err = w.AuthoriseUser(w.ctx, token, at("192.0.2.1"))
		must(t, c, err)
		wantKind(t, "a wrong password", w.ChangePassword(w.ctx, c, "wrong horse", "staple battery", true), memo.KindInvalid)
		w.wantCode("after a refusal", here, "")
		must(t, 0, w.ChangePassword(w.ctx, c, "battery staple", "staple battery", true))
		w.wantCode("here", here, "revoked")
		w.wantCode("elsewhere", there, "revoked")
		w.wantCode("of somebody else", others, "")
		w.wantCode("ended before", ended, "revoked")
		got := w.events(memo.ActionKeyRevoked)
		if len(got) != 2 || got[0].Subject != view.ID || got[0].Actor != w.member.Email ||
			got[0].Detail != "with a change of the password" {
			t.Errorf("%+v", got)
		}
		if n, err := w.CountOwnKeys(w.ctx, c); n != 0 || err != nil {
			t.Errorf("%d keys, %v", n, err)
		}
	})
}

// TestNoKeySurvivesAChangeOfPassword that another session is making at that time.
func TestNoKeySurvivesAChangeOfPassword(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		c, thief := w.signedIn(w.member), w.signedIn(w.member)
		hash, err := w.store.PasswordHash(w.ctx, c.UserID)
		must(t, hash, err)
		changed := make(chan error, 1)
		must(t, 0, w.write(w.ctx, thief, func(tx *store.Tx) error {
			secret := credential.NewKey()
			k := memo.APIKey{
				ID: newID(), WorkspaceID: w.workspace.ID, Name: "theirs", Suffix: secret.Suffix(),
				CreatedAt: tx.Now, CreatedBy: memo.KeyCreator{ID: thief.UserID},
			}
			if _, err := tx.AddKey(w.ctx, k, secret.Hash()); err != nil {
				return err
			}
			if err := requireSession(w.ctx, tx, thief); err != nil {
				return err
			}
			go func() { changed <- w.setPassword(w.ctx, c, hash, "battery staple", true) }()
			time.Sleep(time.Second) // by now the change waits for this transaction
			return nil
		}))
		must(t, 0, <-changed)
		if n, err := w.CountOwnKeys(w.ctx, c); n != 0 || err != nil {
			t.Fatalf("%d keys work after the change, %v", n, err)
		}
		_, err = w.CreateKey(w.ctx, thief, KeyRequest{Name: "late"})
		wantKind(t, "a key after the change", err, memo.KindUnauthorized)
	})
}

// TestEndedSessionsAreDeleted thirty days after their end, in small parts.
func TestEndedSessionsAreDeleted(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		revoked := w.signedIn(w.member)
		must(t, 0, w.RevokeSession(w.ctx, revoked, revoked.SessionID))
		w.signIn(w.member, "")
		old := func(ended time.Duration, n int) {
			now := w.clock.read()
			must(t, 0, w.store.Write(w.ctx, func(tx *store.Tx) error {
				for range n {
					_, hash := credential.NewToken()
					s := memo.Session{
						ID: newID(), UserID: w.owner.ID,
						CreatedAt: now.Add(-ended - memo.SessionLifetime), LastUsedAt: now.Add(-ended), ExpiresAt: now.Add(-ended),
					}
					if err := tx.AddSession(w.ctx, s, hash); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		old(sessionsKept-time.Hour, 3)
		old(sessionsKept+time.Hour, purgeAtOnce+1)
		for i, want := range []time.Duration{0, purgeEvery} {
			if again := w.purge(w.ctx); again != want {
				t.Errorf("purge %d comes again after %v", i, again)
			}
		}
		delete := func() (n int64) {
			must(t, 0, w.store.Write(w.ctx, func(tx *store.Tx) (err error) {
				n, err = tx.DeleteSessions(w.ctx, tx.Now.Add(-sessionsKept), purgeAtOnce)
				return err
			}))
			return n
		}
		w.clock.add(2 * time.Hour)
		if n := delete(); n != 3 {
			t.Errorf("%d were deleted, want the three that expired", n)
		}
		w.clock.add(sessionsKept - time.Hour)
		if n := delete(); n != 1 {
			t.Errorf("%d were deleted, want the one that was revoked", n)
		}
		w.clock.add(sessionsKept + time.Hour)
		if n := delete(); n != 1 {
			t.Errorf("%d were deleted, want the one that expired", n)
		}
	})
}
