package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testworld"
)

// needs has what a key must be permitted to call each data route.
var needs = map[string]memo.Permission{
	"listTranscriptions": memo.PermissionREST, "getTranscription": memo.PermissionREST,
	"exportTranscription":  memo.PermissionREST | memo.PermissionExport,
	"exportTranscriptions": memo.PermissionREST | memo.PermissionExport,
	"listProjects":         memo.PermissionREST, "getMe": memo.PermissionREST,
	"listChanges": memo.PermissionREST,
}

// everyScopes has every set of scopes that a key can have.
var everyScopes = [][]memo.Scope{
	{"read"}, {"rest"}, {"mcp"}, {"rest", "mcp"}, {"rest", "export"}, {"mcp", "export"}, {"rest", "mcp", "export"},
}

// TestScopesOfRoutes calls every data route of the table with every set of scopes.
func TestScopesOfRoutes(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, scopes := range everyScopes {
			var permitted memo.Permission
			for _, s := range scopes {
				permitted |= s.Permits()
			}
			key := w.LimitedKey(w.Acme, w.Mark, memo.KeyAccess{Scopes: scopes})
			for _, rt := range w.routes() {
				if !rt.is("data") {
					continue
				}
				need, valid := needs[rt.OperationID], validRequests[rt.OperationID]
				if need == 0 {
					t.Fatalf("which permissions does %s need? Add it to needs", rt.OperationID)
				}
				put := func(s string) string { return strings.ReplaceAll(s, "{own}", w.Transcriptions[1]) }
				send := func(client *http.Client) testworld.Response {
					return w.request(client, rt.method, put(valid.path), put(valid.body), testworld.WithKey(key.Key))
				}
				r := send(http.DefaultClient)
				if need&^permitted == 0 {
					r.Want(rt.status())
				} else if r.Want(403, `"code":"scope_denied"`, "lacks the scope"); r.Header.Get("RateLimit") != "" {
					t.Errorf("%s: a refused call counts", r.Request)
				}
			}
		}
	})
}

func TestCreateLimitedKey(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		client := w.signedIn(w.Mark)
		create := func(members string) testworld.Response {
			return w.request(client, "POST", "/keys", `{"name":"n8n",`+members+`}`)
		}
		access := `"scopes":["rest","export"],"project_ids":["` + w.project + `"],"allowed_ips":["127.0.0.1","::1"]`
		var key memo.CreatedKey
		create(`"scopes":["export","rest"],"project_ids":["`+w.project+`"],"allowed_ips":["::ffff:127.0.0.1","::1"]`).
			Want(201, access).Decode(&key)
		w.request(client, "GET", "/keys/"+key.ID, "").Want(200, access)
		w.request(client, "GET", "/keys", "").Want(200, access)
		w.request(client, "POST", "/keys/"+key.ID+"/rotate", "").Want(201, access)
		w.get("/me", key.Key).Want(200, access)
		w.get("/me", w.MarkKey.Key).Want(200, `"scopes":["read"],"project_ids":[],"allowed_ips":[]`)
		for members, parts := range map[string][]string{
			`"scopes":["admin"]`:                       {`["body","scopes"]`, "is not a scope"},
			`"scopes":[]`:                              {`["body","scopes"]`},
			`"scopes":"read"`:                          {`["body","scopes"]`},
			`"scopes":["read","rest"]`:                 {"read includes all others"},
			`"scopes":["export"]`:                      {"must have rest or mcp"},
			`"project_ids":["x"]`:                      {`["body","project_ids"`, "must be a UUID"},
			`"project_ids":["` + nowhere + `"]`:        {`["body","project_ids"]`, nowhere},
			`"allowed_ips":["127.0.0.1","10.0.0.0/x"]`: {`["body","allowed_ips"]`, "10.0.0.0/x"},
			`"allowed_ips":[` + strings.Repeat(`"::1",`, 20) + `"::1"]`: {`["body","allowed_ips"]`},
		} {
			create(members).Want(422, parts...)
		}
	})
}

func TestAllowedAddresses(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		here := w.LimitedKey(w.Acme, w.Mark, memo.KeyAccess{AllowedIPs: []string{"127.0.0.0/8", "::1"}})
		away := w.LimitedKey(w.Acme, w.Mark, memo.KeyAccess{AllowedIPs: []string{"192.0.2.0/24"}})
		w.get("/me", here.Key).Want(200)
		w.get("/me", away.Key).Want(403, `"code":"ip_denied"`, "127.0.0.1")
		through := func(forwarded string) testworld.Response {
			return w.request(http.DefaultClient, "GET", "/me", "", testworld.WithKey(away.Key),
				testworld.WithHeader("X-Forwarded-For", forwarded))
		}
		through("192.0.2.7").Want(200)        // the peer is a trusted proxy
		through("::ffff:192.0.2.7").Want(200) // IPv4 in IPv6
		// A caller cannot choose an address: the last one that no proxy has counts.
		through("192.0.2.7, 198.51.100.7").Want(403, `"code":"ip_denied"`, "198.51.100.7")
	})
}

// TestETagsShowOnlyVisibleChanges: the ETag of a key of one project changes with what it sees, and its
// responses are not those that other keys have cached.
func TestETagsShowOnlyVisibleChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key := w.LimitedKey(w.Acme, w.Mark, memo.KeyAccess{ProjectIDs: []string{w.project}})
		inProject, loose := w.Transcriptions[3], w.Transcriptions[1]
		paths := []string{"/transcriptions", "/transcriptions?q=der", "/transcriptions/" + inProject, "/projects"}
		etags := func() (all []string) {
			for _, path := range paths {
				for range 3 { // the second response is cached
					w.get(path, w.OlgaKey.Key).Want(200)
				}
				r := w.get(path, key.Key).Want(200)
				if strings.Contains(string(r.Body), loose) || strings.Contains(string(r.Body), "会議") {
					t.Errorf("%s shows a transcription outside of the project: %s", path, r.Body)
				}
				all = append(all, r.Header.Get("ETag"))
				if tag := r.Header.Get("ETag"); tag != "" {
					w.request(http.DefaultClient, "GET", path, "", testworld.WithKey(key.Key),
						testworld.WithHeader("If-None-Match", tag)).Want(304)
				}
			}
			return all
		}
		w.get("/transcriptions/"+loose, w.OlgaKey.Key).Want(200)
		ofAll := w.get("/transcriptions/"+loose, w.OlgaKey.Key).Want(200).Header.Get("ETag")
		w.request(http.DefaultClient, "GET", "/transcriptions/"+loose, "", testworld.WithKey(key.Key),
			testworld.WithHeader("If-None-Match", ofAll)).Want(404)
		before := etags()
		w.Import(w.Acme, "x.json", strings.ReplaceAll(testworld.Sources[2], "予算", "秘密"))
		if after := etags(); strings.Join(after, " ") != strings.Join(before, " ") {
			t.Errorf("an import into another project changes the ETags from %v to %v", before, after)
		}
		w.Import(w.Acme, "y.json", strings.ReplaceAll(testworld.Sources[1], "Größe", "Kleider"))
		if after := etags(); after[0] == before[0] {
			t.Error("an import into the project does not change the ETag of the list")
		}
	})
}

func TestKeyPolicy(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner, member := w.signedIn(w.Olga), w.signedIn(w.Mark)
		set := func(client *http.Client, body string) testworld.Response {
			return w.request(client, "PUT", "/key-policy", body)
		}
		none := `{"max_lifetime_days":null,"expiry_required":false,"allowed_ips":[]}`
		w.request(member, "GET", "/key-policy", "").Want(200, none)
		set(member, `{"expiry_required":true}`).Want(403, "owner_required")
		for body, part := range map[string]string{
			`{"max_lifetime_days":0}`: `["body","max_lifetime_days"]`, `{"allowed_ips":["x"]}`: `["body","allowed_ips"]`,
			`{"max_lifetime_days":"1"}`: `["body","max_lifetime_days"]`, `{"days":1}`: `["body","days"]`,
		} {
			set(owner, body).Want(422, part)
		}
		policy := `{"max_lifetime_days":30,"expiry_required":true,"allowed_ips":["192.0.2.0/24"]}`
		set(owner, policy).Want(200, policy)
		w.request(member, "GET", "/key-policy", "").Want(200, policy)
		w.get("/me", w.MarkKey.Key).Want(403, `"code":"key_policy"`)
		w.request(member, "POST", "/keys", `{"name":"n8n"}`).Want(422, `{"detail":{"code":"key_policy","message":"`)
		set(owner, `{"allowed_ips":["192.0.2.0/24"]}`).Want(200)
		w.get("/me", w.MarkKey.Key).Want(403, `"code":"ip_denied"`, "127.0.0.1")
		w.request(owner, "GET", "/keys", "").Want(200) // the policy does not apply to sessions
		set(owner, `{}`).Want(200, none)
		w.get("/me", w.MarkKey.Key).Want(200)
	})
}
