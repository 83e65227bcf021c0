package rest

import (
	"net/http"
	"reflect"
	"strings"

	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
)

// accessLevel says who may call a route.
type accessLevel uint8

const (
	byKey    accessLevel = iota // an API key; counted as a data call
	byMember                    // a signed-in member of a workspace; counted as a management call
	byUser                      // a signed-in user, for their own sessions
	bySignIn                    // anyone, but not from a page of another site
	public                      // anyone
)

// route is a row of the route table. To add a route:
//   - add a row to [API.table];
//   - add its input and output types and its function next to similar ones;
//   - add a row in matrix_test.go, which fails without one;
//   - run `go test ./internal/rest -update`, which writes testdata/openapi.json.
type route struct {
	method, path string
	name         string // operationId
	doc          string // one sentence
	access       accessLevel
	cached       bool // the response is cached under the content version
	in, out      reflect.Type
	status       int    // of a successful response
	produces     string // content type of a response that is not JSON
	handle       func(*request) error
}

// table returns every route.
func (a *API) table() []route {
	const (
		transcriptions = Prefix + "/transcriptions"
		keys           = Prefix + "/keys"
		session        = "/api/v1/session"
	)
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	return []route{
		cachedEndpoint(get, transcriptions, "listTranscriptions", "Lists the workspace's transcriptions, without their text.",
			listTranscriptions),
		cachedEndpoint(get, transcriptions+"/{id}", "getTranscription",
			"Reads one transcription with its text, segments and AI reports.", getTranscription),
		rawEndpoint(get, transcriptions+"/{id}/export", "exportTranscription", "Exports one transcription as a file.",
			"text/markdown", exportTranscription),
		rawEndpoint(post, transcriptions+"/export", "exportTranscriptions",
			"Exports 1 to 100 transcriptions as one ZIP, streamed.", "application/zip", exportTranscriptions),
		endpoint(get, Prefix+"/projects", "listProjects", "Lists the workspace's projects.", byKey, 200, listProjects),
		endpoint(get, Prefix+"/me", "getMe", "Describes the key: workspace, member, plan and limits.", byKey, 200, getMe),

		endpoint(get, keys, "listKeys",
			"Lists API keys, newest first. An OWNER sees all keys of the workspace, a MEMBER their own.",
			byMember, 200, listKeys),
		endpoint(post, keys, "createKey", "Creates an API key. The response is the only place that shows it.", byMember, 201,
			createKey),
		endpoint(get, keys+"/{id}", "getKey", "Shows one API key.", byMember, 200, getKey),
		endpoint(patch, keys+"/{id}", "updateKey", "Renames one of your keys or changes its expiry.", byMember, 200,
			updateKey),
		endpoint(post, keys+"/{id}/rotate", "rotateKey",
			"Replaces one of your keys with a new one. The old key stays active for the overlap.", byMember, 201, rotateKey),
		endpoint(del, keys+"/{id}", "revokeKey", "Revokes a key immediately and permanently.", byMember, 204, revokeKey),

		endpoint(post, session, "signIn", "Signs in with e-mail and password, and sets the session cookie.", bySignIn, 200,
			signIn),
		endpoint(del, session, "signOut", "Signs out.", byUser, 204, signOut),
		endpoint(get, session+"s", "listSessions", "Lists your active sessions.", byUser, 200, listSessions),
		endpoint(del, session+"s/{id}", "revokeSession", "Ends one of your sessions.", byUser, 204, revokeSession),

		{
			method: get, path: Prefix + "/openapi.json", name: "getOpenAPI",
			doc:    "This document, also served at /openapi.json.",
			access: public, status: 200, in: reflect.TypeFor[noBody](), out: reflect.TypeFor[any](),
			handle: func(c *request) error { a.ServeOpenAPI(c.w, c.r); return nil },
		},
	}
}

// endpoint returns a route that decodes In, calls f, and writes Out as JSON with this status.
// A 204 has no body.
func endpoint[In, Out any](method, path, name, doc string, by accessLevel, status int,
	f func(*request, In) (Out, error),
) route {
	return route{
		method: method, path: path, name: name, doc: doc, access: by, status: status,
		in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		handle: func(c *request) error {
			in, err := decodeInput[In](c)
			if err != nil {
				return err
			}
			out, err := f(c, in)
			if err != nil {
				return locateError(c, err)
			}
			if status == http.StatusNoContent {
				c.w.Header().Set("Cache-Control", "private, no-store")
				c.w.WriteHeader(status)
				return nil
			}
			httpx.WriteJSON(c.w, c.r, status, out)
			return nil
		},
	}
}

// cachedEndpoint returns a GET route for API keys whose response, of type Out, is cached under
// the content version of the workspace.
func cachedEndpoint[In, Out any](method, path, name, doc string, f func(*request, In) ([]byte, Out, error)) route {
	return route{
		method: method, path: path, name: name, doc: doc, access: byKey, status: 200, cached: true,
		in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		handle: func(c *request) error {
			in, err := decodeInput[In](c)
			if err != nil {
				return err
			}
			body, _, err := f(c, in)
			if err != nil {
				return locateError(c, err)
			}
			c.cacheAndWrite(body)
			return nil
		},
	}
}

// rawEndpoint returns a route for API keys whose function writes the response itself.
func rawEndpoint[In any](method, path, name, doc, produces string, f func(*request, In) error) route {
	return route{
		method: method, path: path, name: name, doc: doc, access: byKey, status: 200, produces: produces,
		in: reflect.TypeFor[In](),
		handle: func(c *request) error {
			in, err := decodeInput[In](c)
			if err != nil {
				return err
			}
			return locateError(c, f(c, in))
		},
	}
}

// existenceChecker is an input that names a resource. If the input is invalid, checkExists is
// called first, because 404 comes before 422; see docs/contract.md#order-of-refusals.
type existenceChecker interface{ checkExists(*request) error }

func decodeInput[In any](c *request) (in In, err error) {
	problems, pathOK, err := decodeRequest(c.w, c.r, &in)
	if err != nil {
		return in, err
	}
	if len(problems) == 0 {
		return in, nil
	}
	if f, ok := any(in).(existenceChecker); ok && pathOK {
		if err := f.checkExists(c); err != nil {
			return in, err
		}
	}
	return in, problems
}

// locateError returns an error about an invalid value with its location: the query for GET and
// HEAD, the body for other methods.
func locateError(c *request, err error) error {
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return httpx.InQuery(err)
	}
	return err
}

// workspaceParamOf returns the workspace_id parameter, or "" if there is none. Admission needs it
// before the input is decoded.
func workspaceParamOf(r *http.Request) (string, error) {
	if !strings.Contains(r.URL.RawQuery, "workspace_id") {
		return "", nil
	}
	values := r.URL.Query()["workspace_id"]
	if len(values) != 1 {
		return "", nil // decodeRequest reports it
	}
	u, ok := app.ParseID(values[0])
	if !ok {
		return "", httpx.ParamErrors{paramError("query", "workspace_id", "must be a UUID", "uuid")}
	}
	return u, nil
}

// noBody is the input of a route without parameters and the output of one without a body.
type noBody struct{}
