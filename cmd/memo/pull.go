package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/pull"
	"memoai.tech/memo/internal/transcript"
)

// pullCmd has no option for the key, because every process on the machine can read
// command lines.
type pullCmd struct {
	URL          string            `default:"http://127.0.0.1:8080" help:"URL of the Memo server (default: ${default})." placeholder:"URL"`
	Out          string            `required:"" help:"Folder to update. Created if it does not exist." placeholder:"DIR"`
	Format       transcript.Format `enum:"${formats}" default:"md" help:"One of ${enum}."`
	Watch        bool              `help:"Look for changes regularly, until interrupted."`
	Every        time.Duration     `default:"60s" help:"With --watch, time between two looks (default: ${default})." placeholder:"TIME"`
	InsecureHTTP bool              `name:"insecure-http" help:"Allow http:// for other machines. The API key is then sent unencrypted."`
}

// Help returns the details that memo pull --help prints above the options.
func (c *pullCmd) Help() string {
	return "Set MEMO_API_KEY to the API key; it is sent only to the server at --url. A file that you have edited is " +
		"never changed: the server's version is written next to it. Files of deleted transcriptions are moved to .trash " +
		"in the folder. This command does not open the database and ignores --data and --database."
}

func (c *pullCmd) Run(e *environment) error {
	if c.Every < time.Second {
		return usageError("--every must be at least 1s")
	}
	var show func(done, total int64)
	folder, err := pull.Open(pull.Config{
		URL: c.URL, Key: os.Getenv("MEMO_API_KEY"), InsecureHTTP: c.InsecureHTTP, Dir: c.Out, Format: c.Format,
		Version: version,
		Progress: func(done, total int64) {
			if done == 1 {
				show = e.progress("Pulling")
			}
			show(done, total)
		},
		Wait: func(reason string) { fmt.Fprintln(e.stderr, "memo:", reason) },
	})
	if err != nil {
		return err
	}
	return errors.Join(c.follow(e, folder), folder.Close())
}

// follow pulls once, or with --watch until the command is interrupted.
func (c *pullCmd) follow(e *environment, folder *pull.Folder) error {
	for first := true; ; first = false {
		s, err := folder.Pull(e.ctx)
		c.printConflicts(e, s)
		if first && err == nil || !s.IsEmpty() {
			err = errors.Join(err, e.print(s, "%s: %d added, %d updated, %d renamed, %d trashed, %s, %d unchanged.", c.Out,
				s.Added, s.Updated, s.Renamed, s.Trashed, memo.Plural(len(s.Conflicts), "conflict"), s.Unchanged))
		}
		switch {
		case e.ctx.Err() != nil && c.Watch:
			return nil
		case e.ctx.Err() != nil:
			return errors.New("interrupted. Run this command again; it continues where it stopped")
		case c.Watch && pull.IsTemporary(err):
			fmt.Fprintln(e.stderr, "memo:", err)
		case err != nil:
			return err
		case !c.Watch:
			return nil
		}
		select {
		case <-time.After(c.Every):
		case <-e.ctx.Done():
			return nil
		}
	}
}

func (c *pullCmd) printConflicts(e *environment, s pull.Summary) {
	for _, conflict := range s.Conflicts {
		path := filepath.Join(c.Out, conflict.Path)
		if conflict.NewPath == nil {
			fmt.Fprintf(e.stderr, "memo: You have edited %s, so it stays, although its transcription was deleted.\n", path)
			continue
		}
		fmt.Fprintf(e.stderr, "memo: You have edited %s, so the server's new version is in %s.\n", path,
			filepath.Join(c.Out, *conflict.NewPath))
	}
}
