package store

import "context"

// CloseWorkspace ends all access to a workspace: it removes the members, deactivates the keys, deletes
// the links and pauses the webhooks. reason is stored with the keys.
func (t *Tx) CloseWorkspace(ctx context.Context, workspaceID, reason string) error {
	if err := t.exec(ctx, `DELETE FROM memberships WHERE workspace_id = $1`, workspaceID); err != nil {
		return err
	}
	if err := t.exec(ctx, `UPDATE api_keys SET deactivated_at = $2, deactivated_by = $3
		WHERE id IN (SELECT id FROM api_keys WHERE workspace_id = $1 AND revoked_at IS NULL AND deactivated_at IS NULL
			ORDER BY id`+t.forUpdate()+`)`, workspaceID, toMillis(t.Now), reason); err != nil {
		return err
	}
	for _, table := range []string{"invites", "password_links", "app_codes"} {
		if err := t.exec(ctx, `DELETE FROM `+table+` WHERE workspace_id = $1`, workspaceID); err != nil {
			return err
		}
	}
	return t.exec(ctx, `UPDATE webhooks SET paused_at = $2, pause_reason = $3
		WHERE workspace_id = $1 AND paused_at IS NULL`, workspaceID, toMillis(t.Now), reason)
}

// TranscriptionIDs returns the ids of at most limit transcriptions of a workspace, in any state.
func (s *Store) TranscriptionIDs(ctx context.Context, workspaceID string, limit int) ([]string, error) {
	return queryAll(ctx, s.dataReader.q, scanID, `SELECT id FROM transcriptions WHERE workspace_id = $1 LIMIT $2`,
		workspaceID, limit)
}

// workspaceRows are the tables that have rows of a closed workspace without transcriptions, each before
// those to which its rows refer.
var workspaceRows = []struct{ table, key, where string }{
	{"key_usage", "key_id, hour", keysOfWorkspace},
	{"app_tokens", "hash", keysOfWorkspace},
	{"api_keys", "id", "workspace_id = $1"},
	{"webhook_deliveries", "id", "webhook_id IN (SELECT id FROM webhooks WHERE workspace_id = $1)"},
	{"webhooks", "id", "workspace_id = $1"},
	{"removals", "workspace_id, at, id", "workspace_id = $1"},
	{
		"transcription_counts", "workspace_id, status, day, project_id, language",
		"workspace_id = $1",
	},
	{"projects", "id", "workspace_id = $1"},
	{"audit_events", "id", "workspace_id = $1"},
	{"workspaces", "id", "id = $1"},
}

const keysOfWorkspace = "key_id IN (SELECT id FROM api_keys WHERE workspace_id = $1)"

// DeleteWorkspaceRows deletes at most limit rows of a closed workspace without transcriptions, the
// workspace last. It returns false if it has deleted them all.
func (t *Tx) DeleteWorkspaceRows(ctx context.Context, workspaceID string, limit int) (more bool, err error) {
	for _, r := range workspaceRows {
		n, err := t.execCount(ctx, `DELETE FROM `+r.table+` WHERE (`+r.key+`) IN (SELECT `+r.key+` FROM `+r.table+`
			WHERE `+r.where+` LIMIT $2)`, workspaceID, limit)
		if err != nil || n > 0 {
			return true, err
		}
	}
	return false, nil
}
