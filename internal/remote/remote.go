// Package remote has what the commands that call a Memo server with an API key share:
// they read the key and the address, and say what is wrong in words for a person.
//
// No message contains a key.
package remote

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

// UserError is an error whose text is shown to a person: what is wrong and what to
// do.
type UserError string

func (s UserError) Error() string { return string(s) }

// Errorf returns a formatted UserError.
func Errorf(format string, args ...any) error { return UserError(fmt.Sprintf(format, args...)) }

// Errors of the configuration. They do not repeat the configured values, which may
// contain a secret.
const (
	ErrNoKey UserError = "MEMO_API_KEY is not set. Create an API key in Memo under Settings → API & MCP and put " +
		"it into the environment variable MEMO_API_KEY."
	ErrBadKey UserError = "MEMO_API_KEY is not a complete API key. A key is " + credential.KeyPrefix +
		" and 38 letters or digits. Copy the key again, or create a new one in Settings → API & MCP."
	ErrBadURL   UserError = "MEMO_URL is not the URL of a server. Use a URL such as https://memo.example.com"
	ErrKeyInURL UserError = "MEMO_URL contains an API key, and URLs end up in logs and histories. Put the key into " +
		"MEMO_API_KEY only, and rotate it in Settings → API & MCP."
	ErrUserinfo UserError = "MEMO_URL contains a user name or a password. Remove it: Memo needs only the API key in " +
		"MEMO_API_KEY."
	ErrUnencrypted UserError = "MEMO_URL begins with http://, so the API key would be sent unencrypted. Use https://, " +
		"or a server on this machine such as http://127.0.0.1:8080"
)

// ReadKey returns the API key in the value of MEMO_API_KEY.
func ReadKey(s string) (credential.Key, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return credential.Key{}, ErrNoKey
	}
	key, ok := credential.ParseKey(s)
	if !ok {
		return credential.Key{}, ErrBadKey
	}
	return key, nil
}

// ReadURL returns the URL of a server without a slash or /mcp at its end. It contains
// no secret. insecure allows http:// for hosts other than this machine.
func ReadURL(s string, insecure bool) (string, error) {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	switch {
	case memo.HasKeyPrefix(s), err == nil &&
		memo.HasKeyPrefix(u.Path+u.Fragment+u.Query().Encode()):
		return "", ErrKeyInURL
	case err != nil:
		return "", ErrBadURL
	case u.User != nil:
		return "", ErrUserinfo
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.RawQuery != "", u.Fragment != "":
		return "", ErrBadURL
	case u.Scheme == "http" && !insecure && !isLoopbackHost(u.Hostname()):
		return "", ErrUnencrypted
	}
	return strings.TrimSuffix(strings.TrimRight(u.String(), "/"), "/mcp"), nil
}

// isLoopbackHost reports whether a host is localhost or a loopback address. It does
// not resolve names.
func isLoopbackHost(host string) bool {
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.Unmap().IsLoopback()
}

// NewClient returns a client with the given transport that does not follow redirects,
// so that the key is sent to no other server.
func NewClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// TransportError returns the message for a request to address that got no complete
// response.
func TransportError(address string, timedOut bool, err error) error {
	var dns *net.DNSError
	var network net.Error
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	reason := err // without its request and address
	if e, ok := errors.AsType[*url.Error](reason); ok {
		reason = e.Err
	}
	if e, ok := errors.AsType[*net.OpError](reason); ok {
		reason = e.Err
	}
	switch text := CleanText(reason.Error()); {
	case timedOut, errors.As(err, &network) && network.Timeout():
		return Errorf("Memo at %s did not answer in time. Is the server running, and is MEMO_URL right?", address)
	case errors.As(err, &dns):
		return Errorf("The host %s was not found. Check the address in MEMO_URL.", CleanText(dns.Name))
	case errors.As(err, &certificate), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch):
		return Errorf("No secure connection to %s: %s. Check MEMO_URL and the server's certificate.", address, text)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Errorf("Memo at %s closed the connection before its response was complete. Is the server running? "+
			"Try again.", address)
	default:
		return Errorf("Memo at %s could not be reached: %s. Is the server running, and is MEMO_URL right?",
			address, text)
	}
}

// NotMemoError returns the message for a response that does not come from Memo.
func NotMemoError(address, contentType string) error {
	return Errorf("The server at %s is not Memo (it sent %s). Put the address of the Memo server into MEMO_URL.",
		address, cmp.Or(CleanText(contentType), "nothing"))
}

// RedirectError returns the message for a response that redirects.
func RedirectError(address string, resp *http.Response) error {
	to := "somewhere else"
	if l, err := resp.Location(); err == nil {
		to = CleanText(l.Scheme + "://" + l.Host)
	}
	return Errorf("%s redirects to %s, and the API key was not sent there. If that is your Memo server, put its "+
		"address into MEMO_URL.", address, to)
}

var challengeDescription = regexp.MustCompile(`error_description="([^"]*)"`)

// UnauthorisedReason returns why a key got a 401.
func UnauthorisedReason(resp *http.Response) string {
	challenges := strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")
	if m := challengeDescription.FindStringSubmatch(challenges); m != nil {
		return CleanText(m[1])
	}
	return "The API key is not valid"
}

// CleanText makes text from outside safe for a message: short, on one line and
// without API keys.
func CleanText(s string) string {
	return memo.Printable(strings.Join(strings.Fields(s), " "), 500)
}
