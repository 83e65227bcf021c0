package app

import (
	"context"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/transcript/write"
	"memoai.tech/memo/internal/zipstream"
)

// ChangeTitle changes the title of a transcription.
func (a *App) ChangeTitle(ctx context.Context, c memo.Caller, id, title string) error {
	if err := requireEditor(c); err != nil {
		return err
	}
	title, err := memo.CleanTitle(title)
	if err != nil {
		return err
	}
	release, err := a.acquireRewrite(ctx, c, id)
	if err != nil {
		return err
	}
	defer release()
	prepared, err := a.store.PrepareTitle(ctx, c.WorkspaceID, id, title)
	if err != nil {
		return err
	}
	return a.changeTranscription(ctx, c, id, memo.ActionTitleChanged, memo.EventDetails{},
		func(tx *store.Tx, e store.LockedTranscription) (string, error) {
			return title, tx.UpdateTitle(ctx, e, prepared)
		})
}

// acquireRewrite waits until the text of a transcription may be indexed again. That is expensive, so
// it checks the permission first.
func (a *App) acquireRewrite(ctx context.Context, c memo.Caller, id string) (release func(), err error) {
	importedBy, err := a.store.ImportedBy(ctx, c.WorkspaceID, id)
	if err != nil {
		return nil, err
	}
	if err := memo.MayChangeTranscription(c, c.WorkspaceID, importedBy); err != nil {
		return nil, err
	}
	return a.work.titles.Acquire(ctx, c.WorkspaceID, 1)
}

// RenameSpeaker gives a speaker of a transcription another name, in every line. It reports whether
// another speaker had that name, so that the two are now one and nothing can tell them apart.
func (a *App) RenameSpeaker(ctx context.Context, c memo.Caller, id, from, to string) (merged bool, err error) {
	if err := requireEditor(c); err != nil {
		return false, err
	}
	if to, err = memo.CleanName("name", to); err != nil {
		return false, err
	}
	if from == to {
		return false, memo.Invalid("name", "is already the name of this speaker.")
	}
	release, err := a.acquireRewrite(ctx, c, id)
	if err != nil {
		return false, err
	}
	defer release()
	prepared, err := a.store.PrepareSpeaker(ctx, c.WorkspaceID, id, from, to,
		func(segments []memo.Segment) (zipstream.Deflated, error) {
			return zipstream.Deflate(write.MarkdownBody(segments))
		})
	if err != nil {
		return false, err
	}
	return prepared.Merged, a.changeTranscription(ctx, c, id, memo.ActionSpeakerRenamed,
		memo.EventDetails{Speaker: memo.Printable(from, MaxEventText), Name: to},
		func(tx *store.Tx, e store.LockedTranscription) (string, error) {
			return e.Item.Title, tx.UpdateSpeaker(ctx, e, prepared)
		})
}

// ChangeProject moves a transcription to the project with this name, and creates the project if
// it does not exist. An empty name removes the transcription from its project.
func (a *App) ChangeProject(ctx context.Context, c memo.Caller, id, project string) error {
	if err := requireEditor(c); err != nil {
		return err
	}
	if project != "" {
		var err error
		if project, err = memo.CleanName("project", project); err != nil {
			return err
		}
	}
	return a.changeTranscription(ctx, c, id, memo.ActionProjectChanged, memo.EventDetails{Project: project},
		func(tx *store.Tx, e store.LockedTranscription) (string, error) {
			return e.Item.Title, tx.UpdateProject(ctx, e, project)
		})
}

// DeleteTranscription deletes a transcription permanently. The same file can be imported
// again.
func (a *App) DeleteTranscription(ctx context.Context, c memo.Caller, id string) error {
	if err := requireEditor(c); err != nil {
		return err
	}
	err := a.changeTranscription(ctx, c, id, memo.ActionDeleted, memo.EventDetails{},
		func(tx *store.Tx, e store.LockedTranscription) (string, error) {
			return e.Item.Title, tx.DeleteTranscription(ctx, e)
		})
	if err == nil {
		a.deleteParts(ctx, id)
	}
	return err
}

// deleteParts deletes the stored parts of a transcription that was deleted or not added. If it
// fails, [App.Run] deletes them later.
func (a *App) deleteParts(ctx context.Context, id string) {
	// Not cancelled with the request, because nothing uses the parts any more.
	if err := a.store.DropParts(context.WithoutCancel(ctx), id); err != nil {
		a.log.WarnContext(ctx, "the unused parts of a transcription could not be deleted yet", "error", err)
	}
}

// MayChangeTranscription reports whether the caller may change a transcription, for a page
// with an edit form.
func (a *App) MayChangeTranscription(ctx context.Context, c memo.Caller, id string) (bool, error) {
	if err := requireSignedInMember(c); err != nil {
		return false, err
	}
	importedBy, err := a.store.ImportedBy(ctx, c.WorkspaceID, id)
	return err == nil && memo.MayChangeTranscription(c, c.WorkspaceID, importedBy) == nil, err
}

// changeTranscription locks a transcription, runs f and records the event, with the title that f
// returns. It checks the caller's permission last, by their current role; if the check fails,
// nothing changes.
func (a *App) changeTranscription(
	ctx context.Context, c memo.Caller, id string, action memo.Action, details memo.EventDetails,
	f func(*store.Tx, store.LockedTranscription) (title string, err error),
) error {
	return a.write(ctx, c, func(tx *store.Tx) error {
		e, err := tx.LockTranscription(ctx, c.WorkspaceID, id)
		if err != nil {
			return err
		}
		title, err := f(tx, e)
		if err != nil {
			return err
		}
		if c.Role, err = requireMember(ctx, tx, c); err != nil {
			return err
		}
		if err := memo.MayChangeTranscription(c, c.WorkspaceID, e.CreatedBy); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			WorkspaceID: memo.Optional(c.WorkspaceID), Action: action, Subject: id, Name: memo.Printable(title, MaxEventText),
			Details: details,
		})
	})
}

// Languages returns the languages of the workspace's transcriptions.
func (a *App) Languages(ctx context.Context, c memo.Caller) ([]string, error) {
	if err := requireReader(c); err != nil {
		return nil, err
	}
	return a.store.Languages(ctx, c.WorkspaceID)
}

// maxSpeakers is how many speakers a form offers. Users can type other names.
const maxSpeakers = 50

// Speakers returns the names of the most frequent speakers in the newest transcriptions of the
// workspace, the most frequent first.
func (a *App) Speakers(ctx context.Context, c memo.Caller) ([]string, error) {
	if err := requireReader(c); err != nil {
		return nil, err
	}
	key := contentKey{c.WorkspaceID, c.ContentVersion}
	names, ok := a.speakers.get(key)
	if !ok {
		var err error
		if names, err = a.store.FrequentSpeakers(ctx, c.WorkspaceID, maxSpeakers); err != nil {
			return nil, err
		}
		a.speakers.add(key, names)
	}
	return names, nil
}
