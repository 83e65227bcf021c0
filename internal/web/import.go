package web

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/transcript"
)

// importPage is the form that imports files. Its fields apply to all files.
type importPage struct {
	formPage
	MaxFileBytes int // of one file
	MaxFormBytes int // of all files in one form
	MaxFiles     int // in one form
	States       []string
	Extensions   string // of transcripts, the richest formats first, separated by spaces
}

// uploadStates are the states of a file in upload.js, which have an icon each.
var uploadStates = []string{"queued", "sending", "imported", "unchanged", "skipped", "refused", "lost"}

// importResultPage shows the result of each file. It is the direct response to the form,
// because no results are stored that a page after a redirect could show. Sending the form
// again finds every file unchanged.
type importResultPage struct {
	layout
	Files []importResult
	Ended string // why the import ended early
}

// Count returns how many files have a state.
func (p importResultPage) Count(state string) (n int) {
	for _, f := range p.Files {
		if f.State == state {
			n++
		}
	}
	return n
}

// importResult is the result of one file, for the page and for upload.js.
type importResult struct {
	State    string   `json:"state,omitempty"` // imported, unchanged or refused; of a ZIP, the best of its files
	Name     string   `json:"name,omitempty"`
	ID       string   `json:"id,omitempty"`
	Reason   string   `json:"reason,omitempty"` // of a refusal, with the line number
	About    string   `json:"about,omitempty"`  // what was understood of the file
	Warnings []string `json:"warnings,omitempty"`

	warnings int // how many there are of a ZIP, also those left out
}

// Limits of an upload. upload.js sends each file in its own request; without it, one form
// has all files.
const (
	maxFormFiles = 200
	maxFormBytes = 256 << 20
	formOverhead = 64 << 10 // bytes of the other fields and of the file names
	maxField     = 4 << 10  // bytes of a field that is not a file
)

func showImport(v *pageRequest) error {
	projects, err := v.projectNames()
	if err != nil {
		return err
	}
	languages, err := v.App.Languages(v.ctx, v.Caller)
	if err != nil {
		return err
	}
	return v.render("import", importPage{
		formPage{v.newLayout("import", "Import"), v.form(
			formField{
				Name: "project", Label: "Project", Type: "text", Autocomplete: "off", Max: memo.MaxName, List: projects,
				Hint: "For all files. Choose a project or enter a new name. Leave empty to use the one in each file.",
			},
			formField{
				Name: "language", Label: "Language", Type: "text", Autocomplete: "off", Max: 20, List: languages,
				Hint: "For example, en or ru. Leave empty to use the one in each file.",
			},
		)},
		transcript.DefaultLimits.Bytes, maxFormBytes, maxFormFiles, uploadStates,
		strings.Join(app.TranscriptExtensions, " "),
	})
}

// upload is an import in progress.
type upload struct {
	*pageRequest
	file     app.ImportFile // the values of the form, which apply to all files
	path     string         // of the next file, with its folder; empty if it is not in one
	fieldErr error          // the first invalid field
	page     importResultPage
}

func doImport(v *pageRequest) error {
	maxBytes := int64(maxFormBytes + formOverhead)
	if v.wantsJSON() {
		maxBytes = int64(transcript.DefaultLimits.Bytes + formOverhead)
	}
	u := &upload{pageRequest: v}
	if v.r.ContentLength > maxBytes {
		return u.tooLarge()
	}
	// One file of the form is in memory at a time; for a ZIP, see importArchive.
	size := int64(transcript.DefaultLimits.Bytes)
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
	if p.Count("refused") == len(p.Files) {
		u.status = http.StatusUnprocessableEntity
	}
	if u.wantsJSON() {
		return u.renderJSON(p.Files[0])
	}
	// Problems come first.
	slices.SortStableFunc(p.Files, func(a, b importResult) int {
		if refused := a.State == "refused"; refused == (b.State == "refused") {
			return 0
		} else if refused {
			return -1
		}
		return 1
	})
	p.layout = u.newLayout("import", "Import results")
	return u.render("imported", *p)
}

// readAll reads the parts of the form in order, with one file in memory at a time. The
// fields come before the files.
func (u *upload) readAll(parts *multipart.Reader) error {
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return u.fieldErr
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
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return err
	}
	return &httpx.StatusError{Status: http.StatusBadRequest, Detail: "The upload was interrupted. Try again."}
}

func (u *upload) readPart(part *multipart.Part) error {
	switch name := part.FormName(); name {
	case "project", "language", "modified", "path":
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
		if len(u.page.Files) == maxFormFiles {
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
		result, err := u.importFile(app.ImportFile{Name: name, Data: data, ModTime: u.file.ModTime})
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
	case name == "path": // set by upload.js for a file in a folder: the name of a file has no folder
		u.path = value
	case name == "modified": // set by upload.js, in milliseconds
		if ms, bad := strconv.ParseInt(value, 10, 64); bad == nil && ms > 0 {
			u.file.ModTime = time.UnixMilli(ms)
		}
	}
	return err
}

// importTimeout limits the import of one file: up to a minute of waiting for capacity, then
// reading the file and writing to the database. upload.js waits for 180 s.
const importTimeout = 150 * time.Second

// importFile imports one file. It authorises again first, because reading the file may have
// taken long.
func (u *upload) importFile(file app.ImportFile) (importResult, error) {
	ctx, cancel := context.WithTimeout(u.r.Context(), importTimeout)
	defer cancel()
	if err := u.recheck(ctx); err != nil {
		return importResult{}, err
	}
	name := file.Name
	file.Project, file.Language = u.file.Project, u.file.Language
	in, err := u.App.Import(ctx, u.Caller, file)
	result := importResult{State: "imported", Name: name, ID: in.ID}
	switch kind := memo.KindOf(err); {
	case kind == memo.KindInvalid || kind == memo.KindConflict: // conflict: the workspace is full
		result = importResult{State: "refused", Name: name, Reason: refusalReason(err)}
	case err != nil:
		return result, err
	case in.Unchanged:
		result.State = "unchanged"
		if len(in.Changed) > 0 {
			result.About = "Changed: " + strings.Join(in.Changed, ", ")
		}
		if in.NotChanged != nil {
			result.Warnings = []string{"Not changed: " + refusalReason(in.NotChanged)}
		}
	default:
		result.About, result.Warnings = in.Report.String(), in.Report.Warnings
	}
	return result, nil
}

// refusalReason returns the reason of a refusal, with the line number if there is one.
func refusalReason(err error) string {
	if e, ok := errors.AsType[*transcript.Error](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*memo.Error](err); ok {
		return e.Message
	}
	return err.Error()
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
