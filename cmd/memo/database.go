package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

type migrateCmd struct{}

// Run has nothing to do: opening the database has updated the schema.
func (c *migrateCmd) Run(s *session) error {
	return s.print(map[string]string{"schema": "current"}, "The database schema is up to date.")
}

type backupCmd struct {
	File    string `arg:""`
	MaxRate int64  `help:"At most so many MB per second, from SQLite." placeholder:"MB" default:"0"`
}

func (c *backupCmd) Run(e *environment) error {
	cfg := e.config()
	if err := cfg.CheckExists(); err != nil {
		return fmt.Errorf("no database found in %s; use --data to name its directory: %w", cfg.Dir, err)
	}
	s, err := store.Open(e.ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	sum, err := s.WriteBackup(e.ctx, c.File, max(c.MaxRate, 0)<<20, e.progress("Backing up"))
	if err != nil {
		return err
	}
	hash := hex.EncodeToString(sum)
	return e.printResult(map[string]string{"backup": c.File, "sha256": hash}, func() {
		e.printf("Wrote the backup to %s. It contains transcripts and hashes of keys, so treat it as a secret.", c.File)
		e.printf("SHA-256: %s", hash)
	})
}

type restoreCmd struct {
	File            string `arg:""`
	KeepUnknownKeys bool   `help:"Leave keys active that the current database does not know. They may have been revoked."`
	confirmation
	Check bool `help:"Only print what the restore would do: which keys end, and which members stay out."`
}

// restoredView is the report of a restore.
type restoredView struct {
	store.RestoreReport
	SetAside string `json:"set_aside"` // new path of the current database if it was unreadable, otherwise empty
}

func (c *restoreCmd) Run(e *environment) error {
	// Check the backup before anything else, so that a bad file changes nothing.
	backup, err := store.OpenBackup(e.ctx, c.File, time.Now)
	if err != nil {
		return err
	}
	defer backup.Close()
	if c.Check {
		return c.check(e, backup)
	}
	if err := c.confirm(e, "Replace everything in the database with this backup?"); err != nil {
		return err
	}
	var view restoredView
	view.RestoreReport, err = c.restore(e, backup)
	if store.IsUnreadable(err) && e.cli.Database == "" {
		if view.SetAside, err = store.SetAside(e.cli.Data, time.Now()); err == nil {
			view.RestoreReport, err = c.restore(e, backup)
		}
	}
	if err != nil {
		return err
	}
	return e.printResult(view, func() {
		if view.SetAside != "" {
			e.printf("The current database could not be read and was moved to %s.", view.SetAside)
		}
		e.printf("Restored %s and %s. Everyone must sign in again.",
			memo.Plural(int(view.Transcriptions), "transcription"), memo.Plural(int(view.Keys), "key"))
		e.printf("Keys that have ended since the backup and stay inactive: %d.", view.CarriedOver)
		if view.MembershipsEnded > 0 {
			e.printf("Members who have left a workspace since the backup and were not restored: %d.", view.MembershipsEnded)
		}
		for _, id := range view.Ownerless {
			e.printf("Workspace %s has no OWNER who can sign in. Promote a member with 'memo member role %[1]s EMAIL owner', "+
				"or add an OWNER with 'memo member add %[1]s EMAIL --role owner'.", id)
		}
		switch {
		case view.Deactivated > 0:
			e.printf("Deactivated %s that the current database does not know, because they may have been revoked. "+
				"Create new keys, or restore with --keep-unknown-keys if you are sure.", memo.Plural(int(view.Deactivated), "key"))
		case c.KeepUnknownKeys:
			e.printf("Keys that the current database does not know were left active (--keep-unknown-keys).")
		}
	})
}

// check prints what the restore would do.
func (c *restoreCmd) check(e *environment, backup *store.BackupFile) error {
	cfg := e.config()
	if err := cfg.CheckExists(); err != nil {
		return fmt.Errorf("there is no database in %s with which to compare the backup. A restore into an empty "+
			"database deactivates every key, unless --keep-unknown-keys is given", cfg.Dir)
	}
	s, err := store.Open(e.ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := s.CheckRestore(e.ctx, backup, c.KeepUnknownKeys)
	if err != nil {
		return err
	}
	return e.printResult(r, func() {
		e.printf("The backup is intact. It has %s and %s.", memo.Plural(int(r.Transcriptions), "transcription"),
			memo.Plural(int(r.Keys), "key"))
		if r.LastEvent != nil {
			e.printf("Its newest event is of %s.", r.LastEvent.Format("2006-01-02 15:04 UTC"))
		}
		e.printf("A restore would end %s and leave out %s:", memo.Plural(len(r.EndingKeys), "key"),
			memo.Plural(len(r.MembersOut), "member"))
		for _, k := range r.EndingKeys {
			e.printf("  key %q (…%s) of %s in %s: %s", k.Name, k.Suffix, k.Email, k.Workspace, k.Reason)
		}
		for _, m := range r.MembersOut {
			e.printf("  member %s of %s: no longer in the workspace", m.Email, m.Workspace)
		}
		for _, id := range r.Ownerless {
			e.printf("  workspace %s would have no OWNER who can sign in", id)
		}
		e.printf("Nothing was changed.")
	})
}

func (c *restoreCmd) restore(e *environment, backup *store.BackupFile) (store.RestoreReport, error) {
	s, err := store.Open(e.ctx, e.config())
	if err != nil {
		return store.RestoreReport{}, err
	}
	r, err := s.Restore(e.ctx, backup, c.KeepUnknownKeys, e.progress("Restoring"))
	return r, errors.Join(err, s.Close())
}

type versionCmd struct{}

func (c *versionCmd) Run(e *environment) error {
	return e.print(map[string]string{"version": version}, "memo %s", version)
}
