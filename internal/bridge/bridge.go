// Package bridge connects an MCP host that only starts processes, such as Claude
// Desktop, to a Memo server. It sends each JSON-RPC message on stdin, one per line,
// as a POST to the server's /mcp with the API key, and writes the responses to
// stdout, one per line.
//
// It is transparent: it knows no tools and passes messages and responses on
// unchanged, in every protocol revision. It reads from them only what HTTP headers
// must repeat. An error outside the protocol, such as a missing key or a server
// that cannot be reached, becomes a JSON-RPC error whose message a person can
// understand. docs/decisions.md says why this is not the SDK's client and server.
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
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/remote"
)

const (
	maxMessage    = 1 << 20  // bytes of one line from the host
	maxResponse   = 16 << 20 // bytes of one response, or of one event of a stream
	maxConcurrent = 16       // requests that the server handles at one time
	maxQueued     = 256      // messages read from the host and not yet sent
)

// Config configures a bridge.
type Config struct {
	// URL is the address of the server, such as https://memo.example.com, with or
	// without /mcp at the end.
	URL     string
	Key     string
	Version string       // version of this program, for the User-Agent
	HTTP    *http.Client // its transport is used; if nil, New creates one
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
	b.key, badKey = remote.ReadKey(cfg.Key)
	if b.endpoint, badURL = remote.ReadURL(cfg.URL, false); badURL == nil {
		b.endpoint += "/mcp"
	}
	b.configError = cmp.Or(badKey, badURL)
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = maxConcurrent
	b.http = remote.NewClient(cmp.Or(cfg.HTTP, &http.Client{Transport: t}).Transport)
	return b
}

// run is the state of one call of [Bridge.Run].
type run struct {
	*Bridge
	stop    context.CancelCauseFunc
	queue   chan *message
	calls   sync.Map     // unfinished requests (*message), by their id as the host wrote it
	version atomic.Value // the protocol version (string) that initialize agreed on

	writing sync.Mutex
	out     io.Writer
}

// errStdout is the reason why a run stops after a failed write.
var errStdout = errors.New("stdout")

// Run passes messages on until in ends, a write to out fails or ctx is done. After
// the end of in, running messages get five more seconds. The error is that of the
// configuration, in or out, and is also logged. A blocked Read of in may continue
// after Run returns.
func (b *Bridge) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	if b.configError != nil {
		b.log.write(b.configError.Error())
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s := &run{Bridge: b, out: out, stop: stop, queue: make(chan *message, maxQueued)}
	read, finished := make(chan error, 1), make(chan struct{})
	go func() { read <- s.read(ctx, in) }()
	go func() {
		s.dispatch(ctx)
		close(finished)
	}()
	var err error
	select {
	case <-ctx.Done():
	case err = <-read:
		select {
		case <-finished:
		case <-ctx.Done():
		case <-time.After(b.drainTime):
		}
	}
	stop(nil)
	select {
	case <-finished:
	case <-time.After(time.Second): // a write is blocked
	}
	if cause := context.Cause(ctx); errors.Is(cause, errStdout) {
		err = cause
	}
	if err != nil {
		b.log.write(remote.CleanText(err.Error()))
	}
	return cmp.Or(err, b.configError)
}

// read queues the messages of the host until the end of in. It cancels requests
// itself, because those that wait in the queue can be cancelled too.
func (s *run) read(ctx context.Context, in io.Reader) error {
	defer close(s.queue)
	for lines := newLines(in, maxMessage); ; {
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
		m, invalid := parseMessage(line, tooLong)
		if invalid != nil {
			s.write(ctx, newError(nil, invalid))
			continue
		}
		if m.Method == "notifications/cancelled" {
			if call, ok := s.calls.Load(m.cancelledID()); ok {
				call.(*message).cancel()
			}
		}
		m.ctx, m.cancel = context.WithCancel(ctx)
		if m.isRequest() {
			s.calls.Store(string(m.ID), m)
		}
		select {
		case s.queue <- m:
		case <-ctx.Done():
			return nil
		}
	}
}

// dispatch sends the queued messages, in their order. Requests run concurrently, but
// a message after an initialize or a notification waits until that one has been
// handled, because the host expects the server to know of it.
func (s *run) dispatch(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, maxConcurrent)
	for {
		var m *message
		select {
		case m = <-s.queue: // nil at the end
		case <-ctx.Done():
		}
		if m == nil {
			return
		}
		select {
		case slots <- struct{}{}:
		case <-m.ctx.Done():
			s.finish(m)
			continue
		}
		handle := func() {
			s.send(m)
			s.finish(m)
			<-slots
		}
		if m.Method == "initialize" || m.Method != "" && !m.isRequest() {
			handle()
		} else {
			running.Go(handle)
		}
	}
}

func (s *run) finish(m *message) {
	s.calls.CompareAndDelete(string(m.ID), m)
	m.cancel()
}

// send sends one message and reports an error to the host, unless the request was
// cancelled.
func (s *run) send(m *message) {
	err := s.configError
	if err == nil {
		err = s.post(m)
	}
	if err == nil || m.ctx.Err() != nil {
		return
	}
	s.log.write(remote.CleanText(err.Error()))
	if m.isRequest() {
		e, ok := errors.AsType[*jsonrpc.Error](err)
		if !ok {
			e = &jsonrpc.Error{Code: codeServer, Message: err.Error()}
		}
		s.write(m.ctx, newError(m.ID, e))
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
		s.stop(fmt.Errorf("%w: %w", errStdout, err))
	}
}
