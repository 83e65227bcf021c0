// Package bridge connects an MCP host that only starts processes, such as Claude
// Desktop, to a Memo server. It sends each JSON-RPC message on stdin, one per line,
// as a POST to the server's /mcp with the API key, and writes the responses to
// stdout, one per line.
//
// It is transparent: it knows no tools and passes messages and responses on
// unchanged, in every protocol revision. It reads from them only what HTTP headers
// must repeat. An error outside the protocol, such as a missing key or a server
// that cannot be reached, becomes a JSON-RPC error whose message a person can
// understand.
//
// The key is sent only to the configured server, and only over TLS or on loopback.
// It is not sent after a redirect and does not appear in an error message.
package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"memoai.tech/memo/internal/credential"
)

const (
	maxMessage    = 1 << 20  // bytes of one line from the host
	maxResponse   = 16 << 20 // bytes of one response, or of one event of a stream
	maxConcurrent = 16       // requests that the server handles at one time
	maxQueued     = 256      // messages read from the host and not finished
)

// Config configures a bridge.
type Config struct {
	// URL is the address of the server, such as https://memo.example.com, with or
	// without /mcp at the end.
	URL     string
	Key     string
	Version string       // version of this program, for the User-Agent
	HTTP    *http.Client // if nil, New creates one
	Log     io.Writer    // receives each different error message once; may be nil
}

// Bridge connects one host to one server.
type Bridge struct {
	endpoint    string // ends in /mcp and contains no secret
	key         credential.Key
	userAgent   string
	http        *http.Client
	configError error // set if the configuration is invalid
	log         onceLog

	timeout   time.Duration // for a response that is not a stream
	drainTime time.Duration // for messages that are running when stdin ends
}

// New returns a bridge, even if the configuration is invalid. The bridge then sends
// nothing to the server and responds to each request with the error, because a
// host shows its user the responses of a server rather than the exit of a process.
func New(cfg Config) *Bridge {
	b := &Bridge{
		userAgent: "memo-mcp/" + cfg.Version, log: onceLog{w: cfg.Log},
		timeout: 60 * time.Second, drainTime: 5 * time.Second,
	}
	var badKey, badURL error
	b.key, badKey = readKey(cfg.Key)
	b.endpoint, badURL = readURL(cfg.URL)
	b.configError = cmp.Or(badKey, badURL)
	client := http.Client{}
	if cfg.HTTP != nil {
		client = *cfg.HTTP
	} else {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = maxConcurrent
		client.Transport = t
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	b.http = &client
	return b
}

// Run passes messages on until in ends, a write to out fails or ctx is done. After
// the end of in, running messages get five more seconds. The error is that of the
// configuration, in or out, and is also logged. A blocked Read of in may continue
// after Run returns.
func (b *Bridge) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	if b.configError != nil {
		b.log.write(b.configError.Error())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &run{
		Bridge: b, out: out, broken: make(chan error, 1), stop: stop, calls: map[string]*message{},
		atServer: make(chan struct{}, maxConcurrent), waiting: make(chan struct{}, maxQueued),
	}
	readDone := make(chan error, 1)
	go func() { readDone <- s.read(ctx, in) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-readDone:
		s.drain(ctx, b.drainTime)
	}
	stop()
	s.drain(context.WithoutCancel(ctx), time.Second) // their contexts are cancelled
	select {
	case err = <-s.broken:
	default:
	}
	if err != nil {
		b.log.write(cleanText(err.Error()))
	}
	return cmp.Or(err, b.configError)
}

// run is the state of one call of [Bridge.Run].
type run struct {
	*Bridge
	stop     context.CancelFunc
	broken   chan error    // the first error of a write to out
	atServer chan struct{} // holds an element for each message at the server
	waiting  chan struct{} // holds an element for each unfinished message
	drained  int           // elements of waiting that drain sent

	// settled is closed when the latest initialize or notification has been
	// handled; nil before the first. Only read and dispatch use it.
	settled chan struct{}

	writing sync.Mutex
	out     io.Writer

	mu      sync.Mutex
	version string              // the protocol version that initialize agreed on
	calls   map[string]*message // running requests, by their id as the host wrote it
}

// read reads messages from the host until the end of in.
func (s *run) read(ctx context.Context, in io.Reader) error {
	lines := newLines(in, maxMessage)
	for {
		line, tooLong, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("stdin: %w", err)
		}
		if len(line) == 0 && !tooLong {
			continue
		}
		m, invalid := parseMessage(line)
		if tooLong {
			invalid = &rpcError{
				Code:    codeInvalidRequest,
				Message: fmt.Sprintf("The message is too long. The maximum is %d bytes.", maxMessage),
			}
		}
		if invalid != nil {
			s.write(ctx, invalid.reply(nil))
			continue
		}
		select {
		case s.waiting <- struct{}{}:
			s.dispatch(ctx, m)
		case <-ctx.Done():
			return nil
		}
	}
}

// dispatch starts the handling of a message. Requests run concurrently, but a
// message after an initialize or a notification waits until that one has been
// handled, because the host expects the server to know of it.
func (s *run) dispatch(ctx context.Context, m *message) {
	if m.Method == "notifications/cancelled" {
		s.cancel(m.cancelledID())
	}
	ctx, m.cancel = context.WithCancel(ctx)
	if m.isRequest() {
		s.mu.Lock()
		s.calls[string(m.ID)] = m
		s.mu.Unlock()
	}
	before, done := s.settled, make(chan struct{})
	if m.Method == "initialize" || m.Method != "" && !m.isRequest() {
		s.settled = done
	}
	go func() {
		defer func() {
			s.removeCall(m)
			m.cancel()
			close(done)
			<-s.waiting
		}()
		if before != nil {
			select {
			case <-before:
			case <-ctx.Done():
				return
			}
		}
		select {
		case s.atServer <- struct{}{}:
			defer func() { <-s.atServer }()
			s.sendAndForward(ctx, m)
		case <-ctx.Done():
		}
	}()
}

// sendAndForward sends one message and reports an error to the host, unless the
// request was cancelled.
func (s *run) sendAndForward(ctx context.Context, m *message) {
	err := s.post(ctx, m)
	if err == nil || ctx.Err() != nil {
		return
	}
	s.log.write(cleanText(err.Error()))
	if m.isRequest() {
		e, ok := errors.AsType[*rpcError](err)
		if !ok {
			e = &rpcError{Code: codeServer, Message: err.Error()}
		}
		s.write(ctx, e.reply(m.ID))
	}
}

// cancel ends the request with this id. No response to it is written after that.
func (s *run) cancel(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.calls[id]; m != nil {
		m.cancel()
	}
}

func (s *run) removeCall(m *message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[string(m.ID)] == m {
		delete(s.calls, string(m.ID))
	}
}

// write writes one line to stdout, unless ctx is done.
func (s *run) write(ctx context.Context, data []byte) {
	line := s.formatLine(data)
	s.writing.Lock()
	defer s.writing.Unlock()
	if ctx.Err() != nil {
		return
	}
	if _, err := s.out.Write(line); err != nil {
		select {
		case s.broken <- fmt.Errorf("stdout: %w", err):
		default:
		}
		s.stop()
	}
}

// drain waits until no message is running, which is when it has filled all of
// s.waiting.
func (s *run) drain(ctx context.Context, limit time.Duration) {
	end := time.NewTimer(limit)
	defer end.Stop()
	for s.drained < cap(s.waiting) {
		select {
		case s.waiting <- struct{}{}:
			s.drained++
		case <-end.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
