package web

import (
	"strings"
	"testing"

	"memoai.tech/memo"
)

func TestLimitedKey(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		projects, err := w.App.ProjectNames(t.Context(), memo.Caller{Operator: true, WorkspaceID: w.Acme.ID})
		w.Must(err)
		keys, mark := "/w/"+w.Acme.ID+"/keys", w.browser(w.Mark)
		mark.get(keys+"/new").want(200, `<details>`, `name="scopes" value="rest" checked`,
			`name="scopes" value="export" checked`, projects[0].Name)
		mark.post(keys, "id", newID(), "name", "none", "expiry", "90", "allowed_ips", "").
			want(422, "<details open>", "Select REST, MCP or both.")
		mark.post(keys, "id", newID(), "name", "bad", "expiry", "90", "scopes", "rest", "allowed_ips", "192.0.2.1, here").
			want(422, "<details open>", "&#34;here&#34; is not an address", `value="rest" checked`, `value="192.0.2.1, here"`).
			without(`value="mcp" checked`)
		mark.post(keys, "id", newID(), "name", "files", "expiry", "90", "scopes", "export", "allowed_ips", "").
			want(422, "must have rest or mcp")
		id := newID()
		mark.post(keys, "id", id, "name", "rest", "expiry", "90", "scopes", "rest", "project_ids", projects[0].ID,
			"allowed_ips", "192.0.2.9/24 ::1").want(201)
		mark.get(keys+"/"+id).want(200, "<dt>Permissions</dt><dd>REST</dd>", "<dt>Projects</dt>", projects[0].Name,
			"<dt>Allowed addresses</dt><dd>192.0.2.0/24, ::1</dd>")
		mark.get(keys+"/"+w.MarkKey.ID).want(200, "<dt>Permissions</dt><dd>Everything</dd>").without("Allowed addresses")
	})
}

func TestKeyPolicyPage(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		keys, olga, mark := "/w/"+w.Acme.ID+"/keys", w.browser(w.Olga), w.browser(w.Mark)
		policy := keys + "/policy"
		mark.get(policy).want(403)
		mark.post(policy, "max_lifetime_days", "1", "allowed_ips", "").want(403)
		mark.get(keys).without("Key policy")
		olga.get(keys).want(200, "Key policy")
		olga.get(policy).want(200, `name="max_lifetime_days"`)
		for days, problem := range map[string]string{
			"0": "must be between 1 and 3650 days", "x": "must be a whole number",
		} {
			olga.post(policy, "max_lifetime_days", days, "expiry_required", "on", "allowed_ips", "").
				want(422, problem, "checked")
		}
		olga.post(policy, "max_lifetime_days", "", "allowed_ips", "192.0.2").want(422, "is not an address")
		olga.post(policy, "max_lifetime_days", "30", "expiry_required", "on", "allowed_ips", "192.0.2.0/24").
			want(200, "Key policy updated")
		olga.get(policy).want(200, `value="30"`, `value="192.0.2.0/24"`, "checked")

		form := mark.get(keys+"/new").want(200, `value="30" checked`).without(`value="90"`, `value="never"`)
		if strings.Count(form.body, `name="expiry"`) != 3 { // 7 and 30 days, and a date
			t.Errorf("the options of the expiry do not fit the policy: %s", form.body)
		}
		mark.post(keys, "id", newID(), "name", "n8n", "expiry", "date", "date", "2099-01-31", "scopes", "rest",
			"allowed_ips", "").want(422, "may last at most 30 days")
		mark.post(keys+"/"+w.MarkKey.ID, "name", "n8n", "expiry", "never").want(422, "needs an expiry")
		mark.post(keys, "id", newID(), "name", "n8n", "expiry", "30", "scopes", "rest", "allowed_ips", "").want(201)
		olga.post(policy, "max_lifetime_days", "3", "allowed_ips", "").want(200)
		mark.get(keys+"/new").want(200, `value="3" checked`)
		olga.get("/w/"+w.Acme.ID+"/audit").want(200, "changed the key policy: ")
	})
}
