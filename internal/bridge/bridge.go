// Package bridge lets an MCP host that only starts processes (Claude Desktop)
// use a Memo server: JSON-RPC messages on stdin, one a line, become POSTs to
// the server's /mcp with the API key, and the answers become lines on stdout.
//
// It is transparent. It knows no tool, and a message and its answer pass as
// they are, in every protocol revision; only what HTTP wants in headers is read
// from them. What goes wrong outside the protocol, from a missing key to a
// server that is not there, reaches the host as a JSON-RPC error with a
// sentence that a person understands.
//
// The key goes to the one server that was named, encrypted or on this machine,
// and nowhere else: not after a redirect, not into a sentence.
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
	maxResponse   = 16 << 20 // bytes of one answer, or of one event of a stream
	maxConcurrent = 16       // requests at the server
	maxQueued     = 256      // messages taken from the host and not done with
)

// Config is what a bridge joins.
type Config struct {
	// URL is the server's address, such as https://memo.example.com, with or
	// without /mcp at its end.
	URL     string
	Key     string
	Version string       // of this program, for the User-Agent
	HTTP    *http.Client // nil: one that suits
	Log     io.Writer    // gets each different sentence once; nil: nothing does
}

// Bridge joins one host to one server.
type Bridge struct {
	endpoint    string // ends in /mcp, and has no secret in it
	key         credential.Key
	agent       string
	http        *http.Client
	configError error // what is wrong with the configuration
	log         onceLog

	timeout   time.Duration // for an answer that is not a stream
	drainTime time.Duration // for what is under way when stdin ends
}

// New makes a bridge. It makes one of a bad configuration too: that one sends
// nothing, and tells its host what is wrong, since a host shows its user the
// answers of a server rather than the end of a process.
func New(cfg Config) *Bridge {
	b := &Bridge{
		agent: "memo-mcp/" + cfg.Version, log: onceLog{w: cfg.Log},
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

// Run passes messages on until in ends, out breaks or ctx is done. What is
// under way at the end of in gets five seconds. The error is that of a bad
// configuration, of in or of out, and is in the log. A Read of in that is
// blocked outlives Run.
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
	ended := make(chan error, 1)
	go func() { ended <- s.read(ctx, in) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
		s.drain(ctx, b.drainTime)
	}
	stop()
	s.drain(context.WithoutCancel(ctx), time.Second) // they have been told to end
	select {
	case err = <-s.broken:
	default:
	}
	if err != nil {
		b.log.write(cleanText(err.Error()))
	}
	return cmp.Or(err, b.configError)
}

// run is one Run.
type run struct {
	*Bridge
	stop     context.CancelFunc
	broken   chan error // why out cannot be written to
	atServer chan struct{}
	waiting  chan struct{}
	drained  int // of waiting, taken by drain

	// settled is closed when the last initialize or notification has been
	// answered; nil before the first. It belongs to read.
	settled chan struct{}

	writing sync.Mutex
	out     io.Writer

	mu      sync.Mutex
	version string              // what initialize agreed on
	calls   map[string]*message // requests under way, by their id as the host wrote it
}

// read takes messages from the host until there are no more.
func (s *run) read(ctx context.Context, in io.Reader) error {
	lines := newLines(in, maxMessage)
	for {
		line, long, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("stdin: %w", err)
		}
		if len(line) == 0 && !long {
			continue
		}
		m, bad := parseMessage(line)
		if long {
			bad = &rpcError{
				Code:    codeInvalidRequest,
				Message: fmt.Sprintf("A message may have %d bytes at the most.", maxMessage),
			}
		}
		if bad != nil {
			s.write(ctx, bad.reply(nil))
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

// dispatch lets a message go its way. Requests run side by side, but what comes
// after an initialize or a notification waits until the server has taken it:
// the host meant it to be known by then.
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

// sendAndForward sends one message and tells the host what goes wrong, unless the
// host does not want to know any more.
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

// cancel ends the request of this id. No answer to it is written from now on.
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

// write puts one line on stdout, unless ctx is done.
func (s *run) write(ctx context.Context, data []byte) {
	line := s.handleLine(data)
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

// drain waits until nothing is under way: then every place among the waiting
// can be had.
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
