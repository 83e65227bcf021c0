package app

import (
	"context"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/write"
	"memoai.tech/memo/internal/zipstream"
)

// Details are new values of a transcription. What is nil does not change. An empty language is
// unknown, and an empty project removes the transcription from its project; a project that does not
// exist is created.
type Details struct {
	Title     *string
	CreatedAt *time.Time
	Language  *string
	Project   *string
}

// CleanDetails returns details in the form in which they are stored. Errors: KindInvalid for the first
// one that is not valid, with its field: title, date, language or project.
func CleanDetails(d Details, now time.Time) (Details, error) {
	if d.Title != nil {
		title, err := memo.CleanTitle(*d.Title)
		if err != nil {
			return d, err
		}
		d.Title = &title
	}
	if d.CreatedAt != nil {
		at := memo.TruncateToMillis(*d.CreatedAt)
		// Somewhere it is already tomorrow.
		if at.Unix() < 0 || at.After(now.Add(24*time.Hour)) {
			return d, memo.Invalid("date", "must not be before 1970 or in the future")
		}
		d.CreatedAt = &at
	}
	if d.Language != nil && *d.Language != "" {
		language := string(transcript.Language(*d.Language))
		if language == "" {
			return d, memo.Invalid("language", "must be a language code such as en or ru")
		}
		d.Language = &language
	}
	if d.Project != nil && *d.Project != "" {
		project, err := memo.CleanName("project", *d.Project)
		if err != nil {
			return d, err
		}
		d.Project = &project
	}
	return d, nil
}

// ChangeDetails changes details of a transcription, all or none, and returns those that were not as
// they should be.
func (a *App) ChangeDetails(ctx context.Context, c memo.Caller, id string, d Details) (changed Details, err error) {
	if err := requireEditor(c); err != nil {
		return changed, err
	}
	if d, err = CleanDetails(d, a.store.Now()); err != nil {
		return changed, err
	}
	if d.Title != nil || d.CreatedAt != nil {
		release, err := a.acquireRewrite(ctx, c, id)
		if err != nil {
			return changed, err
		}
		defer release()
	}
	prepared, err := a.store.PrepareDetails(ctx, c.WorkspaceID, id, store.Details(d))
	if err != nil {
		return changed, err
	}
	err = a.changeTranscription(ctx, c, id,
		func(tx *store.Tx, e store.LockedTranscription) (events []memo.AuditEvent, err error) {
			stored, err := tx.UpdateDetails(ctx, e, prepared)
			if err != nil {
				return nil, err
			}
			changed = Details(stored)
			name := e.Item.Title
			add := func(action memo.Action, details memo.EventDetails) {
				events = append(events, memo.AuditEvent{Action: action, Name: name, Details: details})
			}
			if changed.Title != nil {
				name = *changed.Title
				var details memo.EventDetails
				if before, err := memo.CleanTitle(e.Item.Title); err == nil && before == e.Item.Title {
					details.Before = before
				}
				add(memo.ActionTitleChanged, details)
			}
			if at := changed.CreatedAt; at != nil {
				add(memo.ActionDateChanged, memo.EventDetails{Date: at.UTC().Format(time.RFC3339)})
			}
			if changed.Language != nil {
				add(memo.ActionLanguageChanged, memo.EventDetails{Language: *changed.Language})
			}
			if changed.Project != nil {
				add(memo.ActionProjectChanged, memo.EventDetails{Project: *changed.Project})
			}
			return events, nil
		})
	return changed, err
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
// another speaker had that name, so that the two are then one and cannot be separated again.
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
	return prepared.Merged, a.changeTranscription(ctx, c, id,
		func(tx *store.Tx, e store.LockedTranscription) ([]memo.AuditEvent, error) {
			details := memo.EventDetails{Speaker: memo.Printable(from, MaxEventText), Name: to}
			if before, err := memo.CleanName("name", from); err == nil && before == from && !prepared.Merged {
				details.Before = before
			}
			return []memo.AuditEvent{{Action: memo.ActionSpeakerRenamed, Name: e.Item.Title, Details: details}},
				tx.UpdateSpeaker(ctx, e, prepared)
		})
}

// LastRename returns the caller's last change of a transcription with this action, a change of the
// title or of a speaker, if the audit trail has it among the caller's newest events and the old
// name can be given back.
func (a *App) LastRename(
	ctx context.Context, c memo.Caller, id string, action memo.Action,
) (event memo.AuditEvent, ok bool, err error) {
	if err := requireEditor(c); err != nil || c.UserID == "" {
		return event, false, err
	}
	const newest = 20
	events, err := a.store.Events(ctx, store.EventFilter{
		WorkspaceID: c.WorkspaceID, Noun: action.Noun(), ActorID: c.UserID,
	}, newest)
	for _, e := range events {
		if e.Action == action && e.Subject == id {
			return e, e.Details.Before != "", err
		}
	}
	return event, false, err
}

// DeleteTranscription deletes a transcription permanently. The same file can be imported
// again.
func (a *App) DeleteTranscription(ctx context.Context, c memo.Caller, id string) error {
	if err := requireEditor(c); err != nil {
		return err
	}
	err := a.changeTranscription(ctx, c, id,
		func(tx *store.Tx, e store.LockedTranscription) ([]memo.AuditEvent, error) {
			return []memo.AuditEvent{{Action: memo.ActionDeleted, Name: e.Item.Title}}, tx.DeleteTranscription(ctx, e)
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

// changeTranscription locks a transcription, runs f and records the events that it returns, of which it
// sets the subject. It checks the caller's permission last, by their current role; if the check fails,
// nothing changes.
func (a *App) changeTranscription(
	ctx context.Context, c memo.Caller, id string,
	f func(*store.Tx, store.LockedTranscription) ([]memo.AuditEvent, error),
) error {
	return a.write(ctx, c, func(tx *store.Tx) error {
		e, err := tx.LockTranscription(ctx, c.WorkspaceID, id)
		if err != nil {
			return err
		}
		events, err := f(tx, e)
		if err != nil {
			return err
		}
		if c.Role, err = requireMember(ctx, tx, c); err != nil {
			return err
		}
		if err := memo.MayChangeTranscription(c, c.WorkspaceID, e.CreatedBy); err != nil {
			return err
		}
		for _, event := range events {
			event.WorkspaceID, event.Subject = memo.Optional(c.WorkspaceID), id
			event.Name = memo.Printable(event.Name, MaxEventText)
			if err := recordEvent(ctx, tx, c, event); err != nil {
				return err
			}
		}
		return nil
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
