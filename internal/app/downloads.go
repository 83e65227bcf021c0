package app

import (
	"context"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// Download is what a member downloads: a [File] or an [Archive].
type Download interface {
	// event returns what the audit trail says about the download.
	event() memo.AuditEvent
}

// downloadEventTimeout is how long a download may wait for its audit event.
const downloadEventTimeout = 2 * time.Second

// RecordDownload records in the audit trail what a signed-in caller downloads. Call it before the
// first byte is sent. It returns no error, because members must be able to export from a full disk;
// if it fails, it logs a warning.
func (a *App) RecordDownload(ctx context.Context, c memo.Caller, d Download) {
	if err := requireSignedInMember(c); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downloadEventTimeout)
	defer cancel()
	e := d.event()
	e.WorkspaceID, e.Action = memo.Optional(c.WorkspaceID), memo.ActionDownloaded
	if err := a.store.Write(ctx, func(tx *store.Tx) error { return recordEvent(ctx, tx, c, e) }); err != nil {
		a.log.WarnContext(ctx, "a download is not in the audit trail: it could not be written", "user_id", c.UserID,
			"workspace_id", c.WorkspaceID, "transcriptions", e.Subject, "error", err)
	}
}

func (f File) event() memo.AuditEvent {
	return memo.AuditEvent{
		Subject: f.doc.ID, Name: memo.Printable(f.doc.Title, MaxEventText),
		Details: memo.EventDetails{Format: string(f.Format)},
	}
}

// maxEventIDs is how many ids the event of an archive has. A hundred would take 4 kB.
const maxEventIDs = 10

func (ar *Archive) event() memo.AuditEvent {
	ids := strings.Join(ar.ids[:min(len(ar.ids), maxEventIDs)], " ")
	if len(ar.ids) > maxEventIDs {
		ids += " …"
	}
	return memo.AuditEvent{
		Subject: ids, Name: memo.Plural(len(ar.ids), "transcription"),
		Details: memo.EventDetails{Format: string(ar.format), Archive: true},
	}
}
