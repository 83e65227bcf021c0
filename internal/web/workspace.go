package web

import "memoai.tech/memo"

// showWorkspace shows the name and plan of the workspace.
func showWorkspace(v *pageRequest) error {
	p := formPage{layout: v.newLayout("workspace", "Settings")}
	name := formField{
		Name: "name", Label: "Name", Type: "text", Autocomplete: "organization", Required: true, Max: memo.MaxName,
	}
	if p.Workspace != nil {
		name.Value = p.Workspace.Name
	}
	p.Fields = v.form(name)
	return v.render("workspace", p)
}

func doRenameWorkspace(v *pageRequest) error {
	if err := v.App.RenameWorkspace(v.ctx, v.Caller, v.r.PostFormValue("name")); err != nil {
		return v.refuse(showWorkspace, err, memo.KindInvalid)
	}
	return v.redirect("/w/" + v.WorkspaceID + "/workspace?done=workspace")
}
