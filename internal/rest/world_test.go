package rest

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// world is a [testworld.World] whose server is the REST API.
type world struct {
	*testworld.World
	api     *API
	project string // id of the only project in Acme
}

const password = testworld.Password

type limits struct{ data, management int }

// onBoth runs a test against a new server on SQLite and on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	testworld.Databases(t, func(t *testing.T, cfg store.Config) { f(t, newWorld(t, cfg, limits{})) })
}

func newWorld(t *testing.T, cfg store.Config, l limits) *world {
	t.Helper()
	w := new(world)
	w.World = testworld.New(t, testworld.Config{
		Store: cfg, Data: l.data, Management: l.management,
		Handler: func(a *app.App, g *admission.Control, _ *slog.Logger) http.Handler {
			w.api = New(Config{App: a, Admission: g})
			return w.api.Handler()
		},
	})
	var page struct{ Items []struct{ ID string } }
	w.get("/projects", w.OlgaKey.Key).Decode(&page)
	w.project = page.Items[0].ID
	return w
}

// request sends a request. A path that does not start with /api/ is under [Prefix]. Each set function
// can change the request before it is sent.
func (w *world) request(client *http.Client, method, path, body string, set ...func(*http.Request)) testworld.Response {
	w.T.Helper()
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "/api/") {
		path = Prefix + path
	}
	return w.Request(client, method, path, body, set...)
}

func (w *world) get(path, key string) testworld.Response {
	w.T.Helper()
	return w.request(http.DefaultClient, "GET", path, "", testworld.WithKey(key))
}

func (w *world) post(path, key, body string) testworld.Response {
	w.T.Helper()
	return w.request(http.DefaultClient, "POST", path, body, testworld.WithKey(key))
}

// signedIn signs a user in and returns a client with the session cookie.
func (w *world) signedIn(u memo.User) *http.Client {
	w.T.Helper()
	jar, err := cookiejar.New(nil)
	w.Must(err)
	c := &http.Client{Jar: jar}
	w.request(c, "POST", "/api/v1/session", fmt.Sprintf(`{"email":%q,"password":%q}`, u.Email, password)).Want(200)
	return c
}
