package web

import (
	"net/http"

	"memoai.tech/memo"
)

// workspacePage is the workspace's name and plan.
type workspacePage struct {
	layout
	Fields formFields
	Opens  string // what the plan opens
}

func (v *pageRequest) workspacePage() workspacePage {
	p := workspacePage{layout: v.sectionLayout("workspace", "Workspace")}
	p.Fields = formFields{{
		Name: "name", Label: "Name", Type: "text", Complete: "organization", Required: true,
		Max: memo.MaxName,
	}}
	if p.Here != nil {
		p.Fields[0].Value = p.Here.Name
	}
	p.Opens = "The API and MCP are open: every member can make keys."
	if !v.Plan.HasAPI() {
		p.Opens = "The API and MCP are closed: no key can be made, and those that there are get 403. They need the plan " +
			"pro or expert; the same keys work again after that."
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
