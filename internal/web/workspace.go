package web

import (
	"net/http"

	"memoai.tech/memo"
)

// workspacePage shows the name and plan of the workspace.
type workspacePage struct {
	layout
	Fields   formFields
	PlanText string // what the plan includes
}

func (v *pageRequest) workspacePage() workspacePage {
	p := workspacePage{layout: v.sectionLayout("workspace", "Workspace")}
	p.Fields = formFields{{
		Name: "name", Label: "Name", Type: "text", Autocomplete: "organization", Required: true,
		Max: memo.MaxName,
	}}
	if p.Workspace != nil {
		p.Fields[0].Value = p.Workspace.Name
	}
	p.PlanText = "Includes API and MCP access: every member can create keys."
	if !v.Plan.HasAPI() {
		p.PlanText = "Does not include API and MCP access: keys cannot be created, and requests with existing keys get a " +
			"403. After an upgrade to pro or expert, the same keys work again."
	}
	return p
}

func showWorkspace(v *pageRequest) error {
	return v.render(http.StatusOK, "workspace", v.workspacePage())
}

func doRenameWorkspace(v *pageRequest) error {
	err := v.App.RenameWorkspace(v.ctx, v.Caller, v.r.PostFormValue("name"))
	if err == nil {
		return v.redirect("/w/" + v.WorkspaceID + "/workspace?done=workspace")
	}
	e, ok := asFormError(err, memo.KindInvalid)
	if !ok {
		return err
	}
	p := v.workspacePage()
	p.Fields.fill(v)
	p.Fields.showErrors(e)
	return v.render(http.StatusUnprocessableEntity, "workspace", p)
}
