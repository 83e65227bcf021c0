package rest

import (
	"slices"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/gate"
	"memoai.tech/memo/internal/ratelimit"
)

type projectsIn struct {
	Limit  int `query:"limit" default:"20" doc:"how many; clamped to 1–100"`
	Offset int `query:"offset" default:"0" min:"0" doc:"how many to pass over"`
}

type projectsOut struct {
	Items  []memo.Project `json:"items"`
	Total  int            `json:"total"`
	Limit  int            `json:"limit"`
	Offset int            `json:"offset"`
}

func listProjects(c *call, in projectsIn) (projectsOut, error) {
	limit := min(max(in.Limit, 1), 100)
	items, total, err := c.app.Projects(c.ctx, c.Caller, limit, in.Offset)
	return projectsOut{items, total, limit, in.Offset}, err
}

// me is the answer of GET /me.
type me struct {
	Workspace memo.Workspace     `json:"workspace"`
	Member    memo.Member        `json:"member"`
	Key       memo.KeyView       `json:"key"`
	Plan      memo.Plan          `json:"plan"`
	Limits    map[string]limited `json:"limits"` // by class
}

// limited is a limit and what is left of it after this call.
type limited struct {
	Limit         int `json:"limit"`
	Remaining     int `json:"remaining"`
	WindowSeconds int `json:"window_seconds"`
}

func getMe(c *call, _ nothing) (me, error) {
	m, err := c.app.Me(c.ctx, c.Caller)
	return me{m.Workspace, m.Member, m.Key, m.Workspace.Plan, map[string]limited{
		string(ratelimit.Data): {c.Decision.Limit, c.Decision.Remaining, int(ratelimit.Period.Seconds())},
	}}, err
}

type signInIn struct {
	Body signInBody `body:"required"`
}

type signInBody struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

func (b *signInBody) check() (problems gate.ParamErrors) {
	if b.Email == "" {
		problems = append(problems, problem("body", "email", "must not be empty", "value_error"))
	}
	if b.Password == "" {
		problems = append(problems, problem("body", "password", "must not be empty", "value_error"))
	}
	return problems
}

type signInOut struct {
	User    memo.User    `json:"user"`
	Session memo.Session `json:"session"`
}

// signIn opens a session, always a new one, and ends the one that the client had.
func signIn(c *call, in signInIn) (signInOut, error) {
	token, s, u, err := c.app.SignIn(c.ctx, app.SignIn{
		Email: in.Body.Email, Password: in.Body.Password, Replaces: c.gate.SessionToken(c.r),
	}, c.gate.Client(c.r))
	if err != nil {
		return signInOut{}, err
	}
	c.gate.SetSessionToken(c.w, c.r, token, s.ExpiresAt)
	return signInOut{u, s}, nil
}

func signOut(c *call, _ nothing) (nothing, error) {
	err := c.app.RevokeSession(c.ctx, c.Caller, c.SessionID)
	if err == nil {
		c.gate.SetSessionToken(c.w, c.r, "", time.Unix(0, 0))
	}
	return nothing{}, err
}

type sessionsOut struct {
	Items []memo.Session `json:"items"`
}

func listSessions(c *call, _ nothing) (sessionsOut, error) {
	sessions, err := c.app.Sessions(c.ctx, c.Caller)
	return sessionsOut{sessions}, err
}

type oneSessionIn struct {
	ID id `path:"id"`
}

// find has the session told missing before bad parameters.
func (in oneSessionIn) find(c *call) error {
	sessions, err := c.app.Sessions(c.ctx, c.Caller)
	if err != nil || slices.ContainsFunc(sessions, func(s memo.Session) bool { return s.ID == string(in.ID) }) {
		return err
	}
	return memo.NotFound("Session")
}

func revokeSession(c *call, in oneSessionIn) (nothing, error) {
	return nothing{}, c.app.RevokeSession(c.ctx, c.Caller, string(in.ID))
}
