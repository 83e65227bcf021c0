// Package pull updates a folder from a workspace. It reads the change feed of a Memo
// server with an API key, writes one file for each transcription, renames it with its
// title, and moves it to .trash after the transcription was deleted.
//
// The user may read and edit the folder at the same time. A file whose content is not
// what the last pull wrote is never replaced, moved or deleted.
//
// A pull may be killed at any point. For each page of changes it downloads the files to
// .memo/new, then stores in .memo/state.json what it is about to do, and then renames.
// The next pull first finishes what is stored there, see [state].
package pull

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"syscall"

	"memoai.tech/memo/internal/remote"
	"memoai.tech/memo/internal/transcript"
)

// The folders that a pull makes in its folder.
const (
	memoDir  = ".memo"
	newDir   = memoDir + "/new" // downloaded, and not yet renamed
	trashDir = ".trash"
)

// Config configures a Folder.
type Config struct {
	URL          string // of the server
	Key          string // the API key
	InsecureHTTP bool   // allows http:// for hosts other than this machine
	Dir          string // created if it does not exist
	Format       transcript.Format
	Version      string            // version of this program, for the User-Agent
	Transport    http.RoundTripper // nil for a new one
	// Progress is called after each change with the number of changes so far, and with
	// those that are known: more if there is another page. It may be nil.
	Progress func(done, total int64)
	// Wait is called before a wait for the server, with its reason. It may be nil.
	Wait func(reason string)
}

// Folder is a folder that is updated from a workspace. It is locked against other pulls until Close.
type Folder struct {
	cfg    Config
	client *client
	root   *os.Root
	lock   *os.File

	state   state
	taken   map[string]bool // folded names of the files of transcriptions
	leaving map[string]bool // those of them that are free after the next commit
	next    map[string]int  // by folded name, the next number to try
	dirty   bool            // the stored state has pending actions that are done
	summary Summary
}

// Summary counts what a pull has done. It is the JSON output of memo pull.
type Summary struct {
	Added     int        `json:"added"`
	Updated   int        `json:"updated"`
	Renamed   int        `json:"renamed"` // and updated
	Trashed   int        `json:"trashed"`
	Conflicts []Conflict `json:"conflicts"`
	Unchanged int        `json:"unchanged"`
}

// Conflict is a file that the user has edited and that has changed on the server.
type Conflict struct {
	ID   string `json:"id"`
	Path string `json:"path"` // of the edited file, in the folder
	// NewPath is the file with the version of the server, or nil if it was deleted there.
	NewPath *string `json:"new_path"`
}

// IsEmpty reports whether nothing has changed.
func (s Summary) IsEmpty() bool {
	return s.Added+s.Updated+s.Renamed+s.Trashed+len(s.Conflicts) == 0
}

// Open checks the configuration, and creates and locks the folder. It sends no request.
func Open(cfg Config) (_ *Folder, err error) {
	p := &Folder{cfg: cfg}
	if p.client, err = newClient(cfg); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, p.explain(err)
	}
	if p.root, err = os.OpenRoot(cfg.Dir); err != nil {
		return nil, p.explain(err)
	}
	err = errors.Join(p.makeDir(memoDir), p.makeDir(newDir), p.makeDir(trashDir))
	if err == nil {
		p.lock, err = lock(p.root, memoDir+"/lock")
	}
	if err != nil {
		p.root.Close()
		return nil, p.explain(err)
	}
	return p, nil
}

// Close unlocks the folder.
func (p *Folder) Close() error { return errors.Join(p.lock.Close(), p.root.Close()) }

func (p *Folder) makeDir(name string) error {
	err := p.root.Mkdir(name, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if info, err := p.root.Lstat(name); err != nil || !info.IsDir() {
		return errors.Join(err, remote.Errorf("%s in %s is not a folder. Remove it.", name, p.cfg.Dir))
	}
	return nil
}

// Pull brings the folder up to date. It costs one request if nothing has changed. If it
// returns an error, the next call continues from there; see [IsTemporary].
func (p *Folder) Pull(ctx context.Context) (Summary, error) {
	p.summary = Summary{Conflicts: []Conflict{}}
	err := p.load()
	if err == nil && len(p.state.Pending) > 0 {
		err = p.commit()
	}
	if err == nil {
		err = p.follow(ctx)
	}
	if err == nil && p.dirty {
		err = p.save()
	}
	s := &p.summary
	s.Unchanged = max(0, len(p.state.Files)-s.Added-s.Updated-s.Renamed)
	for _, c := range s.Conflicts {
		if c.NewPath != nil {
			s.Unchanged = max(0, s.Unchanged-1)
		}
	}
	return *s, p.explain(err)
}

// follow reads the pages of changes until the last.
func (p *Folder) follow(ctx context.Context) error {
	for done, total := int64(0), int64(0); ; {
		page, err := p.client.changes(ctx, p.state.Cursor)
		if errors.Is(err, errRestarted) && p.state.Cursor != "" {
			p.state.Cursor, p.state.Listing = "", p.state.Listing+1
			continue
		}
		if err != nil {
			return err
		}
		if total += int64(len(page.Changes)); page.HasMore {
			total++
		}
		for _, c := range page.Changes {
			if err := p.plan(ctx, c); err != nil {
				return err
			}
			if done++; p.cfg.Progress != nil {
				p.cfg.Progress(done, total)
			}
		}
		total = done
		if !page.HasMore {
			if err := p.planUnlisted(); err != nil {
				return err
			}
		}
		if page.NextCursor != p.state.Cursor || len(p.state.Pending) > 0 {
			p.state.Cursor = page.NextCursor
			if err := p.commit(); err != nil {
				return err
			}
		}
		if !page.HasMore {
			return nil
		}
	}
}

// explain adds to an error of the disk what to do.
func (p *Folder) explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return remote.Errorf("The disk of %s is full. Free some space and run this command again; it continues where "+
			"it stopped (%v).", p.cfg.Dir, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return remote.Errorf("%s cannot be read and written by this user. Change its permissions, or choose another folder "+
			"with --out (%v).", p.cfg.Dir, err)
	}
	return err
}
