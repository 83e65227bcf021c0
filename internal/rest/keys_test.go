package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
)

func TestKeyLifecycle(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mark, olga := w.signedIn(w.Mark), w.signedIn(w.Olga)
		var created memo.CreatedKey
		w.request(mark, "POST", "/keys", `{"name":" n8n ","expires_at":"2030-01-31"}`).Want(201,
			`"expires_at":"2030-02-01T00:00:00.000Z"`, `"name":"n8n"`).Decode(&created)
		if created.Suffix != created.Key[36:40] || created.Status != memo.KeyActive ||
			created.CreatedBy.Email != w.Mark.Email {
			t.Errorf("created %+v", created.KeyView)
		}
		w.get("/me", created.Key).Want(200, `"requests_24h":1`, `"plan":"pro"`, `"role":"MEMBER"`)
		for _, client := range []*http.Client{mark, olga} {
			a := w.request(client, "GET", "/keys/"+created.ID, "").Want(200, `"last_used_ip":"127.0.0.1"`)
			if strings.Contains(string(a.Body), created.Key) {
				t.Error("the key object contains the whole key")
			}
		}
		w.request(olga, "GET", "/keys", "").Want(200, `"total":3`)
		w.request(mark, "GET", "/keys", "").Want(200, `"total":2`)
		w.request(mark, "GET", "/keys?status=revoked", "").Want(200, `"items":[],"total":0`)
		w.request(mark, "GET", "/keys?status=unknown", "").Want(422, `["query","status"]`)
		w.request(mark, "GET", "/keys/"+w.OlgaKey.ID, "").Want(404, `{"detail":"API key not found"}`)

		w.request(mark, "PATCH", "/keys/"+created.ID, `{"name":"zapier"}`).Want(200, `"name":"zapier"`,
			`"expires_at":"2030-02-01T00:00:00.000Z"`)
		w.request(mark, "PATCH", "/keys/"+created.ID, `{"expires_at":null}`).Want(200, `"name":"zapier"`, `"expires_at":null`)
		w.request(mark, "PATCH", "/keys/"+created.ID, `{}`).Want(200, `"name":"zapier"`)
		w.request(mark, "PATCH", "/keys/"+created.ID, `{"name":null}`).Want(422, `["body","name"]`)
		w.request(olga, "PATCH", "/keys/"+created.ID, `{"name":"mine"}`).Want(403, "not_your_key")
		w.request(olga, "POST", "/keys/"+created.ID+"/rotate", "").Want(403, "not_your_key")

		var replacement memo.CreatedKey
		w.request(mark, "POST", "/keys/"+created.ID+"/rotate", "").Want(201).Decode(&replacement)
		w.get("/me", created.Key).Want(200)
		w.get("/me", replacement.Key).Want(200)
		w.request(mark, "POST", "/keys/"+created.ID+"/rotate", `{"overlap":"0s"}`).Want(201)
		w.get("/me", created.Key).Want(401)
		w.request(mark, "POST", "/keys/"+created.ID+"/rotate", "").Want(409, "key_not_active")
		w.request(mark, "PATCH", "/keys/"+created.ID, `{"name":"x"}`).Want(409, "key_not_active")

		w.request(olga, "DELETE", "/keys/"+replacement.ID, "").Want(204)
		w.get("/me", replacement.Key).Want(401, `{"detail":"Invalid API key","reason":"revoked"}`)
		w.request(mark, "DELETE", "/keys/"+replacement.ID, "").Want(204)
	})
}

func TestKeyListIsPaged(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		olga := w.signedIn(w.Olga)
		for range 2 {
			w.Key(w.Acme, w.Mark) // Acme now has four keys
		}
		seen := map[string]bool{}
		cursor, pages := "", 0
		for ; pages == 0 || cursor != ""; pages++ {
			var page struct {
				Items      []memo.KeyView `json:"items"`
				Total      int            `json:"total"`
				NextCursor string         `json:"next_cursor"`
			}
			w.request(olga, "GET", "/keys?limit=3&cursor="+cursor, "").Want(200, `"total":4`).Decode(&page)
			for _, k := range page.Items {
				seen[k.ID] = true
			}
			cursor = page.NextCursor
		}
		if pages != 2 || len(seen) != 4 {
			t.Errorf("%d pages of %d keys", pages, len(seen))
		}
		w.request(olga, "GET", "/keys", "").Want(200, `"total":4,"next_cursor":null}`)
		for _, query := range []string{"limit=0", "limit=-1", "limit=1"} {
			w.request(olga, "GET", "/keys?"+query, "").Want(200, `"next_cursor":"`)
		}
		w.request(olga, "GET", "/keys?limit=99999999999999999999", "").Want(200, `"next_cursor":null`)
		w.request(olga, "GET", "/keys?limit=x", "").Want(422, `["query","limit"]`)
		w.request(olga, "GET", "/keys?cursor=x", "").Want(422, `["query","cursor"]`)
	})
}

func TestInvalidKeyBodyIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mark := w.signedIn(w.Mark)
		past := time.Now().Add(-time.Minute).Format(time.RFC3339)
		for body, want := range map[string][]string{
			`{}`:          {`["body","name"]`},
			`{"name":""}`: {`["body","name"]`},
			`{"name":"` + strings.Repeat("x", 500) + `"}`: {`["body","name"]`},
			`{"name":"a\u0000b"}`:                         {`["body","name"]`},
			`{"name":7}`:                                  {`["body","name"]`},
			`{"name":"x","expires_at":"` + past + `"}`:    {`["body","expires_at"]`, "future"},
			`{"name":"x","expires_at":"0001-01-01"}`:      {`["body","expires_at"]`},
			`{"name":"x","expires_at":1893456000}`:        {`["body","expires_at"]`},
			`{"name":"","expires_at":"tomorrow"}`:         {`["body","name"]`, `["body","expires_at"]`},
			`{"name":"x","scope":"all"}`:                  {`["body","scope"]`},
			`{"name":"x","Name":"y"}`:                     {`["body","Name"]`},
		} {
			t.Run(fmt.Sprintf("%.60s", body), func(t *testing.T) {
				w := w.in(t)
				w.request(mark, "POST", "/keys", body).Want(422, want...)
			})
		}
		for _, ok := range []string{
			`{"name":"שלום"}`, `{"name":"<script>alert(1)</script>"}`,
			`{"name":"x","expires_at":null}`, `{"name":"x","expires_at":""}`, `{"name":"x","expires_at":"9999-12-31"}`,
		} {
			t.Run(ok, func(t *testing.T) {
				w := w.in(t)
				w.request(mark, "POST", "/keys", ok).Want(201)
			})
		}
		for _, bad := range []string{
			`{"overlap":"8d"}`, `{"overlap":"200h"}`, `{"overlap":"-1h"}`, `{"overlap":24}`,
		} {
			t.Run(bad, func(t *testing.T) {
				w := w.in(t)
				w.request(mark, "POST", "/keys/"+w.MarkKey.ID+"/rotate", bad).Want(422, `["body","overlap"]`)
			})
		}
		w.request(mark, "POST", "/keys/"+w.MarkKey.ID+"/rotate", `{"overlap":"168h"}`).Want(201)
	})
}
