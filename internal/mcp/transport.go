package mcp

import (
	"context"
	"encoding/json"
	"io"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// exchange is the SDK's connection for one call: it reads the message of an HTTP request, and
// writes the response to it.
//
// The SDK has a handler for HTTP, and we do not use it, because it writes some errors before any
// of our code can: their texts repeat what the client sent, which may be a key, and they are
// HTTP 400 for a method that older hosts only try. Here an error is a value. Also, the message is
// parsed once, so nothing is counted as one method and run as another.
// TestInvalidMessagesAreRefused fails with the SDK's handler.
type exchange struct {
	request  chan *jsonrpc.Request
	response chan *jsonrpc.Response
	close    func()
}

func newExchange(m message) *exchange {
	x := &exchange{request: make(chan *jsonrpc.Request, 1), response: make(chan *jsonrpc.Response, 1)}
	x.close = sync.OnceFunc(func() { close(x.request) })
	x.request <- &jsonrpc.Request{ID: onlyID, Method: m.method, Params: json.RawMessage(m.params)}
	return x
}

// onlyID is the id for the SDK. The response to the client has the client's.
var onlyID, _ = jsonrpc.MakeID("1")

// Connect returns the connection. It is called once.
func (x *exchange) Connect(context.Context) (sdk.Connection, error) { return x, nil }

// SessionID returns "", because there are no sessions.
func (x *exchange) SessionID() string { return "" }

// Read returns the request, and after [exchange.Close] io.EOF.
func (x *exchange) Read(context.Context) (jsonrpc.Message, error) {
	if m, ok := <-x.request; ok {
		return m, nil
	}
	return nil, io.EOF
}

// Write takes the response. This server sends no other message.
func (x *exchange) Write(_ context.Context, m jsonrpc.Message) error {
	if r, ok := m.(*jsonrpc.Response); ok {
		x.response <- r
	}
	return nil
}

// Close ends the connection.
func (x *exchange) Close() error {
	x.close()
	return nil
}
