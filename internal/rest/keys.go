package rest

import (
	"cmp"
	"time"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
)

// workspaceParam is a parameter of every key management call. Admission has already read it.
type workspaceParam struct {
	WorkspaceID idParam `query:"workspace_id" doc:"one of your workspaces; optional if you have only one"`
}

type keysOut struct {
	Items      []memo.KeyView `json:"items"`
	Total      int            `json:"total"`
	NextCursor *string        `json:"next_cursor"`
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
	out := keysOut{Items: p.Items, Total: p.Total}
	if p.NextCursor != "" {
		out.NextCursor = &p.NextCursor
	}
	return out, err
}

type createKeyIn struct {
	workspaceParam
	Body createKeyBody `body:"required"`
}

type createKeyBody struct {
	Name      string  `json:"name"`
	ExpiresAt *string `json:"expires_at,omitempty"` // RFC 3339, or a date; null: never

	expires *time.Time
}

func (b *createKeyBody) validate() (problems httpx.ParamErrors) {
	if _, err := memo.CleanName("name", b.Name); err != nil {
		problems = append(problems, bodyError(err)...)
	}
	var invalid httpx.ParamErrors
	b.expires, invalid = parseExpiry(b.ExpiresAt)
	return append(problems, invalid...)
}

// parseExpiry parses an optional expiry. nil means never.
func parseExpiry(s *string) (*time.Time, httpx.ParamErrors) {
	if s == nil {
		return nil, nil
	}
	t, err := memo.ParseExpiry("expires_at", *s, time.Now())
	if err != nil {
		return nil, bodyError(err)
	}
	return &t, nil
}

func createKey(c *request, in createKeyIn) (memo.CreatedKey, error) {
	return c.app.CreateKey(c.ctx, c.Caller, app.KeyRequest{Name: in.Body.Name, ExpiresAt: in.Body.expires})
}

type keyIn struct {
	ID idParam `path:"id"`
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
	ID idParam `path:"id"`
	workspaceParam
	Body updateKeyBody `body:"required"`
}

func (in updateKeyIn) checkExists(c *request) error { return keyIn{ID: in.ID}.checkExists(c) }

type updateKeyBody struct {
	Name      nullableString `json:"name,omitzero"`
	ExpiresAt nullableString `json:"expires_at,omitzero"` // null: never

	change app.KeyChange
}

// nullableString distinguishes null from an absent member.
type nullableString struct {
	given bool
	value *string
}

// UnmarshalJSON records that the member is present. The decoder calls it for null too.
func (n *nullableString) UnmarshalJSON(b []byte) error {
	n.given = true
	return json.Unmarshal(b, &n.value)
}

func (b *updateKeyBody) validate() (problems httpx.ParamErrors) {
	if b.Name.given {
		b.change.Name = cmp.Or(b.Name.value, new(string)) // null is an empty name, which is invalid
		if _, err := memo.CleanName("name", *b.change.Name); err != nil {
			problems = append(problems, bodyError(err)...)
		}
	}
	if b.ExpiresAt.given {
		t, invalid := parseExpiry(b.ExpiresAt.value)
		b.change.ExpiresAt, problems = &t, append(problems, invalid...)
	}
	return problems
}

func updateKey(c *request, in updateKeyIn) (memo.KeyView, error) {
	return c.app.ChangeKey(c.ctx, c.Caller, string(in.ID), in.Body.change)
}

type rotateKeyIn struct {
	ID idParam `path:"id"`
	workspaceParam
	Body rotateKeyBody `body:"optional"`
}

func (in rotateKeyIn) checkExists(c *request) error { return keyIn{ID: in.ID}.checkExists(c) }

type rotateKeyBody struct {
	Overlap *string `json:"overlap,omitempty"` // such as 24h; if absent, the old key stays active until it is revoked

	overlap *time.Duration
}

func (b *rotateKeyBody) validate() httpx.ParamErrors {
	if b.Overlap == nil {
		return nil
	}
	d, err := time.ParseDuration(*b.Overlap)
	if err != nil || d < 0 || d > memo.MaxOverlap {
		return httpx.ParamErrors{paramError("body", "overlap", "must be a duration from 0 to 7 days such as 24h or 30m",
			"duration")}
	}
	b.overlap = &d
	return nil
}

func rotateKey(c *request, in rotateKeyIn) (memo.CreatedKey, error) {
	return c.app.RotateKey(c.ctx, c.Caller, string(in.ID), "", in.Body.overlap)
}

func revokeKey(c *request, in keyIn) (noBody, error) {
	return noBody{}, c.app.RevokeKey(c.ctx, c.Caller, string(in.ID))
}
