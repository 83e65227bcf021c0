package web

import (
	"slices"

	"memoai.tech/memo"
	"memoai.tech/memo/docs"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/transcript"
)

// importPage is the form that imports files. Its fields apply to all files.
type importPage struct {
	formPage
	MaxFileBytes int // of one file
	MaxFormBytes int // of all files in one form
	MaxFiles     int // in one form
	States       []string
	Guide        []docs.Section
}

// maxMeetingBytes are those of a file and of others of its meeting, which are in memory together.
var maxMeetingBytes = transcript.DefaultLimits.Bytes + app.MaxOtherBytes

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

// Count returns how many files have a state. Those in a ZIP count one by one.
func (p importResultPage) Count(state string) int { return countState(p.Files, state) }

func countState(files []importResult, state string) (n int) {
	for _, f := range files {
		if len(f.Files) > 0 {
			n += countState(f.Files, state)
		} else if f.State == state {
			n++
		}
	}
	return n
}

// importRow is a row of the list of files.
type importRow struct {
	importResult
	Inside bool // of a ZIP, whose row is above
}

// Rows returns the rows of all files.
func (p importResultPage) Rows() (rows []importRow) {
	for _, f := range p.Files {
		rows = append(rows, importRow{f, false})
		for _, inside := range f.Files {
			rows = append(rows, importRow{inside, true})
		}
	}
	return rows
}

// importResult is the result of one file, for the page and for upload.js.
type importResult struct {
	State    string    `json:"state,omitempty"` // imported, unchanged, skipped or refused; of a ZIP, the best of its files
	Name     string    `json:"name,omitempty"`
	ID       string    `json:"id,omitempty"`
	Reason   string    `json:"reason,omitempty"` // of a refusal, with the line number, or why it was skipped
	About    string    `json:"about,omitempty"`  // what was understood of the file
	Warnings []string  `json:"warnings,omitempty"`
	Help     *helpLink `json:"help,omitempty"` // of a refusal
	// Files are those of a ZIP, the problems first, or of a meeting, in the order of the form.
	Files []importResult `json:"files,omitempty"`
}

// best returns the state of several files together: imported if one of them was.
func best(files []importResult) string {
	for _, state := range []string{"imported", "unchanged"} {
		if slices.ContainsFunc(files, func(f importResult) bool { return f.State == state }) {
			return state
		}
	}
	return "refused"
}

// problemsFirst puts the refused files before the others.
func problemsFirst(files []importResult) {
	slices.SortStableFunc(files, func(a, b importResult) int {
		if refused := a.State == "refused"; refused == (b.State == "refused") {
			return 0
		} else if refused {
			return -1
		}
		return 1
	})
}

// Limits of an upload. upload.js sends the files of each meeting in one request; without it, one
// form has all files.
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
		transcript.DefaultLimits.Bytes, maxFormBytes, maxFormFiles, uploadStates, toolGuide(),
	})
}
