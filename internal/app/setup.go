package app

import (
	"cmp"
	"context"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// SetupRequest is the input of the set-up page.
type SetupRequest struct {
	Email     string
	Name      string
	Password  string
	Workspace string
}

// Check returns an error for each invalid field.
func (in SetupRequest) Check() []*memo.Error {
	_, problems := in.clean()
	return problems
}

// clean returns the request in the form in which it is stored, and an error for each invalid
// field.
func (in SetupRequest) clean() (SetupRequest, []*memo.Error) {
	email, emailErr := memo.CleanEmail(in.Email)
	name, nameErr := memo.CleanName("name", in.Name)
	workspace, workspaceErr := memo.CleanName("workspace", in.Workspace)
	problems := invalidErrors(emailErr, nameErr, credential.CheckPassword(in.Password), workspaceErr)
	return SetupRequest{Email: email, Name: name, Password: in.Password, Workspace: workspace}, problems
}

// ErrAlreadySetUp is the error of a second set-up.
var ErrAlreadySetUp = memo.Conflict("set_up", "This server is already set up. Sign in.")

// IsSetUp reports whether the server has any user.
func (a *App) IsSetUp(ctx context.Context) (bool, error) { return a.store.HasUsers(ctx) }

// SetUp creates the first user, as OWNER of the first workspace, on this plan. It succeeds only
// once, even if several requests arrive at the same time. problems has an error for each
// invalid field.
func (a *App) SetUp(
	ctx context.Context, in SetupRequest, plan memo.Plan, client Client,
) (problems []*memo.Error, err error) {
	if in, problems = in.clean(); len(problems) > 0 {
		return problems, nil
	}
	if err := plan.Check(); err != nil {
		return nil, err
	}
	hash, err := a.passwords.Hash(ctx, in.Password)
	if err != nil {
		return nil, err
	}
	return nil, a.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockUsers(ctx); err != nil {
			return err
		}
		if isSetUp, err := tx.HasUsers(ctx); err != nil || isSetUp {
			return cmp.Or(err, error(ErrAlreadySetUp))
		}
		u := memo.User{ID: newID(), Email: in.Email, Name: in.Name, CreatedAt: tx.Now}
		c := memo.Caller{UserID: u.ID, ClientAddress: client.Address, UserAgent: client.UserAgent}
		if err := addUser(ctx, tx, c, u, hash, ErrAlreadySetUp); err != nil {
			return err
		}
		return addWorkspace(ctx, tx, c, memo.Workspace{ID: newID(), Name: in.Workspace, Plan: plan, CreatedAt: tx.Now}, u.ID)
	})
}

// invalidErrors returns errs without nil. All of them come from functions that return only
// KindInvalid.
func invalidErrors(errs ...error) (problems []*memo.Error) {
	for _, err := range errs {
		if e, ok := err.(*memo.Error); ok {
			problems = append(problems, e)
		}
	}
	return problems
}
