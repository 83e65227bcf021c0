package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/transcript"
)

// downloadEventTimeout is how long a download may wait for its audit event.
const downloadEventTimeout = 2 * time.Second

// RecordDownload records in the audit trail that a signed-in caller downloads a transcription.
// Call it before the first byte is sent. It returns no error, because members must be able to
// export from a full disk; if it fails, it logs a warning.
func (a *App) RecordDownload(ctx context.Context, c memo.Caller, id string, format transcript.Format) {
	if err := requireSignedInMember(c); err != nil {
		return
	}
	title := ""
	items, _, err := a.store.Items(ctx, c.WorkspaceID, []string{id})
	if err == nil && len(items) == 1 {
		var d memo.ListItem
		d, err = items[0].Item()
		title = d.Title
	}
	if err != nil {
		a.log.WarnContext(ctx, "the title of a downloaded transcription could not be read", "error", err)
	}
	a.recordDownload(ctx, c, memo.AuditEvent{
		Subject: id, Name: truncateBytes(title, maxEventText),
		Detail: string(format),
	})
}

// maxEventIDs is how many ids the event of an archive has. A hundred would take 4 kB.
const maxEventIDs = 10

// RecordArchive is RecordDownload for an archive. Its event has the first ids, separated by
// spaces.
func (a *App) RecordArchive(ctx context.Context, c memo.Caller, ar *Archive) {
	if err := requireSignedInMember(c); err != nil {
		return
	}
	what := "transcriptions"
	if len(ar.ids) == 1 {
		what = "transcription"
	}
	ids := strings.Join(ar.ids[:min(len(ar.ids), maxEventIDs)], " ")
	if len(ar.ids) > maxEventIDs {
		ids += " …"
	}
	a.recordDownload(ctx, c, memo.AuditEvent{
		Subject: ids, Name: fmt.Sprintf("%d %s", len(ar.ids), what),
		Detail: fmt.Sprintf("a ZIP of %s files", ar.format),
	})
}

func (a *App) recordDownload(ctx context.Context, c memo.Caller, e memo.AuditEvent) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downloadEventTimeout)
	defer cancel()
	e.WorkspaceID, e.Action = memo.Optional(c.WorkspaceID), memo.ActionDownloaded
	if err := a.store.Write(ctx, func(tx *store.Tx) error { return recordEvent(ctx, tx, c, e) }); err != nil {
		a.log.WarnContext(ctx, "a download is not in the audit trail: it could not be written", "user_id", c.UserID,
			"workspace_id", c.WorkspaceID, "transcriptions", e.Subject, "error", err)
	}
}
