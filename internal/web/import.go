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

// importPage takes files in.
type importPage struct {
	layout
	Fields       formFields // what is said of all the files
	Problem      string
	MaxFileBytes int // of one file
	MaxFormBytes int // of all files in one form
	MaxFiles     int // in one form
}

// importResultPage tells what became of each file. Nothing is kept to show it from
// behind a 303; sent again, the form finds every file unchanged.
type importResultPage struct {
	layout
	Files                        []importResult
	Imported, Unchanged, Refused int
	Problem                      string // that ended the import early
}

// importResult says what became of a file, on a page and to upload.js.
type importResult struct {
	State  string `json:"state,omitempty"` // imported, unchanged or refused
	Name   string `json:"name,omitempty"`
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason,omitempty"` // of a refusal, with the line
}

// The bounds of an upload. upload.js sends each file by itself; without it, a
// form brings many.
const (
	maxFormFiles = 200
	maxFormBytes = 256 << 20
	aroundFile   = 64 << 10 // of the other fields, and of the names of files
	maxPlain     = 4 << 10  // of a field that is no file
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
			Name: "project", Label: "Project", Type: "text", Complete: "off", Max: memo.MaxName, List: projects,
			Hint: "For all files. Choose a project or enter a new name. Leave empty to use the one in each file.",
		},
		{
			Name: "language", Label: "Language", Type: "text", Complete: "off", Max: 20, List: languages,
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

// upload is an import in its course.
type upload struct {
	*pageRequest
	project, language string
	modified          time.Time
	typed             map[string]string // by the name of the field
	wrong             error             // with one of them
	page              importResultPage
}

func doImport(v *pageRequest) error {
	most := int64(maxFormBytes + aroundFile)
	if v.wantsJSON() {
		most = int64(transcript.DefaultLimits.Bytes + aroundFile)
	}
	u := &upload{pageRequest: v, typed: map[string]string{}}
	if v.r.ContentLength > most {
		return u.tooLarge()
	}
	// One file of the form is in memory at a time.
	size := int64(transcript.DefaultLimits.Bytes)
	if v.r.ContentLength >= 0 {
		size = min(size, v.r.ContentLength)
	}
	leave, err := v.App.StartUpload(v.ctx, v.Caller, size)
	if err != nil {
		return err
	}
	defer leave()
	v.ctx = v.r.Context() // an upload has a time of its own
	slow := newPatientBody(v.w, http.MaxBytesReader(v.w, v.r.Body, most))
	v.r.Body = slow
	parts, err := v.r.MultipartReader()
	if err != nil {
		return u.refuse(http.StatusUnprocessableEntity, chooseFirst)
	}
	err = u.readAll(parts)
	// A browser shows the answer to a form only when all of it was taken.
	_, _ = io.Copy(io.Discard, v.r.Body)
	slow.answer()
	return u.finish(err)
}

// finish tells what became of the files, also when something ended the import
// early: what is in is in.
func (u *upload) finish(err error) error {
	p := &u.page
	refusal, known := errors.AsType[*memo.Error](err)
	_, large := errors.AsType[*http.MaxBytesError](err)
	switch {
	case errors.Is(err, errSignIn), errors.Is(err, errNotFound):
		return err
	case errors.Is(err, errTooMany):
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
		return u.refuse(http.StatusUnprocessableEntity, chooseFirst)
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

// readAll takes the parts of the form as they come, one file in memory at a
// time. The fields stand before the files in the form.
func (u *upload) readAll(parts *multipart.Reader) error {
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return u.wrong
		}
		if err != nil {
			return brokenOff(err)
		}
		if err := u.readPart(part); err != nil {
			return err
		}
	}
}

// brokenOff makes a body that could not be read to its end the sender's matter.
func brokenOff(err error) error {
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return err
	}
	return &httpx.StatusError{Status: http.StatusBadRequest, Detail: "The upload was interrupted. Try again."}
}

// errTooMany ends a form that brings too many files.
var errTooMany = errors.New("web: too many files in a form")

func (u *upload) readPart(part *multipart.Part) error {
	name := fileName(part)
	switch part.FormName() {
	case "project", "language", "modified":
		b, err := io.ReadAll(io.LimitReader(part, maxPlain))
		if err != nil {
			return brokenOff(err)
		}
		value := strings.TrimSpace(string(b))
		u.typed[part.FormName()] = typed(value)
		u.wrong = cmp.Or(u.wrong, u.setField(part.FormName(), value))
	case "files":
		if u.wrong != nil || name == "" { // a form without a file
			return u.wrong
		}
		if len(u.page.Files) == maxFormFiles {
			return errTooMany
		}
		data, err := io.ReadAll(io.LimitReader(part, int64(transcript.DefaultLimits.Bytes)+1))
		if err != nil {
			return brokenOff(err)
		}
		return u.importFile(name, data)
	}
	return nil
}

// fileName is the printable name of a part's file, as long as file systems take it.
func fileName(part *multipart.Part) string {
	name := part.FileName()
	if name == "" {
		return "" // a form without a file
	}
	name = cmp.Or(memo.Printable(name, len(name)), "\uFFFD")
	const most = 255
	if len(name) > most {
		name = strings.ToValidUTF8(name[len(name)-most:], "") // its ending says what it is
	}
	return name
}

// setField checks what is said of all files before the first of them is in.
func (u *upload) setField(name, value string) (err error) {
	switch {
	case value == "":
	case name == "project":
		u.project, err = memo.CleanName("project", value)
	case name == "language":
		u.language = string(transcript.Language(value))
		if u.language == "" {
			err = memo.Invalid("language", "must be a language such as en or ru")
		}
	case name == "modified": // from the script: milliseconds, as browsers have them
		if ms, bad := strconv.ParseInt(value, 10, 64); bad == nil && ms > 0 {
			u.modified = time.UnixMilli(ms)
		}
	}
	return err
}

// fileTime bounds what a file takes: a minute for its turn, then reading it, and
// the database. upload.js waits for 180 s.
const fileTime = 150 * time.Second

// importFile imports a file, if the visitor still may: reading it took its time.
func (u *upload) importFile(name string, data []byte) error {
	ctx, cancel := context.WithTimeout(u.r.Context(), fileTime)
	defer cancel()
	if err := u.recheck(ctx); err != nil {
		return err
	}
	in, err := u.App.Import(ctx, u.Caller, app.ImportFile{
		Name: name, Data: data, Project: u.project, Language: u.language,
		ModTime: u.modified,
	})
	if kind := memo.KindOf(err); kind == memo.KindInvalid ||
		kind == memo.KindConflict { // a conflict: the workspace is full
		u.refused(name, refusalReason(err))
		return nil
	}
	if err != nil {
		return err
	}
	a := importResult{State: "imported", Name: name, ID: in.ID}
	if in.Unchanged {
		a.State = "unchanged"
		u.page.Unchanged++
	} else {
		u.page.Imported++
	}
	u.page.Files = append(u.page.Files, a)
	return nil
}

func (u *upload) refused(name, reason string) {
	u.page.Refused++
	u.page.Files = append(u.page.Files, importResult{State: "refused", Name: name, Reason: reason})
}

// refusalReason is the reason of a refusal, with the line where there is one.
func refusalReason(err error) string {
	if e, ok := errors.AsType[*transcript.Error](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*memo.Error](err); ok {
		return e.Message
	}
	return err.Error()
}

// refuse shows the form again, as it was filled in.
func (u *upload) refuse(status int, problem string) error {
	if u.wantsJSON() {
		return u.renderJSON(status, importResult{State: "refused", Reason: problem})
	}
	return u.showFormAgain(status, func(p *importPage) { p.Problem = problem })
}

// refuseField is about all files: a script that goes on would hear it of each.
func (u *upload) refuseField(e *memo.Error) error {
	const status = http.StatusUnprocessableEntity
	if u.wantsJSON() {
		return u.renderJSON(status, importResult{Reason: "the " + e.Field + " " + e.Message})
	}
	return u.showFormAgain(status, func(p *importPage) { p.Fields.showErrors(e) })
}

func (u *upload) showFormAgain(status int, tell func(*importPage)) error {
	p, err := u.importPage()
	if err != nil {
		return err
	}
	for i := range p.Fields {
		p.Fields[i].Value = u.typed[p.Fields[i].Name]
	}
	tell(&p)
	return u.render(status, "import", p)
}

func (u *upload) tooLarge() error {
	return u.refuse(http.StatusRequestEntityTooLarge,
		"The upload is too large: at most "+mebibytes(transcript.DefaultLimits.Bytes)+" per file and "+
			mebibytes(maxFormBytes)+" in total. Choose fewer files at once.")
}

const chooseFirst = "Choose at least one file."

func mebibytes(n int) string { return strconv.Itoa(n>>20) + " MB" }

// wantsJSON reports whether a script asks and not a browser's page.
func (v *pageRequest) wantsJSON() bool { return v.r.Header.Get("Accept") == "application/json" }

// renderJSON answers a script.
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
