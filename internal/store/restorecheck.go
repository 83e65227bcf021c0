package store

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"memoai.tech/memo"
)

// RestoreCheck is what a restore would do.
type RestoreCheck struct {
	RestoreReport
	Schema     int64         `json:"schema"`      // version of the schema of the backup
	LastEvent  *time.Time    `json:"last_event"`  // the newest event in the backup; null if it has none
	EndingKeys []AffectedKey `json:"ending_keys"` // active in the backup, and not after the restore
	MembersOut []AffectedKey `json:"members_out"` // members in the backup, and not after the restore; without a key
}

// AffectedKey is a key, or a member, that a restore affects.
type AffectedKey struct {
	Workspace string `json:"workspace"`
	Email     string `json:"email"`
	Name      string `json:"name,omitzero"`
	Suffix    string `json:"suffix,omitzero"`
	Reason    string `json:"reason,omitzero"`
}

// errChecked ends the transaction of a check.
var errChecked = errors.New("store: only a check")

// CheckRestore returns what a restore of the backup would do. It changes nothing, except in the
// copy of the backup, in which it does what a restore does to keys and members and takes it back.
func (s *Store) CheckRestore(ctx context.Context, b *BackupFile, keepUnknown bool) (r RestoreCheck, err error) {
	current := &Tx{reader: reader{q: plainQuerier{s.snapshots}, dialect: s.dialect}}
	keys, err := current.keyRecords(ctx)
	if err != nil {
		return r, err
	}
	access, err := current.readAccess(ctx)
	if err != nil {
		return r, err
	}
	err = b.store.Write(ctx, func(tx *Tx) error {
		if err := tx.q.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&r.Schema); err != nil {
			return err
		}
		var last *int64
		if err := tx.q.QueryRowContext(ctx, `SELECT max(at) FROM audit_events`).Scan(&last); err != nil {
			return err
		}
		if last != nil {
			r.LastEvent = new(fromMillis(*last))
		}
		activeBefore, membersBefore, err := tx.affected(ctx)
		if err != nil {
			return err
		}
		if r.RestoreReport, err = tx.carryOverKeys(ctx, keys, keepUnknown); err != nil {
			return err
		}
		if r.MembershipsEnded, err = tx.carryOverAccess(ctx, access); err != nil {
			return err
		}
		if r.Ownerless, err = tx.ownerless(ctx); err != nil {
			return err
		}
		activeAfter, membersAfter, err := tx.affected(ctx)
		if err != nil {
			return err
		}
		r.EndingKeys, err = tx.endedKeys(ctx, activeBefore, activeAfter)
		r.MembersOut = missing(membersBefore, membersAfter)
		return cmp.Or(err, errChecked)
	})
	if errors.Is(err, errChecked) {
		err = nil
	}
	return r, err
}

// affected returns the active keys and the members, by their ids.
func (t *Tx) affected(ctx context.Context) (keys, members map[string]AffectedKey, err error) {
	read := func(query string, args ...any) map[string]AffectedKey {
		found := map[string]AffectedKey{}
		if err != nil {
			return nil
		}
		_, err = queryAll(ctx, t.q, func(row scanner) (id string, err error) {
			var a AffectedKey
			err = row.Scan(&id, &a.Workspace, &a.Email, &a.Name, &a.Suffix)
			found[id] = a
			return id, err
		}, query, args...)
		return found
	}
	keys = read(`SELECT k.id, w.name, u.email, k.name, k.suffix FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
		JOIN users u ON u.id = k.user_id WHERE `+activeCondition+`$1`, toMillis(t.Now))
	members = read(`SELECT m.workspace_id || m.user_id, w.name, u.email, '', '' FROM memberships m
		JOIN workspaces w ON w.id = m.workspace_id JOIN users u ON u.id = m.user_id`)
	return keys, members, err
}

// endedKeys returns the keys that are active before and not after, with the reason.
func (t *Tx) endedKeys(ctx context.Context, before, after map[string]AffectedKey) (ended []AffectedKey, err error) {
	for _, id := range slices.Sorted(maps.Keys(before)) {
		if _, active := after[id]; active {
			continue
		}
		k := before[id]
		key, err := t.Key(ctx, id, t.Now)
		if err != nil {
			return nil, err
		}
		if k.Reason = key.DeactivationReason; key.Validity.Status(t.Now) != memo.KeyDeactivated {
			k.Reason = string(key.Validity.Status(t.Now)) + " since the backup"
		}
		ended = append(ended, k)
	}
	return ended, nil
}

// missing returns those that are in before and not in after.
func missing(before, after map[string]AffectedKey) (out []AffectedKey) {
	for _, id := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[id]; !ok {
			out = append(out, before[id])
		}
	}
	return out
}
