package app

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// Overview is what the navigation of the web app shows of a workspace.
type Overview struct {
	Keys, Members int // active keys that the caller sees, and members
	// Counted reports whether the fields below are known. They are not if counting would take too
	// long, or the workspace has too many searches in progress.
	Counted        bool
	Transcriptions int            // completed ones
	Projects       []memo.Project // the oldest
	ProjectCount   int
}

const (
	overviewProjects = 8
	// overviewWait is how long a page waits for the counts in its navigation.
	overviewWait = time.Second
)

// Overview returns the counts of the caller's workspace. It takes one statement, and a few more
// after the content of the workspace has changed.
func (a *App) Overview(ctx context.Context, c memo.Caller) (o Overview, err error) {
	if err := requireSignedInMember(c); err != nil {
		return Overview{}, err
	}
	if o.Keys, o.Members, err = a.store.CountAccess(ctx, c.WorkspaceID, visibleKeysOf(c)); err != nil {
		return Overview{}, err
	}
	wait, cancel := context.WithTimeout(ctx, overviewWait)
	defer cancel()
	err = a.countContent(wait, c, &o)
	if err != nil && ctx.Err() == nil && (wait.Err() != nil || memo.KindOf(err) == memo.KindUnavailable) {
		return Overview{Keys: o.Keys, Members: o.Members}, nil
	}
	return o, err
}

func (a *App) countContent(ctx context.Context, c memo.Caller, o *Overview) error {
	total, err := a.total(ctx, c, store.Filter{WorkspaceID: c.WorkspaceID, Status: memo.StatusCompleted})
	if err != nil {
		return err
	}
	key := contentKey{c.WorkspaceID, c.ContentVersion}
	projects, ok := a.projects.get(key)
	if !ok {
		if projects.items, projects.total, err = a.Projects(ctx, c, overviewProjects, 0); err != nil {
			return err
		}
		a.projects.add(key, projects)
	}
	o.Counted, o.Transcriptions = true, total.N
	o.Projects, o.ProjectCount = projects.items, projects.total
	return nil
}

// FirstSteps reports whether any key of the caller's workspace has been used, and whether someone was
// invited who has not joined. Only an OWNER may know.
func (a *App) FirstSteps(ctx context.Context, c memo.Caller) (used, invited bool, err error) {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return false, false, err
	}
	return a.store.FirstSteps(ctx, c.WorkspaceID)
}

// contentKey is the key of what depends only on the content of a workspace.
type contentKey struct {
	workspaceID string
	version     int64
}

// projectsPage is the first page of the projects of a workspace, and how many it has.
type projectsPage struct {
	items []memo.Project
	total int
}

// versionCache caches values that depend only on the content of a workspace, by keys that include
// its content version.
type versionCache[K comparable, V any] struct {
	mu  sync.Mutex
	lru *simplelru.LRU[K, V]
}

func newVersionCache[K comparable, V any](size int) *versionCache[K, V] {
	lru, err := simplelru.NewLRU[K, V](size, nil)
	if err != nil {
		panic(err) // only a size below 1 is an error
	}
	return &versionCache[K, V]{lru: lru}
}

func (c *versionCache[K, V]) get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Get(key)
}

func (c *versionCache[K, V]) add(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Add(key, value)
}
