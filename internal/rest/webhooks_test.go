package rest_test

import (
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// TestWebhooks: an OWNER adds, changes, rotates and deletes a webhook; a MEMBER may not. The secret is
// in two responses only. Bad input is refused with its location.
func TestWebhooks(t *testing.T) {
	w := newWorld(t, store.Config{Dir: t.TempDir()}, limits{})
	olga := w.signedIn(w.Olga)
	for body, want := range map[string]string{
		`{"url":"http://example.com","events":["key.created"]}`:        `["body","url"]`,
		`{"url":"https://10.0.0.1/x","events":["key.created"]}`:        "--webhook-allow",
		`{"url":"https://example.com","events":["key.renamed"]}`:       "transcription.created",
		`{"url":"https://example.com","events":[]}`:                    `["body","events"]`,
		`{"url":"https://u:p@example.com","events":["app.connected"]}`: "password",
		`{"events":["key.created"]}`:                                   `["body","url"]`,
	} {
		w.request(olga, "POST", "/webhooks", body).Want(422, want)
	}
	const valid = `{"url":"https://example.com/x","events":["key.revoked","key.created","key.revoked"]}`
	w.request(w.signedIn(w.Mark), "POST", "/webhooks", valid).Want(403, "owner_required")
	w.request(w.signedIn(w.Mark), "GET", "/webhooks", "").Want(403, "owner_required")

	var created memo.CreatedWebhook
	w.request(olga, "POST", "/webhooks", valid).Want(201, `"events":["key.created","key.revoked"]`).Decode(&created)
	if !strings.HasPrefix(created.Secret, memo.WebhookSecretPrefix) {
		t.Errorf("the secret is %q", created.Secret)
	}
	path := "/webhooks/" + created.ID
	for _, p := range []string{"/webhooks", path} {
		if r := w.request(olga, "GET", p, "").Want(200, created.ID); strings.Contains(string(r.Body), "whsec_") {
			t.Errorf("%s shows the secret", p)
		}
	}
	var rotated memo.CreatedWebhook
	w.request(olga, "POST", path+"/rotate", "").Want(201).Decode(&rotated)
	if rotated.Secret == created.Secret || !strings.HasPrefix(rotated.Secret, memo.WebhookSecretPrefix) {
		t.Errorf("the secret after a rotation is %q", rotated.Secret)
	}
	var test, listed struct {
		ID    string
		Items []memo.Delivery
	}
	w.request(olga, "POST", path+"/test", "").Want(202, `"type":"webhook.test"`, `"last_status":null`).Decode(&test)
	w.request(olga, "GET", path+"/deliveries?limit=1", "").Want(200).Decode(&listed)
	if len(listed.Items) != 1 || listed.Items[0].ID != test.ID {
		t.Errorf("listed %+v, want %s", listed.Items, test.ID)
	}
	w.request(olga, "GET", path+"/deliveries?before="+test.ID, "").Want(200, `"items":[]`)
	w.request(olga, "POST", path+"/deliveries/"+nowhere+"/resend", "").Want(404)
	w.request(olga, "PATCH", path, `{"paused":true}`).Want(200, `"paused_at":"`, `"pause_reason":null`)
	w.request(olga, "POST", path+"/test", "").Want(409, "webhook_paused")
	w.request(olga, "PATCH", path, `{"paused":false,"url":"https://example.com/y"}`).Want(200, `"paused_at":null`, "/y")
	w.request(olga, "DELETE", path, "").Want(204)
	w.request(olga, "GET", path, "").Want(404)
}
