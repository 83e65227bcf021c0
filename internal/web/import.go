package web

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/transcript"
)

// importPage is the form that imports files.
type importPage struct {
	layout
	Fields       formFields // apply to all files
	Problem      string
	MaxFileBytes int // of one file
	MaxFormBytes int // of all files in one form
	MaxFiles     int // in one form
}

// importResultPage shows the result of each file. It is the direct response to the form,
// because no results are stored that a page after a redirect could show. Sending the form
// again finds every file unchanged.
type importResultPage struct {
	layout
	Files                        []importResult
	Imported, Unchanged, Refused int
	Problem                      string // why the import ended early
}

// importResult is the result of one file, for the page and for upload.js.
type importResult struct {
	State  string `json:"state,omitempty"` // imported, unchanged or refused
	Name   string `json:"name,omitempty"`
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason,omitempty"` // of a refusal, with the line number
}

// Limits of an upload. upload.js sends each file in its own request; without it, one form
// has all files.
const (
	maxFormFiles = 200
	maxFormBytes = 256 << 20
	formOverhead = 64 << 10 // bytes of the other fields and of the file names
	maxField     = 4 << 10  // bytes of a field that is not a file
)

func (v *pageRequest) importPage() (importPage, error) {
	p := importPage{
		layout: v.sectionLayout("transcriptions", "Import"), MaxFileBytes: transcript.DefaultLimits.Bytes,
		MaxFormBytes: maxFormBytes, MaxFiles: maxFormFiles,
	}
	projects, err := v.projectNames()
	if err != nil {
		return p, err
	}
	languages, err := v.App.Languages(v.ctx, v.Caller)
	p.Fields = formFields{
		{
			Name: "project", Label: "Project", Type: "text", Autocomplete: "off", Max: memo.MaxName, List: projects,
			Hint: "For all files. Choose a project or enter a new name. Leave empty to use the one in each file.",
		},
		{
			Name: "language", Label: "Language", Type: "text", Autocomplete: "off", Max: 20, List: languages,
			Hint: "For example, en or ru. Leave empty to use the one in each file.",
		},
	}
	return p, err
}

func showImport(v *pageRequest) error {
	p, err := v.importPage()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "import", p)
}

// upload is an import in progress.
type upload struct {
	*pageRequest
	project, language string
	modified          time.Time
	typed             map[string]string // values by name of the field
	fieldErr          error             // the first invalid field
	page              importResultPage
}

func doImport(v *pageRequest) error {
	maxBytes := int64(maxFormBytes + formOverhead)
	if v.wantsJSON() {
		maxBytes = int64(transcript.DefaultLimits.Bytes + formOverhead)
	}
	u := &upload{pageRequest: v, typed: map[string]string{}}
	if v.r.ContentLength > maxBytes {
		return u.tooLarge()
	}
	// One file of the form is in memory at a time.
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
	slow := newSlowBody(v.w, http.MaxBytesReader(v.w, v.r.Body, maxBytes))
	v.r.Body = slow
	parts, err := v.r.MultipartReader()
	if err != nil {
		return u.refuse(http.StatusUnprocessableEntity, noFilesChosen)
	}
	err = u.readAll(parts)
	// A browser shows the response only after it has sent the whole form.
	_, _ = io.Copy(io.Discard, v.r.Body)
	slow.allowResponse()
	return u.finish(err)
}

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
		p.Problem = "You can import at most " + strconv.Itoa(maxFormFiles) +
			" files at once. The remaining files were not imported."
	case known && refusal.Kind == memo.KindInvalid:
		return u.refuseField(refusal)
	case large && len(p.Files) == 0:
		return u.tooLarge()
	case large:
		p.Problem = "The remaining files exceed the size limit of one upload and were not imported. Import them separately."
	case err != nil && (len(p.Files) == 0 || u.wantsJSON()):
		return err
	case err != nil:
		telemetry.RequestOf(u.r.Context()).Err = err
		p.Problem = "The import was interrupted. The files listed below are done; import the others again."
	case len(p.Files) == 0:
		return u.refuse(http.StatusUnprocessableEntity, noFilesChosen)
	}
	status := http.StatusOK
	if p.Refused == len(p.Files) {
		status = http.StatusUnprocessableEntity
	}
	if u.wantsJSON() {
		return u.renderJSON(status, p.Files[0])
	}
	p.layout = u.sectionLayout("transcriptions", "Import results")
	return u.render(status, "imported", *p)
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

// errTooManyFiles reports a form with too many files.
var errTooManyFiles = errors.New("web: too many files in a form")

func (u *upload) readPart(part *multipart.Part) error {
	name := fileName(part)
	switch part.FormName() {
	case "project", "language", "modified":
		b, err := io.ReadAll(io.LimitReader(part, maxField))
		if err != nil {
			return interrupted(err)
		}
		value := strings.TrimSpace(string(b))
		u.typed[part.FormName()] = typed(value)
		u.fieldErr = cmp.Or(u.fieldErr, u.setField(part.FormName(), value))
	case "files":
		if u.fieldErr != nil || name == "" { // no file was chosen
			return u.fieldErr
		}
		if len(u.page.Files) == maxFormFiles {
			return errTooManyFiles
		}
		data, err := io.ReadAll(io.LimitReader(part, int64(transcript.DefaultLimits.Bytes)+1))
		if err != nil {
			return interrupted(err)
		}
		return u.importFile(name, data)
	}
	return nil
}

// fileName returns the name of a part's file, made printable, in at most 255 bytes.
func fileName(part *multipart.Part) string {
	name := part.FileName()
	if name == "" {
		return "" // no file was chosen
	}
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
		u.project, err = memo.CleanName("project", value)
	case name == "language":
		u.language = string(transcript.Language(value))
		if u.language == "" {
			err = memo.Invalid("language", "must be a language code such as en or ru")
		}
	case name == "modified": // set by upload.js, in milliseconds
		if ms, bad := strconv.ParseInt(value, 10, 64); bad == nil && ms > 0 {
			u.modified = time.UnixMilli(ms)
		}
	}
	return err
}

// importTimeout limits the import of one file: up to a minute of waiting for capacity, then
// reading the file and writing to the database. upload.js waits for 180 s.
const importTimeout = 150 * time.Second

// importFile imports one file. It authorises again first, because reading the file may have
// taken long.
func (u *upload) importFile(name string, data []byte) error {
	ctx, cancel := context.WithTimeout(u.r.Context(), importTimeout)
	defer cancel()
	if err := u.recheck(ctx); err != nil {
		return err
	}
	in, err := u.App.Import(ctx, u.Caller, app.ImportFile{
		Name: name, Data: data, Project: u.project, Language: u.language,
		ModTime: u.modified,
	})
	if kind := memo.KindOf(err); kind == memo.KindInvalid ||
		kind == memo.KindConflict { // conflict: the workspace is full
		u.addRefused(name, refusalReason(err))
		return nil
	}
	if err != nil {
		return err
	}
	result := importResult{State: "imported", Name: name, ID: in.ID}
	if in.Unchanged {
		result.State = "unchanged"
		u.page.Unchanged++
	} else {
		u.page.Imported++
	}
	u.page.Files = append(u.page.Files, result)
	return nil
}

func (u *upload) addRefused(name, reason string) {
	u.page.Refused++
	u.page.Files = append(u.page.Files, importResult{State: "refused", Name: name, Reason: reason})
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

// refuse shows the form again, with its values.
func (u *upload) refuse(status int, problem string) error {
	if u.wantsJSON() {
		return u.renderJSON(status, importResult{State: "refused", Reason: problem})
	}
	return u.showFormAgain(status, func(p *importPage) { p.Problem = problem })
}

// refuseField refuses an invalid field. For upload.js the result has no state, which stops
// the import: every other file would get the same error.
func (u *upload) refuseField(e *memo.Error) error {
	const status = http.StatusUnprocessableEntity
	if u.wantsJSON() {
		return u.renderJSON(status, importResult{Reason: "the " + e.Field + " " + e.Message})
	}
	return u.showFormAgain(status, func(p *importPage) { p.Fields.showErrors(e) })
}

func (u *upload) showFormAgain(status int, edit func(*importPage)) error {
	p, err := u.importPage()
	if err != nil {
		return err
	}
	for i := range p.Fields {
		p.Fields[i].Value = u.typed[p.Fields[i].Name]
	}
	edit(&p)
	return u.render(status, "import", p)
}

func (u *upload) tooLarge() error {
	return u.refuse(http.StatusRequestEntityTooLarge,
		"The upload is too large: at most "+mebibytes(transcript.DefaultLimits.Bytes)+" per file and "+
			mebibytes(maxFormBytes)+" in total. Choose fewer files at once.")
}

const noFilesChosen = "Choose at least one file."

func mebibytes(n int) string { return strconv.Itoa(n>>20) + " MB" }

// wantsJSON reports whether a script sent the request.
func (v *pageRequest) wantsJSON() bool { return v.r.Header.Get("Accept") == "application/json" }

// renderJSON responds to a script.
func (v *pageRequest) renderJSON(status int, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b) // the script may be gone
	return nil
}
