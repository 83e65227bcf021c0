package memo

import "testing"

func TestKeyPermissions(t *testing.T) {
	const yes, no, hidden = KindInternal, KindForbidden, KindNotFound // yes means no error
	key := APIKey{ID: "k", WorkspaceID: "w", CreatedBy: KeyCreator{ID: "creator"}}
	for _, c := range []struct {
		name                string
		caller              Caller
		see, change, revoke Kind
	}{
		{"creator, MEMBER", Caller{UserID: "creator", WorkspaceID: "w", Role: RoleMember}, yes, yes, yes},
		{"creator, OWNER", Caller{UserID: "creator", WorkspaceID: "w", Role: RoleOwner}, yes, yes, yes},
		{"other OWNER", Caller{UserID: "other", WorkspaceID: "w", Role: RoleOwner}, yes, no, yes},
		{"other MEMBER", Caller{UserID: "other", WorkspaceID: "w", Role: RoleMember}, hidden, hidden, hidden},
		{
			"creator, as MEMBER of another workspace",
			Caller{UserID: "creator", WorkspaceID: "v", Role: RoleMember},
			hidden, hidden, hidden,
		},
		{
			"creator, as OWNER of another workspace",
			Caller{UserID: "creator", WorkspaceID: "v", Role: RoleOwner},
			hidden, hidden, hidden,
		},
		{
			"OWNER of another workspace",
			Caller{UserID: "other", WorkspaceID: "v", Role: RoleOwner},
			hidden, hidden, hidden,
		},
		{
			"MEMBER of another workspace",
			Caller{UserID: "other", WorkspaceID: "v", Role: RoleMember},
			hidden, hidden, hidden,
		},
		{
			"the creator's own key",
			Caller{UserID: "creator", WorkspaceID: "w", Role: RoleOwner, KeyID: "k"},
			hidden, hidden, hidden,
		},
		{"operator", Caller{Operator: true}, yes, yes, yes},
		{"empty caller", Caller{}, hidden, hidden, hidden},
	} {
		for action, check := range map[string]struct {
			err  error
			want Kind
		}{
			"see": {MaySeeKey(c.caller, key), c.see}, "change": {MayChangeKey(c.caller, key), c.change},
			"revoke": {MayRevokeKey(c.caller, key), c.revoke},
		} {
			if (check.err == nil) != (check.want == yes) || check.err != nil && KindOf(check.err) != check.want {
				t.Errorf("%s, %s: got %v", c.name, action, check.err)
			}
		}
	}
}

func TestSeesAllKeys(t *testing.T) {
	for _, c := range []struct {
		caller Caller
		want   bool
	}{
		{Caller{Role: RoleOwner}, true},
		{Caller{Role: RoleMember}, false},
		{Caller{Role: RoleOwner, KeyID: "k"}, false},
		{Caller{Operator: true}, true},
	} {
		if got := SeesAllKeys(c.caller); got != c.want {
			t.Errorf("%+v: got %v", c.caller, got)
		}
	}
}

func TestMayUseAPI(t *testing.T) {
	for plan, want := range map[Plan]bool{
		PlanFree: false, PlanBasic: false, PlanPro: true, PlanExpert: true, "": false, "PRO": false,
	} {
		if got := MayUseAPI(plan) == nil; got != want {
			t.Errorf("plan %q: got %v, want %v", plan, got, want)
		}
	}
}
