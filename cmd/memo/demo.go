package main

import (
	"context"
	"errors"
	"fmt"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/demo"
	"memoai.tech/memo/internal/rest"
)

// The demo workspace and its OWNER.
const (
	demoEmail     = "demo@example.com"
	demoWorkspace = "Demo"
)

// seedDemo fills an empty database with the demo and adds the sign-in, key and curl
// line to out. A database that has the demo already gets a new key and password,
// because the old ones cannot be shown. Any other database is left unchanged.
func seedDemo(ctx context.Context, a *app.App, out *startReport) error {
	users, err := a.Users(ctx, operator)
	if err != nil {
		return err
	}
	password, _ := credential.NewToken()
	password = password[:16]
	var u memo.User
	var w memo.Workspace
	switch {
	case len(users) == 0:
		if u, err = a.AddUser(ctx, operator, demoEmail, "Demo Owner", password); err != nil {
			return err
		}
		if w, err = a.AddWorkspace(ctx, operator, demoWorkspace, memo.PlanPro, u.ID); err != nil {
			return err
		}
	case len(users) == 1 && users[0].Email == demoEmail:
		u = users[0]
		if w, err = a.FindWorkspace(ctx, operator, demoWorkspace); err != nil {
			return err
		}
		if err := a.SetPassword(ctx, memo.Caller{Operator: true, UserID: u.ID}, password); err != nil {
			return err
		}
	default:
		return nil
	}
	caller := memo.Caller{Operator: true, WorkspaceID: w.ID, UserID: u.ID}
	if err := importDemo(ctx, a, caller); err != nil {
		return err
	}
	k, err := replaceDemoKey(ctx, a, caller)
	if err != nil {
		return err
	}
	out.Key, out.Email, out.Password = k.Key, u.Email, password
	out.Curl = fmt.Sprintf(`curl %s%s/transcriptions -H "Authorization: Bearer %s"`, out.URL, rest.Prefix, k.Key)
	return nil
}

func importDemo(ctx context.Context, a *app.App, caller memo.Caller) error {
	for name, data := range demo.Files() {
		if _, err := a.Import(ctx, caller, app.ImportFile{Name: name, Data: data}); err != nil {
			return err
		}
	}
	return nil
}

// replaceDemoKey revokes the key of the previous start and creates a new one.
func replaceDemoKey(ctx context.Context, a *app.App, caller memo.Caller) (memo.CreatedKey, error) {
	const name = "Demo"
	old, err := a.ListKeys(ctx, caller, app.KeyQuery{Status: memo.KeyActive, Limit: app.MaxKeyPage, NoTotal: true})
	for _, k := range old.Items {
		if k.Name == name {
			err = errors.Join(err, a.RevokeKey(ctx, caller, k.ID))
		}
	}
	if err != nil {
		return memo.CreatedKey{}, err
	}
	return a.CreateKey(ctx, caller, app.KeyRequest{Name: name})
}
