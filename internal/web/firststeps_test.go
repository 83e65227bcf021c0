package web

import (
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testworld"
)

// TestFirstSteps takes each of the first steps in a new workspace.
func TestFirstSteps(t *testing.T) {
	testworld.Databases(t, func(t *testing.T, cfg store.Config) {
		w := newWorld(t, testworld.Config{Store: cfg, Empty: true})
		b := w.browser(memo.User{})
		p := b.post("/setup", "workspace", "Acme", "name", "Olga", "email", "olga@example.com", "password",
			testworld.Password, "code", "abcd-efgh-ijkl").want(200,
			"0 of 4 done", "Load the samples", "memo import --workspace ")
		acme := strings.TrimSuffix(p.path, "/transcriptions")
		b.get(acme+"/keys").want(200, "No keys yet", "claude mcp add --transport http --scope user memo https://memo")
		for range 2 { // the second time, nothing changes
			b.post(acme+"/import/samples").want(200, "Sample meetings imported.", "1 of 4 done", "12 transcriptions")
		}
		key := keyPattern.FindString(b.post(acme+"/keys", "id", newID(), "name", "n8n", "expiry", "7").want(201).body)
		list := acme + "/transcriptions"
		b.get(list).want(200, "2 of 4 done")
		b.get(list + "?q=alarm").want(200).without("Get started")
		w.use(key)
		b.get(list).want(200, "3 of 4 done", "Connect an assistant")
		b.post(acme+"/invites", "role", "MEMBER").want(201)
		b.get(list).want(200).without("Get started")
	})
}

// TestFirstStepsCanBeHidden checks that they are hidden for one workspace, and that only an OWNER
// sees them.
func TestFirstStepsCanBeHidden(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	w.browser(w.Mark).get("/w/" + w.Acme.ID + "/transcriptions").want(200).without("Get started")
	eve := w.browser(w.Eve)
	eve.get("/w/"+w.Other.ID+"/transcriptions").want(200, "Get started", "Invite someone")
	eve.post("/w/" + w.Other.ID + "/started").want(200).without("Get started")
	eve.get("/w/" + w.Other.ID + "/transcriptions").want(200).without("Get started")
	w.SetPlan(memo.PlanBasic)
	w.browser(w.Olga).get("/w/" + w.Acme.ID + "/transcriptions").want(200).without("Create a key")
}
