package rest_test

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strconv"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/openapi"
	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// world is a [testworld.World] whose server is the REST API.
type world struct {
	*testworld.World
	api     *rest.API
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
			w.api = rest.New(rest.Config{App: a, Admission: g, CORSOrigins: []string{corsOrigin}})
			return w.api.Handler()
		},
	})
	var page struct{ Items []struct{ ID string } }
	w.get("/projects", w.OlgaKey.Key).Decode(&page)
	w.project = page.Items[0].ID
	return w
}

// in returns the same world for a subtest.
func (w *world) in(t *testing.T) *world {
	inner, outer := *w.World, *w
	inner.T = t
	outer.World = &inner
	return &outer
}

// route is an operation of the OpenAPI document.
type route struct {
	method, path string
	openapi.Operation
}

// routes returns every route of the API.
func (w *world) routes() (list []route) {
	for path, methods := range w.api.Document().Paths {
		for method, op := range methods {
			list = append(list, route{strings.ToUpper(method), path, op})
		}
	}
	slices.SortFunc(list, func(a, b route) int { return cmp.Compare(a.OperationID, b.OperationID) })
	return list
}

// is reports whether the route has this tag, which says who may call it.
func (rt route) is(tag string) bool { return rt.Tags[0] == tag }

// needsSession reports whether the route is for signed-in users.
func (rt route) needsSession() bool { return len(rt.Security) > 0 && rt.Security[0]["session"] != nil }

// status returns the status of a successful response.
func (rt route) status() int {
	for status := range rt.Responses {
		if n, err := strconv.Atoi(status); err == nil && n < 300 {
			return n
		}
	}
	return 0
}

// request sends a request. A path that does not start with /api/ is under [rest.Prefix]. Each set function
// can change the request before it is sent.
func (w *world) request(client *http.Client, method, path, body string, set ...func(*http.Request)) testworld.Response {
	w.T.Helper()
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "/api/") {
		path = rest.Prefix + path
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
