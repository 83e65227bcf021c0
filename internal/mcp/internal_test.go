package mcp // its tests call the parser and the conversion of arguments, which a request does not show

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

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

func TestEveryArgumentReachesTheQuery(t *testing.T) {
	testenv.EveryFieldReaches(t, listIn.toQuery, "add it to listIn.toQuery")
	testenv.EveryFieldReaches(t, searchIn.toQuery, "add it to searchIn.toQuery")
}
