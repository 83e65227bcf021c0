package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/remote"
	"memoai.tech/memo/internal/transcript"
)

const (
	maxPage  = 32 << 20         // bytes of a page of changes
	maxTries = 6                // of a request that the server cannot answer now
	maxWait  = 10 * time.Minute // for a rate limit
	idleTime = 60 * time.Second // without a byte from the server
)

// client sends requests to the API. It waits as the server asks, and repeats requests
// that failed for a reason that passes.
type client struct {
	api       string
	key       credential.Key
	format    transcript.Format
	userAgent string
	http      *http.Client
	wait      func(reason string)
	backoff   time.Duration // before the second try; twice as long before each later one
	reached   bool          // the server has responded before
}

func newClient(cfg Config) (*client, error) {
	key, badKey := remote.ReadKey(cfg.Key)
	address, badURL := remote.ReadURL(cfg.URL, cfg.InsecureHTTP)
	if err := errors.Join(badKey, badURL); err != nil {
		return nil, err
	}
	c := &client{
		api: address + "/api/v1/developer", key: key, format: cfg.Format, userAgent: "memo-pull/" + cfg.Version,
		wait: cfg.Wait, backoff: time.Second,
	}
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	c.http = remote.NewClient(cfg.Transport)
	return c, nil
}

// changePage is a page of the change feed.
type changePage struct {
	Changes    []change `json:"changes"`
	NextCursor string   `json:"next_cursor"`
	HasMore    bool     `json:"has_more"`
}

type change struct {
	Type string `json:"type"` // upsert or delete
	ID   string `json:"id"`   // of a delete
	Item *item  `json:"item"` // of an upsert
}

func (c change) id() string {
	if c.Item != nil {
		return c.Item.ID
	}
	return c.ID
}

// item is what a list shows of a transcription, as far as a file needs it.
type item struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt string    `json:"updated_at"`
	Speakers  []struct {
		Name string `json:"name"`
	} `json:"speakers"`
	Topics []struct {
		Title string `json:"title"`
	} `json:"topics"`
	Project *struct {
		Name string `json:"name"`
	} `json:"project"`
}

// errRestarted is returned for a cursor from before a restore of the server.
var errRestarted = errors.New("pull: the change feed starts again")

// errNotFound is returned for a transcription that does not exist now.
var errNotFound = errors.New("pull: not found")

// temporaryError is an error that may pass.
type temporaryError struct {
	error
	after     time.Duration // that the server asks to wait, or 0
	rateLimit bool
}

func (e temporaryError) Unwrap() error { return e.error }

// IsTemporary reports whether an error is one of the server or the network that may pass.
func IsTemporary(err error) bool {
	_, ok := errors.AsType[temporaryError](err)
	return ok
}

// changes returns the page of changes after a cursor.
func (c *client) changes(ctx context.Context, cursor string) (page changePage, err error) {
	query := url.Values{"limit": {"100"}}
	if cursor != "" {
		query.Set("after", cursor)
	}
	err = c.get(ctx, "/transcriptions/changes?"+query.Encode(), func(contentType string, body io.Reader) error {
		page = changePage{}
		data, err := io.ReadAll(io.LimitReader(body, maxPage))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, &page); err != nil || page.NextCursor == "" {
			return remote.NotMemoError(c.api, contentType)
		}
		return nil
	})
	if errors.Is(err, errNotFound) {
		return page, remote.Errorf("There is no Memo server with a change feed at %s. Put the address of the Memo server "+
			"into MEMO_URL, or update the server.", c.api)
	}
	return page, err
}

// download stores the export of a transcription in .memo/new. staged is empty if the
// transcription does not exist any more; the change feed then lists its deletion.
func (p *Folder) download(ctx context.Context, it *item) (staged, sum string, err error) {
	query := "/export?format=" + url.QueryEscape(string(p.cfg.Format))
	err = p.client.get(ctx, "/transcriptions/"+url.PathEscape(it.ID)+query, func(_ string, body io.Reader) (err error) {
		if p.cfg.Format == transcript.Markdown {
			body = io.MultiReader(strings.NewReader(it.frontMatter()), body)
		}
		staged, sum, err = p.stage(body)
		return err
	})
	if errors.Is(err, errNotFound) {
		return "", "", nil
	}
	return staged, sum, err
}

// get sends a GET request and passes the body of a 200 to read, until that succeeds or
// fails for a reason that does not pass.
func (c *client) get(ctx context.Context, path string, read func(contentType string, body io.Reader) error) error {
	for tries := 1; ; {
		err := c.try(ctx, path, read)
		reason, ok := errors.AsType[temporaryError](err)
		if !ok || reason.after > maxWait || tries == maxTries || !c.reached {
			return err
		}
		wait := reason.after
		if !reason.rateLimit {
			wait = max(wait, c.backoff<<(tries-1))
			tries++
		}
		if c.wait != nil {
			c.wait(fmt.Sprintf("%s Waiting %s.", err, wait))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// try sends a request once.
func (c *client) try(ctx context.Context, path string, read func(string, io.Reader) error) error {
	requestCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	idle := time.AfterFunc(idleTime, cancel)
	defer idle.Stop()
	failed := func(err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return temporaryError{error: remote.TransportError(c.api, requestCtx.Err() != nil, err)}
	}
	r, err := http.NewRequestWithContext(requestCtx, http.MethodGet, c.api+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.key.Secret())
	r.Header.Set("User-Agent", c.userAgent)
	resp, err := c.http.Do(r)
	if err != nil {
		return failed(err)
	}
	defer resp.Body.Close()
	c.reached = true
	body := &bodyReader{r: resp.Body, idle: idle}
	contentType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode != http.StatusOK {
		return c.statusError(resp, body)
	}
	err = read(contentType, body)
	if body.err != nil {
		return failed(body.err)
	}
	return err
}

// bodyReader reads a body, and stores an error other than io.EOF.
type bodyReader struct {
	r    io.Reader
	idle *time.Timer
	err  error
}

func (b *bodyReader) Read(data []byte) (int, error) {
	n, err := b.r.Read(data)
	if n > 0 {
		b.idle.Reset(idleTime)
	}
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// statusError returns the error for a response with a status other than 200.
func (c *client) statusError(resp *http.Response, body io.Reader) error {
	data, _ := io.ReadAll(io.LimitReader(body, 64<<10))
	detail := errorDetail(data)
	if detail == "" {
		detail = http.StatusText(resp.StatusCode)
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // or 0
	after := time.Duration(seconds) * time.Second
	switch status := resp.StatusCode; {
	case status/100 == 3:
		return remote.RedirectError(c.api, resp)
	case status == http.StatusUnauthorized:
		return remote.Errorf("%s. Create a new key in Settings → API & MCP and put it into MEMO_API_KEY.",
			remote.UnauthorisedReason(resp))
	case status == http.StatusNotFound:
		return errNotFound
	case status == http.StatusGone:
		return errRestarted
	case status == http.StatusUnprocessableEntity && strings.Contains(detail, "next_cursor"):
		return remote.Errorf("This folder has the transcriptions of another workspace than that of the API key. Use a " +
			"folder of its own for each workspace.")
	case status == http.StatusTooManyRequests:
		return temporaryError{remote.Errorf("The rate limit of this API key is reached."), max(after, time.Second), true}
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return temporaryError{remote.Errorf("Memo at %s is busy or unavailable (status %d).", c.api, status), after, false}
	}
	return remote.Errorf("Memo at %s refused the request (status %d: %s).", c.api, resp.StatusCode, detail)
}

// errorDetail returns the text of an error response, or "".
func errorDetail(data []byte) string {
	var e struct {
		Detail jsontext.Value `json:"detail"`
	}
	if json.Unmarshal(data, &e) != nil {
		return ""
	}
	var text string
	var coded struct {
		Message string `json:"message"`
	}
	var fields []struct {
		Msg string `json:"msg"`
	}
	switch {
	case json.Unmarshal(e.Detail, &text) == nil:
	case json.Unmarshal(e.Detail, &coded) == nil:
		text = coded.Message
	case json.Unmarshal(e.Detail, &fields) == nil && len(fields) > 0:
		text = fields[0].Msg
	}
	return remote.CleanText(text)
}
