package memo_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
)

func codeOf(err error) string {
	if e, ok := errors.AsType[*memo.Error](err); ok {
		return e.Code
	}
	return ""
}

func TestScopes(t *testing.T) {
	for _, c := range []struct{ given, want, problem string }{
		{"", "read", ""},
		{"read", "read", ""},
		{"export rest", "rest export", ""},
		{"mcp mcp", "mcp", ""},
		{"export mcp rest", "rest mcp export", ""},
		{"read rest", "", "read includes"},
		{"export", "", "must have rest or mcp"},
		{"admin", "", `"admin" is not a scope`},
		{"rest Admin", "", `"Admin" is not a scope`},
	} {
		var in memo.KeyAccess
		for _, s := range strings.Fields(c.given) {
			in.Scopes = append(in.Scopes, memo.Scope(s))
		}
		got, err := memo.CleanKeyAccess(in)
		if c.problem != "" {
			if err == nil || !strings.HasPrefix(err.Error(), "scopes: "+c.problem) {
				t.Errorf("%q: got %v, want a problem with %q", c.given, err, c.problem)
			}
			continue
		}
		var names []string
		for _, s := range got.Scopes {
			names = append(names, string(s))
		}
		if err != nil || strings.Join(names, " ") != c.want {
			t.Errorf("%q: got %v (%v), want %s", c.given, names, err, c.want)
		}
	}
}

// TestScopesPermit has every scope of the table with every permission.
func TestScopesPermit(t *testing.T) {
	all := []memo.Permission{memo.PermissionREST, memo.PermissionMCP, memo.PermissionExport}
	want := map[memo.Scope][]bool{
		memo.ScopeRead: {true, true, true}, memo.ScopeREST: {true, false, false},
		memo.ScopeMCP: {false, true, false}, memo.ScopeExport: {false, false, true},
	}
	for _, info := range memo.Scopes {
		for i, p := range all {
			err := memo.MayDo(memo.Caller{KeyID: "k", Scopes: []memo.Scope{info.Scope}}, p)
			if may := err == nil; len(want[info.Scope]) == 0 || may != want[info.Scope][i] {
				t.Errorf("%s, permission %d: %v", info.Scope, p, err)
			}
			if err != nil && codeOf(err) != "scope_denied" {
				t.Errorf("%s: %v", info.Scope, err)
			}
		}
	}
	for name, c := range map[string]memo.Caller{
		"a key without scopes": {KeyID: "k"}, "an unknown scope": {KeyID: "k", Scopes: []memo.Scope{"admin"}},
	} {
		if memo.MayDo(c, memo.PermissionREST) == nil {
			t.Errorf("%s may call", name)
		}
	}
	if err := memo.MayDo(memo.Caller{SessionID: "s"}, memo.PermissionExport); err != nil {
		t.Errorf("a signed-in member: %v", err)
	}
}

func TestNetworks(t *testing.T) {
	got, err := memo.ParseNetworks("allowed_ips", []string{
		"192.0.2.7", " 192.0.2.9/24", "2001:DB8::1/32", "::ffff:198.51.100.0/120", "::1", "192.0.2.7/32", "0.0.0.0/0",
	})
	want := []string{"192.0.2.7", "192.0.2.0/24", "2001:db8::/32", "198.51.100.0/24", "::1", "0.0.0.0/0"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
	for _, bad := range []string{
		"", "192.0.2", "192.0.2.1/33", "fe80::1%eth0", "::ffff:0:0/64", "example.com", "1.2.3.4-5",
	} {
		if _, err := memo.ParseNetworks("allowed_ips", []string{"::1", bad}); err == nil ||
			!strings.Contains(err.Error(), `"`+bad+`"`) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := memo.ParseNetworks("allowed_ips", make([]string, 21)); err == nil {
		t.Error("21 addresses are accepted")
	}
}

func TestAllowedAddresses(t *testing.T) {
	access := memo.KeyAccess{AllowedIPs: []string{"192.0.2.0/24", "2001:db8::/32", "198.51.100.7"}}
	for address, want := range map[string]bool{
		"192.0.2.200": true, "192.0.3.1": false, "::ffff:192.0.2.1": true, "2001:db8:1::2": true, "2001:db9::1": false,
		"198.51.100.7": true, "198.51.100.8": false, "": false, "@": false,
	} {
		if err := memo.MayCallFrom(address, memo.KeyPolicy{}, access); (err == nil) != want ||
			!want && codeOf(err) != "ip_denied" {
			t.Errorf("%q: %v", address, err)
		}
		// The policy and the key must both allow the address.
		policy := memo.KeyPolicy{AllowedIPs: []string{"192.0.2.0/25"}}
		if err := memo.MayCallFrom(address, policy, access); (err == nil) != (address == "::ffff:192.0.2.1") {
			t.Errorf("%q with a policy: %v", address, err)
		}
	}
	if err := memo.MayCallFrom("", memo.KeyPolicy{}, memo.KeyAccess{}); err != nil {
		t.Errorf("without limits: %v", err)
	}
}

func TestKeyPolicy(t *testing.T) {
	created := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	after := func(days int) *time.Time { return new(created.AddDate(0, 0, days)) }
	most := memo.KeyPolicy{MaxLifetimeDays: new(30)}
	required := memo.KeyPolicy{ExpiryRequired: true}
	for _, c := range []struct {
		name    string
		policy  memo.KeyPolicy
		expires *time.Time
		create  bool // it may be created with this expiry
		call    bool // it may be used after 30 days
	}{
		{"no policy, never", memo.KeyPolicy{}, nil, true, true},
		{"30 days, never", most, nil, false, false},
		{"30 days, 30 days", most, after(30), true, false},
		{"30 days, 31 days", most, after(31), false, false},
		{"required, never", required, nil, false, false},
		{"required, 400 days", required, after(400), true, true},
	} {
		if err := c.policy.CheckExpiry(created, c.expires); (err == nil) != c.create || !c.create &&
			(codeOf(err) != "key_policy" || memo.KindOf(err) != memo.KindInvalid) {
			t.Errorf("%s: creating it: %v", c.name, err)
		}
		err := c.policy.CheckAge(created, c.expires, *after(30))
		if (err == nil) != c.call || !c.call && codeOf(err) != "key_policy" {
			t.Errorf("%s: a call: %v", c.name, err)
		}
	}
	if err := most.CheckAge(created, nil, after(30).Add(-1)); err != nil {
		t.Errorf("before 30 days: %v", err)
	}
	for _, days := range []int{0, -1, memo.MaxPolicyDays + 1} {
		if _, err := memo.CleanKeyPolicy(memo.KeyPolicy{MaxLifetimeDays: &days}); err == nil {
			t.Errorf("%d days are accepted", days)
		}
	}
}
