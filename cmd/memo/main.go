// Memo serves a team's transcriptions to scripts and AI assistants, safely.
//
// One binary is the server and the operator's command line:
//
//	memo serve --demo                  start with something to see
//	memo user add --email E --name N   people who can sign in
//	memo workspace add --name N --plan pro --owner E
//	memo member add WORKSPACE E        who belongs where
//	memo key create --workspace W --member E --name N
//	memo import --workspace W PATH…    transcripts that exist already
//	memo backup FILE                   and restore, while the server runs
//	memo mcp                           for assistants that only start programs
//
// Every option is also an environment variable (--public-url is
// MEMO_PUBLIC_URL). All commands work on --data DIR (SQLite, the default) or
// --database postgres://…, beside a running server, and take effect on it at
// once: there is nothing to reload, for every request reads the truth. Several
// servers on one PostgreSQL share their limits with --redis redis://….
//
// With --json, a command prints the objects of the REST API and nothing else.
// Errors go to stderr and say what to do. Exit status: 0, 1 for a failure, 2
// for bad usage.
//
// The flags, the environment and the construction of all rooms live here only.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/telemetry"
)

// cli is the command line (contract section 4).
type cli struct {
	Data     string `help:"Directory of the embedded database." default:"memo-data" placeholder:"DIR"`
	Database string `help:"PostgreSQL instead of the embedded database." placeholder:"URL"`
	JSON     bool   `name:"json" help:"Print JSON, as the REST API has it, and nothing else."`

	Serve     serveCmd     `cmd:"" help:"Run the server."`
	User      userCmds     `cmd:"" help:"People who can sign in."`
	Workspace workspaceCmd `cmd:"" help:"Workspaces and their plans."`
	Member    memberCmds   `cmd:"" help:"Who belongs to which workspace."`
	Key       keyCmds      `cmd:"" help:"API keys."`
	Import    importCmd    `cmd:"" help:"Take transcripts in: VTT, SRT, Whisper JSON, text, this API's JSON."`
	Export    exportCmd    `cmd:"" help:"Write a workspace's transcriptions to files."`
	Migrate   migrateCmd   `cmd:"" help:"Bring the database's schema up to date. Every command does so."`
	Backup    backupCmd    `cmd:"" help:"Write the database to a new file, while the server runs."`
	Restore   restoreCmd   `cmd:"" help:"Replace everything by a backup. No dead key comes back to life."`
	Doctor    doctorCmd    `cmd:"" help:"Check a running installation, and say what to mend."`
	Health    healthCmd    `cmd:"" help:"Ask a server whether it runs, for a container's health check."`
	MCP       mcpCmd       `cmd:"" name:"mcp" help:"Connect an assistant that can only start a program, such as Claude Desktop, to a Memo server."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// version is set by the linker for a release.
var version = "dev"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main without the process, and returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	// Whatever goes wrong, no key goes to a terminal by way of an error.
	stderr = telemetry.RedactingWriter(stderr)
	// An empty variable is none: Compose files set them so.
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "MEMO_") && value == "" {
			os.Unsetenv(name)
		}
	}
	// What is typed beats the environment: a restore into --data must not go into
	// the database that a variable names.
	if isOnCommandLine(args, "--data") && !isOnCommandLine(args, "--database") {
		os.Unsetenv("MEMO_DATABASE")
	}
	var c cli
	exit := -1
	parser, err := kong.New(&c, kong.Name("memo"), kong.DefaultEnvars("MEMO"), kong.Writers(stdout, stderr),
		kong.Description("Lets scripts and AI assistants read a team's transcriptions, safely."),
		kong.UsageOnError(), kong.Exit(func(code int) { exit = code }))
	if err != nil {
		fmt.Fprintln(stderr, "memo:", err)
		return 2
	}
	command, err := parser.Parse(args)
	if exit >= 0 { // --help has been printed
		return exit
	}
	if err != nil {
		fmt.Fprintf(stderr, "memo: %v\nRun 'memo --help' to see the commands.\n", err)
		return 2
	}
	// The first signal asks for an orderly end, the second ends at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	env := &environment{ctx: ctx, cli: &c, stdin: stdin, stdout: stdout, stderr: stderr}
	env.log = telemetry.NewLogger(stderr, slog.LevelInfo)
	err = command.Run(env)
	if u, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintln(stderr, "memo:", u)
		return 2
	}
	if err != nil && !errors.Is(err, errAlreadyReported) {
		fmt.Fprintln(stderr, "memo:", err)
	}
	if err != nil {
		return 1
	}
	return 0
}

func isOnCommandLine(args []string, option string) bool {
	return slices.ContainsFunc(args, func(a string) bool { return a == option || strings.HasPrefix(a, option+"=") })
}

// errAlreadyReported is a failure that stderr has the words of already.
var errAlreadyReported = errors.New("told")

// usageError is an argument that makes no sense: exit status 2.
type usageError string

func (e usageError) Error() string { return string(e) }

// environment is what every command gets.
type environment struct {
	ctx            context.Context
	cli            *cli
	stdin          io.Reader
	stdout, stderr io.Writer
	log            *slog.Logger
}

// config says where the data is.
func (e *environment) config() store.Config {
	if e.cli.Database != "" {
		return store.Config{URL: e.cli.Database, Indexing: e.indexing()}
	}
	return store.Config{Dir: e.cli.Data, Indexing: e.indexing()}
}

// indexing logs how far the search index is, where making it takes longer than a
// second: the server does not answer before, and its operator must know why.
func (e *environment) indexing() store.Progress {
	var last time.Time
	wait := time.Second
	return func(done, total int64) {
		switch now := time.Now(); {
		case last.IsZero():
			last = now
		case now.Sub(last) >= wait || done == total && wait > time.Second:
			last, wait = now, 10*time.Second
			e.log.Info("the search index is made again", "texts", done, "of", total)
		}
	}
}

// open opens the database and the use cases over it.
func (e *environment) open(data store.Config, limits ratelimit.Source, work app.WorkLimits) (*app.App, *store.Store,
	error,
) {
	s, err := store.Open(e.ctx, data)
	if err != nil {
		return nil, nil, err
	}
	return app.New(app.Config{Store: s, Limits: limits, Passwords: credential.NewPasswords(2), Log: e.log, Work: work}), s,
		nil
}

// withApp runs a command's work over the open database. No command spends a limit.
func (e *environment) withApp(f func(*app.App) error) error {
	cfg := e.config()
	missing := cfg.Missing()
	a, s, err := e.open(cfg, ratelimit.NewMemory(nil), app.WorkLimits{})
	if err != nil {
		return err
	}
	if !e.cli.JSON && errors.Is(missing, os.ErrNotExist) { // a misspelt --data must not go unnoticed
		fmt.Fprintf(e.stderr, "There was no database in %s: a new one was made.\n", cfg.Dir)
	}
	return errors.Join(f(a), s.Close())
}
