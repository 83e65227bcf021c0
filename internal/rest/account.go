package rest

import (
	"slices"
	"strconv"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/params"
	"memoai.tech/memo/internal/ratelimit"
)

type projectsIn struct {
	Limit  int `query:"limit" default:"20" doc:"how many; clamped to 1–100"`
	Offset int `query:"offset" default:"0" min:"0" doc:"how many to skip"`
}

type projectsOut struct {
	Items  []memo.Project `json:"items"`
	Total  int            `json:"total"`
	Limit  int            `json:"limit"`
	Offset int            `json:"offset"`
}

func listProjects(c *request, in projectsIn) (projectsOut, error) {
	limit := min(max(in.Limit, 1), 100)
	items, total, err := c.app.Projects(c.ctx, c.Caller, limit, in.Offset)
	if err != nil {
		return projectsOut{}, err
	}
	next := ""
	if end := in.Offset + len(items); len(items) > 0 && end < total {
		next = strconv.Itoa(end)
	}
	c.setLinks("offset", next)
	return projectsOut{items, total, limit, in.Offset}, nil
}

// meResponse is the response of GET /me.
type meResponse struct {
	Workspace memo.Workspace        `json:"workspace"`
	Member    memo.Member           `json:"member"`
	Key       memo.KeyView          `json:"key"`
	Plan      memo.Plan             `json:"plan"`
	Limits    map[string]limitState `json:"limits"` // by class
}

// limitState is a limit and what is left of it after this call.
type limitState struct {
	Limit         int `json:"limit"`
	Remaining     int `json:"remaining"`
	WindowSeconds int `json:"window_seconds"`
}

func getMe(c *request, _ noBody) (meResponse, error) {
	m, err := c.app.Me(c.ctx, c.Caller)
	return meResponse{m.Workspace, m.Member, m.Key, m.Workspace.Plan, map[string]limitState{
		string(ratelimit.Data): {c.Decision.Limit, c.Decision.Remaining, int(ratelimit.Period.Seconds())},
	}}, err
}

type signInIn struct {
	Body signInBody `body:"required"`
}

type signInBody struct {
	Email    string `json:"email" min:"1"`
	Password string `json:"password" min:"1"`
}

type signInOut struct {
	User    memo.User    `json:"user"`
	Session memo.Session `json:"session"`
}

// signIn starts a session. It ends the session that the request's cookie named.
func signIn(c *request, in signInIn) (signInOut, error) {
	token, s, u, err := c.app.SignIn(c.ctx, app.SignIn{
		Email: in.Body.Email, Password: in.Body.Password, Replaces: c.admission.SessionToken(c.r),
	}, c.admission.Client(c.r))
	if err != nil {
		return signInOut{}, err
	}
	c.admission.SetSessionToken(c.w, c.r, token, s.ExpiresAt)
	return signInOut{u, s}, nil
}

func signOut(c *request, _ noBody) (noBody, error) {
	err := c.app.RevokeSession(c.ctx, c.Caller, c.SessionID)
	if err == nil {
		c.admission.SetSessionToken(c.w, c.r, "", time.Unix(0, 0))
	}
	return noBody{}, err
}

type sessionsOut struct {
	Items []memo.Session `json:"items"`
}

func listSessions(c *request, _ noBody) (sessionsOut, error) {
	sessions, err := c.app.Sessions(c.ctx, c.Caller)
	return sessionsOut{sessions}, err
}

type oneSessionIn struct {
	ID params.UUID `path:"id"`
}

// checkExists returns 404 if the session is not one of the caller's.
func (in oneSessionIn) checkExists(c *request) error {
	sessions, err := c.app.Sessions(c.ctx, c.Caller)
	if err != nil || slices.ContainsFunc(sessions, func(s memo.Session) bool { return s.ID == string(in.ID) }) {
		return err
	}
	return memo.NotFound("Session")
}

func revokeSession(c *request, in oneSessionIn) (noBody, error) {
	return noBody{}, c.app.RevokeSession(c.ctx, c.Caller, string(in.ID))
}
