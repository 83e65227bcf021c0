package pull

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/remote"
	"memoai.tech/memo/internal/transcript"
)

const (
	stateFile    = memoDir + "/state.json"
	stateVersion = 1
)

// state is the content of .memo/state.json. Files, Listing and Cursor are as after the
// pending actions.
type state struct {
	Version int               `json:"version"`
	Format  transcript.Format `json:"format"`
	Cursor  string            `json:"cursor"`  // of the change feed
	Listing int               `json:"listing"` // how often the feed was read from its beginning again
	Files   map[string]file   `json:"files"`   // by the id of the transcription
	Pending []action          `json:"pending"`
}

// file is the file of a transcription.
type file struct {
	Path      string `json:"path"`
	Name      string `json:"name"`   // as export names it; Path may have a number
	SHA256    string `json:"sha256"` // of the last version of the server
	UpdatedAt string `json:"updated_at"`
	Listing   int    `json:"listing"` // the listing in which it was last seen
}

// load reads the state, and deletes what a killed pull has downloaded.
func (p *Folder) load() error {
	p.state = state{Version: stateVersion, Format: p.cfg.Format, Files: map[string]file{}}
	p.dirty = false
	data, err := p.root.ReadFile(stateFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		p.state = state{}
		if err := json.Unmarshal(data, &p.state); err != nil {
			return p.damaged(err.Error())
		}
		if err := p.checkState(); err != nil {
			return err
		}
		p.dirty = len(p.state.Pending) > 0
	}
	p.taken, p.leaving, p.next = make(map[string]bool, len(p.state.Files)), map[string]bool{}, map[string]int{}
	for _, f := range p.state.Files {
		p.taken[filename.Fold(f.Path)] = true
	}
	staged := map[string]bool{}
	for _, a := range p.state.Pending {
		staged[a.Staged] = true
		if a.Was.Path != "" {
			p.taken[filename.Fold(a.Was.Path)] = true
		}
	}
	entries, err := fs.ReadDir(p.root.FS(), newDir)
	for _, e := range entries {
		if !staged[e.Name()] {
			err = errors.Join(err, p.root.RemoveAll(path.Join(newDir, e.Name())))
		}
	}
	return err
}

func (p *Folder) damaged(why string) error {
	return remote.Errorf("%s in %s is damaged (%s). Delete the folder %s and run this command again: files that are "+
		"as on the server are used, and nothing else is changed.", stateFile, p.cfg.Dir, remote.CleanText(why), memoDir)
}

// checkState checks that the state is of this program and names only files of the folder.
func (p *Folder) checkState() error {
	s := &p.state
	if s.Version != stateVersion {
		return remote.Errorf("%s in %s is from another version of memo (%d). Use that one, or another folder.", stateFile,
			p.cfg.Dir, s.Version)
	}
	if s.Format != p.cfg.Format {
		return remote.Errorf("%s has files in the format %s. Use --format %s, or another folder.", p.cfg.Dir,
			remote.CleanText(string(s.Format)), remote.CleanText(string(s.Format)))
	}
	if s.Files == nil {
		s.Files = map[string]file{}
	}
	for _, f := range s.Files {
		if !isPlainName(f.Path) {
			return p.damaged(fmt.Sprintf("the path %q", f.Path))
		}
	}
	for _, a := range s.Pending {
		for _, name := range []string{a.Staged, a.Path, a.Was.Path, a.Trash} {
			if name != "" && !isPlainName(name) {
				return p.damaged(fmt.Sprintf("the path %q", name))
			}
		}
	}
	return nil
}

// isPlainName reports whether name can be a file of a transcription: it is in no other
// folder, and not hidden.
func isPlainName(name string) bool {
	return name != "" && !strings.HasPrefix(name, ".") && !strings.ContainsAny(name, `/\:`)
}

// save stores the state.
func (p *Folder) save() error {
	data, err := json.Marshal(p.state, json.Deterministic(true))
	if err != nil {
		return err
	}
	staged, _, err := p.stage(bytes.NewReader(data))
	if err == nil {
		err = p.root.Rename(newDir+"/"+staged, stateFile)
	}
	if err == nil {
		err = p.sync(memoDir)
	}
	p.dirty = len(p.state.Pending) > 0
	return err
}

// stage writes a new file in .memo/new to the disk, and returns its name and SHA-256.
func (p *Folder) stage(r io.Reader) (name, sum string, err error) {
	name = rand.Text()
	f, err := p.root.OpenFile(newDir+"/"+name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", "", err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, hash), r)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", "", errors.Join(err, p.root.Remove(newDir+"/"+name))
	}
	return name, hex.EncodeToString(hash.Sum(nil)), nil
}

// sum returns the SHA-256 of a file, "" if it does not exist, or "other" if it is not a
// regular file.
func (p *Folder) sum(name string) (string, error) {
	info, err := p.root.Lstat(name)
	if err != nil {
		return "", ignoreNotExist(err)
	}
	if !info.Mode().IsRegular() {
		return "other", nil
	}
	f, err := p.root.Open(name)
	if err != nil {
		return "", ignoreNotExist(err)
	}
	defer f.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	return hex.EncodeToString(hash.Sum(nil)), err
}
