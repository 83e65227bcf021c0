package app_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
)

func TestExpiredOrRevokedKeyStaysRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, view := w.key(w.member, "n8n")
		if view.Status != memo.KeyActive || view.Suffix != key.Suffix() || view.CreatedBy.Email != w.member.Email ||
			view.LastUsedAt != nil {
			t.Errorf("a new key is %+v", view)
		}
		w.wantCode("new", key, "")
		w.wantCode("never issued", credential.NewKey(), "unknown")

		soon := w.clock.read().Add(time.Hour)
		at := &soon
		must(t, 0, errOf(w.ChangeKey(w.ctx, w.as(w.member), view.ID, app.KeyChange{ExpiresAt: &at})))
		w.clock.add(time.Hour - time.Millisecond)
		w.wantCode("a millisecond before its expiry", key, "")
		w.clock.add(time.Millisecond)
		w.wantCode("at its expiry", key, "expired")
		var never *time.Time
		_, err := w.ChangeKey(w.ctx, w.as(w.member), view.ID, app.KeyChange{ExpiresAt: &never})
		wantKind(t, "extending an expired key", err, memo.KindConflict)
		w.wantCode("after the attempt to extend it", key, "expired")

		key, view = w.key(w.member, "second")
		must(t, 0, w.RevokeKey(w.ctx, w.as(w.member), view.ID))
		w.wantCode("revoked", key, "revoked")
		must(t, 0, w.RevokeKey(w.ctx, w.as(w.member), view.ID)) // as a caller does who did not get the first response
		_, err = w.ChangeKey(w.ctx, w.as(w.member), view.ID, app.KeyChange{ExpiresAt: &never})
		wantKind(t, "changing a revoked key", err, memo.KindConflict)
		_, err = w.RotateKey(w.ctx, w.as(w.member), view.ID, "", nil)
		wantKind(t, "rotating a revoked key", err, memo.KindConflict)
	})
}

// errOf returns the error of a call with two results.
func errOf[T any](_ T, err error) error { return err }

func TestRotatedKeyWorksDuringTheOverlap(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		hour := time.Hour
		rotate := func(id string, overlap *time.Duration) (credential.Key, memo.KeyView) {
			t.Helper()
			k, err := w.RotateKey(w.ctx, w.as(w.member), id, "", overlap)
			must(t, k, err)
			key, _ := credential.ParseKey(k.Key)
			if string(k.RotatedFrom) != id {
				t.Errorf("rotated_from is %q, want %q", k.RotatedFrom, id)
			}
			return key, k.KeyView
		}
		first, view := w.key(w.member, "ci")
		next, nextView := rotate(view.ID, nil)
		w.wantCode("the old key, without an overlap given", first, "")
		w.wantCode("the new key", next, "")
		if nextView.Name != "ci" {
			t.Errorf("the new key has the name %q, want that of the old one", nextView.Name)
		}
		third, thirdView := rotate(nextView.ID, &hour)
		w.clock.add(hour - time.Millisecond)
		w.wantCode("within the overlap", next, "")
		w.clock.add(time.Millisecond)
		w.wantCode("after the overlap", next, "expired")
		var zero time.Duration
		_, fourthView := rotate(thirdView.ID, &zero)
		w.wantCode("with an overlap of 0", third, "revoked")
		tooLong := memo.MaxOverlap + 1
		_, err := w.RotateKey(w.ctx, w.as(w.member), fourthView.ID, "", &tooLong)
		wantKind(t, "an overlap of more than 7 days", err, memo.KindInvalid)
	})
}

func TestOwnersSeeAndRevokeEveryKey(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		_, own := w.key(w.owner, "owner's")
		key, other := w.key(w.member, "member's")
		names := func(c memo.Caller, status memo.KeyStatus) string {
			t.Helper()
			keys, err := w.ListKeys(w.ctx, c, app.KeyQuery{Status: status, Limit: 100})
			must(t, keys, err)
			var out []string
			for _, k := range keys.Items {
				out = append(out, k.Name)
			}
			slices.Sort(out)
			return strings.Join(out, ",")
		}
		if got := names(w.as(w.owner), ""); got != "member's,owner's" {
			t.Errorf("an OWNER sees %s", got)
		}
		if got := names(w.as(w.member), ""); got != "member's" {
			t.Errorf("a MEMBER sees %s", got)
		}
		_, err := w.GetKey(w.ctx, w.as(w.member), own.ID)
		wantKind(t, "a MEMBER reads the OWNER's key", err, memo.KindNotFound)
		wantKind(t, "a MEMBER revokes the OWNER's key", w.RevokeKey(w.ctx, w.as(w.member), own.ID), memo.KindNotFound)
		name := "x"
		_, err = w.ChangeKey(w.ctx, w.as(w.owner), other.ID, app.KeyChange{Name: &name})
		wantKind(t, "an OWNER renames a member's key", err, memo.KindForbidden)
		_, err = w.RotateKey(w.ctx, w.as(w.owner), other.ID, "", nil)
		wantKind(t, "an OWNER rotates a member's key", err, memo.KindForbidden)
		must(t, 0, w.RevokeKey(w.ctx, w.as(w.owner), other.ID))
		w.wantCode("revoked by the OWNER", key, "revoked")
		if got := names(w.as(w.owner), memo.KeyRevoked); got != "member's" {
			t.Errorf("revoked keys: %s", got)
		}
		for role, u := range map[string]memo.User{"an OWNER": w.owner, "a MEMBER": w.member} {
			listed := func(p app.KeyOffsetQuery) (out string) {
				p.Limit = cmp.Or(p.Limit, 9)
				keys, err := w.KeysByOffset(w.ctx, w.as(u), p)
				must(t, keys, err)
				for _, k := range keys {
					out += k.Name
				}
				return out
			}
			creators, err := w.KeyCreators(w.ctx, w.as(u))
			must(t, creators, err)
			var counts []string
			for _, c := range creators {
				counts = append(counts, fmt.Sprintf("%s %d %d", c.Email, c.Active, c.Inactive))
			}
			slices.Sort(counts)
			got := []string{
				listed(app.KeyOffsetQuery{}), listed(app.KeyOffsetQuery{Set: memo.KeysInactive}),
				listed(app.KeyOffsetQuery{UserID: w.owner.ID}), listed(app.KeyOffsetQuery{Offset: 1}), strings.Join(counts, ", "),
			}
			want := []string{"owner's", "member's", "owner's", "", w.member.Email + " 0 1, " + w.owner.Email + " 1 0"}
			if role == "a MEMBER" {
				want = []string{"", "member's", "", "", w.member.Email + " 0 1"}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s sees %q, want %q", role, got, want)
			}
		}
		events, err := w.store.Events(w.ctx, store.EventFilter{WorkspaceID: w.workspace.ID}, 1)
		must(t, events, err)
		if e := events[0]; e.Action != memo.ActionKeyRevoked || e.Actor != w.owner.Email || e.Subject != other.ID ||
			e.IP != "192.0.2.1" {
			t.Errorf("the newest audit event is %+v, want the revocation by the OWNER", e)
		}
	})
}

func TestKeysStayDeactivatedAfterAccessEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		elsewhere := w.addWorkspace("Elsewhere", w.member)
		key, _ := w.key(w.member, "here")
		there := w.as(w.member)
		there.WorkspaceID = elsewhere.ID
		k, err := w.CreateKey(w.ctx, there, app.KeyRequest{Name: "there"})
		must(t, k, err)
		otherKey, _ := credential.ParseKey(k.Key)

		must(t, 0, w.RemoveMember(w.ctx, w.as(w.owner), w.workspace.ID, w.member.ID))
		w.wantCode("removed", key, "deactivated")
		w.wantCode("in the other workspace", otherKey, "")
		w.join(w.workspace, w.member, memo.RoleMember)
		w.wantCode("a member again", key, "deactivated")

		must(t, 0, w.DisableUser(w.ctx, theOperator, w.member.ID))
		w.wantCode("disabled", otherKey, "deactivated")
		_, err = w.CreateKey(w.ctx, memo.Caller{Operator: true, WorkspaceID: w.workspace.ID, UserID: w.member.ID},
			app.KeyRequest{Name: "x"})
		wantKind(t, "a key for a disabled user", err, memo.KindNotFound)
		must(t, 0, w.EnableUser(w.ctx, theOperator, w.member.ID))
		w.wantCode("enabled again", otherKey, "deactivated")
	})
}

func TestKeysNeedAPlanWithAPIAccess(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, view := w.key(w.member, "k")
		for _, p := range memo.Plans {
			must(t, 0, w.SetPlan(w.ctx, theOperator, w.workspace.ID, p))
			want := "api_access_denied"
			if p.HasAPI() {
				want = ""
			}
			w.wantCode("on plan "+string(p), key, want)
			_, err := w.CreateKey(w.ctx, w.as(w.member), app.KeyRequest{Name: "k"})
			if codeOf(err) != want {
				t.Errorf("creating a key on plan %s: got %v, want %q", p, err, want)
			}
		}
		must(t, 0, w.SetPlan(w.ctx, theOperator, w.workspace.ID, memo.PlanFree))
		if keys, err := w.ListKeys(w.ctx, w.as(w.member), app.KeyQuery{Limit: 100}); err != nil || keys.Total != 3 {
			t.Errorf("listing on the free plan: %d keys (%v), want 3", keys.Total, err)
		}
		must(t, 0, w.RevokeKey(w.ctx, w.as(w.member), view.ID))
	})
}

// TestKeyCreatedDuringRemovalIsDeactivated: whichever comes first, no active key is left.
func TestKeyCreatedDuringRemovalIsDeactivated(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for range 15 {
			caller := w.as(w.member)
			var wg sync.WaitGroup
			keys := make(chan string, 4)
			for range 4 {
				wg.Go(func() {
					if k, err := w.CreateKey(w.ctx, caller, app.KeyRequest{Name: "race"}); err == nil {
						keys <- k.Key
					} else if memo.KindOf(err) != memo.KindNotFound {
						t.Error(err)
					}
				})
			}
			wg.Go(func() {
				if err := w.RemoveMember(w.ctx, w.as(w.owner), w.workspace.ID, w.member.ID); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			close(keys)
			w.join(w.workspace, w.member, memo.RoleMember)
			for s := range keys {
				k, _ := credential.ParseKey(s)
				w.wantCode("created while its member was removed", k, "deactivated")
			}
		}
	})
}

func TestConcurrentDemotionsLeaveOneOwner(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for range 10 {
			must(t, 0, errOf(w.SetRole(w.ctx, theOperator, w.workspace.ID, w.member.ID, memo.RoleOwner)))
			must(t, 0, errOf(w.SetRole(w.ctx, theOperator, w.workspace.ID, w.owner.ID, memo.RoleOwner)))
			a, b := w.as(w.owner), w.as(w.member)
			var wg sync.WaitGroup
			wg.Go(func() { w.SetRole(w.ctx, a, w.workspace.ID, b.UserID, memo.RoleMember) })
			wg.Go(func() { w.SetRole(w.ctx, b, w.workspace.ID, a.UserID, memo.RoleMember) })
			wg.Wait()
			if n, err := w.store.CountOwners(w.ctx, w.workspace.ID); err != nil || n != 1 {
				t.Fatalf("%d OWNERs are left (%v), want 1", n, err)
			}
		}
		wantKind(t, "removing the last OWNER", removeOwners(w), memo.KindConflict)
	})
}

// removeOwners removes every OWNER, until one cannot be removed.
func removeOwners(w *world) error {
	members, err := w.Members(w.ctx, memo.Caller{Operator: true}, w.workspace.ID)
	for _, m := range members {
		if m.Role == memo.RoleOwner && err == nil {
			err = w.RemoveMember(w.ctx, theOperator, w.workspace.ID, m.UserID)
		}
	}
	return err
}

func TestMaximumOfActiveKeysIsExact(t *testing.T) {
	if testing.Short() {
		t.Skip("creates a thousand keys")
	}
	onBoth(t, func(t *testing.T, w *world) {
		for range memo.MaxActiveKeys - 1 {
			w.key(w.member, "one of many")
		}
		caller := w.as(w.member)
		results := make(chan string, 6)
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() { results <- codeOf(errOf(w.CreateKey(w.ctx, caller, app.KeyRequest{Name: "last"}))) })
		}
		wg.Wait()
		close(results)
		created := 0
		for code := range results {
			if code == "" {
				created++
			} else if code != "too_many_keys" {
				t.Errorf("a key was refused with %q, want too_many_keys", code)
			}
		}
		if created != 1 {
			t.Errorf("%d of 6 concurrent requests created a key, want 1", created)
		}
	})
}

func TestKeyUseIsWrittenImmediatelyAndThenOncePerMinute(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, view := w.key(w.member, "k")
		use := func() {
			t.Helper()
			c, err := w.AuthoriseKey(w.ctx, key, app.Client{Address: "198.51.100.7", UserAgent: "curl/8"}, memo.PermissionREST)
			must(t, c, err)
			must(t, 0, errOf(w.TakeLimit(w.ctx, c, ratelimit.Data)))
		}
		written := func() memo.APIKey {
			t.Helper()
			k, err := w.store.Key(w.ctx, view.ID, w.clock.read())
			return must(t, k, err)
		}
		use()
		if k := written(); k.LastUsedAt == nil || k.LastUsedIP != "198.51.100.7" || k.LastUsedAgent != "curl/8" ||
			k.Requests24h != 1 {
			t.Errorf("after the first use the database has %+v", k)
		}
		firstUse := *written().LastUsedAt
		w.clock.add(30 * time.Second)
		use()
		use()
		app.RunPass(w.ctx, w.App)
		if k := written(); !k.LastUsedAt.Equal(firstUse) || k.Requests24h != 1 {
			t.Errorf("use was written again within a minute: %+v", k)
		}
		if k, err := w.GetKey(w.ctx, w.as(w.member), view.ID); err != nil || k.Requests24h != 3 ||
			k.LastUsedAt.Equal(firstUse) {
			t.Errorf("the key object lacks use that is not yet written: %+v, %v", k, err)
		}
		w.clock.add(30 * time.Second)
		app.RunPass(w.ctx, w.App)
		if k := written(); k.LastUsedAt.Equal(firstUse) || k.Requests24h != 3 {
			t.Errorf("use was not written after a minute: %+v", k)
		}
		lastUse := *written().LastUsedAt
		use()
		must(t, 0, w.RevokeKey(w.ctx, w.as(w.member), view.ID))
		w.FlushUsage(w.ctx)
		if k := written(); !k.LastUsedAt.Equal(lastUse) {
			t.Error("the use of a revoked key was written")
		}
		w.clock.add(25 * time.Hour)
		if k := written(); k.Requests24h != 0 {
			t.Errorf("a day later requests_24h is %d, want 0", k.Requests24h)
		}
	})
}

func TestExposedKeyIsMarkedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, view := w.key(w.member, "k")
		for range 3 {
			w.MarkExposed(w.ctx, []credential.Key{key, credential.NewKey()}, app.Client{Address: "203.0.113.9"})
		}
		k, err := w.GetKey(w.ctx, w.as(w.member), view.ID)
		if err != nil || k.ExposedAt == nil {
			t.Errorf("the key is not marked: %+v, %v", k, err)
		}
		events, err := w.store.Events(w.ctx, store.EventFilter{WorkspaceID: w.workspace.ID}, 100)
		must(t, events, err)
		n := 0
		for _, e := range events {
			if e.Action == memo.ActionKeyExposed {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d audit events, want 1", n)
		}
		w.wantCode("exposed, but not revoked", key, "")
	})
}

// TestConcurrentChangesOfKeyAreBothStored: neither a new name nor a new expiry is lost.
func TestConcurrentChangesOfKeyAreBothStored(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		caller := w.as(w.member)
		for range 30 {
			_, view := w.key(w.member, "old")
			soon, name := w.clock.read().Add(time.Hour), "new"
			at := &soon
			var wg sync.WaitGroup
			wg.Go(func() { must(t, 0, errOf(w.ChangeKey(w.ctx, caller, view.ID, app.KeyChange{Name: &name}))) })
			wg.Go(func() { must(t, 0, errOf(w.ChangeKey(w.ctx, caller, view.ID, app.KeyChange{ExpiresAt: &at}))) })
			wg.Wait()
			k, err := w.GetKey(w.ctx, caller, view.ID)
			if err != nil || k.Name != "new" || k.ExpiresAt == nil {
				t.Fatalf("a change was lost: %+v, %v", k, err)
			}
		}
	})
}

// TestDisablingEndsConcurrentKeysAndSessions: a key or session that was created while its
// user was being disabled does not work after the user is enabled again.
func TestDisablingEndsConcurrentKeysAndSessions(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		caller := w.as(w.member)
		for range 10 {
			var wg sync.WaitGroup
			var key credential.Key
			var token string
			wg.Go(func() {
				if k, err := w.CreateKey(w.ctx, caller, app.KeyRequest{Name: "race"}); err == nil {
					key, _ = credential.ParseKey(k.Key)
				}
			})
			wg.Go(func() {
				token, _, _, _ = w.SignIn(w.ctx, app.SignIn{Email: w.member.Email, Password: "correct horse"},
					app.Client{Address: "192.0.2.1"})
			})
			wg.Go(func() { must(t, 0, w.DisableUser(w.ctx, theOperator, w.member.ID)) })
			wg.Wait()
			must(t, 0, w.EnableUser(w.ctx, theOperator, w.member.ID))
			if key != (credential.Key{}) {
				w.wantCode("created while its member was disabled", key, "deactivated")
			}
			if _, err := w.AuthoriseUser(w.ctx, token, app.Client{}); err == nil {
				t.Error("a session that was opened while its user was disabled works")
			}
		}
	})
}

func TestLastActiveOwnerCannotBeRemoved(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		must(t, 0, errOf(w.SetRole(w.ctx, theOperator, w.workspace.ID, w.member.ID, memo.RoleOwner)))
		must(t, 0, w.DisableUser(w.ctx, theOperator, w.member.ID))
		wantKind(t, "removing the last active OWNER", w.RemoveMember(w.ctx, theOperator, w.workspace.ID, w.owner.ID),
			memo.KindConflict)
		must(t, 0, w.RemoveMember(w.ctx, theOperator, w.workspace.ID, w.member.ID))
	})
}
