package web

import "memoai.tech/memo"

// workspacePage shows the name and plan of the workspace, and how to leave it.
type workspacePage struct {
	formPage
	OnlyOwner bool // the visitor is the only OWNER, who cannot leave
}

func showWorkspace(v *pageRequest) error {
	p := workspacePage{formPage: formPage{layout: v.newLayout("workspace", "Settings")}}
	name := formField{
		Name: "name", Label: "Name", Type: "text", Autocomplete: "organization", Required: true, Max: memo.MaxName,
	}
	if p.Workspace != nil {
		name.Value = p.Workspace.Name
	}
	p.Fields = v.form(name)
	members, err := v.App.Members(v.ctx, v.Caller, v.WorkspaceID)
	if err != nil {
		return err
	}
	p.OnlyOwner = countOwners(members) == 1
	return v.render("workspace", p)
}

func doRenameWorkspace(v *pageRequest) error {
	if err := v.App.RenameWorkspace(v.ctx, v.Caller, v.r.PostFormValue("name")); err != nil {
		return v.refuse(showWorkspace, err, memo.KindInvalid)
	}
	return v.redirect("/w/" + v.WorkspaceID + "/workspace?done=workspace")
}
