package pull

import (
	"context"
	"maps"
	"path"
	"slices"
	"time"

	"memoai.tech/memo/internal/filename"
)

// plan adds what a change needs to the pending actions, and downloads its file.
func (p *Folder) plan(ctx context.Context, c change) error {
	if slices.ContainsFunc(p.state.Pending, func(a action) bool { return a.ID == c.id() }) {
		if err := p.commit(); err != nil {
			return err
		}
	}
	switch {
	case c.Type == "delete":
		return p.planTrash(c.ID)
	case c.Type == "upsert" && c.Item != nil:
		return p.planWrite(ctx, c.Item)
	}
	return nil // a type that a later server has added
}

func (p *Folder) planWrite(ctx context.Context, it *item) error {
	was, known := p.state.Files[it.ID]
	f := file{
		Path: was.Path, Name: filename.Of(it.Title, it.CreatedAt, p.cfg.Format.Extension()),
		UpdatedAt: it.UpdatedAt, Listing: p.state.Listing,
	}
	present := false
	if known {
		sum, err := p.sum(was.Path)
		if err != nil {
			return err
		}
		present = sum != ""
	}
	sameName := known && was.Name == f.Name
	if sameName && present && was.UpdatedAt == f.UpdatedAt { // listed again
		f.SHA256 = was.SHA256
		p.state.Files[it.ID] = f
		return nil
	}
	staged, sum, err := p.download(ctx, it)
	if err != nil || staged == "" {
		return err
	}
	f.SHA256 = sum
	if sameName && present && was.SHA256 == sum {
		p.state.Files[it.ID] = f
		return p.root.Remove(newDir + "/" + staged)
	}
	kind := kindUpdate
	if !sameName {
		if f.Path, err = p.freeName(f.Name, sum, was.Path); err != nil {
			return err
		}
		kind = kindRename
	}
	if !known {
		kind = kindAdd
	}
	p.taken[filename.Fold(f.Path)] = true
	if known && !isSameName(was.Path, f.Path) {
		p.leaving[filename.Fold(was.Path)] = true
	}
	p.state.Files[it.ID] = f
	p.state.Pending = append(p.state.Pending, action{
		Kind: kind, ID: it.ID, Staged: staged, Path: f.Path, SHA256: sum, Was: was,
	})
	return nil
}

// freeName returns a name for a new file. A file that is already there is used if it has
// the content. was is the name of the file now, which may change in case only.
func (p *Folder) freeName(name, sum, was string) (string, error) {
	key := filename.Fold(name)
	for n := max(p.next[key], 1); ; n++ {
		free := filename.Numbered(name, n)
		if isSameName(free, was) {
			return free, nil
		}
		if p.leaving[filename.Fold(free)] {
			if err := p.commit(); err != nil {
				return "", err
			}
		}
		if p.taken[filename.Fold(free)] {
			continue
		}
		there, err := p.sum(free)
		if err != nil {
			return "", err
		}
		if there == "" || there == sum {
			p.next[key] = n
			return free, nil
		}
	}
}

func (p *Folder) planTrash(id string) error {
	f, ok := p.state.Files[id]
	if !ok {
		return nil
	}
	sum, err := p.sum(f.Path)
	if err != nil {
		return err
	}
	delete(p.state.Files, id)
	if sum == "" {
		delete(p.taken, filename.Fold(f.Path))
		return nil
	}
	isTaken := func(name string) bool {
		_, err := p.root.Lstat(path.Join(trashDir, name))
		return err == nil || slices.ContainsFunc(p.state.Pending, func(a action) bool {
			return a.Kind == kindTrash && isSameName(a.Trash, name)
		})
	}
	p.leaving[filename.Fold(f.Path)] = true
	p.state.Pending = append(p.state.Pending, action{
		Kind: kindTrash, ID: id, Path: f.Path, SHA256: f.SHA256, Trash: firstFree(f.Path, isTaken),
	})
	return nil
}

// planUnlisted trashes the files that a listing from the beginning has not listed.
func (p *Folder) planUnlisted() error {
	for _, id := range slices.Sorted(maps.Keys(p.state.Files)) {
		if p.state.Files[id].Listing == p.state.Listing {
			continue
		}
		if err := p.planTrash(id); err != nil {
			return err
		}
	}
	return nil
}

// isSameName reports whether two names are one on a file system that ignores case.
func isSameName(a, b string) bool { return filename.Fold(a) == filename.Fold(b) }

// firstFree returns the first of "name.md", "name (2).md", … that is not taken.
func firstFree(name string, isTaken func(string) bool) string {
	for n := 1; ; n++ {
		if free := filename.Numbered(name, n); !isTaken(free) {
			return free
		}
	}
}

// conflictName returns the name of the server's version of a file that the user has edited.
func (p *Folder) conflictName(name string, now time.Time) string {
	name = filename.WithSuffix(name, ".conflict-"+now.UTC().Format("20060102T150405"))
	return firstFree(name, func(name string) bool {
		_, err := p.root.Lstat(name)
		return err == nil || slices.ContainsFunc(p.state.Pending, func(a action) bool { return a.Path == name })
	})
}
