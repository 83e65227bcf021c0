package memo

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// KeyPolicy is what an OWNER demands of the keys and connected apps of a workspace. The zero policy
// demands nothing. Keys that exist already must follow it as well.
type KeyPolicy struct {
	// MaxLifetimeDays is how many days after its creation a key stops working; nil: no maximum.
	MaxLifetimeDays *int `json:"max_lifetime_days"`
	ExpiryRequired  bool `json:"expiry_required"`
	// AllowedIPs are addresses and ranges of [ParseNetworks]; empty for all addresses.
	AllowedIPs []string `json:"allowed_ips"`
}

// MaxPolicyDays is the longest maximum lifetime, ten years.
const MaxPolicyDays = 3650

// CleanKeyPolicy returns a policy in the form in which it is stored. Errors: KindInvalid for
// max_lifetime_days or allowed_ips.
func CleanKeyPolicy(p KeyPolicy) (_ KeyPolicy, err error) {
	if d := p.MaxLifetimeDays; d != nil && (*d < 1 || *d > MaxPolicyDays) {
		return p, Invalid("max_lifetime_days", "must be between 1 and %d days, or null for no maximum", MaxPolicyDays)
	}
	p.AllowedIPs, err = ParseNetworks("allowed_ips", p.AllowedIPs)
	return p, err
}

// IsZero reports whether the policy demands nothing.
func (p KeyPolicy) IsZero() bool {
	return p.MaxLifetimeDays == nil && !p.ExpiryRequired && len(p.AllowedIPs) == 0
}

// String returns the policy as text for people: "at most 90 days; an expiry; only from 192.0.2.0/24".
func (p KeyPolicy) String() string {
	var parts []string
	if p.MaxLifetimeDays != nil {
		parts = append(parts, "at most "+Plural(*p.MaxLifetimeDays, "day"))
	}
	if p.ExpiryRequired {
		parts = append(parts, "an expiry")
	}
	if len(p.AllowedIPs) > 0 {
		parts = append(parts, "only from "+strings.Join(p.AllowedIPs, ", "))
	}
	return cmp.Or(strings.Join(parts, "; "), "none")
}

// LatestExpiry returns the latest expiry of a key that was created at a time; nil: any.
func (p KeyPolicy) LatestExpiry(created time.Time) *time.Time {
	if p.MaxLifetimeDays == nil {
		return nil
	}
	return new(created.AddDate(0, 0, *p.MaxLifetimeDays))
}

// CheckExpiry returns KindInvalid key_policy unless a key that is created at a time may have this
// expiry; nil means never.
func (p KeyPolicy) CheckExpiry(created time.Time, expires *time.Time) error {
	latest := p.LatestExpiry(created)
	switch {
	case expires == nil && (p.ExpiryRequired || latest != nil):
		return policyBroken("needs an expiry", latest)
	case latest != nil && expires.After(*latest):
		return policyBroken("may last at most "+Plural(*p.MaxLifetimeDays, "day"), latest)
	}
	return nil
}

func policyBroken(what string, latest *time.Time) error {
	then := "Give it one, such as a date."
	if latest != nil {
		then = "Choose one until " + latest.UTC().Format(time.RFC3339) + "."
	}
	return &Error{
		Kind: KindInvalid, Code: CodeKeyPolicy,
		Message: fmt.Sprintf("The key policy of this workspace says that a key %s. %s", what, then),
	}
}

// CheckAge returns an error unless a key that was created at a time and has this expiry may still be
// used at now.
func (p KeyPolicy) CheckAge(created time.Time, expires *time.Time, now time.Time) error {
	latest := p.LatestExpiry(created)
	switch {
	case latest != nil && !now.Before(*latest):
		return Forbidden(CodeKeyPolicy, "This key is older than "+Plural(*p.MaxLifetimeDays, "day")+
			", which the key policy of its workspace does not allow. Create a new key in Settings → API & MCP.")
	case p.ExpiryRequired && expires == nil:
		return Forbidden(CodeKeyPolicy, "This key has no expiry, which the key policy of its workspace demands. "+
			"Its creator can set one in Settings → API & MCP.")
	}
	return nil
}
