package store

import (
	"context"
	"time"
)

// DeleteEvents deletes at most limit audit events from before a time, the oldest first, and
// returns their number.
func (t *Tx) DeleteEvents(ctx context.Context, before time.Time, limit int64) (int64, error) {
	return t.deleteOldest(ctx, "audit_events", "id", "at", toMillis(before), limit)
}

// DeleteUsage is [Tx.DeleteEvents] for the usage of keys in the hours before a time.
func (t *Tx) DeleteUsage(ctx context.Context, before time.Time, limit int64) (int64, error) {
	return t.deleteOldest(ctx, "key_usage", "key_id, hour", "hour", Hour(before), limit)
}

// DeleteSessions is [Tx.DeleteEvents] for sessions that were revoked or expired before a time.
func (t *Tx) DeleteSessions(ctx context.Context, before time.Time, limit int64) (int64, error) {
	expired, err := t.deleteOldest(ctx, "sessions", "id", "expires_at", toMillis(before), limit)
	if err != nil {
		return 0, err
	}
	revoked, err := t.deleteOldest(ctx, "sessions", "id", "revoked_at", toMillis(before), limit-expired)
	return expired + revoked, err
}

// DeleteAppCodes is [Tx.DeleteEvents] for codes of the consent page that expired before a time.
func (t *Tx) DeleteAppCodes(ctx context.Context, before time.Time, limit int64) (int64, error) {
	return t.deleteOldest(ctx, "app_codes", "hash", "expires_at", toMillis(before), limit)
}

// DeleteAppTokens is [Tx.DeleteEvents] for tokens of connected apps that expired before a time.
func (t *Tx) DeleteAppTokens(ctx context.Context, before time.Time, limit int64) (int64, error) {
	return t.deleteOldest(ctx, "app_tokens", "hash", "expires_at", toMillis(before), limit)
}

// DeleteDeliveries is [Tx.DeleteEvents] for deliveries of webhooks, also for pending ones.
func (t *Tx) DeleteDeliveries(ctx context.Context, before time.Time, limit int64) (int64, error) {
	return t.deleteOldest(ctx, "webhook_deliveries", "id", "created_at", toMillis(before), limit)
}

// deleteOldest deletes at most limit rows of a table whose age column, which has an index, is
// below a value.
func (t *Tx) deleteOldest(ctx context.Context, table, key, age string, below, limit int64) (int64, error) {
	return t.execCount(ctx, `DELETE FROM `+table+`
		WHERE (`+key+`) IN (`+oldestRows(table, key, age)+t.skipLocked()+`)`, below, limit)
}

// oldestRows returns the query that deleteOldest deletes by.
func oldestRows(table, key, age string) string {
	return `SELECT ` + key + ` FROM ` + table + ` WHERE ` + age + ` < $1 ORDER BY ` + age + ` LIMIT $2`
}
