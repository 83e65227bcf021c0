package memo

import (
	"slices"
	"time"
)

// Plan is what a workspace has paid for, see docs/contract.md#plans.
type Plan string

// The plans.
const (
	PlanFree   Plan = "free"
	PlanBasic  Plan = "basic"
	PlanPro    Plan = "pro"
	PlanExpert Plan = "expert"
)

// Plans lists every plan, from the smallest to the largest.
var Plans = []Plan{PlanFree, PlanBasic, PlanPro, PlanExpert}

// Check returns an error if p is not one of [Plans].
func (p Plan) Check() error {
	if !slices.Contains(Plans, p) {
		return Invalid("plan", "must be free, basic, pro or expert")
	}
	return nil
}

// HasAPI reports whether the plan includes the API and MCP.
func (p Plan) HasAPI() bool { return p == PlanPro || p == PlanExpert }

// Role is the role of a member in a workspace.
type Role string

// The roles. A workspace always has at least one OWNER.
const (
	RoleOwner  Role = "OWNER"
	RoleMember Role = "MEMBER"
)

// Check returns an error if r is not one of the roles.
func (r Role) Check() error {
	if r != RoleOwner && r != RoleMember {
		return Invalid("role", "must be OWNER or MEMBER")
	}
	return nil
}

// Workspace holds transcriptions, members, a plan and API keys.
type Workspace struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Plan      Plan      `json:"plan"`
	CreatedAt time.Time `json:"created_at"`
}

// Member is a user in a workspace.
type Member struct {
	UserID   string    `json:"id"`
	Email    string    `json:"email"`
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	JoinedAt time.Time `json:"joined_at"`
}

// Membership is a workspace of a user, with their role in it.
type Membership struct {
	Workspace
	Role Role
}

// Project groups transcriptions of a workspace.
type Project struct {
	ID                 string    `json:"id"`
	Name               string    `json:"name"`
	TranscriptionCount int       `json:"transcription_count"`
	CreatedAt          time.Time `json:"created_at"`
}
