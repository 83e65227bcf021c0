package web

import (
	"embed"
	"fmt"
	"hash/fnv"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

//go:embed templates
var templates embed.FS

//go:embed static
var static embed.FS

// layout is the data of the page layout. The zero value is for visitors who are not
// signed in.
type layout struct {
	Title          string
	User           memo.User
	Workspaces     []memo.Membership // of the user
	Workspace      *memo.Membership  // the workspace of the page, otherwise the one that the user visited last
	Overview       app.Overview      // of the workspace
	Section        string            // the current item of the navigation: "transcriptions", "keys", …
	CurrentProject string            // id of the project that the page is about, if it is one of the navigation
	Done           string            // what the previous form did
	Undo           undo              // what takes that back; optional
	Problem        string            // why a form was refused, if the reason belongs to no field
	Now            time.Time
}

// undo is a form that takes back what the previous form did: a POST of one field.
type undo struct{ Action, Name, Value string }

// Denied returns why the plan of the page's workspace has no API access, or "".
func (l layout) Denied() string {
	if l.Workspace != nil {
		if err := memo.MayUseAPI(l.Workspace.Plan); err != nil {
			return err.Error()
		}
	}
	return ""
}

// Owner reports whether the visitor is an OWNER of the page's workspace.
func (l layout) Owner() bool { return l.Workspace != nil && l.Workspace.Role == memo.RoleOwner }

// navGroup is a group of links in the navigation, with a heading unless it is the first.
type navGroup struct {
	ID, Title string
	Links     []navLink
}

type navLink struct {
	Text, Icon, Href string
	Count            string // empty if it is unknown
	Current          bool
}

// Navigation returns the links of the sidebar.
func (l layout) Navigation() []navGroup {
	docs := navLink{Text: "Docs", Icon: "docs", Href: "/docs", Current: l.Section == "docs"}
	if l.Workspace == nil {
		return []navGroup{{Links: []navLink{docs}}}
	}
	path, o := "/w/"+l.Workspace.ID+"/", l.Overview
	link := func(section, text, icon, count string) navLink {
		return navLink{text, icon, path + section, count, l.Section == section && l.CurrentProject == ""}
	}
	count := func(n int) string {
		if !o.Counted {
			return ""
		}
		return formatNumber(n)
	}
	texts := navGroup{Links: []navLink{
		link("transcriptions", "Transcriptions", "transcriptions", count(o.Transcriptions)),
		link("import", "Import", "import", ""),
	}}
	projects := navGroup{ID: "nav-projects", Title: "Projects"}
	for _, p := range o.Projects {
		projects.Links = append(projects.Links, navLink{
			p.Name, "project", path + "transcriptions?project=" + p.ID, count(p.TranscriptionCount), l.CurrentProject == p.ID,
		})
	}
	if o.ProjectCount > len(o.Projects) {
		projects.Links = append(projects.Links, navLink{
			Text: "All projects", Icon: "more", Href: path + "transcriptions#project", Count: count(o.ProjectCount),
		})
	}
	workspace := navGroup{ID: "nav-workspace", Title: "Workspace"}
	workspace.Links = append(workspace.Links, link("keys", "API & MCP", "key", formatNumber(o.Keys)))
	if l.Owner() {
		workspace.Links = append(workspace.Links, link("members", "Members", "members", formatNumber(o.Members)),
			link("audit", "Activity", "activity", ""), link("workspace", "Settings", "settings", ""))
	}
	workspace.Links = append(workspace.Links, docs)
	if len(projects.Links) == 0 {
		return []navGroup{texts, workspace}
	}
	return []navGroup{texts, projects, workspace}
}

// WorkspaceMenu returns the items of the menu that switches between workspaces.
func (l layout) WorkspaceMenu() menu {
	m := menu{ID: "workspaces", Label: "Workspaces"}
	for _, w := range l.Workspaces {
		m.Items = append(m.Items, menuItem{
			Text: w.Name, Note: roleName(w.Role), Href: "/w/" + w.ID + "/transcriptions",
			Current: l.Workspace != nil && w.ID == l.Workspace.ID,
		})
	}
	return m
}

// UserMenu returns the items of the menu of the user.
func (l layout) UserMenu() menu {
	return menu{ID: "me", Label: "Account", Items: []menuItem{
		{Text: "Account", Icon: "user", Href: "/account"},
		{Text: "Sign out", Icon: "signout", Href: "/signout", Post: true},
	}}
}

// roleName is a role in prose.
func roleName(r memo.Role) string {
	if r == memo.RoleOwner {
		return "Owner"
	}
	return "Member"
}

// newLayout reads the data of the layout of a page in a section of the navigation. It stores an
// error in layoutError, which [pageRequest.render] returns.
func (v *pageRequest) newLayout(section, title string) layout {
	l := layout{Title: title, Section: section, Done: doneTexts[v.r.URL.Query().Get("done")], Now: v.Now()}
	for _, p := range v.problems {
		if p.Field == "" {
			l.Problem = p.Message
		}
	}
	if v.UserID == "" {
		return l
	}
	if v.layoutError = v.readLayout(&l); v.layoutError != nil {
		return layout{Title: title}
	}
	return l
}

func (v *pageRequest) readLayout(l *layout) (err error) {
	if l.User, err = v.App.Account(v.ctx, v.Caller); err != nil {
		return err
	}
	if l.Workspaces, err = v.App.Memberships(v.ctx, v.Caller); err != nil {
		return err
	}
	member := v.Caller
	if v.WorkspaceID != "" {
		i := slices.IndexFunc(l.Workspaces, func(m memo.Membership) bool { return m.ID == v.WorkspaceID })
		if i < 0 {
			return errNotFound // the membership ended since the request was authorised
		}
		l.Workspace = &l.Workspaces[i]
	} else if len(l.Workspaces) > 0 {
		l.Workspace = v.lastWorkspace(l.Workspaces)
		a, err := v.Admission.SessionMember(v.ctx, v.r, l.Workspace.ID)
		if err != nil {
			return err
		}
		member = a.Caller
	} else {
		return nil
	}
	if l.Overview, err = v.App.Overview(v.ctx, member); err != nil {
		return err
	}
	id := v.r.URL.Query().Get("project")
	if l.Section == "transcriptions" && slices.ContainsFunc(l.Overview.Projects,
		func(p memo.Project) bool { return p.ID == id }) {
		l.CurrentProject = id
	}
	return nil
}

// lastWorkspace returns the workspace that the browser visited last, or else the first. There must
// be one.
func (v *pageRequest) lastWorkspace(all []memo.Membership) *memo.Membership {
	id := v.Admission.LastWorkspace(v.r)
	return &all[max(0, slices.IndexFunc(all, func(m memo.Membership) bool { return m.ID == id }))]
}

// doneTexts are the messages after a form, by the value of ?done=. A link from another site
// cannot show any other text.
var doneTexts = map[string]string{
	"name":          "Name updated.",
	"password":      "Password changed. You are signed out on all other devices.",
	"passwordkeys":  "Password changed. You are signed out on all other devices, and your API keys are revoked.",
	"signedout":     "You are signed out.",
	"ended":         "You were signed out before the form was sent, so nothing was changed. Sign in and send it again.",
	"everywhere":    "You are signed out on all devices.",
	"elsewhere":     "You are signed out on all other devices.",
	"device":        "Device signed out.",
	"saved":         "Key updated.",
	"policy":        "Key policy updated. It applies to existing keys at once.",
	"details":       "Details updated.",
	"retitled":      "Title updated.",
	"moved":         "Project updated.",
	"speaker":       "Speaker renamed.",
	"merged":        "Speakers joined. This cannot be undone.",
	"deleted":       "Transcription deleted.",
	"revoked":       "Key revoked. Requests with it now get a 401.",
	"revokedmany":   "Keys revoked. Requests with them now get a 401.",
	"role":          "Role updated.",
	"myrole":        "You are now a member of this workspace, not an owner.",
	"removed":       "Member removed. Their keys in this workspace no longer work.",
	"left":          "You left the workspace. Your keys there no longer work.",
	"inviterevoked": "Invitation revoked. Its link no longer works.",
	"joined":        "Welcome! You are now a member of this workspace.",
	"workspace":     "Workspace renamed.",
	"samples":       "Sample meetings imported.",
}

// pageTemplates are the templates by name, each with the layout around it.
type pageTemplates map[string]*template.Template

func parsePages(a assets) pageTemplates {
	funcs := template.FuncMap{
		"asset": a.url, "bdi": bdi, "number": formatNumber, "count": formatCount, "initials": initials,
		"colour": avatarColour, "rolename": roleName,
		"button": newButton, "menu": newMenu, "item": newMenuItem, "danger": dangerItem,
		"pill": newPill, "status": newStatusPill, "columns": newColumns, "empty": newEmpty, "command": withCommand,
		"ago": newAgo, "moment": newMoment, "day": newDay, "shortday": newShortDay,
		"plural": memo.Plural, "mebibytes": mebibytes,
		"device": deviceName, "highlight": highlight,
		"keystate": keyStateOf, "speakers": speakerNames, "length": memo.Seconds.Length, "language": languageName,
		"expirynote": expiryNote, "lastday": lastDay,
	}
	layout := template.Must(template.New("layout.html").Funcs(funcs).ParseFS(templates, "templates/layout.html",
		"templates/parts.html"))
	p := pageTemplates{}
	files, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		panic(err) // only a bad pattern is an error
	}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name != "layout" && name != "parts" {
			p[name] = template.Must(template.Must(layout.Clone()).ParseFS(templates, file))
		}
	}
	return p
}

// assets are the files in static. Their URL changes with their content, so that browsers
// can cache them forever.
type assets struct {
	version string
	files   map[string][]byte
}

// cssComment matches comments of style sheets, which are not sent.
var cssComment = regexp.MustCompile(`(?s)/\*.*?\*/\n?`)

func readAssets() assets {
	a := assets{files: map[string][]byte{}}
	sum := fnv.New64a()
	entries, err := static.ReadDir("static")
	if err != nil {
		panic(err) // embedded
	}
	for _, e := range entries {
		content, err := static.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err) // embedded
		}
		if path.Ext(e.Name()) == ".css" {
			content = cssComment.ReplaceAll(content, nil)
		}
		a.files[e.Name()] = content
		sum.Write(content)
	}
	a.version = fmt.Sprintf("%x", sum.Sum64())
	return a
}

func (a assets) url(name string) string { return "/static/" + a.version + "/" + name }

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func (a assets) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	content, ok := a.files[name]
	setSecurityHeaders(w.Header())
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", contentTypes[path.Ext(name)])
	// During an upgrade, the URL may come from a replica with another version of the file.
	if r.PathValue("version") == a.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	compressAsset(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(content) // the browser may be gone
	})).ServeHTTP(w, r)
}
