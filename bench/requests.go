package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
)

// apiPrefix is where the API is (contract section 2).
const apiPrefix = "/api/v1/developer"

// idWriter writes the same request in ever new ways. The server keeps answers
// under the URL as it was sent; one that was never sent before is read.
type idWriter struct{ used atomic.Uint64 }

// spell percent-encodes some of the letters and digits of s, which are others
// every time. It means the same to the server, and costs it 0.1 µs to decode.
func (sp *idWriter) spell(s string) string {
	var b strings.Builder
	n := sp.used.Add(1)
	for i := range len(s) {
		if strings.IndexByte("=&-", s[i]) >= 0 {
			b.WriteByte(s[i])
			continue
		}
		if n&1 == 1 {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
		n >>= 1
	}
	if n > 0 {
		panic("bench: all spellings of " + s + " are used up") // 2²⁹ for the shortest text that is spelled
	}
	return b.String()
}

// apiClient writes the requests of one API key.
type apiClient struct {
	host, key string
	speller   *idWriter
}

// get writes a request; header lines, if any, end in CRLF.
func (c apiClient) get(path string, header ...string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + c.host + "\r\nAuthorization: Bearer " + c.key +
		"\r\nUser-Agent: memo-bench\r\nAccept: */*\r\n" + strings.Join(header, "") + "\r\n")
}

// always asks for the same path again and again.
func (c apiClient) always(path string, header ...string) func() []byte {
	request := c.get(path, header...)
	return func() []byte { return request }
}

// list asks for a page of 20 by the default filter, in a spelling of its own.
// more is the rest of the query, such as "&cursor=…".
func (c apiClient) list(more string) []byte {
	return c.get(apiPrefix + "/transcriptions?limit=20&" + c.speller.spell("status=completed&sort=-created_at") + more)
}

// lists asks for the page behind each cursor, one after the other.
func (c apiClient) lists(cursors []string) func() []byte {
	turn := rotateIDs(cursors)
	return func() []byte { return c.list("&cursor=" + turn()) }
}

// gets asks for each of the ids, one after the other, always spelled anew.
func (c apiClient) gets(ids []string) func() []byte {
	turn := rotateIDs(ids)
	return func() []byte { return c.get(apiPrefix + "/transcriptions/" + c.speller.spell(turn())) }
}

// exports asks for each of the ids as Markdown, which is never kept.
func (c apiClient) exports(ids []string) func() []byte {
	turn := rotateIDs(ids)
	return func() []byte { return c.get(apiPrefix + "/transcriptions/" + turn() + "/export?format=md") }
}

// archive asks for one ZIP of the ids.
func (c apiClient) archive(ids []string) func() []byte {
	body, err := json.Marshal(map[string]any{"ids": ids, "format": "md"})
	if err != nil {
		panic(err) // strings only
	}
	request := []byte(fmt.Sprintf("POST %s/transcriptions/export HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
		"User-Agent: memo-bench\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", apiPrefix,
		c.host, c.key, len(body), body))
	return func() []byte { return request }
}

// rotateIDs returns each of the values in turn.
func rotateIDs(values []string) func() string {
	var n atomic.Uint64
	return func() string { return values[(n.Add(1)-1)%uint64(len(values))] }
}
