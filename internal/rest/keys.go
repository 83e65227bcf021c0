package rest

import (
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/params"
)

// workspaceParam is a parameter of every key management call. Admission has already read it.
type workspaceParam struct {
	WorkspaceID params.UUID `query:"workspace_id" doc:"one of your workspaces; optional if you have only one"`
}

type keysOut struct {
	Items      []memo.KeyView `json:"items"`
	Total      int            `json:"total"`
	NextCursor memo.Optional  `json:"next_cursor"`
}

type listKeysIn struct {
	workspaceParam
	Status string `query:"status" enum:"active,expired,revoked,deactivated" doc:"only with this status"`
	Limit  int    `query:"limit" default:"100" doc:"how many; clamped to 1–1000"`
	Cursor string `query:"cursor" doc:"next_cursor of the previous page; every page costs the same"`
}

func listKeys(c *request, in listKeysIn) (keysOut, error) {
	list := app.KeyQuery{Status: memo.KeyStatus(in.Status), Limit: in.Limit, Cursor: in.Cursor}
	p, err := c.app.ListKeys(c.ctx, c.Caller, list)
	if err != nil {
		return keysOut{}, err
	}
	c.setLinks("cursor", p.NextCursor)
	return keysOut{p.Items, p.Total, memo.Optional(p.NextCursor)}, nil
}

type createKeyIn struct {
	workspaceParam
	Body createKeyBody `body:"required"`
}

type createKeyBody struct {
	Name       keyName       `json:"name"`
	ExpiresAt  *expiry       `json:"expires_at,omitzero"` // null: never
	Scopes     []memo.Scope  `json:"scopes,omitzero" min:"1"`
	ProjectIDs []params.UUID `json:"project_ids,omitzero" max:"20"`
	AllowedIPs []string      `json:"allowed_ips,omitzero" max:"20"`
}

// keyName is the name of a key.
type keyName string

// UnmarshalText accepts what [memo.CleanName] does.
func (n *keyName) UnmarshalText(b []byte) error {
	name, err := memo.CleanName("name", string(b))
	*n = keyName(name)
	return err
}

// expiry is the expiry of a key: an RFC 3339 instant or a date.
type expiry time.Time

// UnmarshalText accepts what [memo.ParseExpiry] does.
func (e *expiry) UnmarshalText(b []byte) error {
	t, err := memo.ParseExpiry("expires_at", string(b), time.Now())
	*e = expiry(t)
	return err
}

func createKey(c *request, in createKeyIn) (memo.CreatedKey, error) {
	return c.app.CreateKey(c.ctx, c.Caller, app.KeyRequest{
		Name: string(in.Body.Name), ExpiresAt: (*time.Time)(in.Body.ExpiresAt),
		Access: memo.KeyAccess{
			Scopes: in.Body.Scopes, ProjectIDs: params.Strings(in.Body.ProjectIDs), AllowedIPs: in.Body.AllowedIPs,
		},
	})
}

type keyIn struct {
	ID params.UUID `path:"id"`
	workspaceParam
}

func (in keyIn) checkExists(c *request) error {
	_, err := c.app.GetKey(c.ctx, c.Caller, string(in.ID))
	return err
}

func getKey(c *request, in keyIn) (memo.KeyView, error) {
	return c.app.GetKey(c.ctx, c.Caller, string(in.ID))
}

type updateKeyIn struct {
	keyIn
	Body updateKeyBody `body:"required"`
}

type updateKeyBody struct {
	Name      keyName                 `json:"name,omitzero"`
	ExpiresAt params.Nullable[expiry] `json:"expires_at,omitzero"` // null: never
}

func updateKey(c *request, in updateKeyIn) (memo.KeyView, error) {
	var change app.KeyChange
	if in.Body.Name != "" {
		change.Name = (*string)(&in.Body.Name)
	}
	if in.Body.ExpiresAt.Given {
		expires := (*time.Time)(in.Body.ExpiresAt.Value)
		change.ExpiresAt = &expires
	}
	return c.app.ChangeKey(c.ctx, c.Caller, string(in.ID), change)
}

type rotateKeyIn struct {
	keyIn
	Body rotateKeyBody `body:"optional"`
}

type rotateKeyBody struct {
	Overlap *overlap `json:"overlap,omitzero"` // if absent, the old key stays active until it is revoked
}

// overlap is the overlap of a rotation, such as 24h.
type overlap time.Duration

// UnmarshalText accepts a duration of up to [memo.MaxOverlap].
func (o *overlap) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	if err != nil || d < 0 || d > memo.MaxOverlap {
		return &memo.Error{
			Kind: memo.KindInvalid, Code: "duration", Message: "must be a duration from 0 to 7 days such as 24h or 30m",
		}
	}
	*o = overlap(d)
	return nil
}

func rotateKey(c *request, in rotateKeyIn) (memo.CreatedKey, error) {
	return c.app.RotateKey(c.ctx, c.Caller, string(in.ID), "", (*time.Duration)(in.Body.Overlap))
}

func revokeKey(c *request, in keyIn) (noBody, error) {
	return noBody{}, c.app.RevokeKey(c.ctx, c.Caller, string(in.ID))
}

type getKeyPolicyIn struct{ workspaceParam }

func getKeyPolicy(c *request, _ getKeyPolicyIn) (memo.KeyPolicy, error) {
	return c.app.KeyPolicy(c.ctx, c.Caller)
}

type setKeyPolicyIn struct {
	workspaceParam
	Body setKeyPolicyBody `body:"required"`
}

// setKeyPolicyBody is a whole policy: a member that is absent demands nothing.
type setKeyPolicyBody struct {
	MaxLifetimeDays *int     `json:"max_lifetime_days,omitzero"` // null: no maximum
	ExpiryRequired  bool     `json:"expiry_required,omitzero"`
	AllowedIPs      []string `json:"allowed_ips,omitzero" max:"20"`
}

func setKeyPolicy(c *request, in setKeyPolicyIn) (memo.KeyPolicy, error) {
	return c.app.SetKeyPolicy(c.ctx, c.Caller, memo.KeyPolicy(in.Body))
}
