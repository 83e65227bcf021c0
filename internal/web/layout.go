package web

import (
	"embed"
	"fmt"
	"hash/fnv"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

//go:embed templates
var templates embed.FS

//go:embed static
var static embed.FS

// layout is the data of the page layout. The zero value is for visitors who are not
// signed in.
type layout struct {
	Title      string
	User       memo.User
	Workspaces []memo.Membership // of the user
	Workspace  *memo.Membership  // the workspace of the page, or the user's only one
	Section    string            // the current navigation item: "transcriptions", "keys", …
	Done       string            // what the previous form did
	Problem    string            // why a form was refused, if the reason belongs to no field
	Now        time.Time
}

// Settings reports whether the page belongs to the settings of a workspace.
func (l layout) Settings() bool {
	return l.Workspace != nil && slices.Contains([]string{"keys", "members", "workspace", "audit"}, l.Section)
}

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
	for i := range l.Workspaces {
		if l.Workspaces[i].ID == v.WorkspaceID {
			l.Workspace = &l.Workspaces[i]
		}
	}
	if v.WorkspaceID == "" && len(l.Workspaces) == 1 { // with several, the page belongs to none of them
		l.Workspace = &l.Workspaces[0]
	}
	if v.WorkspaceID != "" && l.Workspace == nil {
		return errNotFound // the membership ended since the request was authorised
	}
	return nil
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
	"device":        "Device signed out.",
	"saved":         "Key updated.",
	"retitled":      "Title updated.",
	"moved":         "Project updated.",
	"deleted":       "Transcription deleted.",
	"revoked":       "Key revoked. Requests with it now get a 401.",
	"role":          "Role updated.",
	"myrole":        "You are now a MEMBER of this workspace.",
	"removed":       "Member removed. Their keys in this workspace no longer work.",
	"left":          "You left the workspace. Your keys there no longer work.",
	"inviterevoked": "Invitation revoked. Its link no longer works.",
	"joined":        "Welcome! You are now a member of this workspace.",
	"workspace":     "Workspace renamed.",
}

// pageTemplates are the templates by name, each with the layout around it.
type pageTemplates map[string]*template.Template

func parsePages(a assets) pageTemplates {
	funcs := template.FuncMap{
		"asset": a.url, "ago": timeAgo, "moment": formatTime, "day": formatDay, "plural": memo.Plural, "mebibytes": mebibytes,
		"lower": strings.ToLower, "device": deviceName, "highlight": highlight, "snippet": search.Snippet,
		"keystate": keyStateOf, "speakers": speakerNames,
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
	_, _ = w.Write(content) // the browser may be gone
}

// timeAgo formats a time relative to now: "2 hours ago" or "in 3 days".
func timeAgo(t time.Time, now time.Time) string {
	d := now.Sub(t)
	in, suffix := "", " ago"
	if d < 0 {
		d, in, suffix = -d, "in ", ""
	}
	switch {
	case d < time.Minute && suffix != "":
		return "just now"
	case d < time.Hour:
		return in + memo.Plural(max(1, int(d.Minutes())), "minute") + suffix
	case d < 48*time.Hour:
		return in + memo.Plural(int(d.Hours()), "hour") + suffix
	}
	return in + memo.Plural(int(d.Hours()/24), "day") + suffix
}

// formatTime formats a time in UTC to the minute, and formatDay to the day.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
func formatDay(t time.Time) string  { return t.UTC().Format(time.DateOnly) }
