package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/jsonform"
	"memoai.tech/memo/internal/zipstream"
)

// maxRewrite is the size of the largest transcription whose speakers can be renamed, in stored
// bytes: about 60 hours of speech. Nothing else can write to SQLite while its text is replaced.
const maxRewrite = 16 << 20

// NewSpeaker is a new name of a speaker, with all that a transcription stores with it. It is made
// before the transaction, because this can take seconds.
type NewSpeaker struct {
	Merged bool // the transcription has another speaker of that name

	before memo.ListItem
	values *Prepared
}

// PrepareSpeaker makes what a transcription of the workspace stores after every line of one speaker
// has another name. markdown returns the transcript in Markdown.
func (s *Store) PrepareSpeaker(
	ctx context.Context, workspaceID, id, from, to string, markdown func([]memo.Segment) (zipstream.Deflated, error),
) (n NewSpeaker, err error) {
	var item, raw []byte
	var seq, size int64
	err = s.dataReader.q.QueryRowContext(ctx, `SELECT t.seq, t.item, t.size, x.segments
		FROM transcriptions t JOIN transcripts x ON x.seq = t.seq
		WHERE t.id = $1 AND t.workspace_id = $2`, id, workspaceID).Scan(&seq, &item, &size, &raw)
	if err != nil {
		return n, notFoundTranscription(err)
	}
	if size > maxRewrite {
		return n, memo.Invalid("", "This transcription is too long to rename a speaker.")
	}
	if raw, err = s.dataReader.value(ctx, id, segmentsValue, raw); err != nil {
		return n, err
	}
	d, err := decode(ctx, id, item, raw)
	if err != nil {
		return n, err
	}
	n.before = d.ListItem
	if d.Reports, err = s.reports(ctx, seq); err != nil { // for the size and the terms
		return n, err
	}
	found := false
	n.Merged, found = renameSpeaker(d, from, to)
	if !found {
		return n, memo.Invalid("speaker", "This speaker is not in the transcription. Reload the page.")
	}
	md, err := markdown(d.Segments)
	if err != nil {
		return n, err
	}
	n.values, err = s.prepareValues(NewTranscription{Doc: d, WorkspaceID: workspaceID, Markdown: md})
	return n, err
}

// renameSpeaker renames a speaker in the lines and in the list of speakers. It reports whether
// another speaker has that name, and whether the speaker exists.
func renameSpeaker(d *memo.Transcription, from, to string) (merged, found bool) {
	var id memo.Optional // of the other speaker
	for _, s := range d.Segments {
		if s.Speaker == memo.Optional(to) {
			id, merged = s.SpeakerID, true
			break
		}
	}
	for i := range d.Segments {
		if s := &d.Segments[i]; s.Speaker == memo.Optional(from) {
			s.Speaker, found = memo.Optional(to), true
			if merged {
				s.SpeakerID = id
			}
		}
	}
	named := func(name string) int {
		return slices.IndexFunc(d.Speakers, func(s memo.Speaker) bool { return s.Name == name })
	}
	d.Speakers = slices.Clone(d.Speakers)
	switch old, other := named(from), named(to); {
	case other >= 0:
		merged = true
		d.Speakers = slices.DeleteFunc(d.Speakers, func(s memo.Speaker) bool { return s.Name == from })
		return merged, found || old >= 0
	case old >= 0:
		d.Speakers[old].Name, found = to, true
	case found:
		d.Speakers = append(d.Speakers, memo.Speaker{Name: to})
	}
	return merged, found
}

// UpdateSpeaker stores what [Store.PrepareSpeaker] made. It returns an error of the kind conflict if
// the title or the speakers have changed since.
func (t *Tx) UpdateSpeaker(ctx context.Context, e LockedTranscription, n NewSpeaker) error {
	if e.Item.Title != n.before.Title || !slices.Equal(e.Item.Speakers, n.before.Speakers) {
		return errChanged
	}
	e.Item.Speakers, e.Item.UpdatedAt = n.values.Doc.Speakers, e.changedAt
	item, err := jsonform.Marshal(e.Item)
	if err != nil {
		return fmt.Errorf("store: item: %w", err)
	}
	p := n.values
	for _, query := range []struct {
		sql  string
		args []any
	}{
		{`UPDATE transcripts SET text = $2, segments = $3, markdown = $4, markdown_size = $5, markdown_crc = $6
			WHERE seq = $1`, []any{
			e.seq, string(columnValue(p.text)), string(columnValue(p.segments)), columnValue(p.Markdown.Data),
			p.Markdown.Size, int64(p.Markdown.CRC),
		}},
		{`DELETE FROM transcript_parts WHERE id = $1`, []any{e.Item.ID}},
	} {
		if err := t.exec(ctx, query.sql, query.args...); err != nil {
			return err
		}
	}
	for _, part := range p.parts() {
		if err := t.addPart(ctx, e.Item.ID, part); err != nil {
			return err
		}
	}
	if err := t.exec(ctx, `UPDATE transcriptions SET item = $2, char_count = $3, size = $4, updated_at = $5
		WHERE seq = $1`, e.seq, string(item), p.chars, p.size, toMillis(e.changedAt)); err != nil {
		return err
	}
	if err := t.replaceSpeakers(ctx, e.seq, e.workspaceID, e.Item); err != nil {
		return err
	}
	if err := t.unindex(ctx, e.seq); err != nil {
		return err
	}
	if err := t.index(ctx, e.seq, p.terms); err != nil {
		return err
	}
	return t.bumpContent(ctx, e.workspaceID, e.changedAt, p.size-e.size)
}

// errChanged is the error of a change that another one has made impossible.
var errChanged = &memo.Error{
	Kind: memo.KindConflict, RetryAfter: time.Second,
	Message: "Somebody changed this transcription at the same time. Try again.",
}
