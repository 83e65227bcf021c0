package app

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// Change is a change of a transcription, or its removal.
type Change struct {
	ID   string
	At   time.Time
	Item *ListItem // nil if it was removed
}

// ChangePage is a page of the changes of a workspace, oldest first. NextCursor is never empty: after
// the last change it is the cursor with which to ask for newer ones.
type ChangePage struct {
	Changes    []Change
	NextCursor string
	HasMore    bool
}

// errChangesRestarted is the refusal of a cursor from before a restore.
var errChangesRestarted = &memo.Error{
	Kind: memo.KindGone, Code: "changes_restarted",
	Message: "The database was restored from a backup after this cursor was made. " +
		"Start again without after, and delete what the changes no longer list",
}

// Changes returns the changes of the transcriptions of the caller's workspace after a cursor, or from
// the beginning if it is empty. Of several changes of a transcription it returns only the last. limit
// is clamped to 1–100. Errors: KindInvalid for a cursor that is not from this workspace, KindGone for
// one from before a restore.
func (a *App) Changes(ctx context.Context, c memo.Caller, cursor string, limit int) (ChangePage, error) {
	if err := requireReader(c); err != nil {
		return ChangePage{}, err
	}
	at := changesCursor{workspaceID: c.WorkspaceID}
	var err error
	if at.epoch, err = a.store.ChangesEpoch(ctx, c.WorkspaceID); err != nil {
		return ChangePage{}, err
	}
	if cursor != "" {
		from, err := parseChangesCursor(cursor)
		if err != nil || from.workspaceID != c.WorkspaceID {
			return ChangePage{}, memo.Invalid("after", "must be a next_cursor of the changes of this workspace, unchanged")
		}
		if from.epoch != at.epoch {
			return ChangePage{}, errChangesRestarted
		}
		at = from
	}
	limit = min(max(limit, 1), MaxLimit)
	changes, err := a.store.Changes(ctx, viewOf(c), at.last, limit+1)
	if err != nil {
		return ChangePage{}, err
	}
	p := ChangePage{Changes: make([]Change, 0, len(changes)), HasMore: len(changes) > limit}
	for _, change := range changes[:min(limit, len(changes))] {
		out := Change{ID: change.ID, At: time.UnixMilli(change.Key).UTC()}
		if it := change.Item; it != nil {
			out.Item = &ListItem{Project: it.Project, CharCount: it.CharCount, stored: *it}
		}
		p.Changes, at.last = append(p.Changes, out), change.ListPosition
	}
	p.NextCursor = at.String()
	a.usage.did(c, "read "+memo.Plural(len(p.Changes), "change"))
	return p, nil
}

// changesCursor is a position in the changes of a workspace. Like the cursor of a list, it is not
// secret.
type changesCursor struct {
	workspaceID string
	epoch       int64 // see [store.Store.ChangesEpoch]
	last        store.ListPosition
}

func (c changesCursor) String() string {
	return encodeCursor(fmt.Appendf(nil, "changes|%s|%d|%d|%s", c.workspaceID, c.epoch, c.last.Key, c.last.ID))
}

// parseChangesCursor is the inverse of [changesCursor.String].
func parseChangesCursor(s string) (c changesCursor, err error) {
	parts, ok := decodeCursor(s, 5)
	if !ok || parts[0] != "changes" {
		return c, fmt.Errorf("app: %q is not a cursor of changes", s)
	}
	c.workspaceID, c.last.ID = parts[1], parts[4]
	if _, err = fmt.Sscan(parts[2]+" "+parts[3], &c.epoch, &c.last.Key); err != nil {
		return c, err
	}
	if c.last.ID != "" {
		_, err = uuid.Parse(c.last.ID) // anyone can compute the checksum
	}
	return c, err
}
