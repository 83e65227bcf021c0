package memo_test

import (
	"testing"

	"memoai.tech/memo"
)

func TestKeyPermissions(t *testing.T) {
	const yes, no, hidden = memo.KindInternal, memo.KindForbidden, memo.KindNotFound // yes means no error
	key := memo.APIKey{ID: "k", WorkspaceID: "w", CreatedBy: memo.KeyCreator{ID: "creator"}}
	for _, c := range []struct {
		name                string
		caller              memo.Caller
		see, change, revoke memo.Kind
	}{
		{"creator, MEMBER", memo.Caller{UserID: "creator", WorkspaceID: "w", Role: memo.RoleMember}, yes, yes, yes},
		{"creator, OWNER", memo.Caller{UserID: "creator", WorkspaceID: "w", Role: memo.RoleOwner}, yes, yes, yes},
		{"other OWNER", memo.Caller{UserID: "other", WorkspaceID: "w", Role: memo.RoleOwner}, yes, no, yes},
		{"other MEMBER", memo.Caller{UserID: "other", WorkspaceID: "w", Role: memo.RoleMember}, hidden, hidden, hidden},
		{
			"creator, as MEMBER of another workspace",
			memo.Caller{UserID: "creator", WorkspaceID: "v", Role: memo.RoleMember},
			hidden, hidden, hidden,
		},
		{
			"creator, as OWNER of another workspace",
			memo.Caller{UserID: "creator", WorkspaceID: "v", Role: memo.RoleOwner},
			hidden, hidden, hidden,
		},
		{
			"OWNER of another workspace",
			memo.Caller{UserID: "other", WorkspaceID: "v", Role: memo.RoleOwner},
			hidden, hidden, hidden,
		},
		{
			"MEMBER of another workspace",
			memo.Caller{UserID: "other", WorkspaceID: "v", Role: memo.RoleMember},
			hidden, hidden, hidden,
		},
		{
			"the creator's own key",
			memo.Caller{UserID: "creator", WorkspaceID: "w", Role: memo.RoleOwner, KeyID: "k"},
			hidden, hidden, hidden,
		},
		{"operator", memo.Caller{Operator: true}, yes, yes, yes},
		{"empty caller", memo.Caller{}, hidden, hidden, hidden},
	} {
		for action, check := range map[string]struct {
			err  error
			want memo.Kind
		}{
			"see": {memo.MaySeeKey(c.caller, key), c.see}, "change": {memo.MayChangeKey(c.caller, key), c.change},
			"revoke": {memo.MayRevokeKey(c.caller, key), c.revoke},
		} {
			t.Run(c.name+", "+action, func(t *testing.T) {
				if (check.err == nil) != (check.want == yes) || check.err != nil && memo.KindOf(check.err) != check.want {
					t.Errorf("got %v", check.err)
				}
			})
		}
	}
}

func TestSeesAllKeys(t *testing.T) {
	for _, c := range []struct {
		name   string
		caller memo.Caller
		want   bool
	}{
		{"an OWNER", memo.Caller{Role: memo.RoleOwner}, true},
		{"a MEMBER", memo.Caller{Role: memo.RoleMember}, false},
		{"the key of an OWNER", memo.Caller{Role: memo.RoleOwner, KeyID: "k"}, false},
		{"the operator", memo.Caller{Operator: true}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := memo.SeesAllKeys(c.caller); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestMayUseAPI(t *testing.T) {
	for plan, want := range map[memo.Plan]bool{
		memo.PlanFree: false, memo.PlanBasic: false, memo.PlanPro: true, memo.PlanExpert: true, "": false, "PRO": false,
	} {
		t.Run("plan "+string(plan), func(t *testing.T) {
			if got := memo.MayUseAPI(plan) == nil; got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
