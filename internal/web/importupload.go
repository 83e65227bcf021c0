package web

import (
	"cmp"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/transcript"
)

// upload is an import in progress.
type upload struct {
	*pageRequest
	file     app.ImportFile // the values of the form, which apply to all files
	path     string         // of the next file, with its folder; empty if it is not in one
	fieldErr error          // the first invalid field
	meeting  bool           // all files are of one meeting
	files    []app.ImportFile
	page     importResultPage
}

func doImport(v *pageRequest) error {
	maxBytes := int64(maxFormBytes + formOverhead)
	if v.wantsJSON() {
		maxBytes = int64(maxMeetingBytes + formOverhead)
	}
	u := &upload{pageRequest: v}
	if v.r.ContentLength > maxBytes {
		return u.tooLarge()
	}
	// One file of the form is in memory at a time, or those of one meeting; for a ZIP, see importArchive.
	size := int64(maxMeetingBytes)
	if v.r.ContentLength >= 0 {
		size = min(size, v.r.ContentLength)
	}
	release, err := v.App.StartUpload(v.ctx, v.Caller, size)
	if err != nil {
		return err
	}
	defer release()
	v.ctx = v.r.Context() // the deadline of a page is too short
	v.r.Body = &slowBody{
		ReadCloser: http.MaxBytesReader(v.w, v.r.Body, maxBytes), control: http.NewResponseController(v.w), start: time.Now(),
	}
	parts, err := v.r.MultipartReader()
	if err != nil {
		return u.refuseUpload(http.StatusUnprocessableEntity, errNoFiles)
	}
	v.r.PostForm = url.Values{}
	err = u.readAll(parts)
	// A browser shows the response only after it has sent the whole form.
	_, _ = io.Copy(io.Discard, v.r.Body)
	httpx.BoundWrite(v.w, 0) // the deadline of the server may have passed
	return u.finish(err)
}

var (
	errNoFiles      = memo.Invalid("", "Choose at least one file.")
	errTooManyFiles = errors.New("web: too many files in a form")
)

// finish responds with the results. Files that were imported before an error stay
// imported.
func (u *upload) finish(err error) error {
	p := &u.page
	refusal, known := errors.AsType[*memo.Error](err)
	_, large := errors.AsType[*http.MaxBytesError](err)
	switch {
	case errors.Is(err, errSignIn), errors.Is(err, errNotFound):
		return err
	case errors.Is(err, errTooManyFiles):
		p.Ended = "You can import at most " + strconv.Itoa(maxFormFiles) +
			" files at once. The remaining files were not imported."
	case known && refusal.Kind == memo.KindInvalid:
		return u.refuseUpload(http.StatusUnprocessableEntity, refusal)
	case large && len(p.Files) == 0:
		return u.tooLarge()
	case large:
		p.Ended = "The remaining files exceed the size limit of one upload and were not imported. Import them separately."
	case err != nil && (len(p.Files) == 0 || u.wantsJSON()):
		return err
	case err != nil:
		telemetry.RequestOf(u.r.Context()).Err = err
		p.Ended = "The import was interrupted. The files listed below are done; import the others again."
	case len(p.Files) == 0:
		return u.refuseUpload(http.StatusUnprocessableEntity, errNoFiles)
	}
	if best(p.Files) == "refused" {
		u.status = http.StatusUnprocessableEntity
	}
	if u.wantsJSON() {
		return u.renderJSON(p.Files[0])
	}
	problemsFirst(p.Files)
	p.layout = u.newLayout("import", "Import results")
	return u.render("imported", *p)
}

// readAll reads the parts of the form in order, with one file in memory at a time. The
// fields come before the files.
func (u *upload) readAll(parts *multipart.Reader) error {
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return cmp.Or(u.fieldErr, u.importForm())
		}
		if err != nil {
			return interrupted(err)
		}
		if err := u.readPart(part); err != nil {
			return err
		}
	}
}

// interrupted returns a 400 for an error in reading the body, unless the body was too large.
func interrupted(err error) error {
	if _, known := errors.AsType[*httpx.StatusError](err); known {
		return err
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return err
	}
	return &httpx.StatusError{Status: http.StatusBadRequest, Detail: "The upload was interrupted. Try again."}
}

func (u *upload) readPart(part *multipart.Part) error {
	switch name := part.FormName(); name {
	case "project", "language", "modified", "path", "meeting":
		b, err := io.ReadAll(io.LimitReader(part, maxField))
		if err != nil {
			return interrupted(err)
		}
		value := strings.TrimSpace(string(b))
		u.r.PostForm.Set(name, value)
		u.fieldErr = cmp.Or(u.fieldErr, u.setField(name, value))
	case "files":
		if u.fieldErr != nil || part.FileName() == "" { // no file was chosen
			return u.fieldErr
		}
		if len(u.page.Files)+len(u.files) == maxFormFiles {
			return errTooManyFiles
		}
		data, err := io.ReadAll(io.LimitReader(part, int64(transcript.DefaultLimits.Bytes)+1))
		if err != nil {
			return interrupted(err)
		}
		name := printableFileName(cmp.Or(u.path, part.FileName()))
		u.path = ""
		if strings.EqualFold(path.Ext(name), ".zip") {
			return u.importArchive(name, data)
		}
		file := app.ImportFile{Name: name, Data: data, ModTime: u.file.ModTime}
		if u.meeting {
			u.files = append(u.files, file)
			return nil
		}
		result, err := u.importFile(file)
		if err == nil {
			u.page.Files = append(u.page.Files, result)
		}
		return err
	}
	return nil
}

// printableFileName returns the name of a file, made printable, in at most 255 bytes.
func printableFileName(name string) string {
	name = cmp.Or(memo.Printable(name, len(name)), "\uFFFD")
	const maxLen = 255
	if len(name) > maxLen {
		name = strings.ToValidUTF8(name[len(name)-maxLen:], "") // keep the extension
	}
	return name
}

// setField checks and stores a field. The fields are checked before any file is imported.
func (u *upload) setField(name, value string) (err error) {
	switch {
	case value == "":
	case name == "project":
		u.file.Project, err = memo.CleanName("project", value)
	case name == "language":
		u.file.Language = string(transcript.Language(value))
		if u.file.Language == "" {
			err = memo.Invalid("language", "must be a language code such as en or ru")
		}
	case name == "meeting": // set by upload.js for the files of one meeting
		u.meeting = true
	case name == "path": // set by upload.js for a file in a folder: the name of a file has no folder
		u.path = value
	case name == "modified": // set by upload.js, in milliseconds
		if ms, bad := strconv.ParseInt(value, 10, 64); bad == nil && ms > 0 {
			u.file.ModTime = time.UnixMilli(ms)
		}
	}
	return err
}

// refuseUpload refuses all files: for upload.js, or with the form and its values. For upload.js,
// the result of an invalid field has no state, which stops the import: every other file would get
// the same error.
func (u *upload) refuseUpload(status int, problem *memo.Error) error {
	if !u.wantsJSON() {
		return u.show(showImport, status, problem)
	}
	u.status = status
	if problem.Field != "" {
		return u.renderJSON(importResult{Reason: "the " + problem.Field + " " + problem.Message})
	}
	return u.renderJSON(importResult{State: "refused", Reason: problem.Message})
}

func (u *upload) tooLarge() error {
	return u.refuseUpload(http.StatusRequestEntityTooLarge,
		memo.Invalid("", "The upload is too large: at most %s per file and %s in total. Choose fewer files at once.",
			mebibytes(transcript.DefaultLimits.Bytes), mebibytes(maxFormBytes)))
}

func mebibytes(n int) string { return strconv.Itoa(n>>20) + " MB" }
