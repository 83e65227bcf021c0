package rest

import (
	"net/http"
	"reflect"

	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/params"
)

// accessLevel says who may call a route.
type accessLevel uint8

const (
	byKey    accessLevel = iota // an API key with the scope rest; counted as a data call
	byExport                    // byKey, and with the scope export
	byMember                    // a signed-in member of a workspace; counted as a management call
	byUser                      // a signed-in user, for their own sessions
	bySignIn                    // anyone, but not from a page of another site
	public                      // anyone
)

// route is a row of the route table. To add a route:
//   - add a row to [API.table];
//   - add its input and output types and its function next to similar ones;
//   - add the name of its output type to componentNames in openapi.go;
//   - add a row in matrix_test.go, which fails without one;
//   - run `go test ./internal/rest -update`, which writes testdata/openapi.json.
type route struct {
	method, path string
	name         string // operationId
	doc          string // one sentence
	access       accessLevel
	status       int // of a successful response
	in, out      reflect.Type
	handle       func(*request) error
}

// table returns every route.
func (a *API) table() []route {
	const (
		transcriptions = Prefix + "/transcriptions"
		keys           = Prefix + "/keys"
		webhooks       = Prefix + "/webhooks"
		session        = "/api/v1/session"
	)
	const get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	return []route{
		endpoint(get, transcriptions, "listTranscriptions", "Lists the workspace's transcriptions, without their text.",
			byKey, 200, listTranscriptions),
		endpoint(get, transcriptions+"/changes", "listChanges",
			"Lists transcriptions that were added, changed or deleted since a cursor, oldest first.", byKey, 200, listChanges),
		endpoint(get, transcriptions+"/{id}", "getTranscription",
			"Reads one transcription with its text, segments and AI reports.", byKey, 200, getTranscription),
		endpoint(get, transcriptions+"/{id}/export", "exportTranscription", "Exports one transcription as a file.",
			byExport, 200, exportTranscription),
		endpoint(post, transcriptions+"/export", "exportTranscriptions",
			"Exports 1 to 100 transcriptions as one ZIP, streamed.", byExport, 200, exportTranscriptions),
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

		endpoint(get, Prefix+"/key-policy", "getKeyPolicy", "Shows the key policy of a workspace.", byMember, 200,
			getKeyPolicy),
		endpoint(put, Prefix+"/key-policy", "setKeyPolicy",
			"Sets the key policy of a workspace, for an OWNER. It applies to existing keys at once.", byMember, 200,
			setKeyPolicy),

		endpoint(get, webhooks, "listWebhooks", "Lists the webhooks of a workspace, for an OWNER.", byMember, 200,
			listWebhooks),
		endpoint(post, webhooks, "createWebhook",
			"Adds a webhook, for an OWNER. The response is the only place that shows its secret.", byMember, 201, createWebhook),
		endpoint(get, webhooks+"/{id}", "getWebhook", "Shows one webhook.", byMember, 200, getWebhook),
		endpoint(patch, webhooks+"/{id}", "updateWebhook",
			"Changes the URL or the events of a webhook, or pauses or resumes it.", byMember, 200, updateWebhook),
		endpoint(del, webhooks+"/{id}", "deleteWebhook", "Deletes a webhook and its deliveries.", byMember, 204,
			deleteWebhook),
		endpoint(post, webhooks+"/{id}/rotate", "rotateWebhook",
			"Replaces the secret of a webhook. The previous one also signs for 24 hours.", byMember, 201, rotateWebhook),
		endpoint(post, webhooks+"/{id}/test", "testWebhook", "Sends a test event to a webhook.", byMember, 202, testWebhook),
		endpoint(get, webhooks+"/{id}/deliveries", "listDeliveries", "Lists the deliveries of a webhook, newest first.",
			byMember, 200, listDeliveries),
		endpoint(post, webhooks+"/{id}/deliveries/{delivery}/resend", "resendDelivery",
			"Sends a delivery again, with the same id.", byMember, 202, resendDelivery),

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

// endpoint returns a route that decodes In, calls f, and writes Out with this status: a [noBody], a
// [storedJSON], a [download], or any other value as JSON.
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
			switch out := any(out).(type) {
			case noBody:
				c.w.Header().Set("Cache-Control", "private, no-store")
				c.w.WriteHeader(status)
			case storedJSON:
				return c.cacheAndWrite(out)
			case download:
				return out.send(c)
			default:
				httpx.WriteJSON(c.w, c.r, status, out)
			}
			return nil
		},
	}
}

// isData reports whether the route is for callers with an API key.
func (rt route) isData() bool { return rt.access == byKey || rt.access == byExport }

// isCached reports whether the responses of the route are cached.
func (rt route) isCached() bool { return rt.out.Implements(reflect.TypeFor[storedJSON]()) }

// isCompressed reports whether [httpx.Compress] may compress the responses of the route: not those that are
// compressed before they are cached, nor an archive, nor what may have a secret in it.
func (rt route) isCompressed() bool {
	return (rt.isData() || rt.access == public) && !rt.isCached() && rt.name != "exportTranscriptions"
}

// locateError returns an error about an invalid value with its location: the query for GET and
// HEAD, the body for other methods.
func locateError(c *request, err error) error {
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return params.InvalidValue("query", err)
	}
	return err // httpx.WriteError takes it to be in the body
}

// noBody is the input of a route without parameters and the output of one without a body.
type noBody struct{}
