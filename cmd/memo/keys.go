package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
)

type keyCmds struct {
	Create  keyCreate  `cmd:"" help:"Create a key on behalf of a member. It is shown only once."`
	List    keyList    `cmd:"" help:"List the keys of a workspace."`
	Rotate  keyRotate  `cmd:"" help:"Create a key that replaces another, with the same name, expiry and permissions."`
	Revoke  keyRevoke  `cmd:"" help:"Revoke a key. This takes effect at once and cannot be undone."`
	Inspect keyInspect `cmd:"" help:"Check the form of a key from stdin, offline."`
}

type keyCreate struct {
	workspaceOption
	Member  string `required:"" placeholder:"EMAIL"`
	Name    string `required:""`
	Expires expiry `help:"A date, an RFC 3339 time, or a number of days such as 90d." placeholder:"DATE|90d"`

	Scope   []memo.Scope `help:"What it may do: ${scopes}. Repeat it for several." placeholder:"SCOPE"`
	Project []string     `help:"A project, by name or id, that it sees instead of all. Repeat it for several."`
	AllowIP []string     `name:"allow-ip" help:"An address or range for its calls. Repeat it for several." placeholder:"CIDR"`
}

func (c *keyCreate) Run(s *session, w memo.Workspace) error {
	u, err := s.UserByEmail(s.ctx, operator, c.Member)
	if err != nil {
		return err
	}
	caller := memo.Caller{Operator: true, WorkspaceID: w.ID, UserID: u.ID}
	access := memo.KeyAccess{Scopes: c.Scope, AllowedIPs: c.AllowIP}
	if access.ProjectIDs, err = s.projectIDs(w, c.Project); err != nil {
		return err
	}
	k, err := s.CreateKey(s.ctx, caller, app.KeyRequest{Name: c.Name, ExpiresAt: c.Expires.at, Access: access})
	if memo.KindOf(err) == memo.KindNotFound {
		return fmt.Errorf("%s is not an active member of %s. 'memo member add' adds a user", u.Email, w.Name)
	}
	if err != nil {
		return err
	}
	return s.printKey(k)
}

// printKey prints a new key.
func (s *session) printKey(k memo.CreatedKey) error {
	return s.printResult(k, func() {
		s.printf("%s", k.Key) // nothing else on stdout, so that it can be piped
		fmt.Fprintf(s.stderr, "Copy the key now: it is not shown again. Name: %s. Expires: %s.\n",
			k.Name, formatTime(k.ExpiresAt))
	})
}

// projectIDs returns the ids of projects that are given by name or id.
func (s *session) projectIDs(w memo.Workspace, given []string) (ids []string, err error) {
	projects, err := s.ProjectNames(s.ctx, memo.Caller{Operator: true, WorkspaceID: w.ID})
	for _, name := range given {
		i := slices.IndexFunc(projects, func(p memo.ProjectRef) bool { return p.Name == name })
		switch id, ok := app.ParseID(name); {
		case i >= 0:
			ids = append(ids, projects[i].ID)
		case ok:
			ids = append(ids, id)
		case err == nil:
			return nil, fmt.Errorf("%s has no project %q", w.Name, name)
		}
	}
	return ids, err
}

// expiry is the value of --expires.
type expiry struct{ at *time.Time }

// UnmarshalText is called by kong, which prefixes its errors with the name of the option.
func (x *expiry) UnmarshalText(text []byte) error {
	now := time.Now()
	if !strings.HasSuffix(string(text), "d") {
		at, err := memo.ParseExpiry("", string(text), now)
		x.at = &at
		return err
	}
	days, ok := parseDays(string(text))
	if !ok {
		return fmt.Errorf("write a number of days, from 1 to %d, such as 90d", maxDays)
	}
	at := memo.TruncateToMillis(now.AddDate(0, 0, days))
	x.at = &at
	return nil
}

type keyList struct{ workspaceOption }

func (c *keyList) Run(s *session, w memo.Workspace) error {
	var keys []memo.KeyView
	for page := (app.KeyQuery{Limit: app.MaxKeyPage, NoTotal: true}); ; {
		p, err := s.ListKeys(s.ctx, memo.Caller{Operator: true, WorkspaceID: w.ID}, page)
		if err != nil {
			return err
		}
		keys = append(keys, p.Items...)
		if page.Cursor = p.NextCursor; page.Cursor == "" {
			break
		}
	}
	return printList(s, keys, "ID KEY NAME STATUS MEMBER EXPIRES LAST-USED FROM", func(k memo.KeyView) []string {
		return []string{
			k.ID, k.Label(), k.Name, string(k.Status), k.CreatedBy.Email,
			formatTime(k.ExpiresAt), formatTime(k.LastUsedAt), string(k.LastUsedIP),
		}
	})
}

type keyRotate struct {
	KeyID   string         `arg:"" name:"key-id"`
	Overlap *time.Duration `help:"How long the old key stays active, up to 168h. Default: until it is revoked." placeholder:"24h"`
}

func (c *keyRotate) Run(s *session) error {
	k, err := s.RotateKey(s.ctx, operator, c.KeyID, "", c.Overlap)
	if memo.KindOf(err) == memo.KindNotFound {
		return errNoSuchKey
	}
	if err != nil {
		return asOption(err)
	}
	return s.printKey(k)
}

// errNoSuchKey is the error for an id that no key has.
var errNoSuchKey = errors.New(
	"no key has this id. 'memo key list --workspace W' lists the ids; the key itself is not an id")

type keyRevoke struct {
	KeyID string `arg:"" name:"key-id"`
	confirmation
}

func (c *keyRevoke) Run(s *session) error {
	if err := c.confirm(s.environment, "Revoke the key %s at once?", c.KeyID); err != nil {
		return err
	}
	err := s.RevokeKey(s.ctx, operator, c.KeyID)
	if memo.KindOf(err) == memo.KindNotFound {
		return errNoSuchKey
	}
	if err != nil {
		return err
	}
	k, err := s.GetKey(s.ctx, operator, c.KeyID)
	if err != nil {
		return err
	}
	return s.print(k, "%s (%s) is %s.", k.Label(), k.Name, k.Status)
}

type keyInspect struct{}

func (c *keyInspect) Run(e *environment) error {
	raw, err := io.ReadAll(io.LimitReader(e.stdin, 4<<10))
	if err != nil {
		return err
	}
	k, ok := credential.ParseKey(strings.TrimSpace(string(raw)))
	if !ok {
		return fmt.Errorf("the input is not a well-formed key: a key is %s and 38 letters or digits, "+
			"of which the last 6 are a checksum", credential.KeyPrefix)
	}
	return e.print(map[string]any{"well_formed": true, "suffix": k.Suffix()},
		"%s…%s is a well-formed key. Only the server knows whether it was issued and is active.",
		credential.KeyPrefix, k.Suffix())
}
