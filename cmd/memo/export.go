package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/transcript"
)

type exportCmd struct {
	Workspace string `required:""`
	Out       string `required:"" help:"Folder to write to. Created if it does not exist." placeholder:"DIR"`
	Format    string `enum:"md,txt,srt,vtt,json" default:"md" help:"One of ${enum}."`
}

// exportReport is the output of memo export --json.
type exportReport struct {
	Exported []importedFile `json:"exported"`
}

func (c *exportCmd) Run(e *environment) error {
	format, _ := transcript.ParseFormat(c.Format) // cannot fail: kong has checked it
	return e.inWorkspace(c.Workspace, func(a *app.App, w memo.Workspace) error {
		caller := memo.Caller{Operator: true, WorkspaceID: w.ID}
		ids, names, err := c.listTranscriptions(e, a, caller, format)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(c.Out, 0o700); err != nil {
			return err
		}
		out, err := os.OpenRoot(c.Out)
		if err != nil {
			return err
		}
		defer out.Close()
		report := exportReport{Exported: []importedFile{}}
		bar := e.progressBar(int64(len(ids)), "Exporting")
		for i, id := range ids {
			f, err := a.Export(e.ctx, caller, id, format)
			if err != nil {
				return err
			}
			body, err := f.Bytes(e.ctx)
			if err != nil {
				return err
			}
			if err := writeIn(out, names[i], body); err != nil {
				return err
			}
			report.Exported = append(report.Exported, importedFile{filepath.Join(c.Out, names[i]), id})
			_ = bar.Add(1)
		}
		_ = bar.Finish()
		return e.printResult(report, func() { e.printf("Exported %s to %s.", memo.Plural(len(ids), "transcription"), c.Out) })
	})
}

// writeIn atomically writes or replaces a file in a folder, with mode 0600. It
// replaces an existing symbolic link and leaves the target of the link unchanged.
func writeIn(folder *os.Root, name string, data []byte) (err error) {
	partial := ".memo-" + rand.Text() + ".partial"
	f, err := folder.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = folder.Rename(partial, name)
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("%s: %w", name, err), folder.Remove(partial))
	}
	return err
}

// listTranscriptions returns the ids and file names of all transcriptions of the
// workspace, by status and then oldest first.
func (c *exportCmd) listTranscriptions(
	e *environment, a *app.App, caller memo.Caller, format transcript.Format,
) (ids, names []string, err error) {
	for _, status := range memo.Statuses {
		list := app.ListQuery{Status: status, Sort: "created_at", Limit: app.MaxLimit}
		for {
			page, err := a.Transcriptions(e.ctx, caller, list)
			if err != nil {
				return nil, nil, err
			}
			for _, it := range page.Items {
				t, err := it.Item()
				if err != nil {
					return nil, nil, err
				}
				ids, names = append(ids, t.ID), append(names, filename.Of(t.Title, t.CreatedAt, string(format)))
			}
			if list.Cursor = page.NextCursor; list.Cursor == "" {
				break
			}
		}
	}
	return ids, filename.Unique(names), nil
}
