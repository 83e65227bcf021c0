package web

import (
	"slices"

	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/demo"
)

// firstSteps is what an OWNER does first in a new workspace. It is derived from what exists.
type firstSteps struct {
	Path  string // of the workspace
	Steps []firstStep
	Done  int
}

type firstStep struct {
	ID, Title, Text string
	Done            bool
	Action          buttonPart
}

// firstSteps returns the steps for the list of transcriptions, or nil if there is nothing to do, or
// the visitor has hidden them or is not an OWNER.
func (v *pageRequest) firstSteps(l layout) (*firstSteps, error) {
	if !l.Owner() || slices.Contains(v.Admission.Started(v.r), v.WorkspaceID) {
		return nil, nil
	}
	used, invited, err := v.App.FirstSteps(v.ctx, v.Caller)
	if err != nil {
		return nil, err
	}
	f, o := &firstSteps{Path: "/w/" + v.WorkspaceID}, l.Overview
	f.Steps = append(f.Steps, firstStep{
		ID: "import", Title: "Import a meeting", Done: o.Transcriptions > 0 || !o.Counted,
		Text:   "Bring your own files, or look around with twelve sample meetings first.",
		Action: newButton("Import files", "import", f.Path+"/import", "small"),
	})
	if l.Denied() == "" {
		f.Steps = append(f.Steps, firstStep{
			ID: "key", Title: "Create a key", Done: o.Keys > 0 || used,
			Text:   "Assistants and scripts use it to read this workspace. They cannot change anything.",
			Action: newButton("Create key", "key", f.Path+"/keys/new", "small"),
		}, firstStep{
			ID: "connect", Title: "Connect an assistant", Done: used,
			Text:   "In Claude Code, it takes one command. A new key comes with the commands for all others.",
			Action: newButton("See how", "docs", "/docs/mcp", "small"),
		})
	}
	f.Steps = append(f.Steps, firstStep{
		ID: "invite", Title: "Invite someone", Done: invited || o.Members > 1,
		Text:   "Members read and search the same meetings, each with their own keys.",
		Action: newButton("Invite", "members", f.Path+"/members", "small"),
	})
	for _, s := range f.Steps {
		if s.Done {
			f.Done++
		}
	}
	if f.Done == len(f.Steps) {
		return nil, nil
	}
	return f, nil
}

// doHideFirstSteps hides the first steps in this browser.
func doHideFirstSteps(v *pageRequest) error {
	v.Admission.AddStarted(v.w, v.r, v.WorkspaceID, v.Now().AddDate(1, 0, 0))
	return v.redirect(v.transcriptionsPath())
}

// doImportSamples imports the sample meetings. Those that are in the workspace stay unchanged.
func doImportSamples(v *pageRequest) error {
	for name, data := range demo.Files() {
		if _, err := v.App.Import(v.ctx, v.Caller, app.ImportFile{Name: name, Data: data}); err != nil {
			return err
		}
	}
	return v.redirect(v.transcriptionsPath() + "?done=samples")
}
