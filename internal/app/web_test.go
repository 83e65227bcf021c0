package app

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
)

// TestServerIsSetUpOnce: of several people who try at the same time, one succeeds and
// becomes OWNER.
func TestServerIsSetUpOnce(t *testing.T) {
	for name, cfg := range map[string]func(*testing.T) store.Config{
		"sqlite":   func(t *testing.T) store.Config { return store.Config{Dir: t.TempDir()} },
		"postgres": func(t *testing.T) store.Config { return store.Config{URL: testenv.Postgres(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			s, err := store.Open(ctx, cfg(t))
			must(t, s, err)
			defer s.Close()
			a := New(Config{Store: s, Limits: ratelimit.NewMemory(nil), Passwords: credential.NewPasswords(4)})
			if up, err := a.IsSetUp(ctx); up || err != nil {
				t.Fatalf("a new server is set up: %v, %v", up, err)
			}
			problems, err := a.SetUp(ctx, SetupRequest{Email: "x", Password: "short"}, memo.PlanPro, Client{})
			var fields []string
			for _, p := range problems {
				fields = append(fields, p.Field)
			}
			if diff := cmp.Diff([]string{"email", "name", "password", "workspace"}, fields); diff != "" || err != nil {
				t.Errorf("fields with problems (%v): %s", err, diff)
			}
			var won atomic.Int32
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					_, err := a.SetUp(ctx, SetupRequest{
						Email: string(rune('a'+i)) + "@example.com", Name: "First", Password: testenv.Password, Workspace: "Acme",
					}, memo.PlanPro, Client{Address: "192.0.2.1"})
					switch {
					case err == nil:
						won.Add(1)
					case memo.KindOf(err) == memo.KindUnavailable: // the wait for hashing was too long
					case codeOf(err) != "set_up":
						t.Error(err)
					}
				})
			}
			wg.Wait()
			users, err := a.Users(ctx, memo.Caller{Operator: true})
			workspaces, err2 := a.Workspaces(ctx, memo.Caller{Operator: true})
			if won.Load() != 1 || len(users) != 1 || len(workspaces) != 1 || err != nil || err2 != nil {
				t.Fatalf("%d succeeded, with %d users and %d workspaces; want one of each", won.Load(), len(users), len(workspaces))
			}
			memberships, err := a.Memberships(ctx, memo.Caller{UserID: users[0].ID})
			if err != nil || len(memberships) != 1 || memberships[0].Role != memo.RoleOwner ||
				memberships[0].Name != "Acme" {
				t.Errorf("the memberships are %+v (%v), want OWNER of Acme", memberships, err)
			}
		})
	}
}

func TestNewPasswordEndsEverySession(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		signIn := func(password string) (string, error) {
			token, _, _, err := w.SignIn(w.ctx, SignIn{Email: w.member.Email, Password: password}, Client{Address: "192.0.2.1"})
			return token, err
		}
		one, err := signIn(testenv.Password)
		must(t, one, err)
		two, err := signIn(testenv.Password)
		must(t, two, err)
		c, err := w.AuthoriseUser(w.ctx, one, Client{Address: "192.0.2.1"})
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
			if _, err := w.AuthoriseUser(w.ctx, token, Client{}); memo.KindOf(err) != memo.KindUnauthorized {
				t.Errorf("a session after the change of the password: got %v, want unauthorized", err)
			}
		}
		if _, err := signIn(testenv.Password); memo.KindOf(err) != memo.KindUnauthorized {
			t.Errorf("signing in with the old password: got %v, want unauthorized", err)
		}
		three, err := signIn("battery staple")
		must(t, three, err)
		wantKind(t, "a session that has ended ends others", w.SignOutEverywhere(w.ctx, c), memo.KindUnauthorized)
		c, err = w.AuthoriseUser(w.ctx, three, Client{Address: "192.0.2.1"})
		must(t, c, err)
		must(t, 0, w.SignOutEverywhere(w.ctx, c))
		if _, err := w.AuthoriseUser(w.ctx, three, Client{}); memo.KindOf(err) != memo.KindUnauthorized {
			t.Errorf("a session after signing out everywhere: got %v, want unauthorized", err)
		}
		var last error
		for range 12 {
			last = w.ChangePassword(w.ctx, c, "guess", "battery staple", false)
		}
		wantKind(t, "guessing the current password", last, memo.KindRateLimited)
	})
}

func TestInvitationIsUsedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner := w.as(w.owner)
		if _, _, err := w.Invite(w.ctx, w.as(w.member), memo.RoleMember); memo.KindOf(err) != memo.KindForbidden {
			t.Errorf("a MEMBER invites: got %v, want forbidden", err)
		}
		_, token, err := w.Invite(w.ctx, owner, memo.RoleMember)
		must(t, token, err)
		if open, err := w.Invites(w.ctx, owner); err != nil || len(open) != 1 || open[0].Workspace != "Acme" ||
			open[0].CreatedBy != w.owner.Email {
			t.Errorf("the open invitations are %+v (%v), want one by the OWNER", open, err)
		}
		if _, err := w.Invites(w.ctx, w.as(w.member)); memo.KindOf(err) != memo.KindForbidden {
			t.Errorf("a MEMBER lists invitations: got %v, want forbidden", err)
		}

		// A new user learns of every mistake at once. Of two who join at once, one succeeds.
		_, problems, err := w.SignUpWithInvite(w.ctx, token, "no", "", "short", Client{})
		if err != nil || len(problems) != 3 {
			t.Errorf("the problems are %v (%v), want 3", problems, err)
		}
		_, _, err = w.SignUpWithInvite(w.ctx, token, w.member.Email, "Mark", testenv.Password, Client{})
		if codeOf(err) != "email_taken" {
			t.Errorf("an e-mail that has an account: got %v, want email_taken", err)
		}
		var joined atomic.Int32
		var wg sync.WaitGroup
		for _, email := range []string{"nina@example.com", "noah@example.com"} {
			wg.Go(func() {
				if _, problems, err := w.SignUpWithInvite(w.ctx, token, email, "New", testenv.Password, Client{}); err == nil &&
					problems == nil {
					joined.Add(1)
				} else if memo.KindOf(err) != memo.KindNotFound {
					t.Error(err, problems)
				}
			})
		}
		wg.Wait()
		members, err := w.Members(w.ctx, memo.Caller{Operator: true}, w.workspace.ID)
		users, err2 := w.Users(w.ctx, memo.Caller{Operator: true})
		if joined.Load() != 1 || len(members) != 3 || len(users) != 3 || err != nil || err2 != nil {
			t.Errorf("%d joined, with %d members and %d users; want 1, 3 and 3", joined.Load(), len(members),
				len(users))
		}

		// A user who has an account joins once.
		eve := w.user("eve@example.com")
		_, token, err = w.Invite(w.ctx, owner, memo.RoleOwner)
		must(t, token, err)
		c := memo.Caller{UserID: eve.ID}
		if i, err := w.AcceptInvite(w.ctx, c, token); err != nil || i.Role != memo.RoleOwner {
			t.Errorf("accepting returns %+v (%v), want an invitation as OWNER", i, err)
		}
		_, err = w.AcceptInvite(w.ctx, c, token)
		wantKind(t, "an invitation used twice", err, memo.KindNotFound)
		_, token, err = w.Invite(w.ctx, owner, memo.RoleMember)
		must(t, token, err)
		_, err = w.AcceptInvite(w.ctx, c, token)
		if codeOf(err) != "already_member" {
			t.Errorf("a member accepts an invitation: got %v, want already_member", err)
		}
		if _, err := w.InviteByToken(w.ctx, token); err != nil {
			t.Errorf("the invitation was used up by a member's attempt: %v", err)
		}

		// An invitation ends when it is revoked, when it expires, and when its creator is no
		// longer an OWNER.
		i, token, err := w.Invite(w.ctx, owner, memo.RoleMember)
		must(t, token, err)
		must(t, 0, w.RevokeInvite(w.ctx, owner, i.ID))
		_, err = w.InviteByToken(w.ctx, token)
		wantKind(t, "a revoked invitation", err, memo.KindNotFound)
		wantKind(t, "revoking twice", w.RevokeInvite(w.ctx, owner, i.ID), memo.KindNotFound)
		_, token, err = w.Invite(w.ctx, w.as(eve), memo.RoleMember)
		must(t, token, err)
		_, err = w.SetRole(w.ctx, owner, w.workspace.ID, eve.ID, memo.RoleMember)
		must(t, 0, err)
		_, err = w.InviteByToken(w.ctx, token)
		wantKind(t, "an invitation of a demoted OWNER", err, memo.KindNotFound)
		_, token, err = w.Invite(w.ctx, owner, memo.RoleMember)
		must(t, token, err)
		w.clock.add(memo.InviteLifetime)
		_, err = w.InviteByToken(w.ctx, token)
		wantKind(t, "an expired invitation", err, memo.KindNotFound)
		for _, bad := range []string{"", "x", strings.Repeat("a", tokenLen)} {
			_, err = w.InviteByToken(w.ctx, bad)
			wantKind(t, "an unknown invitation", err, memo.KindNotFound)
		}
	})
}

func TestOnlyImporterOrOwnerChangesTranscription(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		addFile := func(c memo.Caller, name string) string {
			in, err := w.Import(w.ctx, c, ImportFile{Name: name + ".txt", Data: []byte("Ann: about " + name)})
			return must(t, in, err).ID
		}
		owner, member := w.as(w.owner), w.as(w.member)
		ofOwner, ofMember := addFile(owner, "walnuts"), addFile(member, "almonds")
		find := func(q string) []string {
			page, err := w.Transcriptions(w.ctx, w.fresh(owner), ListQuery{Status: memo.StatusCompleted, Query: q, Limit: 10})
			must(t, page, err)
			var ids []string
			for _, it := range page.Items {
				ids = append(ids, it.ID)
			}
			return ids
		}
		wantKind(t, "a member renames the OWNER's transcription",
			w.ChangeTitle(w.ctx, member, ofOwner, "New"), memo.KindForbidden)
		wantKind(t, "a member deletes the OWNER's transcription",
			w.DeleteTranscription(w.ctx, member, ofOwner), memo.KindForbidden)
		key := member
		key.KeyID = "k"
		wantKind(t, "a key renames a transcription", w.ChangeTitle(w.ctx, key, ofMember, "New"), memo.KindForbidden)
		stranger := memo.Caller{UserID: w.owner.ID, WorkspaceID: w.addWorkspace("Other", w.owner).ID, Role: memo.RoleOwner}
		wantKind(t, "deleting in another workspace", w.DeleteTranscription(w.ctx, stranger, ofMember), memo.KindNotFound)
		wantKind(t, "an empty title", w.ChangeTitle(w.ctx, member, ofMember, ""), memo.KindInvalid)
		for id, want := range map[string]bool{ofOwner: false, ofMember: true} {
			if may, err := w.MayChangeTranscription(w.ctx, member, id); may != want || err != nil {
				t.Errorf("a member may change %s: %v (%v), want %v", id, may, err, want)
			}
		}

		before := w.fresh(owner).ContentVersion
		must(t, 0, w.ChangeTitle(w.ctx, member, ofMember, "Marzipan"))
		if got := find("marzipan"); !slices.Equal(got, []string{ofMember}) {
			t.Errorf("a search for the new title finds %v", got)
		}
		if got := find("almonds"); !slices.Equal(got, []string{ofMember}) {
			t.Errorf("a search for the text finds %v", got)
		}
		must(t, 0, w.ChangeProject(w.ctx, owner, ofMember, "Kitchen"))
		projects, n, err := w.Projects(w.ctx, owner, 10, 0)
		if err != nil || n != 1 || projects[0].Name != "Kitchen" || projects[0].TranscriptionCount != 1 {
			t.Errorf("the projects are %+v (%v), want Kitchen with 1 transcription", projects, err)
		}
		must(t, 0, w.ChangeProject(w.ctx, owner, ofMember, ""))
		if full, err := w.Transcription(w.ctx, owner, ofMember); err != nil || full.Project != nil ||
			!strings.Contains(string(full.JSON), "Marzipan") {
			t.Errorf("the transcription is %s (%v), want the new title and no project", full.JSON, err)
		}
		must(t, 0, w.DeleteTranscription(w.ctx, owner, ofMember))
		if _, err := w.Transcription(w.ctx, owner, ofMember); memo.KindOf(err) != memo.KindNotFound ||
			len(find("almonds")) != 0 {
			t.Errorf("a deleted transcription is still found: %v", err)
		}
		if after := w.fresh(owner).ContentVersion; after < before+4 {
			t.Errorf("the content version went from %d to %d, want at least 4 more", before, after)
		}
		if id := addFile(member, "almonds"); id == ofMember || len(find("almonds")) != 1 {
			t.Error("the file of a deleted transcription cannot be imported again")
		}
		events, err := w.Events(w.ctx, owner, EventQuery{Subject: "transcription", Limit: 100})
		must(t, 0, err)
		var actions []string
		for _, e := range events {
			actions = append(actions, string(e.Action))
		}
		if diff := cmp.Diff([]string{
			"transcription.imported", "transcription.deleted", "transcription.moved", "transcription.moved",
			"transcription.renamed", "transcription.imported", "transcription.imported",
		}, actions); diff != "" {
			t.Error(diff)
		}
		for i, language := range []string{"de", "en", "de", "ja"} {
			_, err := w.Import(w.ctx, owner, ImportFile{
				Name: "l.txt", Data: []byte(strings.Repeat("x", i+1)), Language: language,
			})
			must(t, 0, err)
		}
		if got, err := w.Languages(w.ctx, owner); err != nil || !slices.Equal(got, []string{"de", "en", "ja"}) {
			t.Errorf("the languages are %v (%v), want de, en and ja", got, err)
		}
	})
}

// fresh returns a caller with the content version that a request has now.
func (w *world) fresh(c memo.Caller) memo.Caller {
	w.t.Helper()
	k, err := w.CreateKey(w.ctx, c, KeyRequest{Name: "probe"})
	must(w.t, k, err)
	key, _ := credential.ParseKey(k.Key)
	now, err := w.AuthoriseKey(w.ctx, key, Client{})
	must(w.t, now, err)
	c.ContentVersion = now.ContentVersion
	return c
}

func TestOnlyOwnersReadTheAuditTrail(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner, member := w.as(w.owner), w.as(w.member)
		_, _ = w.key(w.member, "n8n")
		must(t, 0, w.RenameWorkspace(w.ctx, owner, "Acme Ltd"))
		wantKind(t, "a MEMBER renames the workspace", w.RenameWorkspace(w.ctx, member, "Taken"), memo.KindForbidden)
		if _, err := w.Events(w.ctx, member, EventQuery{}); memo.KindOf(err) != memo.KindForbidden {
			t.Errorf("a MEMBER reads the audit trail: got %v, want forbidden", err)
		}
		key := owner
		key.KeyID = "k"
		if _, err := w.Events(w.ctx, key, EventQuery{}); memo.KindOf(err) != memo.KindForbidden {
			t.Errorf("a key reads the audit trail: got %v, want forbidden", err)
		}
		all, err := w.Events(w.ctx, owner, EventQuery{Limit: 100})
		if err != nil || len(all) != 4 || all[0].Action != memo.ActionWorkspaceRenamed || all[0].Detail != "Acme Ltd" {
			t.Fatalf("the events are %+v (%v), want 4, the newest for the new name", all, err)
		}
		today := time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC)
		for name, c := range map[string]struct {
			in   EventQuery
			want int
		}{
			"keys":       {EventQuery{Subject: "key", Limit: 9}, 1},
			"the member": {EventQuery{ActorID: w.member.ID, Limit: 9}, 1},
			"older":      {EventQuery{Before: all[0].ID, Limit: 9}, 3},
			"today":      {EventQuery{From: today, To: today, Limit: 9}, 4},
			"tomorrow":   {EventQuery{From: today.AddDate(0, 0, 1), Limit: 9}, 0},
			"a wildcard": {EventQuery{Subject: "%", Limit: 9}, 0},
			"clamped":    {EventQuery{Limit: -5}, 1},
		} {
			if got, err := w.Events(w.ctx, owner, c.in); err != nil || len(got) != c.want {
				t.Errorf("%s: %d events (%v), want %d", name, len(got), err, c.want)
			}
		}
		other := w.addWorkspace("Other", w.owner)
		if got, err := w.Events(w.ctx, memo.Caller{UserID: w.owner.ID, WorkspaceID: other.ID, Role: memo.RoleOwner},
			EventQuery{Limit: 9}); err != nil || len(got) != 1 {
			t.Errorf("the audit trail of another workspace is %+v (%v), want one event", got, err)
		}
	})
}

func TestUsageIncludesUnwrittenUse(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, used := w.key(w.member, "n8n")
		_, unused := w.key(w.owner, "unused")
		spend := func(n int) {
			for range n {
				c, err := w.AuthoriseKey(w.ctx, key, Client{Address: "192.0.2.1"})
				must(t, c, err)
				_, err = w.TakeLimit(w.ctx, c, ratelimit.Data)
				must(t, 0, err)
			}
		}
		spend(3)
		w.clock.add(2 * time.Hour)
		spend(2)
		check := func(when string) {
			t.Helper()
			use, err := w.UsageOf(w.ctx, w.as(w.owner), []memo.KeyView{unused, used}, UsageDayHours)
			must(t, 0, err)
			if u := use[1]; u[21].Requests != 3 || u[22].Requests != 0 || u[23].Requests != 2 || use[0][23].Requests != 0 {
				t.Errorf("%s, the usage is %+v, want 3, 0 and 2 requests in the last hours", when, use)
			}
		}
		check("before all use is written")
		w.FlushUsage(w.ctx)
		check("after all use is written")
		if use, err := w.UsageOf(w.ctx, w.as(w.owner), []memo.KeyView{used}, UsageFortnightHours); err != nil ||
			use[0][UsageBars-1].Requests != 5 || use[0][UsageBars-2].Requests != 0 {
			t.Errorf("usage of two weeks: %+v, %v", use, err)
		}
		if use, err := w.UsageOf(w.ctx, w.as(w.owner), nil, UsageDayHours); err != nil || len(use) != 0 {
			t.Errorf("usage of no keys: %+v, %v", use, err)
		}
	})
}

// TestNothingIsWrittenAfterSignOut: a slow request that was admitted before the sign-out
// cannot write after it.
func TestNothingIsWrittenAfterSignOut(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		signIn := func(u memo.User) memo.Caller {
			token, _, _, err := w.SignIn(w.ctx, SignIn{Email: u.Email, Password: testenv.Password}, Client{Address: "192.0.2.1"})
			must(t, token, err)
			c, err := w.AuthoriseSession(w.ctx, token, w.workspace.ID, Client{Address: "192.0.2.1"})
			must(t, c, err)
			return c
		}
		owner := signIn(w.owner)
		in, err := w.Import(w.ctx, owner, ImportFile{Name: "a.txt", Data: []byte("Ann: hello")})
		must(t, in, err)
		late := func(c memo.Caller) map[string]error {
			_, created := w.CreateKey(w.ctx, c, KeyRequest{Name: "late"})
			_, _, invited := w.Invite(w.ctx, c, memo.RoleOwner)
			_, imported := w.Import(w.ctx, c, ImportFile{Name: "late.txt", Data: []byte("Ann: late")})
			return map[string]error{
				"create a key": created, "invite": invited, "import": imported,
				"change a title":       w.ChangeTitle(w.ctx, c, in.ID, "Late"),
				"rename the workspace": w.RenameWorkspace(w.ctx, c, "Late"),
				"rename the user":      w.RenameUser(w.ctx, c, "Late"),
				"change the password":  w.ChangePassword(w.ctx, c, testenv.Password, "battery staple", false),
			}
		}
		must(t, 0, w.SignOutEverywhere(w.ctx, owner))
		for desc, err := range late(owner) {
			wantKind(t, desc, err, memo.KindUnauthorized)
		}
		if full, err := w.Transcription(w.ctx, owner, in.ID); err != nil || strings.Contains(string(full.JSON), "Late") {
			t.Errorf("the transcription is %s (%v), want the old title", full.JSON, err)
		}
		keys, err := w.ListKeys(w.ctx, owner, KeyQuery{})
		if err != nil || len(keys.Items) != 0 {
			t.Errorf("the keys are %+v (%v), want none", keys, err)
		}

		// The same holds after a removal or a lost role, even with a session that has not ended.
		member, demoted := signIn(w.member), signIn(w.owner)
		theirs, err := w.Import(w.ctx, member, ImportFile{Name: "b.txt", Data: []byte("Ann: bye")})
		must(t, theirs, err)
		_, err = w.AddMember(w.ctx, memo.Caller{Operator: true}, w.workspace.ID, w.user("second@example.com").ID,
			memo.RoleOwner)
		must(t, 0, err)
		_, err = w.SetRole(w.ctx, memo.Caller{Operator: true}, w.workspace.ID, w.owner.ID, memo.RoleMember)
		must(t, 0, err)
		must(t, 0, w.RemoveMember(w.ctx, memo.Caller{Operator: true}, w.workspace.ID, w.member.ID))
		_, err = w.Import(w.ctx, member, ImportFile{Name: "late.txt", Data: []byte("Ann: late")})
		wantKind(t, "a removed member imports", err, memo.KindNotFound)
		wantKind(t, "a demoted OWNER changes another member's title",
			w.ChangeTitle(w.ctx, demoted, theirs.ID, "Late"), memo.KindForbidden)
		must(t, 0, w.ChangeTitle(w.ctx, demoted, in.ID, "Own"))
	})
}

// TestConcurrentPasswordChangeIsRefused: of two changes at the same time, one is refused.
func TestConcurrentPasswordChangeIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		c := w.as(w.member)
		hash, err := w.store.PasswordHash(w.ctx, c.UserID)
		must(t, hash, err)
		must(t, 0, w.setPassword(w.ctx, c, hash, "the first one", false))
		wantKind(t, "the second change", w.setPassword(w.ctx, c, hash, "the second one", false), memo.KindInvalid)
		_, _, _, err = w.SignIn(w.ctx, SignIn{Email: w.member.Email, Password: "the first one"}, Client{})
		must(t, 0, err)
	})
}

// TestInvitationsEndWithTheirCreatorsRole, and do not come back with it.
func TestInvitationsEndWithTheirCreatorsRole(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		operator := memo.Caller{Operator: true}
		second := w.user("second@example.com")
		_, err := w.AddMember(w.ctx, operator, w.workspace.ID, second.ID, memo.RoleOwner)
		must(t, 0, err)
		setRole := func(r memo.Role) error {
			_, err := w.SetRole(w.ctx, operator, w.workspace.ID, second.ID, r)
			return err
		}
		for name, change := range map[string][2]func() error{
			"demoted": {func() error { return setRole(memo.RoleMember) }, func() error { return setRole(memo.RoleOwner) }},
			"disabled": {
				func() error { return w.DisableUser(w.ctx, operator, second.ID) },
				func() error { return w.EnableUser(w.ctx, operator, second.ID) },
			},
			"removed": {func() error { return w.RemoveMember(w.ctx, operator, w.workspace.ID, second.ID) }, func() error {
				_, err := w.AddMember(w.ctx, operator, w.workspace.ID, second.ID, memo.RoleOwner)
				return err
			}},
		} {
			_, token, err := w.Invite(w.ctx, w.as(second), memo.RoleOwner)
			must(t, token, err)
			must(t, 0, change[0]())
			must(t, 0, change[1]())
			_, err = w.InviteByToken(w.ctx, token)
			wantKind(t, "an invitation whose creator was "+name+" and reinstated", err, memo.KindNotFound)
		}
		for _, r := range []memo.Role{"", "KING"} {
			_, _, err := w.Invite(w.ctx, w.as(w.owner), r)
			wantKind(t, "an invitation as "+string(r), err, memo.KindInvalid)
			wantKind(t, "the role "+string(r), setRole(r), memo.KindInvalid)
		}
		for range memo.MaxInvites {
			_, _, err = w.Invite(w.ctx, w.as(w.owner), memo.RoleMember)
			must(t, 0, err)
		}
		_, _, err = w.Invite(w.ctx, w.as(w.owner), memo.RoleMember)
		wantKind(t, "one invitation too many", err, memo.KindConflict)
	})
}

// TestSignUpWithInvitationIsThrottled: each attempt reveals whether an e-mail has an
// account.
func TestSignUpWithInvitationIsThrottled(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		_, token, err := w.Invite(w.ctx, w.as(w.owner), memo.RoleMember)
		must(t, token, err)
		for range 12 {
			_, _, err = w.SignUpWithInvite(w.ctx, token, w.member.Email, "Somebody", testenv.Password,
				Client{Address: "192.0.2.9"})
		}
		wantKind(t, "the twelfth", err, memo.KindRateLimited)
	})
}

func TestThrottleCountsIPv6ByNetwork(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1":         "192.0.2.1",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"2001:db8:1:2::9":   "2001:db8:1:2::/64",
		"":                  "",
		"x":                 "x",
	} {
		if got := throttleNetwork(ip); got != want {
			t.Errorf("%s: got %s, want %s", ip, got, want)
		}
	}
}
