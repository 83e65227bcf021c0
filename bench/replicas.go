package main

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"
)

// With -database and -redis bench also measures three servers on PostgreSQL. It
// copies the small workspace into the database, which must be empty.

const replicas = 3

// startReplicas copies the small workspace and starts the servers on the copy.
func (b *runner) startReplicas(ctx context.Context) error {
	if b.database == "" {
		return nil
	}
	copied := filepath.Join(b.work, "small.db")
	for _, args := range [][]string{
		{"backup", copied, "--data", b.small.dir},
		{"restore", copied, "--database", b.database, "--keep-unknown-keys"},
	} {
		if out, err := exec.CommandContext(ctx, b.binary, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("memo %s: %w\n%s", args[0], err, out)
		}
	}
	for i := range replicas {
		s, err := startServer(ctx, filepath.Join(b.work, fmt.Sprintf("replica%d.log", i)), nil, b.binary, "serve", "--json",
			"--database", b.database, "--redis", b.redis, "--listen", "127.0.0.1:0", "--limit-data", "100000000")
		if err != nil {
			return err
		}
		b.replicas = append(b.replicas, s)
	}
	return nil
}

// replicaRows compares PostgreSQL and Redis with the bare server and with SQLite.
func (b *runner) replicaRows(cursors []string, sqlite probe) []tableRow {
	if b.database == "" {
		return nil
	}
	lists := b.replicaLists(b.replicas[0], cursors)
	return []tableRow{
		{name: "list of 20, read, PostgreSQL and Redis", memo: lists},
		{name: "list of 20, read, PostgreSQL and Redis vs. SQLite", memo: lists, baseline: &sqlite},
	}
}

func (b *runner) replicaLists(to *serverProcess, cursors []string) probe {
	return probe{to, 200, apiClient{to.host, b.small.key, &b.spell}.lists(cursors)}
}

// measureReplicas counts the round trips of a request, and compares the requests per
// second of two and three servers with those of one. The servers, PostgreSQL, Redis
// and the clients share the cores of one machine, so this measures the cost of
// sharing state, not the gain from more machines.
func (b *runner) measureReplicas(ctx context.Context, t *resultTable) error {
	if b.database == "" {
		progress("  skipping the rows about replicas: they need -database and -redis")
		return nil
	}
	cursors, err := b.cursors(ctx, apiClient{b.replicas[0].host, b.small.key, &b.spell}, b.replicas[0])
	if err != nil {
		return err
	}
	if err := b.roundTrips(ctx, t, cursors); err != nil {
		return err
	}
	rates := make([][]float64, replicas)
	for range b.rounds {
		for n := range replicas {
			rate, err := b.rate(ctx, b.replicas[:n+1], cursors)
			if err != nil {
				return err
			}
			rates[n] = append(rates[n], rate)
		}
	}
	for n := 1; n < replicas; n++ {
		var ratios []float64
		for i := range rates[n] {
			ratios = append(ratios, rates[n][i]/rates[0][i])
		}
		t.add(tableLine{
			name: fmt.Sprintf("lists of 20 per second, %d replicas vs. one", n+1),
			memo: fmt.Sprintf("%.0f/s", median(rates[n])), baseline: fmt.Sprintf("%.0f/s", median(rates[0])),
			ratio: fmt.Sprintf("%.2f", median(ratios)),
			span:  fmt.Sprintf("%.2f–%.2f", slices.Min(ratios), slices.Max(ratios)),
		})
	}
	return nil
}

// rate returns the requests per second of all the servers, loaded at the same time.
func (b *runner) rate(ctx context.Context, to []*serverProcess, cursors []string) (float64, error) {
	const each = 1500
	errs := make([]error, len(to))
	begun := time.Now()
	var loads sync.WaitGroup
	for i, s := range to {
		loads.Go(func() {
			l, err := b.replicaLists(s, cursors).dial(ctx)
			if err == nil {
				err = l.run(ctx, each)
				l.close()
			}
			errs[i] = err
		})
	}
	loads.Wait()
	took := time.Since(begun)
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return float64(each*len(to)) / took.Seconds(), nil
}

// statsTime is how long a PostgreSQL backend may delay its statistics.
const statsTime = 11 * time.Second

// roundTrips counts the round trips of a request to PostgreSQL, where each statement
// outside a transaction is one, and to Redis.
func (b *runner) roundTrips(ctx context.Context, t *resultTable, cursors []string) error {
	db, err := sql.Open("pgx", b.database)
	if err != nil {
		return err
	}
	defer db.Close()
	cache, err := redis.DialURL(b.redis)
	if err != nil {
		return err
	}
	defer cache.Close()
	count := func() (statements, scripts float64, err error) {
		select {
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		case <-time.After(statsTime):
		}
		if err := db.QueryRowContext(ctx,
			`SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()`).Scan(&statements); err != nil {
			return 0, 0, err
		}
		stats, err := redis.String(cache.Do("INFO", "commandstats"))
		for line := range strings.Lines(stats) {
			if rest, ok := strings.CutPrefix(line, "cmdstat_evalsha:calls="); ok {
				_, err = fmt.Sscanf(rest, "%f", &scripts)
			}
		}
		return statements, scripts, err
	}
	statements0, scripts0, err := count()
	if err != nil {
		return err
	}
	statements1, scripts1, err := count() // the difference is the background work of the servers
	if err != nil {
		return err
	}
	const requests = 4000
	l, err := b.replicaLists(b.replicas[0], cursors).dial(ctx)
	if err != nil {
		return err
	}
	err = l.run(ctx, requests)
	l.close()
	if err != nil {
		return err
	}
	statements2, scripts2, err := count()
	if err != nil {
		return err
	}
	toPostgres := (statements2 - statements1 - (statements1 - statements0)) / requests
	toRedis := (scripts2 - scripts1 - (scripts1 - scripts0)) / requests
	t.add(tableLine{
		name:  "list of 20, read: round trips to PostgreSQL",
		ratio: fmt.Sprintf("%.2f", toPostgres),
	})
	t.add(tableLine{
		name:  "list of 20, read: round trips to Redis",
		ratio: fmt.Sprintf("%.2f", toRedis), aim: "1", verdict: verdictOf(toRedis, 1.05),
	})
	return nil
}
