package web

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/transcript"
)

// formatChoices are the formats of a download. The first is the default.
var formatChoices = func() (choices []option) {
	names := map[transcript.Format]string{
		transcript.Markdown: "Markdown", transcript.Text: "Plain text", transcript.SRT: "SRT subtitles",
		transcript.VTT: "WebVTT subtitles", transcript.JSON: "JSON", transcript.CSV: "CSV table",
		transcript.Podcast: "Podcast JSON",
	}
	for _, f := range transcript.Formats {
		choices = append(choices, option{string(f), names[f]})
	}
	return choices
}()

// formatOf parses the format of a download.
func formatOf(s string) (transcript.Format, error) {
	f, ok := transcript.ParseFormat(cmp.Or(s, formatChoices[0].Value))
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

// downloadMany streams a ZIP of the selected transcriptions, or of all in the list.
func downloadMany(v *pageRequest) error {
	if v.r.PostForm.Has("all") {
		return downloadList(v)
	}
	ids := v.r.PostForm["id"]
	if len(ids) == 0 {
		return v.show(showTranscriptions, http.StatusUnprocessableEntity,
			memo.Invalid("", "Select at least one transcription."))
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
	return v.sendArchive(archive, app.ArchiveName(v.Now()))
}

// downloadList streams a ZIP of all transcriptions that the filter in the URL selects.
func downloadList(v *pageRequest) error {
	f, err := formatOf(v.r.PostFormValue("format"))
	if err != nil {
		return err
	}
	var p transcriptionsPage
	in, err := v.filter(&p)
	if err != nil {
		return err
	}
	if len(v.problems) > 0 {
		return v.show(showTranscriptions, http.StatusUnprocessableEntity)
	}
	archive, err := v.App.PrepareListArchive(v.ctx, v.Caller, in, f)
	if err != nil {
		return v.refuse(showTranscriptions, err, memo.KindInvalid)
	}
	name := app.ArchiveName(v.Now())
	if len(p.names) > 0 {
		name = filename.Of(strings.Join(p.names, ", "), time.Time{}, "zip")
	}
	return v.sendArchive(archive, name)
}

// sendArchive streams a ZIP. The stream is cut if the session ends.
func (v *pageRequest) sendArchive(archive *app.Archive, name string) error {
	v.App.RecordDownload(v.ctx, v.Caller, archive)
	asDownload(v.w.Header(), "application/zip", name)
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
	return &memo.Error{
		Kind:    memo.KindNotFound,
		Message: missing + " no longer in this workspace, so nothing was downloaded. Reload the list and select again.",
	}
}
