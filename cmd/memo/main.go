// Memo serves a team's transcriptions to scripts and AI assistants.
//
// The one binary is both the server and the operator's command line:
//
//	memo serve --demo                  start a server with sample data
//	memo user add --email E --name N   add a person who can sign in
//	memo workspace add --name N --plan pro --owner E
//	memo member add WORKSPACE E        add a user to a workspace
//	memo key create --workspace W --member E --name N
//	memo import --workspace W PATH…    import transcripts from files
//	memo transcription edit ID --title T
//	memo backup FILE                   back up the database, while the server runs
//	memo pull --url URL --out DIR      update a folder from a workspace
//	memo mcp                           connect an assistant that can only start programs
//
// Every option is also an environment variable: --public-url is
// MEMO_PUBLIC_URL. All commands work on --data DIR (SQLite, the default) or
// --database postgres://…, next to a running server. Their changes take effect
// at once, because the server reads the current state for every request.
// Several servers on one PostgreSQL share their limits with --redis redis://….
//
// With --json, a command prints the objects of the REST API and nothing else
// on stdout. Errors go to stderr and say what to do. The exit status is 0, 1
// for a failure, or 2 for wrong usage.
//
// Only this package reads flags and environment variables and constructs the
// other packages.
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

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/transcript"
)

// cli is the command line; see docs/contract.md#command-line.
type cli struct {
	Data        string           `help:"Directory of the embedded database." default:"memo-data" placeholder:"DIR"`
	Database    string           `help:"Use this PostgreSQL instead of the embedded database." placeholder:"URL"`
	ShowVersion kong.VersionFlag `name:"version" env:"-" help:"Print the version."`
	JSON        bool             `name:"json" help:"Print only JSON, in the format of the REST API."`

	Serve         serveCmd          `cmd:"" group:"server" help:"Run the server."`
	User          userCmds          `cmd:"" group:"people" help:"Manage the people who can sign in."`
	Workspace     workspaceCmds     `cmd:"" group:"people" help:"Manage workspaces and their plans."`
	Project       projectCmds       `cmd:"" group:"content" help:"Manage the projects of a workspace."`
	Member        memberCmds        `cmd:"" group:"people" help:"Manage the members of a workspace."`
	Key           keyCmds           `cmd:"" group:"people" help:"Manage API keys."`
	Import        importCmd         `cmd:"" group:"content" help:"Import transcripts from files and folders."`
	Export        exportCmd         `cmd:"" group:"content" help:"Export a workspace's transcriptions to files."`
	Pull          pullCmd           `cmd:"" group:"client" help:"Update a folder from a workspace of a server, with an API key."`
	Transcription transcriptionCmds `cmd:"" group:"content" help:"Change transcriptions."`
	Migrate       migrateCmd        `cmd:"" group:"database" help:"Update the database schema. The server and most commands do this too."`
	Backup        backupCmd         `cmd:"" group:"database" help:"Back up the database to a new file. The server can keep running."`
	Restore       restoreCmd        `cmd:"" group:"database" help:"Replace everything with a backup. Revoked keys stay revoked."`
	Doctor        doctorCmd         `cmd:"" group:"server" help:"Check an installation and suggest fixes."`
	Health        healthCmd         `cmd:"" group:"server" help:"Check that a server is running, for container health checks."`
	MCP           mcpCmd            `cmd:"" group:"client" name:"mcp" help:"Connect a host that can only start programs, such as Claude Desktop."`
	Version       versionCmd        `cmd:"" group:"server" help:"Print the version."`
}

// version is set by the linker in release builds.
var version = "dev"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs the command line and returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	// An error may quote a key: never print one.
	stderr = telemetry.RedactingWriter(stderr)
	// Treat empty variables as unset, because Compose files set optional ones to "".
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "MEMO_") && value == "" {
			os.Unsetenv(name)
		}
	}
	// --data on the command line takes precedence over MEMO_DATABASE, so that
	// memo restore --data DIR cannot replace the PostgreSQL database.
	if isOnCommandLine(args, "--data") && !isOnCommandLine(args, "--database") {
		os.Unsetenv("MEMO_DATABASE")
	}
	// The first signal starts a graceful shutdown; the second ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	e := &environment{
		ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, log: telemetry.NewLogger(stderr, slog.LevelInfo),
	}
	exit := -1
	parser, err := kong.New(&e.cli, append(helpOptions,
		kong.Name("memo"), kong.DefaultEnvars("MEMO"), kong.Writers(stdout, stderr),
		enums, kong.Vars{"version": "memo " + version}, kong.Bind(e), kong.BindSingletonProvider(e.openSession),
		kong.UsageOnError(), kong.Exit(func(code int) { exit = code }))...)
	if err != nil {
		fmt.Fprintln(stderr, "memo:", err)
		return 2
	}
	command, err := parser.Parse(helpArgs(args))
	if exit >= 0 && len(args) == 0 { // wrong usage, which the help answers
		return 2
	}
	if exit >= 0 { // kong has printed --help or --version
		return exit
	}
	if err != nil {
		fmt.Fprintf(stderr, "memo: %v\nRun 'memo --help' for a list of commands.\n", err)
		return 2
	}
	err = errors.Join(command.Run(), e.close())
	if err == nil {
		return 0
	}
	if !errors.Is(err, errAlreadyReported) {
		fmt.Fprintln(stderr, "memo:", err)
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	return 1
}

func isOnCommandLine(args []string, option string) bool {
	return slices.ContainsFunc(args, func(a string) bool { return a == option || strings.HasPrefix(a, option+"=") })
}

// enums are the variables of enum tags.
var enums = kong.Vars{
	"plans": "free,basic,pro,expert", "formats": transcript.FormatNames(","), "scopes": memo.ScopeNames(),
}

// errAlreadyReported is the error of a command that has already printed why it failed.
var errAlreadyReported = errors.New("already reported")

// usageError is wrong usage of the command line, for which the exit status is 2.
type usageError string

func (e usageError) Error() string { return string(e) }

// environment has the options and streams of a command.
type environment struct {
	ctx            context.Context
	cli            cli
	stdin          io.Reader
	stdout, stderr io.Writer
	log            *slog.Logger
	store          *store.Store // open while a session exists
}

// session is the environment of a command that works on the database. kong opens one for
// every Run method that takes it.
type session struct {
	*environment
	*app.App
}

// operator is the caller of all commands.
var operator = memo.Caller{Operator: true}

// openSession opens the database. Commands are not rate limited.
func (e *environment) openSession() (*session, error) {
	cfg := e.config()
	missing := cfg.CheckExists()
	a, err := e.open(cfg, app.Config{Limits: ratelimit.NewMemory(nil)})
	if err != nil {
		return nil, err
	}
	if !e.cli.JSON && errors.Is(missing, os.ErrNotExist) {
		// Make a misspelt --data visible.
		fmt.Fprintf(e.stderr, "No database found in %s; created a new one.\n", cfg.Dir)
	}
	return &session{e, a}, nil
}

// open opens the database and creates the App on it, with the limits and the retention of cfg.
func (e *environment) open(data store.Config, cfg app.Config) (*app.App, error) {
	var err error
	if e.store, err = store.Open(e.ctx, data); err != nil {
		return nil, err
	}
	cfg.Store, cfg.Passwords, cfg.Log = e.store, credential.NewPasswordHasher(2), e.log
	return app.New(cfg), nil
}

// close closes the database, if a command opened it.
func (e *environment) close() error {
	if e.store == nil {
		return nil
	}
	return e.store.Close()
}

// config returns where the database is.
func (e *environment) config() store.Config {
	if e.cli.Database != "" {
		return store.Config{URL: e.cli.Database, Indexing: e.indexing()}
	}
	return store.Config{Dir: e.cli.Data, Indexing: e.indexing()}
}

// indexing returns a callback that logs the progress of rebuilding the search
// index, if that takes longer than a second. The server does not answer until it
// is done, so the operator needs to see why.
func (e *environment) indexing() store.Progress {
	var last time.Time
	wait := time.Second
	return func(done, total int64) {
		switch now := time.Now(); {
		case last.IsZero():
			last = now
		case now.Sub(last) >= wait || done == total && wait > time.Second:
			last, wait = now, 10*time.Second
			e.log.Info("rebuilding the search index", "texts", done, "of", total)
		}
	}
}
