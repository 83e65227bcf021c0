package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
)

type keyCmds struct {
	Create  keyCreate  `cmd:"" help:"Create a key on behalf of a member. It is shown only once."`
	List    keyList    `cmd:"" help:"List the keys of a workspace."`
	Revoke  keyRevoke  `cmd:"" help:"Revoke a key. This takes effect at once and cannot be undone."`
	Inspect keyInspect `cmd:"" help:"Check the form of a key from stdin, offline."`
}

type keyCreate struct {
	Workspace string `required:""`
	Member    string `required:"" placeholder:"EMAIL"`
	Name      string `required:""`
	Expires   string `help:"A date, an RFC 3339 time, or a number of days such as 90d." placeholder:"DATE|90d"`
}

func (c *keyCreate) Run(e *environment) error {
	expires, err := parseExpires(c.Expires, time.Now())
	if err != nil {
		return err
	}
	return e.withMember(c.Workspace, c.Member, func(a *app.App, w memo.Workspace, u memo.User) error {
		caller := memo.Caller{Operator: true, WorkspaceID: w.ID, UserID: u.ID}
		k, err := a.CreateKey(e.ctx, caller, app.KeyRequest{Name: c.Name, ExpiresAt: expires})
		if memo.KindOf(err) == memo.KindNotFound {
			return fmt.Errorf("%s is not an active member of %s. 'memo member add' adds a user", u.Email, w.Name)
		}
		if err != nil {
			return err
		}
		return e.printResult(k, func() {
			e.printf("%s", k.Key) // nothing else on stdout, so that it can be piped
			fmt.Fprintf(e.stderr, "Copy the key now: it is not shown again. Name: %s. Expires: %s.\n",
				k.Name, formatTime(k.ExpiresAt))
		})
	})
}

// parseExpires parses the value of --expires. An empty one returns nil: no expiry.
func parseExpires(s string, now time.Time) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 36_500 {
			return nil, usageError("--expires: write a number of days, from 1 to 36500, such as 90d")
		}
		t := memo.TruncateToMillis(now.AddDate(0, 0, n))
		return &t, nil
	}
	t, err := memo.ParseExpiry("--expires", s, now)
	if err != nil {
		return nil, usageError(err.Error())
	}
	return &t, nil
}

type keyList struct {
	Workspace string `required:""`
}

func (c *keyList) Run(e *environment) error {
	return e.inWorkspace(c.Workspace, func(a *app.App, w memo.Workspace) error {
		keys := []memo.KeyView{}
		for page := (app.KeyQuery{Limit: app.MaxKeyPage, NoTotal: true}); ; {
			p, err := a.ListKeys(e.ctx, memo.Caller{Operator: true, WorkspaceID: w.ID}, page)
			if err != nil {
				return err
			}
			keys = append(keys, p.Items...)
			if page.Cursor = p.NextCursor; page.Cursor == "" {
				break
			}
		}
		return showList(e, keys, "ID KEY NAME STATUS MEMBER EXPIRES LAST-USED FROM", func(k memo.KeyView) []string {
			return []string{
				k.ID, credential.KeyPrefix + "…" + k.Suffix, k.Name, string(k.Status), k.CreatedBy.Email,
				formatTime(k.ExpiresAt), formatTime(k.LastUsedAt), string(k.LastUsedIP),
			}
		})
	})
}

type keyRevoke struct {
	KeyID string `arg:"" name:"key-id"`
}

func (c *keyRevoke) Run(e *environment) error {
	return e.withApp(func(a *app.App) error {
		err := a.RevokeKey(e.ctx, operatorCaller, c.KeyID)
		if memo.KindOf(err) == memo.KindNotFound {
			return errors.New("no key has this id. 'memo key list --workspace W' lists the ids; " +
				"the key itself is not an id")
		}
		if err != nil {
			return err
		}
		k, err := a.GetKey(e.ctx, operatorCaller, c.KeyID)
		if err != nil {
			return err
		}
		return e.printResult(k, func() {
			e.printf("%s…%s (%s) is %s.", credential.KeyPrefix, k.Suffix, k.Name, k.Status)
		})
	})
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
	return e.printResult(struct {
		WellFormed bool   `json:"well_formed"`
		Suffix     string `json:"suffix"`
	}{true, k.Suffix()}, func() {
		e.printf("%s…%s is a well-formed key. Only the server knows whether it was issued and is active.",
			credential.KeyPrefix, k.Suffix())
	})
}
