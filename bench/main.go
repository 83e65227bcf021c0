// Bench measures what a request costs the server, and prints one table:
//
//	go run ./bench            1,000,000 transcriptions, 7 rounds: six minutes
//	go run ./bench -quick     50,000 transcriptions, 3 rounds: one minute
//	go run ./bench -quick -only PostgreSQL -database URL -redis URL    the cost of replicas
//
// # How to read the table
//
// A cost is the CPU time, user and system, of the whole server process divided by
// the number of requests. It is read from /proc, so the program runs on Linux only.
// It contains neither waiting nor the CPU time of the clients, which are in this
// process and use a few keep-alive connections.
//
// The column memo is the release build, which logs to a file. The baseline, unless
// the row names another, is a bare net/http handler in its own process, which writes
// the same number of bytes with the same status and content type to the same number
// of connections. In each round the two run one after the other, and the ratio is
// calculated per round, so that other work on the machine affects both. The table
// shows the medians of the rounds and the range of the ratio. Microseconds differ
// between machines and days; compare the ratios.
//
// "Read" means that the response came from the database: each request has a new
// spelling, so that no response is cached. "Cached" is the same request repeated.
//
// The data is created once, under bench/out, and used by later runs. For 1,000,000
// transcriptions that takes ten to twenty minutes and 3 GB. Run one bench at a time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// options are the command's flags.
type options struct {
	rows   int
	rounds int
	only   string
	fresh  bool
	memo   string // the binary to measure; if empty, it is built
	root   string // directory of the module
	// URLs for the rows about replicas; both or neither
	database, redis string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 3 && os.Args[1] == bareCommand {
		exitOn(serveBare(ctx, os.Args[2]))
		return
	}
	if len(os.Args) == 2 && os.Args[1] == sdkCommand {
		exitOn(serveSDK(ctx))
		return
	}
	o := parse()
	exitOn(run(ctx, o))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse() options {
	var o options
	flag.IntVar(&o.rows, "rows", 1_000_000, "transcriptions in the large workspace")
	flag.IntVar(&o.rounds, "rounds", 7, "number of rounds")
	flag.StringVar(&o.only, "only", "", "measure only the rows whose name contains this")
	flag.BoolVar(&o.fresh, "fresh", false, "create the data again")
	flag.StringVar(&o.memo, "memo", "", "measure this binary instead of building one from source")
	flag.StringVar(&o.database, "database", "", "URL of an empty PostgreSQL database, for the rows about replicas")
	flag.StringVar(&o.redis, "redis", "", "URL of a Redis, for the rows about replicas")
	quick := flag.Bool("quick", false, "50,000 rows and 3 rounds")
	flag.Parse()
	if *quick {
		o.rows, o.rounds = 50_000, 3
	}
	if (o.database == "") != (o.redis == "") {
		fmt.Fprintln(os.Stderr, "bench: use -database and -redis together")
		os.Exit(2)
	}
	if o.rows < 2*smallRows || o.rounds < 1 || flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "bench: -rows must be at least %d, -rounds at least 1, and arguments are not allowed\n",
			2*smallRows)
		os.Exit(2)
	}
	return o
}

// run creates missing data, starts the servers, and measures row by row.
func run(ctx context.Context, o options) (err error) {
	if o.root, err = moduleRoot(ctx); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "memo-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	binary := o.memo
	if binary == "" {
		progress("building memo")
		if binary, err = buildBinary(ctx, o.root, work); err != nil {
			return err
		}
	}
	out := filepath.Join(o.root, "bench", "out")
	small, err := openData(ctx, o, filepath.Join(out, "small"), smallRows, longTexts)
	if err != nil {
		return err
	}
	large, err := openData(ctx, o, filepath.Join(out, fmt.Sprintf("rows-%d", o.rows)), o.rows, 0)
	if err != nil {
		return err
	}
	b := &runner{options: o, binary: binary, work: work, small: small, large: large}
	defer b.stop()
	if err := b.start(ctx); err != nil {
		return err
	}
	t := &resultTable{}
	if err := b.measure(ctx, t); err != nil {
		return err
	}
	t.print(os.Stdout)
	printMachine(os.Stdout, o)
	return nil
}

// moduleRoot returns the directory of the module that is built and measured.
func moduleRoot(ctx context.Context) (string, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	if _, err := os.Stat(filepath.Join(root, "cmd", "memo")); err != nil {
		return "", errors.New("run bench in the module: go run ./bench")
	}
	return root, nil
}

// progress reports progress on stderr, because stdout is for the table.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
