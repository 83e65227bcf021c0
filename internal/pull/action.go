package pull

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"time"

	"memoai.tech/memo/internal/filename"
)

// The kinds of actions.
const (
	kindAdd      = "add"
	kindUpdate   = "update"
	kindRename   = "rename"
	kindTrash    = "trash"
	kindConflict = "conflict" // writes the server's version next to an edited file
	kindEdited   = "edited"   // an edited file whose transcription was deleted
)

// action is a change of the folder. Doing it again has no effect.
type action struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Staged string `json:"staged,omitempty"` // the file in .memo/new, which becomes Path
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // of Staged; of a file to be trashed, that of the last version
	Was    file   `json:"was,omitzero"`
	Trash  string `json:"trash,omitempty"` // its name in .trash
}

// commit stores the pending actions, and then does them.
func (p *Folder) commit() error {
	if err := p.findConflicts(time.Now()); err != nil {
		return err
	}
	if err := p.save(); err != nil {
		return err
	}
	if len(p.state.Pending) == 0 {
		return nil
	}
	for _, a := range p.state.Pending {
		if err := p.do(a); err != nil {
			return err
		}
	}
	p.state.Pending = nil
	clear(p.leaving)
	return errors.Join(p.sync("."), p.sync(trashDir))
}

// findConflicts changes the actions that would replace or move a file of the user. An
// action whose downloaded file is missing was done before the pull was killed.
func (p *Folder) findConflicts(now time.Time) error {
	for i := range p.state.Pending {
		a := &p.state.Pending[i]
		if a.Kind == kindTrash {
			sum, err := p.sum(a.Path)
			if err != nil {
				return err
			}
			if sum != "" && sum != a.SHA256 {
				a.Kind, a.Trash = kindEdited, ""
			}
			continue
		}
		if a.Kind == kindConflict || a.Kind == kindEdited {
			continue
		}
		if _, err := p.root.Lstat(newDir + "/" + a.Staged); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := p.findConflict(a, now); err != nil {
			return err
		}
	}
	return nil
}

func (p *Folder) findConflict(a *action, now time.Time) error {
	f := p.state.Files[a.ID]
	if a.Was.Path != "" {
		sum, err := p.sum(a.Was.Path)
		if err != nil {
			return err
		}
		if sum != "" && sum != a.Was.SHA256 && sum != a.SHA256 { // edited
			if !isSameName(a.Path, a.Was.Path) {
				delete(p.taken, filename.Fold(a.Path))
				delete(p.leaving, filename.Fold(a.Was.Path))
			}
			f.Path, f.Name = a.Was.Path, a.Was.Name
			a.Kind, a.Path = kindConflict, p.conflictName(a.Was.Path, now)
			p.state.Files[a.ID] = f
			return nil
		}
	}
	if a.Path == a.Was.Path {
		return nil
	}
	sum, err := p.sum(a.Path)
	if err != nil || sum == "" || sum == a.SHA256 {
		return err
	}
	if isSameName(a.Path, a.Was.Path) {
		if isSame, err := p.isSameFile(a.Path, a.Was.Path); err != nil || isSame {
			return err
		}
	} else {
		delete(p.taken, filename.Fold(a.Path))
	}
	// The user has made a file of this name after the plan.
	a.Path = firstFree(a.Path, func(name string) bool {
		_, err := p.root.Lstat(name)
		return err == nil || p.taken[filename.Fold(name)]
	})
	p.taken[filename.Fold(a.Path)] = true
	f.Path = a.Path
	p.state.Files[a.ID] = f
	return nil
}

// do does an action and counts it. If a killed pull has already done it, it is not counted.
func (p *Folder) do(a action) error {
	switch a.Kind {
	case kindTrash:
		delete(p.taken, filename.Fold(a.Path))
		err := p.root.Rename(a.Path, path.Join(trashDir, a.Trash))
		if err == nil {
			p.summary.Trashed++
		}
		return ignoreNotExist(err)
	case kindEdited:
		delete(p.taken, filename.Fold(a.Path))
		p.summary.Conflicts = append(p.summary.Conflicts, Conflict{ID: a.ID, Path: a.Path})
		return nil
	}
	err := p.root.Rename(newDir+"/"+a.Staged, a.Path)
	if errors.Is(err, fs.ErrNotExist) && a.Kind != kindRename {
		return nil
	}
	if ignoreNotExist(err) != nil {
		return err
	}
	switch a.Kind {
	case kindAdd:
		p.summary.Added++
	case kindUpdate:
		p.summary.Updated++
	case kindConflict:
		p.summary.Conflicts = append(p.summary.Conflicts, Conflict{ID: a.ID, Path: a.Was.Path, NewPath: &a.Path})
	case kindRename:
		if err == nil {
			p.summary.Renamed++
		}
		return p.removeOld(a)
	}
	return nil
}

// removeOld removes the file of a transcription that has another name now.
func (p *Folder) removeOld(a action) error {
	if a.Was.Path == a.Path {
		return nil
	}
	if !isSameName(a.Was.Path, a.Path) {
		delete(p.taken, filename.Fold(a.Was.Path))
	} else if isSame, err := p.isSameFile(a.Was.Path, a.Path); err != nil || isSame {
		return err // the file system ignores case
	}
	sum, err := p.sum(a.Was.Path)
	if err != nil || sum != a.Was.SHA256 && sum != a.SHA256 {
		return err
	}
	return ignoreNotExist(p.root.Remove(a.Was.Path))
}

func (p *Folder) isSameFile(name, other string) (bool, error) {
	a, err := p.root.Lstat(name)
	if err != nil {
		return false, ignoreNotExist(err)
	}
	b, err := p.root.Lstat(other)
	return err == nil && os.SameFile(a, b), ignoreNotExist(err)
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
