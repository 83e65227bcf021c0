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

// TestAServerIsSetUpOnce: of many who try at once, one becomes OWNER.
func TestAServerIsSetUpOnce(t *testing.T) {
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
				t.Fatalf("%v %v", up, err)
			}
			problems, err := a.SetUp(ctx, SetupRequest{Email: "x", Password: "short"}, memo.PlanPro, Client{})
			var fields []string
			for _, p := range problems {
				fields = append(fields, p.Field)
			}
			if diff := cmp.Diff([]string{"email", "name", "password", "workspace"}, fields); diff != "" || err != nil {
				t.Errorf("%v %s", err, diff)
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
					case memo.KindOf(err) == memo.KindUnavailable: // so many hashes take a while
					case codeOf(err) != "set_up":
						t.Error(err)
					}
				})
			}
			wg.Wait()
			users, err := a.Users(ctx, memo.Caller{Operator: true})
			workspaces, err2 := a.Workspaces(ctx, memo.Caller{Operator: true})
			if won.Load() != 1 || len(users) != 1 || len(workspaces) != 1 || err != nil || err2 != nil {
				t.Fatalf("%d won, %d users, %d workspaces", won.Load(), len(users), len(workspaces))
			}
			mine, err := a.Memberships(ctx, memo.Caller{UserID: users[0].ID})
			if err != nil || len(mine) != 1 || mine[0].Role != memo.RoleOwner || mine[0].Name != "Acme" {
				t.Errorf("%+v %v", mine, err)
			}
		})
	}
}

func TestAccount(t *testing.T) {
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
			t.Errorf("%+v %v", u, err)
		}
		wantKind(t, "an empty name", w.RenameUser(w.ctx, c, " "), memo.KindInvalid)
		wantKind(t, "a wrong password", w.ChangePassword(w.ctx, c, "wrong", "battery staple", false), memo.KindInvalid)
		wantKind(t, "a short one", w.ChangePassword(w.ctx, c, testenv.Password, "short", false), memo.KindInvalid)
		must(t, 0, w.ChangePassword(w.ctx, c, testenv.Password, "battery staple", false))
		for _, token := range []string{one, two} {
			if _, err := w.AuthoriseUser(w.ctx, token, Client{}); memo.KindOf(err) != memo.KindUnauthorized {
				t.Errorf("a session outlives the password: %v", err)
			}
		}
		if _, err := signIn(testenv.Password); memo.KindOf(err) != memo.KindUnauthorized {
			t.Errorf("the old password: %v", err)
		}
		three, err := signIn("battery staple")
		must(t, three, err)
		wantKind(t, "a session that has ended ends others", w.SignOutEverywhere(w.ctx, c), memo.KindUnauthorized)
		c, err = w.AuthoriseUser(w.ctx, three, Client{Address: "192.0.2.1"})
		must(t, c, err)
		must(t, 0, w.SignOutEverywhere(w.ctx, c))
		if _, err := w.AuthoriseUser(w.ctx, three, Client{}); memo.KindOf(err) != memo.KindUnauthorized {
			t.Errorf("signed out everywhere, and still in: %v", err)
		}
		var last error
		for range 12 {
			last = w.ChangePassword(w.ctx, c, "guess", "battery staple", false)
		}
		wantKind(t, "guessing the current password", last, memo.KindRateLimited)
	})
}

func TestInvites(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner := w.as(w.owner)
		if _, _, err := w.Invite(w.ctx, w.as(w.member), memo.RoleMember); memo.KindOf(err) != memo.KindForbidden {
			t.Errorf("a member invites: %v", err)
		}
		_, token, err := w.Invite(w.ctx, owner, memo.RoleMember)
		must(t, token, err)
		if open, err := w.Invites(w.ctx, owner); err != nil || len(open) != 1 || open[0].Workspace != "Acme" ||
			open[0].CreatedBy != w.owner.Email {
			t.Errorf("%+v %v", open, err)
		}
		if _, err := w.Invites(w.ctx, w.as(w.member)); memo.KindOf(err) != memo.KindForbidden {
			t.Errorf("a member sees invitations: %v", err)
		}

		// Somebody new, with all mistakes told, and only one of two at once.
		_, problems, err := w.SignUpWithInvite(w.ctx, token, "no", "", "short", Client{})
		if err != nil || len(problems) != 3 {
			t.Errorf("%v %v", problems, err)
		}
		_, _, err = w.SignUpWithInvite(w.ctx, token, w.member.Email, "Mark", testenv.Password, Client{})
		if codeOf(err) != "email_taken" {
			t.Errorf("an account that there is: %v", err)
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
			t.Errorf("%d joined, %d members, %d users", joined.Load(), len(members), len(users))
		}

		// Somebody with an account, once.
		eve := w.user("eve@example.com")
		_, token, err = w.Invite(w.ctx, owner, memo.RoleOwner)
		must(t, token, err)
		c := memo.Caller{UserID: eve.ID}
		if i, err := w.AcceptInvite(w.ctx, c, token); err != nil || i.Role != memo.RoleOwner {
			t.Errorf("%+v %v", i, err)
		}
		_, err = w.AcceptInvite(w.ctx, c, token)
		wantKind(t, "an invitation used twice", err, memo.KindNotFound)
		_, token, err = w.Invite(w.ctx, owner, memo.RoleMember)
		must(t, token, err)
		_, err = w.AcceptInvite(w.ctx, c, token)
		if codeOf(err) != "already_member" {
			t.Errorf("a member joins: %v", err)
		}
		if _, err := w.InviteByToken(w.ctx, token); err != nil {
			t.Errorf("an invitation that a member tried is used up: %v", err)
		}

		// Taken back, expired, and of an OWNER who is none any more.
		i, token, err := w.Invite(w.ctx, owner, memo.RoleMember)
		must(t, token, err)
		must(t, 0, w.RevokeInvite(w.ctx, owner, i.ID))
		_, err = w.InviteByToken(w.ctx, token)
		wantKind(t, "taken back", err, memo.KindNotFound)
		wantKind(t, "taken back twice", w.RevokeInvite(w.ctx, owner, i.ID), memo.KindNotFound)
		_, token, err = w.Invite(w.ctx, w.as(eve), memo.RoleMember)
		must(t, token, err)
		_, err = w.SetRole(w.ctx, owner, w.workspace.ID, eve.ID, memo.RoleMember)
		must(t, 0, err)
		_, err = w.InviteByToken(w.ctx, token)
		wantKind(t, "of one who is no OWNER any more", err, memo.KindNotFound)
		_, token, err = w.Invite(w.ctx, owner, memo.RoleMember)
		must(t, token, err)
		w.clock.add(memo.InviteLifetime)
		_, err = w.InviteByToken(w.ctx, token)
		wantKind(t, "expired", err, memo.KindNotFound)
		for _, bad := range []string{"", "x", strings.Repeat("a", tokenLen)} {
			_, err = w.InviteByToken(w.ctx, bad)
			wantKind(t, "unknown", err, memo.KindNotFound)
		}
	})
}

func TestEditing(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mine := func(c memo.Caller, name string) string {
			in, err := w.Import(w.ctx, c, ImportFile{Name: name + ".txt", Data: []byte("Ann: about " + name)})
			return must(t, in, err).ID
		}
		owner, member := w.as(w.owner), w.as(w.member)
		ofOwner, ofMember := mine(owner, "walnuts"), mine(member, "almonds")
		find := func(q string) []string {
			page, err := w.Transcriptions(w.ctx, w.fresh(owner), ListQuery{Status: memo.StatusCompleted, Query: q, Limit: 10})
			must(t, page, err)
			var ids []string
			for _, it := range page.Items {
				ids = append(ids, it.ID)
			}
			return ids
		}
		wantKind(t, "a member renames the OWNER's", w.ChangeTitle(w.ctx, member, ofOwner, "New"), memo.KindForbidden)
		wantKind(t, "a member deletes the OWNER's", w.DeleteTranscription(w.ctx, member, ofOwner), memo.KindForbidden)
		key := member
		key.KeyID = "k"
		wantKind(t, "a key renames", w.ChangeTitle(w.ctx, key, ofMember, "New"), memo.KindForbidden)
		stranger := memo.Caller{UserID: w.owner.ID, WorkspaceID: w.addWorkspace("Other", w.owner).ID, Role: memo.RoleOwner}
		wantKind(t, "another workspace", w.DeleteTranscription(w.ctx, stranger, ofMember), memo.KindNotFound)
		wantKind(t, "an empty title", w.ChangeTitle(w.ctx, member, ofMember, ""), memo.KindInvalid)
		for id, want := range map[string]bool{ofOwner: false, ofMember: true} {
			if may, err := w.MayChangeTranscription(w.ctx, member, id); may != want || err != nil {
				t.Errorf("%v %v", may, err)
			}
		}

		before := w.fresh(owner).ContentVersion
		must(t, 0, w.ChangeTitle(w.ctx, member, ofMember, "Marzipan"))
		if got := find("marzipan"); !slices.Equal(got, []string{ofMember}) {
			t.Errorf("by the new title: %v", got)
		}
		if got := find("almonds"); !slices.Equal(got, []string{ofMember}) {
			t.Errorf("by what is said: %v", got)
		}
		must(t, 0, w.ChangeProject(w.ctx, owner, ofMember, "Kitchen"))
		projects, n, err := w.Projects(w.ctx, owner, 10, 0)
		if err != nil || n != 1 || projects[0].Name != "Kitchen" || projects[0].TranscriptionCount != 1 {
			t.Errorf("%+v %v", projects, err)
		}
		must(t, 0, w.ChangeProject(w.ctx, owner, ofMember, ""))
		if whole, err := w.Transcription(w.ctx, owner, ofMember); err != nil || whole.Project != nil ||
			!strings.Contains(string(whole.JSON), "Marzipan") {
			t.Errorf("%s %v", whole.JSON, err)
		}
		must(t, 0, w.DeleteTranscription(w.ctx, owner, ofMember))
		if _, err := w.Transcription(w.ctx, owner, ofMember); memo.KindOf(err) != memo.KindNotFound ||
			len(find("almonds")) != 0 {
			t.Errorf("deleted, and found: %v", err)
		}
		if after := w.fresh(owner).ContentVersion; after < before+4 {
			t.Errorf("the content version went from %d to %d", before, after)
		}
		if again := mine(member, "almonds"); again == ofMember || len(find("almonds")) != 1 {
			t.Error("the same file cannot be imported again")
		}
		events, err := w.Events(w.ctx, owner, EventQuery{Subject: "transcription", Limit: 100})
		must(t, 0, err)
		var actions []string
		for _, e := range events {
			actions = append(actions, string(e.Action))
		}
		if diff := cmp.Diff([]string{
			"transcription.imported", "transcription.deleted", "transcription.moved", "transcription.moved",
			"transcription.renamed",
			"transcription.imported", "transcription.imported",
		}, actions); diff != "" {
			t.Error(diff)
		}
		for i, language := range []string{"de", "en", "de", "ja"} {
			_, err := w.Import(w.ctx, owner, ImportFile{
				Name: "l.txt", Data: []byte(strings.Repeat("x", i+1)),
				Language: language,
			})
			must(t, 0, err)
		}
		if got, err := w.Languages(w.ctx, owner); err != nil || !slices.Equal(got, []string{"de", "en", "ja"}) {
			t.Errorf("%v %v", got, err)
		}
	})
}

// fresh is a caller as they would be authorised now.
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

func TestTheAuditTrailIsAnOwners(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner, member := w.as(w.owner), w.as(w.member)
		_, _ = w.key(w.member, "n8n")
		must(t, 0, w.RenameWorkspace(w.ctx, owner, "Acme Ltd"))
		wantKind(t, "a member renames", w.RenameWorkspace(w.ctx, member, "Mine"), memo.KindForbidden)
		if _, err := w.Events(w.ctx, member, EventQuery{}); memo.KindOf(err) != memo.KindForbidden {
			t.Errorf("a member reads the trail: %v", err)
		}
		key := owner
		key.KeyID = "k"
		if _, err := w.Events(w.ctx, key, EventQuery{}); memo.KindOf(err) != memo.KindForbidden {
			t.Errorf("a key reads the trail: %v", err)
		}
		all, err := w.Events(w.ctx, owner, EventQuery{Limit: 100})
		if err != nil || len(all) != 4 || all[0].Action != memo.ActionWorkspaceRenamed || all[0].Detail != "Acme Ltd" {
			t.Fatalf("%+v %v", all, err)
		}
		today := time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC)
		for name, c := range map[string]struct {
			in   EventQuery
			want int
		}{
			"keys": {EventQuery{Subject: "key", Limit: 9}, 1}, "of the member": {EventQuery{ActorID: w.member.ID, Limit: 9}, 1},
			"older":      {EventQuery{Before: all[0].ID, Limit: 9}, 3},
			"today":      {EventQuery{From: today, To: today, Limit: 9}, 4},
			"tomorrow":   {EventQuery{From: today.AddDate(0, 0, 1), Limit: 9}, 0},
			"a wildcard": {EventQuery{Subject: "%", Limit: 9}, 0}, "clamped": {EventQuery{Limit: -5}, 1},
		} {
			if got, err := w.Events(w.ctx, owner, c.in); err != nil || len(got) != c.want {
				t.Errorf("%s: %d events, %v", name, len(got), err)
			}
		}
		other := w.addWorkspace("Other", w.owner)
		if got, err := w.Events(w.ctx, memo.Caller{UserID: w.owner.ID, WorkspaceID: other.ID, Role: memo.RoleOwner},
			EventQuery{Limit: 9}); err != nil || len(got) != 1 {
			t.Errorf("the trail of another workspace: %+v %v", got, err)
		}
	})
}

func TestUseOf(t *testing.T) {
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
				t.Errorf("%s: %+v", when, use)
			}
		}
		check("not all written")
		w.FlushUsage(w.ctx)
		check("written")
		if use, err := w.UsageOf(w.ctx, w.as(w.owner), []memo.KeyView{used}, UsageFortnightHours); err != nil ||
			use[0][UsageBars-1].Requests != 5 || use[0][UsageBars-2].Requests != 0 {
			t.Errorf("two weeks: %+v %v", use, err)
		}
		if use, err := w.UsageOf(w.ctx, w.as(w.owner), nil, UsageDayHours); err != nil || len(use) != 0 {
			t.Errorf("no keys: %+v %v", use, err)
		}
	})
}

// TestNothingIsWrittenBehindASignOut: a request that was admitted, and then took
// long, finds its session ended.
func TestNothingIsWrittenBehindASignOut(t *testing.T) {
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
				"retitle": w.ChangeTitle(w.ctx, c, in.ID, "Late"), "rename the workspace": w.RenameWorkspace(w.ctx, c, "Late"),
				"rename":              w.RenameUser(w.ctx, c, "Late"),
				"change the password": w.ChangePassword(w.ctx, c, testenv.Password, "battery staple", false),
			}
		}
		must(t, 0, w.SignOutEverywhere(w.ctx, owner))
		for what, err := range late(owner) {
			wantKind(t, what, err, memo.KindUnauthorized)
		}
		if whole, err := w.Transcription(w.ctx, owner, in.ID); err != nil || strings.Contains(string(whole.JSON), "Late") {
			t.Errorf("%s %v", whole.JSON, err)
		}
		keys, err := w.ListKeys(w.ctx, owner, KeyQuery{})
		if err != nil || len(keys.Items) != 0 {
			t.Errorf("%+v %v", keys, err)
		}

		// Nor behind a removal or a lost role, whatever the session is.
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
		wantKind(t, "a demoted OWNER retitles", w.ChangeTitle(w.ctx, demoted, theirs.ID, "Late"), memo.KindForbidden)
		must(t, 0, w.ChangeTitle(w.ctx, demoted, in.ID, "Still mine"))
	})
}

// TestTwoPasswordsAtOnce: one of them is set, and the other is told.
func TestTwoPasswordsAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		c := w.as(w.member)
		hash, err := w.store.PasswordHash(w.ctx, c.UserID)
		must(t, hash, err)
		must(t, 0, w.setPassword(w.ctx, c, hash, "the first one", false))
		wantKind(t, "the second", w.setPassword(w.ctx, c, hash, "the second one", false), memo.KindInvalid)
		_, _, _, err = w.SignIn(w.ctx, SignIn{Email: w.member.Email, Password: "the first one"}, Client{})
		must(t, 0, err)
	})
}

// TestInvitesEndWithTheirMaker: and no role brings them back.
func TestInvitesEndWithTheirMaker(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		operator := memo.Caller{Operator: true}
		second := w.user("second@example.com")
		_, err := w.AddMember(w.ctx, operator, w.workspace.ID, second.ID, memo.RoleOwner)
		must(t, 0, err)
		setRole := func(r memo.Role) error {
			_, err := w.SetRole(w.ctx, operator, w.workspace.ID, second.ID, r)
			return err
		}
		for name, there := range map[string][2]func() error{
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
			must(t, 0, there[0]())
			must(t, 0, there[1]())
			_, err = w.InviteByToken(w.ctx, token)
			wantKind(t, "made by one who was "+name+" and came back", err, memo.KindNotFound)
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
		wantKind(t, "one too many", err, memo.KindConflict)
	})
}

// TestInvitationsAreNoWayToAskForAccounts: each attempt tells of one.
func TestInvitationsAreNoWayToAskForAccounts(t *testing.T) {
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

func TestANetworkIsWhatOnePersonHas(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "2001:db8:1:2::9": "2001:db8:1:2::/64", "": "",
		"x": "x",
	} {
		if got := throttleNetwork(ip); got != want {
			t.Errorf("%s: got %s, want %s", ip, got, want)
		}
	}
}
