package web

import (
	"context"
	"net/http"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/transcript"
)

// formatOf parses the format of a download. The default is Markdown.
func formatOf(s string) (transcript.Format, error) {
	if s == "" {
		return transcript.Markdown, nil
	}
	f, ok := transcript.ParseFormat(s)
	if !ok {
		return f, memo.Invalid("format", "Unknown format. Choose one of %s.", transcript.FormatNames(", "))
	}
	return f, nil
}

// asDownload sets the headers that make browsers save a file and never show it as a page.
// [setSecurityHeaders] has already set the others.
func asDownload(h http.Header, contentType, name string) {
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", filename.ContentDisposition(name))
}

func download(v *pageRequest) error {
	id, err := v.transcription()
	if err != nil {
		return err
	}
	if err := v.App.RequireTranscription(v.ctx, v.Caller, id); err != nil {
		return err // before the format is checked, as in REST
	}
	f, err := formatOf(v.r.URL.Query().Get("format"))
	if err != nil {
		return err
	}
	file, err := v.App.Export(v.ctx, v.Caller, id, f)
	if err != nil {
		return err
	}
	if v.r.Method == http.MethodGet { // HEAD downloads nothing
		v.App.RecordDownload(v.ctx, v.Caller, file)
	}
	asDownload(v.w.Header(), file.Format.ContentType(), file.Name)
	return httpx.Send(v.w, v.r, file.Write)
}

// downloadMany streams a ZIP of the selected transcriptions. The stream is cut if the
// session ends.
func downloadMany(v *pageRequest) error {
	ids := v.r.PostForm["id"]
	if len(ids) == 0 {
		return v.listTranscriptions(http.StatusUnprocessableEntity, "Select at least one transcription.")
	}
	if len(ids) > app.MaxArchiveFiles {
		return memo.Invalid("id", "You can download at most %d transcriptions at once, and %d are selected.",
			app.MaxArchiveFiles, len(ids))
	}
	for i, id := range ids {
		var ok bool
		if ids[i], ok = app.ParseID(id); !ok {
			return errGone(1)
		}
	}
	f, err := formatOf(v.r.PostFormValue("format"))
	if err != nil {
		return err
	}
	archive, err := v.App.PrepareArchive(v.ctx, v.Caller, ids, f)
	if memo.KindOf(err) == memo.KindNotFound {
		return errGone(len(ids))
	}
	if err != nil {
		return err
	}
	v.App.RecordDownload(v.ctx, v.Caller, archive)
	asDownload(v.w.Header(), "application/zip", app.ArchiveName(v.Now()))
	return httpx.StreamWithRecheck(v.w, v.r, v.recheck,
		func(ctx context.Context) error { return archive.WriteZip(ctx, v.w) })
}

// errGone refuses an archive because transcriptions are not in the workspace. n is the
// number of selected transcriptions.
func errGone(n int) error {
	missing := "The selected transcription is"
	if n > 1 {
		missing = "One or more of the selected transcriptions are"
	}
	e := memo.NotFound("")
	e.Message = missing + " no longer in this workspace, so nothing was downloaded. Reload the list and select again."
	return e
}
