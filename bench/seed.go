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

// seedForm is raised when this file makes other data than before.
const seedForm = 1

// perTransaction is how many transcriptions are added at a time: enough for a
// commit to cost nothing, few enough for the WAL to stay small.
const perTransaction = 5000

// seedData is a database that is ready to be measured. Its file complete.json is
// written last, so data without it is made anew.
type seedData struct {
	dir string
	seeded
	key string // of this run; that of the run before is gone with it
}

// seeded is what complete.json says.
type seeded struct {
	Form        int      `json:"form"`
	Schema      string   `json:"schema"` // SHA-256 of the migrations
	Rows        int      `json:"rows"`
	WorkspaceID string   `json:"workspace_id"`
	UserID      string   `json:"user_id"`
	Long        []string `json:"long"` // ids of the long ones
	Seconds     float64  `json:"seconds"`
}

var operatorCaller = memo.Caller{Operator: true}

// openData finds the data of an earlier run or makes it.
func openData(ctx context.Context, o options, dir string, rows, long int) (*seedData, error) {
	schema, err := schemaOf(o.root)
	if err != nil {
		return nil, err
	}
	d := &seedData{dir: dir}
	complete := filepath.Join(dir, "complete.json")
	raw, err := os.ReadFile(complete)
	if err == nil {
		err = json.Unmarshal(raw, &d.seeded)
	}
	if err != nil || o.fresh || d.Form != seedForm || d.Schema != schema || d.Rows != rows {
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
		d.seeded = seeded{Form: seedForm, Schema: schema, Rows: rows}
		if err := d.seed(ctx, rows, long); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		if raw, err = json.Marshal(d.seeded); err == nil {
			err = os.WriteFile(complete, raw, 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// with opens the database and its use cases, beside whoever else has it open.
func (d *seedData) with(ctx context.Context, f func(*app.App, *store.Store) error) error {
	s, err := store.Open(ctx, store.Config{Dir: d.dir})
	if err != nil {
		return err
	}
	limits := ratelimit.NewMemory(map[ratelimit.Class]int{ratelimit.Data: 1 << 30, ratelimit.Management: 1 << 30})
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return errors.Join(f(app.New(app.Config{Store: s, Limits: limits, Passwords: credential.NewPasswords(1), Log: log}),
		s), s.Close())
}

// newKey creates the key of this run in place of those of earlier ones, whose
// secrets nobody has. So there can be one run at a time.
func (d *seedData) newKey(ctx context.Context) error {
	return d.with(ctx, func(a *app.App, _ *store.Store) error {
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
	return d.with(ctx, func(a *app.App, s *store.Store) error {
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
			_ = bar.Add(to - from) // a bar that cannot be drawn stops nothing
		}
		_ = bar.Exit()
		d.Seconds = time.Since(start).Seconds()
		say("\nseeded %d in %.0f s", rows, d.Seconds)
		return nil
	})
}

// add adds the transcriptions from one number up to another.
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

// schemaOf tells databases of another schema: until it is released, a
// migration may change under the same number.
func schemaOf(root string) (string, error) {
	files, err := filepath.Glob(filepath.Join(root, "internal", "store", "migrations", "sqlite", "*.sql"))
	if err != nil || len(files) == 0 {
		return "", errors.New("the migrations are not where they were: internal/store/migrations/sqlite")
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
