package app

import (
	"context"

	"memoai.tech/memo"
)

// The checks that use cases make of their caller. Every exported method of App that takes a
// caller begins with one, and TestEveryUseCaseChecksItsCaller has a row for each method.

var (
	errOperatorRequired = memo.Forbidden("operator_required",
		"Only the operator of this server can do this, with the memo command.")
	errKeyRequired = memo.Forbidden("key_required", "Only an API key can make this call.")
)

// requireOperator is for what only the operator may do.
func requireOperator(c memo.Caller) error {
	if c.Operator {
		return nil
	}
	return errOperatorRequired
}

// requireUser is for a user's own account: a signed-in user, or the operator on their behalf.
func requireUser(c memo.Caller) error {
	switch {
	case c.KeyID != "":
		return memo.ErrKeyManagementForbidden
	case c.UserID == "":
		return errNotSignedIn
	}
	return nil
}

// requireSignedInMember is for what a member does with a session, such as managing keys. The
// operator may do it too.
func requireSignedInMember(c memo.Caller) error {
	switch {
	case c.Operator:
		return nil
	case c.KeyID != "":
		return memo.ErrKeyManagementForbidden
	case c.UserID == "" || c.WorkspaceID == "":
		return errNotSignedIn
	}
	return nil
}

// requireEditor is requireSignedInMember for changes of transcriptions.
func requireEditor(c memo.Caller) error {
	if c.KeyID != "" {
		return memo.ErrReadOnlyKey
	}
	return requireSignedInMember(c)
}

// requireReader is for reading a workspace: an API key, a signed-in member or the operator.
func requireReader(c memo.Caller) error {
	if c.Operator || c.UserID != "" && c.WorkspaceID != "" {
		return nil
	}
	return errNotSignedIn
}

// requireExporter is requireReader for files of transcriptions.
func requireExporter(c memo.Caller) error {
	if err := requireReader(c); err != nil {
		return err
	}
	return memo.MayDo(c, memo.PermissionExport)
}

// requireCaller is for a call that a limit counts: an API key or a signed-in user.
func requireCaller(c memo.Caller) error {
	if c.UserID == "" {
		return errNotSignedIn
	}
	return nil
}

// requireMembership is for the operator and for a signed-in user who is in the workspace. It
// need not be the workspace for which they were authorised.
func (a *App) requireMembership(ctx context.Context, c memo.Caller, workspaceID string) error {
	if c.Operator {
		return nil
	}
	if err := requireUser(c); err != nil {
		return err
	}
	_, err := a.store.Member(ctx, workspaceID, c.UserID)
	return replaceNotFound(err, memo.NotFound("Workspace"))
}

// requireKey is for what only an API key does, such as reading about itself.
func requireKey(c memo.Caller) error {
	if c.KeyID != "" {
		return nil
	}
	return errKeyRequired
}

// requireOwner is for the operator and for a signed-in OWNER of the workspace.
func requireOwner(c memo.Caller, workspaceID string) error {
	if c.Operator || c.KeyID == "" && c.Role == memo.RoleOwner && c.WorkspaceID == workspaceID && workspaceID != "" {
		return nil
	}
	return errOwnerRequired
}

var errOwnerRequired = memo.Forbidden("owner_required", "Only an owner may manage the workspace and its members.")
