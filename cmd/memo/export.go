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
	workspaceOption
	Out    string            `required:"" help:"Folder to write to. Created if it does not exist." placeholder:"DIR"`
	Format transcript.Format `enum:"${formats}" default:"md" help:"One of ${enum}."`
}

// exportReport is the output of memo export --json.
type exportReport struct {
	Exported []storedFile `json:"exported"`
}

func (c *exportCmd) Run(s *session, w memo.Workspace) error {
	caller := memo.Caller{Operator: true, WorkspaceID: w.ID}
	ids, names, err := c.listTranscriptions(s, caller)
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
	var report exportReport
	progress := s.progress("Exporting")
	for i, id := range ids {
		f, err := s.Export(s.ctx, caller, id, c.Format)
		if err != nil {
			return err
		}
		body, err := f.Bytes(s.ctx)
		if err != nil {
			return err
		}
		if err := writeIn(out, names[i], body); err != nil {
			return err
		}
		report.Exported = append(report.Exported, storedFile{filepath.Join(c.Out, names[i]), id})
		progress(int64(i+1), int64(len(ids)))
	}
	return s.print(report, "Exported %s to %s.", memo.Plural(len(ids), "transcription"), c.Out)
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
func (c *exportCmd) listTranscriptions(s *session, caller memo.Caller) (ids, names []string, err error) {
	for _, status := range memo.Statuses {
		list := app.ListQuery{Status: status, Sort: "created_at", Limit: app.MaxLimit}
		for {
			page, err := s.Transcriptions(s.ctx, caller, list)
			if err != nil {
				return nil, nil, err
			}
			for _, it := range page.Items {
				t, err := it.Item()
				if err != nil {
					return nil, nil, err
				}
				ids, names = append(ids, t.ID), append(names, filename.Of(t.Title, t.CreatedAt, c.Format.Extension()))
			}
			if list.Cursor = page.NextCursor; list.Cursor == "" {
				break
			}
		}
	}
	return ids, filename.Unique(names), nil
}
