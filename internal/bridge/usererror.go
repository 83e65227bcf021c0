package bridge

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

// userError is an error whose text is shown to a person: what is wrong and what to
// do.
type userError string

func (s userError) Error() string { return string(s) }

func userErrorf(format string, args ...any) error { return userError(fmt.Sprintf(format, args...)) }

// Errors of the configuration. They do not repeat the configured values, which may
// contain a secret.
const (
	errNoKey userError = "MEMO_API_KEY is not set. Create an API key in Memo under Settings → API & MCP and put " +
		"it into MEMO_API_KEY, in the settings of this MCP server."
	errBadKey userError = "MEMO_API_KEY is not a complete API key. A key is " + credential.KeyPrefix +
		" and 38 letters or digits. Copy the key again, or create a new one in Settings → API & MCP."
	errBadURL   userError = "MEMO_URL is not the URL of a server. Use a URL such as https://memo.example.com"
	errKeyInURL userError = "MEMO_URL contains an API key, and URLs end up in logs and histories. Put the key into " +
		"MEMO_API_KEY only, and rotate it in Settings → API & MCP."
	errUserinfo userError = "MEMO_URL contains a user name or a password. Remove it: Memo needs only the API key in " +
		"MEMO_API_KEY."
	errUnencrypted userError = "MEMO_URL begins with http://, so the API key would be sent unencrypted. Use https://, " +
		"or a server on this machine such as http://127.0.0.1:8080"
)

// errTooLong is returned for a response of more than maxResponse bytes.
var errTooLong = userErrorf("The server's response is longer than %d MiB. Ask for less at once.", maxResponse>>20)

func readKey(s string) (credential.Key, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return credential.Key{}, errNoKey
	}
	key, ok := credential.ParseKey(s)
	if !ok {
		return credential.Key{}, errBadKey
	}
	return key, nil
}

// readURL returns the URL of /mcp. It contains no secret.
func readURL(s string) (string, error) {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	switch {
	case memo.HasKeyPrefix(s), err == nil &&
		memo.HasKeyPrefix(u.Path+u.Fragment+u.Query().Encode()):
		return "", errKeyInURL
	case err != nil:
		return "", errBadURL
	case u.User != nil:
		return "", errUserinfo
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.RawQuery != "", u.Fragment != "":
		return "", errBadURL
	case u.Scheme == "http" && !isLoopbackHost(u.Hostname()):
		return "", errUnencrypted
	}
	return strings.TrimSuffix(strings.TrimRight(u.String(), "/"), "/mcp") + "/mcp", nil
}

// isLoopbackHost reports whether a host is localhost or a loopback address. It does
// not resolve names.
func isLoopbackHost(host string) bool {
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.Unmap().IsLoopback()
}

// transportError returns the message for a request that got no complete response.
func (b *Bridge) transportError(ctx context.Context, err error) error {
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
	switch text := cleanText(reason.Error()); {
	case context.Cause(ctx) == errTimeout, errors.As(err, &network) && network.Timeout():
		return userErrorf("Memo at %s did not answer in time. Is the server running, and is MEMO_URL right?", b.endpoint)
	case errors.As(err, &dns):
		return userErrorf("The host %s was not found. Check the address in MEMO_URL.", cleanText(dns.Name))
	case errors.As(err, &certificate), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch):
		return userErrorf("No secure connection to %s: %s. Check MEMO_URL and the server's certificate.", b.endpoint, text)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return userErrorf("Memo at %s closed the connection before its response was complete. Is the server running? "+
			"Try again.", b.endpoint)
	default:
		return userErrorf("Memo at %s could not be reached: %s. Is the server running, and is MEMO_URL right?",
			b.endpoint, text)
	}
}

// notMemoError returns the message for a response that does not come from Memo.
func (b *Bridge) notMemoError(contentType string) error {
	return userErrorf("The server at %s is not Memo (it sent %s). Put the address of the Memo server into MEMO_URL.",
		b.endpoint, cmp.Or(cleanText(contentType), "nothing"))
}

var challengeDescription = regexp.MustCompile(`error_description="([^"]*)"`)

// statusError returns the error for a response with a status other than 2xx.
func (b *Bridge) statusError(resp *http.Response, contentType string, body []byte) error {
	var a struct {
		JSONRPC string         `json:"jsonrpc"`
		Error   *jsonrpc.Error `json:"error"`
		Detail  jsontext.Value `json:"detail"`
		Request string         `json:"request_id"`
	}
	if json.Unmarshal(body, &a) == nil && a.JSONRPC == "2.0" && a.Error != nil {
		return a.Error
	}
	var coded struct {
		Message string `json:"message"`
	}
	detail := jsonString(a.Detail)
	if json.Unmarshal(a.Detail, &coded) == nil {
		detail = coded.Message
	} else if contentType == "text/plain" {
		detail, _, _ = strings.Cut(string(body[:min(len(body), 500)]), "\n")
	}
	status := resp.StatusCode
	detail = cmp.Or(cleanText(detail), http.StatusText(status))
	switch {
	case status/100 == 3:
		to := "somewhere else"
		if l, err := resp.Location(); err == nil {
			to = cleanText(l.Scheme + "://" + l.Host)
		}
		return userErrorf("%s redirects to %s, and the API key was not sent there. If that is your Memo server, put its "+
			"address into MEMO_URL.", b.endpoint, to)
	case status == http.StatusUnauthorized:
		why := "The API key is not valid"
		challenges := strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")
		if m := challengeDescription.FindStringSubmatch(challenges); m != nil {
			why = cleanText(m[1])
		}
		return userErrorf("%s. Create a new key in Settings → API & MCP, put it into MEMO_API_KEY and restart this MCP "+
			"server.", why)
	case status == http.StatusForbidden && coded.Message != "":
		return userErrorf("%s", detail)
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return userErrorf("There is no Memo server at %s (status %d). Put the address of the Memo server into MEMO_URL.",
			b.endpoint, status)
	case status == http.StatusTooManyRequests:
		return userErrorf("The rate limit of this API key is reached. Try again %s.", retryText(resp))
	case status == http.StatusServiceUnavailable:
		return userErrorf("Memo at %s is busy or unavailable. Try again %s.", b.endpoint, retryText(resp))
	case status >= 500:
		if a.Request != "" {
			detail += ", request " + cleanText(a.Request)
		}
		return userErrorf("Memo at %s failed (status %d: %s). Try again, or contact the operator of the server.",
			b.endpoint, status, detail)
	}
	return userErrorf("Memo at %s did not accept this message (status %d: %s).", b.endpoint, status, detail)
}

// retryText returns the time in Retry-After, such as "in 17 s", or "in a moment" if
// the response has none.
func retryText(resp *http.Response) string {
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
		return fmt.Sprintf("in %d s", n)
	}
	return "in a moment"
}

// cleanText makes text from outside safe for a message: short, on one line and
// without API keys.
func cleanText(s string) string {
	return memo.Printable(strings.Join(strings.Fields(s), " "), 500)
}

// onceLog writes each different line once. After 1,000 lines it starts over, so that
// its memory is bounded.
type onceLog struct {
	mu   sync.Mutex
	w    io.Writer
	seen map[string]bool
}

func (l *onceLog) write(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w == nil || l.seen[line] {
		return
	}
	if len(l.seen)%1000 == 0 {
		l.seen = map[string]bool{}
	}
	l.seen[line] = true
	fmt.Fprintf(l.w, "memo mcp: %s\n", line)
}
