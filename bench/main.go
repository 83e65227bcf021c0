// Bench measures what a request costs the server, and prints one table:
//
//	go run ./bench            1,000,000 transcriptions, 7 rounds: six minutes
//	go run ./bench -quick     50,000 transcriptions, 3 rounds: one minute
//	go run ./bench -quick -only PostgreSQL -database URL -redis URL    what replicas cost
//
// # How to read the table
//
// A cost is CPU time, user and system, of the whole server process (read from
// /proc, so Linux only), divided by the requests that it answered. Waiting is
// not in it, and neither is what the load itself takes, which comes from this
// process over a few keep-alive connections.
//
// On the left is memo: the released build, with its log going to a file. Beside
// it, unless the row says otherwise, is a bare net/http handler in a process of
// its own, which writes the same number of bytes with the same status and type
// to the same number of connections. The two take turns within a round, and the
// ratio is made per round: what else the machine does falls on both. The table
// has the medians over the rounds, and the range of the ratio. Microseconds
// differ between machines and days; ratios are what can be compared.
//
// "Read" means that the answer came from the database: every request of the run
// is spelled in a way that none was before, so that the pages which the server
// keeps are of no use. "Kept" is the same request again.
//
// The data is made once, under bench/out, and used again by the next run: for
// 1,000,000 it takes ten to twenty minutes and 3 GB. One run at a time.
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
	memo   string // a binary, or empty: it is built
	root   string // of the module
	// of the rows about replicas; both or neither
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
	flag.IntVar(&o.rounds, "rounds", 7, "rounds to take the median of")
	flag.StringVar(&o.only, "only", "", "measure only the rows whose name contains this")
	flag.BoolVar(&o.fresh, "fresh", false, "make the data anew")
	flag.StringVar(&o.memo, "memo", "", "measure this binary, not one that is built from the sources here")
	flag.StringVar(&o.database, "database", "", "an empty PostgreSQL, for the rows about replicas")
	flag.StringVar(&o.redis, "redis", "", "a Redis, for the same")
	quick := flag.Bool("quick", false, "50,000 rows and 3 rounds")
	flag.Parse()
	if *quick {
		o.rows, o.rounds = 50_000, 3
	}
	if (o.database == "") != (o.redis == "") {
		fmt.Fprintln(os.Stderr, "bench: -database and -redis go together")
		os.Exit(2)
	}
	if o.rows < 2*smallRows || o.rounds < 1 || flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "bench: -rows must be %d or more, -rounds 1 or more, and there are no arguments\n",
			2*smallRows)
		os.Exit(2)
	}
	return o
}

// run makes what is missing, starts the servers, and measures row by row.
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
		say("building memo")
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
	machineName(os.Stdout, o)
	return nil
}

// moduleRoot finds the module that is built and measured.
func moduleRoot(ctx context.Context) (string, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	if _, err := os.Stat(filepath.Join(root, "cmd", "memo")); err != nil {
		return "", errors.New("run it within the module: go run ./bench")
	}
	return root, nil
}

// say tells on stderr what takes the time; stdout has the table alone.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
