package oauth

import (
	"cmp"
	"context"
	"net/url"
	"regexp"

	"memoai.tech/memo"
)

// Request is a request of a client for the consent of a member.
type Request struct {
	Client memo.Client
	// Published reports whether the host published the client's name, so that it can be trusted as
	// much as the host.
	Published   bool
	RedirectURI string
	// AnswerHost is where the code goes: a host, a scheme such as "cursor://", or "" for a program on
	// the user's computer.
	AnswerHost string
	Challenge  string
	state      string
	issuer     string
}

// RefusedRequest is a request that is answered to the client, with an error.
type RefusedRequest struct {
	URL  string // where the browser goes
	Host string // the AnswerHost of the request
	Err  *Error
}

func (e *RefusedRequest) Error() string { return e.Err.Error() }

var challengeForm = regexp.MustCompile(`^[0-9A-Za-z_-]{43}$`)

// maxState is the longest state in bytes.
const maxState = 4 << 10

// ReadRequest reads the parameters of the authorization endpoint. It may fetch the metadata of the
// client, so only call it for a signed-in user.
//
// The error is a *[RefusedRequest] if the client and its redirect URI are known, and otherwise an
// *[Error] for a page: the answer must not go to an address that nothing vouches for.
func (s *Server) ReadRequest(ctx context.Context, form url.Values, issuer string) (*Request, error) {
	if err := checkRepeated(form); err != nil {
		return nil, err
	}
	asked, ok := parseRedirect(form.Get("redirect_uri"))
	if !ok {
		return nil, &Error{"invalid_request", "The app did not say where to return to, or named an address that Memo does " +
			"not send codes to (redirect_uri)."}
	}
	q := &Request{
		RedirectURI: form.Get("redirect_uri"), AnswerHost: asked.host, Challenge: form.Get("code_challenge"),
		state: form.Get("state"), issuer: issuer,
	}
	if err := s.readClient(ctx, q, form.Get("client_id"), asked); err != nil {
		return nil, err
	}
	refuse := func(code, description string) (*Request, error) {
		return nil, q.refusal(&Error{code, description})
	}
	switch {
	case len(q.state) > maxState:
		q.state = ""
		return refuse("invalid_request", "The state is longer than 4 kB.")
	case form.Get("response_type") != "code":
		return refuse("unsupported_response_type", "The response_type must be code.")
	case form.Get("code_challenge_method") != "S256" || !challengeForm.MatchString(q.Challenge):
		return refuse("invalid_request", "PKCE is required: code_challenge with code_challenge_method=S256.")
	case form.Get("response_mode") != "" && form.Get("response_mode") != "query":
		return refuse("invalid_request", "The response_mode must be query.")
	case form.Get("prompt") == "none":
		return refuse("consent_required", "Memo always asks for consent.")
	}
	if err := checkResource(form, issuer); err != nil {
		return nil, q.refusal(err.(*Error))
	}
	return q, nil
}

// readClient finds the client and checks that it may get its answer at asked.
func (s *Server) readClient(ctx context.Context, q *Request, id string, asked redirect) error {
	var uris []string
	if g, ok := parseRegistered(id); ok {
		uris = g.URIs
		q.Client = memo.Client{ID: id, Name: cmp.Or(g.Name, asked.host, "An app on this computer"), Host: asked.host}
	} else if isDocumentURL(id) {
		d, err := s.documents.find(ctx, id, asked)
		if err != nil {
			return &Error{"invalid_client", "Memo could not read who the app is from " + id + ": " +
				memo.Printable(err.Error(), 200) + ". Connect it with an API key instead."}
		}
		uris, q.Published = d.URIs, true
		q.Client = memo.Client{ID: id, Name: cmp.Or(cleanName(d.Name), hostOf(id)), Host: hostOf(id)}
	} else {
		return &Error{"invalid_client", "Memo does not know this app. Remove its connection to Memo in the app and " +
			"connect it again."}
	}
	if !allows(uris, asked) {
		return &Error{"invalid_request", "The app wants to return to an address that it has not registered (redirect_uri)."}
	}
	return nil
}

// refusal returns the error with the URL that gives it to the client.
func (q *Request) refusal(e *Error) *RefusedRequest {
	return &RefusedRequest{q.answer("error", e.Code, "error_description", e.Description), q.AnswerHost, e}
}

// CodeURL returns the URL that gives the client a code.
func (q *Request) CodeURL(code string) string { return q.answer("code", code) }

// DeniedURL returns the URL that gives the client the member's refusal.
func (q *Request) DeniedURL() string {
	return q.refusal(&Error{"access_denied", "The member did not allow it."}).URL
}

// answer returns the redirect URI with parameters, the state, and the issuer (RFC 9207).
func (q *Request) answer(params ...string) string {
	u, err := url.Parse(q.RedirectURI)
	if err != nil {
		return q.RedirectURI // parseRedirect has parsed it before
	}
	values := u.Query()
	for i := 0; i < len(params); i += 2 {
		values.Set(params[i], params[i+1])
	}
	if q.state != "" {
		values.Set("state", q.state)
	}
	values.Set("iss", q.issuer)
	u.RawQuery = values.Encode()
	return u.String()
}
