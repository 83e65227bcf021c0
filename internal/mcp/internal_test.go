package mcp // its tests call the parser and the conversion of arguments, which a request does not show

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/testenv"
)

// FuzzParse: another parser reads the same method and id from a valid message.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{}}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":"a","method":"ping","params":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, invalid := parseMessage(body)
		if invalid != nil {
			return
		}
		fromSDK, err := jsonrpc.DecodeMessage(body)
		if err != nil {
			return // it is stricter about the types of other members
		}
		r, ok := fromSDK.(*jsonrpc.Request)
		if !ok {
			if m.method != "" {
				t.Fatalf("%q: the SDK reads no method, parseMessage %q", body, m.method)
			}
			return
		}
		id, err := json.Marshal(r.ID.Raw())
		if err != nil || r.Method != m.method || (m.id == nil) != !r.IsCall() || m.id != nil && m.id.Kind() == '0' &&
			string(id) != strings.Replace(string(m.id), "-0", "0", 1) {
			t.Fatalf("%q: the SDK reads %q %s, parseMessage %q %s", body, r.Method, id, m.method, m.id)
		}
	})
}

// FuzzPlainCall: a call that does not go through the SDK has the response of one that does.
func FuzzPlainCall(f *testing.F) {
	s := New(Config{Log: slog.New(slog.DiscardHandler)})
	addTool(s, s.sdk, "echo", "Echo", "Returns its arguments.",
		func(_ context.Context, _ memo.Caller, in searchIn) (*toolResult, error) {
			return structuredResult(in, fmt.Sprint(in))
		})
	for _, params := range []string{
		`{"name":"echo","arguments":{"query":"<x>\u2028","limit":3}}`, `{"name":"echo"}`, `{"name":"echo","arguments":null}`,
		`{"name":"echo","arguments":[]}`, `{"name":"echo","arguments":{"query":7,"x":{"y":[1e400]}}}`,
		`{"name":"\u0065cho","_meta":null}`, `{"name":"echo","_meta":{"progressToken":7,"x":[{"y":1e300}]}}`,
		`{"name":"echo","_meta":{"x":1e400}}`, `{"name":"echo","_meta":7}`, `{"name":"echo","_meta":{"x":"\ud800"}}`,
		`{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2025-06-18"}}`,
		`{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":7}}`,
		`{"name":"echo","Name":"x"}`, `{"name":"echo","task":{}}`, `{"name":"echo","uri":7}`, `{"name":["echo"]}`,
		`{"name":"echo","requestState":7}`, `{"name":"echo","inputResponses":{"a":{"action":"accept"}}}`, `{}`, `null`,
		`{"name":"echo","_meta":{"x":` + strings.Repeat("[", 979) + strings.Repeat("]", 979) + `}}`,
		`{"name":"echo","arguments":` + strings.Repeat("[", 1100) + strings.Repeat("]", 1100) + `}`,
	} {
		f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + params + `}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, invalid := parseMessage(body)
		if p, ok := m.plainCall(); invalid != nil || !ok || p.Name != "echo" {
			return
		}
		ctx := telemetry.WithRequest(t.Context(), new(telemetry.Request))
		got, err := s.run(ctx, memo.Caller{}, m)
		want, sdkErr := s.runSDK(ctx, memo.Caller{}, m)
		if err != nil || sdkErr != nil || string(got) != string(want) {
			t.Errorf("%q: got %q, %v; from the SDK %q, %v", body, got, err, want, sdkErr)
		}
	})
}

func TestEveryArgumentReachesTheQuery(t *testing.T) {
	testenv.EveryFieldReaches(t, listIn.toQuery, "add it to listIn.toQuery", "Detail")
	testenv.EveryFieldReaches(t, searchIn.toQuery, "add it to searchIn.toQuery")
}
