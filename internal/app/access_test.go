package app_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
)

// project imports a transcription into a project and returns both ids.
func (w *world) project(name string) (project, transcription string) {
	w.t.Helper()
	r, err := w.Import(w.ctx, w.as(w.owner), app.ImportFile{
		Name: name + ".txt", Data: []byte(name + ": the zebra of " + name), Project: name,
	})
	must(w.t, r, err)
	projects, err := w.ProjectNames(w.ctx, w.as(w.owner))
	must(w.t, projects, err)
	for _, p := range projects {
		if p.Name == name {
			return p.ID, r.ID
		}
	}
	w.t.Fatal("the project does not exist")
	return "", ""
}

// limitedKey creates a key of the member with this access.
func (w *world) limitedKey(a memo.KeyAccess) (credential.Key, memo.CreatedKey) {
	w.t.Helper()
	k, err := w.CreateKey(w.ctx, w.as(w.member), app.KeyRequest{Name: "limited", Access: a})
	must(w.t, k, err)
	key, _ := credential.ParseKey(k.Key)
	return key, k
}

func TestKeyAccessIsStored(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		project, _ := w.project("Sales")
		want := memo.KeyAccess{
			Scopes: []memo.Scope{memo.ScopeREST, memo.ScopeExport}, ProjectIDs: []string{project},
			AllowedIPs: []string{"192.0.2.0/24"},
		}
		key, created := w.limitedKey(want)
		rotated, err := w.RotateKey(w.ctx, w.as(w.member), created.ID, "", nil)
		must(t, rotated, err)
		read, err := w.GetKey(w.ctx, w.as(w.member), rotated.ID)
		must(t, read, err)
		for name, got := range map[string]memo.KeyAccess{
			"the created key": created.KeyAccess, "the replacement": rotated.KeyAccess, "as it is read": read.KeyAccess,
		} {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		c, err := w.AuthoriseKey(w.ctx, key, app.Client{Address: "192.0.2.9"}, memo.PermissionREST)
		if err != nil || !slices.Equal(c.Scopes, want.Scopes) || !slices.Equal(c.ProjectIDs, want.ProjectIDs) {
			t.Errorf("got %+v, %v", c, err)
		}
		me, err := w.Me(w.ctx, c)
		if err != nil || cmp.Diff(want, me.Key.KeyAccess) != "" {
			t.Errorf("got %+v, %v", me.Key, err)
		}
		_, plain := w.key(w.member, "plain")
		all := memo.KeyAccess{Scopes: []memo.Scope{memo.ScopeRead}, ProjectIDs: []string{}, AllowedIPs: []string{}}
		plain, err = w.GetKey(w.ctx, w.as(w.member), plain.ID)
		if diff := cmp.Diff(all, plain.KeyAccess); err != nil || diff != "" {
			t.Errorf("a key without limits: %v %s", err, diff)
		}

		other := w.addWorkspace("Other", w.owner)
		foreign, err := w.ProjectNames(w.ctx, memo.Caller{Operator: true, WorkspaceID: other.ID})
		must(t, foreign, err)
		for field, a := range map[string]memo.KeyAccess{
			"scopes":      {Scopes: []memo.Scope{"admin"}},
			"project_ids": {ProjectIDs: []string{project, other.ID}},
			"allowed_ips": {AllowedIPs: []string{"here"}},
		} {
			_, err := w.CreateKey(w.ctx, w.as(w.member), app.KeyRequest{Name: "bad", Access: a})
			if e, ok := err.(*memo.Error); !ok || e.Field != field || e.Kind != memo.KindInvalid {
				t.Errorf("%s: got %v", field, err)
			}
		}
	})
}

func TestRefusalsByAccess(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, created := w.limitedKey(memo.KeyAccess{
			Scopes: []memo.Scope{memo.ScopeREST}, AllowedIPs: []string{"192.0.2.0/24", "2001:db8::/32"},
		})
		call := func(address string, p memo.Permission) string {
			_, err := w.AuthoriseKey(w.ctx, key, app.Client{Address: address}, p)
			return codeOf(err)
		}
		rest, export := memo.PermissionREST, memo.PermissionREST|memo.PermissionExport
		for _, c := range []struct {
			address string
			p       memo.Permission
			want    string
		}{
			{"192.0.2.1", rest, ""},
			{"2001:db8::7", rest, ""},
			{"192.0.2.1", export, "scope_denied"},
			{"192.0.2.1", memo.PermissionMCP, "scope_denied"},
			{"198.51.100.1", rest, "ip_denied"},
			{"198.51.100.1", export, "ip_denied"}, // the address comes before the scope
		} {
			if got := call(c.address, c.p); got != c.want {
				t.Errorf("%s, permission %d: got %q, want %q", c.address, c.p, got, c.want)
			}
		}
		must(t, 0, w.SetPlan(w.ctx, theOperator, w.workspace.ID, memo.PlanFree))
		if got := call("198.51.100.1", export); got != "api_access_denied" { // the plan comes first
			t.Errorf("without API access: got %q", got)
		}
		must(t, 0, w.SetPlan(w.ctx, theOperator, w.workspace.ID, memo.PlanPro))
		use, err := w.UsageOf(w.ctx, w.as(w.owner), []memo.KeyView{created.KeyView}, app.UsageDay)
		must(t, use, err)
		w.FlushUsage(w.ctx)
		use, err = w.UsageOf(w.ctx, w.as(w.owner), []memo.KeyView{created.KeyView}, app.UsageDay)
		must(t, use, err)
		got := use[0][len(use[0])-1].Reasons
		if got[memo.RefusedByScope] != 2 || got[memo.RefusedByAddress] != 2 || got[memo.RefusedByPlan] != 1 {
			t.Errorf("the reasons are %v", got)
		}
	})
}

// TestKeysSeeOnlyTheirProjects attacks a key of some projects through every read of package app.
func TestKeysSeeOnlyTheirProjects(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		sales, inSales := w.project("Sales")
		legal, inLegal := w.project("Legal")
		secret, inSecret := w.project("Secret")
		_, err := w.Import(w.ctx, w.as(w.owner), app.ImportFile{Name: "loose.txt", Data: []byte("Loose: a zebra")})
		must(t, 0, err)
		for _, projects := range [][]string{{sales}, {sales, legal}} {
			key, _ := w.limitedKey(memo.KeyAccess{ProjectIDs: projects})
			c, err := w.AuthoriseKey(w.ctx, key, app.Client{Address: "192.0.2.1"}, memo.PermissionREST)
			must(t, c, err)
			visible := []string{inLegal, inSales}[2-len(projects):]
			slices.Sort(visible)
			for name, q := range map[string]app.ListQuery{
				"all": {}, "a search": {Query: "zebra"}, "by relevance": {Query: "zebra", Sort: "relevance"},
				"of a day": {From: time.UnixMilli(0), To: w.clock.read()}, "by duration": {Sort: "duration"},
			} {
				q.Status, q.Limit = memo.StatusCompleted, 10
				p, err := w.Transcriptions(w.ctx, c, q)
				var ids []string
				for _, it := range p.Items {
					d, err := it.Item()
					ids = append(ids, must(t, d, err).ID)
				}
				if slices.Sort(ids); err != nil || p.Total != len(visible) || !slices.Equal(ids, visible) {
					t.Errorf("%s of %d projects: %v of %d (%v), want %v", name, len(projects), ids, p.Total, err, visible)
				}
				q.ProjectID = secret
				if p, err := w.Transcriptions(w.ctx, c, q); err != nil || p.Total != 0 || len(p.Items) != 0 {
					t.Errorf("%s of the secret project: %d of %d, %v", name, len(p.Items), p.Total, err)
				}
			}
			if p, err := w.Transcriptions(w.ctx, c, app.ListQuery{Speaker: "Secret", Limit: 9}); err != nil || p.Total != 0 {
				t.Errorf("by the secret speaker: %d, %v", p.Total, err)
			}
			found, n, err := w.Projects(w.ctx, c, 10, 0)
			if err != nil || n != len(projects) || len(found) != n || found[0].ID != sales || found[0].TranscriptionCount != 1 {
				t.Errorf("the projects are %v of %d, %v", found, n, err)
			}
			for _, id := range []string{inSecret, "0198a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b"} {
				for name, err := range map[string]error{
					"get": errOf(w.Transcription(w.ctx, c, id)), "text": errOf(w.Text(w.ctx, c, id)),
					"reports": errOf(w.Reports(w.ctx, c, id)), "markdown": errOf(w.Export(w.ctx, c, id, "md")),
					"json": errOf(w.Export(w.ctx, c, id, "json")), "exists": w.RequireTranscription(w.ctx, c, id),
					"archive": errOf(w.PrepareArchive(w.ctx, c, []string{inSales, id}, "md")),
				} {
					wantKind(t, name+" of "+id, err, memo.KindNotFound)
				}
			}
			archive, err := w.PrepareListArchive(w.ctx, c, app.ListQuery{Status: memo.StatusCompleted}, "md")
			must(t, archive, err)
			files, err := archive.Manifest(w.ctx)
			if err != nil || len(files) != len(visible) {
				t.Errorf("the archive of the list has %v, %v", files, err)
			}
		}
	})
}

func TestKeyPolicy(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner, member := w.as(w.owner), w.as(w.member)
		old, oldKey := w.key(w.member, "old")
		create := func(expires *time.Time) error {
			return errOf(w.CreateKey(w.ctx, member, app.KeyRequest{Name: "new", ExpiresAt: expires}))
		}
		in := func(days int) *time.Time { return new(w.clock.read().AddDate(0, 0, days)) }
		set := func(p memo.KeyPolicy) { t.Helper(); must(t, 0, errOf(w.SetKeyPolicy(w.ctx, owner, p))) }
		set(memo.KeyPolicy{MaxLifetimeDays: new(30)})
		for name, err := range map[string]error{
			"a key without an expiry": create(nil), "a key for too long": create(in(31)),
			"a rotation": errOf(w.RotateKey(w.ctx, member, oldKey.ID, "", nil)),
			"a change":   errOf(w.ChangeKey(w.ctx, member, oldKey.ID, app.KeyChange{ExpiresAt: new(in(31))})),
			"an app":     errOf(w.AllowApp(w.ctx, member, app.Consent{Client: memo.Client{ID: "c", Name: "App"}})),
		} {
			if codeOf(err) != "key_policy" || memo.KindOf(err) != memo.KindInvalid {
				t.Errorf("%s: got %v", name, err)
			}
		}
		must(t, 0, create(in(30)))
		must(t, 0, errOf(w.AllowApp(w.ctx, member, app.Consent{Client: memo.Client{ID: "c"}, ExpiresAt: in(30)})))
		w.wantCode("a young key", old, "")
		w.clock.add(30 * 24 * time.Hour)
		w.wantCode("a key of 30 days", old, "key_policy")
		set(memo.KeyPolicy{ExpiryRequired: true})
		w.wantCode("a key without an expiry", old, "key_policy")
		must(t, 0, errOf(w.ChangeKey(w.ctx, member, oldKey.ID, app.KeyChange{ExpiresAt: new(in(400))})))
		w.wantCode("a key with an expiry", old, "")
		set(memo.KeyPolicy{AllowedIPs: []string{"198.51.100.0/24"}})
		w.wantCode("a key at another address", old, "ip_denied")
		set(memo.KeyPolicy{})
		w.wantCode("a key without a policy", old, "")
		events, err := w.Events(w.ctx, owner, app.EventQuery{Limit: 100})
		must(t, 0, err)
		changed := 0
		for _, e := range events {
			if e.Action == memo.ActionKeyPolicyChanged {
				changed++
			}
		}
		if changed != 4 || !slices.ContainsFunc(events, func(e memo.AuditEvent) bool {
			return e.Details.Reason == "at most 30 days"
		}) {
			t.Errorf("%d changes are recorded: %+v", changed, events)
		}
		if got := codeOf(errOf(w.SetKeyPolicy(w.ctx, member, memo.KeyPolicy{}))); got != "owner_required" {
			t.Errorf("a MEMBER sets the policy: %q", got)
		}
	})
}
