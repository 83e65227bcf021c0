package main

import (
	"errors"
	"fmt"
	"time"

	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/store"
)

type migrateCmd struct{}

func (c *migrateCmd) Run(e *environment) error {
	return e.withApp(func(*app.App) error {
		return e.printResult(map[string]string{"schema": "current"}, func() { e.printf("The schema is up to date.") })
	})
}

type backupCmd struct {
	File string `arg:""`
}

func (c *backupCmd) Run(e *environment) error {
	cfg := e.config()
	if err := cfg.Missing(); err != nil {
		return fmt.Errorf("there is no database in %s to back up; name its directory with --data: %w", cfg.Dir, err)
	}
	s, err := store.Open(e.ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.WriteBackup(e.ctx, c.File, e.progress("Backing up")); err != nil {
		return err
	}
	return e.printResult(map[string]string{"backup": c.File}, func() {
		e.printf("The backup is in %s. It holds transcripts and hashes of keys: keep it like a secret.", c.File)
	})
}

type restoreCmd struct {
	File            string `arg:""`
	KeepUnknownKeys bool   `help:"Let keys work that the present database does not know, even though they may have been revoked since the backup."`
}

// restoredView is what a restore reports.
type restoredView struct {
	store.RestoreReport
	SetAside string `json:"set_aside"` // where an unreadable database went
}

func (c *restoreCmd) Run(e *environment) error {
	// The backup is looked at first: one that is none must change nothing.
	backup, err := store.OpenBackup(e.ctx, c.File, time.Now)
	if err != nil {
		return err
	}
	defer backup.Close()
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
			e.printf("The present database could not be read and is now %s.", view.SetAside)
		}
		e.printf("Restored %d transcriptions and %d keys. Everybody has to sign in again.", view.Transcriptions, view.Keys)
		e.printf("%d keys that had ended since the backup stay dead, by the record of the present database.",
			view.CarriedOver)
		if view.MembershipsEnded > 0 {
			e.printf("%d members who had left a workspace since the backup are not in it.", view.MembershipsEnded)
		}
		for _, id := range view.Ownerless {
			e.printf("Workspace %s has no OWNER who may sign in. Make a member one: memo member role %[1]s EMAIL owner. Or "+
				"add one: memo member add %[1]s EMAIL --role owner", id)
		}
		switch {
		case view.Deactivated > 0:
			e.printf("%d keys were deactivated: the present database does not know them, so they may have been revoked. "+
				"Create new ones, or restore with --keep-unknown-keys if you are sure.", view.Deactivated)
		case c.KeepUnknownKeys:
			e.printf("Keys that the present database does not know work again, as you insisted.")
		}
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
	return e.printResult(map[string]string{"version": version}, func() { fmt.Fprintln(e.stdout, "memo", version) })
}
