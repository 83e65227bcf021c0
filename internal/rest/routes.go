package rest

import (
	"net/http"
	"reflect"
	"strings"

	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
)

// admissionKind is what admits a caller to a route.
type admissionKind uint8

const (
	byKey    admissionKind = iota // an API key; counted as data
	byMember                      // a signed-in member of a workspace; counted as management
	byUser                        // a signed-in user, for what is their own
	bySignIn                      // nobody yet, but from our own pages only
	public                        // anybody
)

// route is a row of the table. Adding one: a row in [API.table]; its input and
// output types beside its endpoint; its rows in matrix_test.go, which fails
// without them; `go test ./internal/rest -update` for openapi.json.
type route struct {
	method, path string
	name         string // operationId
	doc          string // one sentence
	access       admissionKind
	cached       bool // the answer may be kept under the content version
	in, out      reflect.Type
	status       int
	produces     string // content type, where it is not JSON
	handle       func(*request) error
}

// table lists every route.
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
		endpoint(get, Prefix+"/me", "getMe", "Tells what the key is: workspace, member, plan and limits.", byKey, 200, getMe),

		endpoint(get, keys, "listKeys",
			"Lists API keys, newest first: all of the workspace for an OWNER, their own for others.", byMember, 200, listKeys),
		endpoint(post, keys, "createKey", "Creates an API key. The answer is the only place that shows it.", byMember, 201,
			createKey),
		endpoint(get, keys+"/{id}", "getKey", "Shows one API key.", byMember, 200, getKey),
		endpoint(patch, keys+"/{id}", "updateKey", "Renames a key of your own or moves its expiry.", byMember, 200,
			updateKey),
		endpoint(post, keys+"/{id}/rotate", "rotateKey",
			"Makes a new key in place of one of your own, which goes on for the overlap.", byMember, 201, rotateKey),
		endpoint(del, keys+"/{id}", "revokeKey", "Revokes a key at once and for good.", byMember, 204, revokeKey),

		endpoint(post, session, "signIn", "Signs in with e-mail and password, and sets the session cookie.", bySignIn, 200,
			signIn),
		endpoint(del, session, "signOut", "Signs out.", byUser, 204, signOut),
		endpoint(get, session+"s", "listSessions", "Lists where you are signed in.", byUser, 200, listSessions),
		endpoint(del, session+"s/{id}", "revokeSession", "Signs one of your devices out.", byUser, 204, revokeSession),

		{
			method: get, path: Prefix + "/openapi.json", name: "getOpenAPI",
			doc:    "This document, which is at /openapi.json as well.",
			access: public, status: 200, in: reflect.TypeFor[noBody](), out: reflect.TypeFor[any](),
			handle: func(c *request) error { a.ServeOpenAPI(c.w, c.r); return nil },
		},
	}
}

// endpoint is a route that takes In, checks it, calls f, and answers Out as
// JSON with a status; 204 has no body.
func endpoint[In, Out any](method, path, name, doc string, by admissionKind, status int,
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

// cachedEndpoint is a GET by key whose rendered answer, of the form Out, is kept under
// the workspace's content version.
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

// rawEndpoint is a route by key that writes its answer itself, in another form than JSON.
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

// existenceChecker is an input that names something which may not be there. The contract
// wants that told (404) before bad parameters (422).
type existenceChecker interface{ checkExists(*request) error }

// decodeInput decodes the input of a call.
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

// locateError says of a bad value of the domain where in the request it stood.
func locateError(c *request, err error) error {
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return httpx.InQuery(err)
	}
	return httpx.InBody(err)
}

// workspaceParamOf reads the parameter that tells a member of several workspaces
// which one is meant.
func workspaceParamOf(r *http.Request) (string, error) {
	if !strings.Contains(r.URL.RawQuery, "workspace_id") {
		return "", nil
	}
	values := r.URL.Query()["workspace_id"]
	if len(values) != 1 {
		return "", nil // decode tells about it
	}
	u, ok := app.ParseID(values[0])
	if !ok {
		return "", httpx.ParamErrors{paramError("query", "workspace_id", "must be a UUID", "uuid")}
	}
	return u, nil
}

// noBody is the input of a route without parameters, and the output of one
// without an answer.
type noBody struct{}
