package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
)

// The small workspace has smallRows transcriptions, longTexts of them with a
// transcript of 30 KB.
const (
	smallRows = 1000
	longTexts = 200
)

// seedForm is the version of the data. Raise it when this file creates different
// data.
const seedForm = 1

// perTransaction is the number of transcriptions per transaction: enough that the
// cost of commits does not matter, and few enough that the WAL stays small.
const perTransaction = 5000

// seedData is a database for the measurements. Its file complete.json is written
// last, so a directory without that file is created again.
type seedData struct {
	dir string
	seedInfo
	key string // the key of this run; the secrets of earlier runs are not stored
}

// seedInfo is the content of complete.json.
type seedInfo struct {
	Form        int      `json:"form"`
	Schema      string   `json:"schema"` // SHA-256 of the migrations
	Rows        int      `json:"rows"`
	WorkspaceID string   `json:"workspace_id"`
	UserID      string   `json:"user_id"`
	Long        []string `json:"long"` // ids of the transcriptions with a long text
	Seconds     float64  `json:"seconds"`
}

var operatorCaller = memo.Caller{Operator: true}

// openData returns the data of an earlier run, or creates it.
func openData(ctx context.Context, o options, dir string, rows, long int) (*seedData, error) {
	schema, err := schemaOf(o.root)
	if err != nil {
		return nil, err
	}
	d := &seedData{dir: dir}
	complete := filepath.Join(dir, "complete.json")
	raw, err := os.ReadFile(complete)
	if err == nil {
		err = json.Unmarshal(raw, &d.seedInfo)
	}
	if err != nil || o.fresh || d.Form != seedForm || d.Schema != schema || d.Rows != rows {
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
		d.seedInfo = seedInfo{Form: seedForm, Schema: schema, Rows: rows}
		if err := d.seed(ctx, rows, long); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		if raw, err = json.Marshal(d.seedInfo); err == nil {
			err = os.WriteFile(complete, raw, 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// withApp opens the database and calls f with it. A server may have it open at the
// same time.
func (d *seedData) withApp(ctx context.Context, f func(*app.App, *store.Store) error) error {
	s, err := store.Open(ctx, store.Config{Dir: d.dir})
	if err != nil {
		return err
	}
	limits := ratelimit.NewMemory(map[ratelimit.Class]int{ratelimit.Data: 1 << 30, ratelimit.Management: 1 << 30})
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	a := app.New(app.Config{Store: s, Limits: limits, Passwords: credential.NewPasswordHasher(1), Log: log})
	return errors.Join(f(a, s), s.Close())
}

// newKey revokes the keys of earlier runs, whose secrets are lost, and creates one
// for this run. So only one run can use the data at a time.
func (d *seedData) newKey(ctx context.Context) error {
	return d.withApp(ctx, func(a *app.App, _ *store.Store) error {
		caller := memo.Caller{Operator: true, WorkspaceID: d.WorkspaceID, UserID: d.UserID}
		old, err := a.ListKeys(ctx, caller, app.KeyQuery{Status: memo.KeyActive, Limit: app.MaxKeyPage, NoTotal: true})
		if err != nil {
			return err
		}
		for _, k := range old.Items {
			if err := a.RevokeKey(ctx, caller, k.ID); err != nil {
				return err
			}
		}
		k, err := a.CreateKey(ctx, caller, app.KeyRequest{Name: "bench"})
		d.key = k.Key
		return err
	})
}

// seed fills an empty database.
func (d *seedData) seed(ctx context.Context, rows, long int) error {
	start := time.Now()
	return d.withApp(ctx, func(a *app.App, s *store.Store) error {
		u, err := a.AddUser(ctx, operatorCaller, "bench@example.com", "Bench", "")
		if err != nil {
			return err
		}
		w, err := a.AddWorkspace(ctx, operatorCaller, "Bench", memo.PlanPro, u.ID)
		if err != nil {
			return err
		}
		d.UserID, d.WorkspaceID = u.ID, w.ID
		c, err := newCorpus(rows, long)
		if err != nil {
			return err
		}
		bar := progressbar.NewOptions(rows, progressbar.OptionSetDescription(fmt.Sprintf("seeding %d", rows)),
			progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(time.Second))
		for from := 0; from < rows; from += perTransaction {
			to := min(from+perTransaction, rows)
			if err := s.Write(ctx, func(tx *store.Tx) error { return d.add(ctx, s, tx, c, from, to) }); err != nil {
				return err
			}
			_ = bar.Add(to - from) // an error of the progress bar does not matter
		}
		_ = bar.Exit()
		d.Seconds = time.Since(start).Seconds()
		progress("\nseeded %d in %.0f s", rows, d.Seconds)
		return nil
	})
}

// add adds the transcriptions from number from up to, but not including, to.
func (d *seedData) add(ctx context.Context, s *store.Store, tx *store.Tx, c *corpus, from, to int) error {
	for i := from; i < to; i++ {
		n, err := c.transcription(i)
		if err != nil {
			return err
		}
		n.WorkspaceID, n.CreatedBy = d.WorkspaceID, d.UserID
		p, err := s.Prepare(n)
		if err != nil {
			return err
		}
		id, _, err := tx.AddTranscription(ctx, p)
		if err != nil {
			return err
		}
		if c.isLong(i) {
			d.Long = append(d.Long, id)
		}
	}
	return nil
}

// schemaOf returns a hash of the migrations. It detects databases with another
// schema, because a migration may change under the same number until it is released.
func schemaOf(root string) (string, error) {
	files, err := filepath.Glob(filepath.Join(root, "internal", "store", "migrations", "sqlite", "*.sql"))
	if err != nil || len(files) == 0 {
		return "", errors.New("no migrations in internal/store/migrations/sqlite")
	}
	h := sha256.New()
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", filepath.Base(path), len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
