package memo

import (
	"net/netip"
	"slices"
	"strings"
)

// Permission is a thing that a key may do. A set of permissions is the sum of them.
type Permission uint8

// The permissions.
const (
	PermissionREST   Permission = 1 << iota // calls over REST
	PermissionMCP                           // calls over MCP
	PermissionExport                        // files of transcriptions
)

// Scope is a name for permissions of a key.
type Scope string

// The scopes. See [Scopes] for what they permit.
const (
	ScopeRead   Scope = "read"
	ScopeREST   Scope = "rest"
	ScopeMCP    Scope = "mcp"
	ScopeExport Scope = "export"
)

// ScopeInfo describes a scope.
type ScopeInfo struct {
	Scope   Scope
	Title   string // for people
	Text    string // a sentence for people
	Permits Permission
}

// Scopes lists every scope. The checks, the new-key page, the OpenAPI document and the tests use
// this table. A key has the first scope alone, or some of the others.
var Scopes = []ScopeInfo{
	{
		ScopeRead, "Everything", "Read over REST and MCP, with exports.",
		PermissionREST | PermissionMCP | PermissionExport,
	},
	{ScopeREST, "REST", "Read over the REST API.", PermissionREST},
	{ScopeMCP, "MCP", "Read from AI assistants over MCP.", PermissionMCP},
	{ScopeExport, "Exports", "Get transcriptions as files, one by one and as a ZIP.", PermissionExport},
}

// ScopeNames returns the names of all scopes, for people: "read, rest, mcp, export".
func ScopeNames() string {
	names := make([]string, len(Scopes))
	for i, info := range Scopes {
		names[i] = string(info.Scope)
	}
	return strings.Join(names, ", ")
}

// The scopes of keys and apps that were created without any.
var (
	keyScopes = []Scope{ScopeRead}
	appScopes = []Scope{ScopeMCP, ScopeExport} // the tokens of an app are for MCP only
)

// DefaultScopes returns the scopes of a key of this kind that was created without any. Callers must
// not change them.
func DefaultScopes(kind KeyKind) []Scope {
	if kind == KindApp {
		return appScopes
	}
	return keyScopes
}

// Permits returns what a scope permits; nothing if it is unknown.
func (s Scope) Permits() Permission {
	for _, info := range Scopes {
		if info.Scope == s {
			return info.Permits
		}
	}
	return 0
}

// permitted returns what a set of scopes permits.
func permitted(scopes []Scope) (p Permission) {
	for _, s := range scopes {
		p |= s.Permits()
	}
	return p
}

// KeyAccess limits what a key may do, what it sees, and from where it may be used. It never changes.
type KeyAccess struct {
	Scopes []Scope `json:"scopes"`
	// ProjectIDs are the only projects that the key sees; empty for all transcriptions.
	ProjectIDs []string `json:"project_ids"`
	// AllowedIPs are addresses and ranges of [ParseNetworks]; empty for all addresses.
	AllowedIPs []string `json:"allowed_ips"`
}

// The codes of the refusals of calls and keys by scope, address and key policy.
const (
	CodeScopeDenied = "scope_denied"
	CodeIPDenied    = "ip_denied"
	CodeKeyPolicy   = "key_policy"
)

// AccessCodes lists these codes.
var AccessCodes = []string{CodeScopeDenied, CodeIPDenied, CodeKeyPolicy}

// MaxKeyList is how many projects a key may name, and how many addresses a key or a policy.
const MaxKeyList = 20

// CleanKeyAccess returns access in the form in which it is stored: with scopes in the order of
// [Scopes], addresses in normal form, and nothing twice. Without scopes it has those of a key. It does
// not check whether the projects exist. Errors: KindInvalid for scopes, project_ids or allowed_ips.
func CleanKeyAccess(a KeyAccess) (KeyAccess, error) {
	scopes, err := cleanScopes(a.Scopes)
	if err != nil {
		return a, err
	}
	if len(a.ProjectIDs) > MaxKeyList {
		return a, Invalid("project_ids", "must have at most %d projects", MaxKeyList)
	}
	a.Scopes, a.ProjectIDs = scopes, unique(a.ProjectIDs)
	a.AllowedIPs, err = ParseNetworks("allowed_ips", a.AllowedIPs)
	return a, err
}

func cleanScopes(given []Scope) (clean []Scope, err error) {
	if len(given) == 0 {
		return keyScopes, nil
	}
	for _, info := range Scopes {
		if slices.Contains(given, info.Scope) {
			clean = append(clean, info.Scope)
		}
	}
	for _, s := range given {
		if !slices.Contains(clean, s) {
			return nil, Invalid("scopes", "%q is not a scope: use read alone, or some of rest, mcp and export",
				Printable(string(s), 40))
		}
	}
	switch {
	case slices.Contains(clean, ScopeRead) && len(clean) > 1:
		return nil, Invalid("scopes", "read includes all others: leave it out, or give it alone")
	case permitted(clean)&(PermissionREST|PermissionMCP) == 0:
		return nil, Invalid("scopes", "must have rest or mcp, without which the key could make no call")
	}
	return clean, nil
}

// ParseNetworks parses addresses and ranges in CIDR notation, such as 192.0.2.7 and 2001:db8::/32,
// and returns them in normal form, each once. Errors: KindInvalid for field, which names the value.
func ParseNetworks(field string, values []string) ([]string, error) {
	if len(values) > MaxKeyList {
		return nil, Invalid(field, "must have at most %d addresses", MaxKeyList)
	}
	clean := make([]string, 0, len(values))
	for _, v := range values {
		p, ok := parseNetwork(strings.TrimSpace(v))
		if !ok {
			return nil, Invalid(field, "%q is not an address or a range such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32",
				Printable(v, 60))
		}
		if p.IsSingleIP() {
			clean = append(clean, p.Addr().String())
		} else {
			clean = append(clean, p.String())
		}
	}
	return unique(clean), nil
}

// parseNetwork parses an address or a range. An IPv4 address that is written as an IPv6 one becomes
// IPv4, as the addresses of callers do.
func parseNetwork(s string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return p, false
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return p, false // also addresses that are not IPv4
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

// containsAddress reports whether an address is in one of the networks, or the list is empty.
func containsAddress(networks []string, address string) bool {
	if len(networks) == 0 {
		return true
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(networks, func(n string) bool {
		p, ok := parseNetwork(n)
		return ok && p.Contains(a.Unmap().WithZone(""))
	})
}

// unique returns the values without later repetitions. It never returns nil.
func unique[T comparable](values []T) []T {
	out := make([]T, 0, len(values))
	for _, v := range values {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// MayDo returns an error unless the caller has all permissions of p. Signed-in members and the
// operator have all.
func MayDo(c Caller, p Permission) error {
	missing := p &^ permitted(c.Scopes)
	if c.KeyID == "" || missing == 0 {
		return nil
	}
	var names []string
	for _, info := range Scopes[1:] {
		if info.Permits&missing != 0 {
			names = append(names, string(info.Scope))
		}
	}
	has := make([]string, len(c.Scopes))
	for i, s := range c.Scopes {
		has[i] = string(s)
	}
	return Forbidden(CodeScopeDenied, "This key lacks the scope "+strings.Join(names, " and ")+". It has "+
		strings.Join(has, ", ")+". Create another key in Settings → API & MCP, or by POST /api/v1/developer/keys.")
}

// MayCallFrom returns an error unless the key policy and the access of a key allow calls from this
// address.
func MayCallFrom(address string, p KeyPolicy, a KeyAccess) error {
	whose := "This key"
	switch {
	case !containsAddress(p.AllowedIPs, address):
		whose = "A key of this workspace"
	case containsAddress(a.AllowedIPs, address):
		return nil
	}
	return Forbidden(CodeIPDenied, whose+" may not be used from the address "+address+
		". Call from an allowed address. Settings → API & MCP shows which these are.")
}
