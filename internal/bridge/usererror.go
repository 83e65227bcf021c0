package bridge

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"memoai.tech/memo/internal/remote"
)

// errTooLong is returned for a response of more than maxResponse bytes.
var errTooLong = remote.Errorf("The server's response is longer than %d MiB. Ask for less at once.", maxResponse>>20)

// transportError returns the message for a request that got no complete response.
func (b *Bridge) transportError(ctx context.Context, err error) error {
	return remote.TransportError(b.endpoint, context.Cause(ctx) == errTimeout, err)
}

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
	detail = cmp.Or(remote.CleanText(detail), http.StatusText(status))
	switch {
	case status/100 == 3:
		return remote.RedirectError(b.endpoint, resp)
	case status == http.StatusUnauthorized:
		return remote.Errorf("%s. Create a new key in Settings → API & MCP, put it into MEMO_API_KEY and restart this MCP "+
			"server.", remote.UnauthorisedReason(resp))
	case status == http.StatusForbidden && coded.Message != "":
		return remote.Errorf("%s", detail)
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return remote.Errorf("There is no Memo server at %s (status %d). Put the address of the Memo server into MEMO_URL.",
			b.endpoint, status)
	case status == http.StatusTooManyRequests:
		return remote.Errorf("The rate limit of this API key is reached. Try again %s.", retryText(resp))
	case status == http.StatusServiceUnavailable:
		return remote.Errorf("Memo at %s is busy or unavailable. Try again %s.", b.endpoint, retryText(resp))
	case status >= 500:
		if a.Request != "" {
			detail += ", request " + remote.CleanText(a.Request)
		}
		return remote.Errorf("Memo at %s failed (status %d: %s). Try again, or contact the operator of the server.",
			b.endpoint, status, detail)
	}
	return remote.Errorf("Memo at %s did not accept this message (status %d: %s).", b.endpoint, status, detail)
}

// retryText returns the time in Retry-After, such as "in 17 s", or "in a moment" if
// the response has none.
func retryText(resp *http.Response) string {
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
		return fmt.Sprintf("in %d s", n)
	}
	return "in a moment"
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
