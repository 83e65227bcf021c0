package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
)

// apiPrefix is the common prefix of the API's paths.
const apiPrefix = "/api/v1/developer"

// speller spells the same request in a new way each time. The server caches
// responses under the URL as it was sent, so it reads a new URL from the database.
type speller struct{ used atomic.Uint64 }

// spell percent-encodes some characters of s, different ones each time. The meaning
// is the same, and decoding costs the server 0.1 µs.
func (sp *speller) spell(s string) string {
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
		panic("bench: all spellings of " + s + " are used up") // the shortest text has 2²⁹
	}
	return b.String()
}

// apiClient formats the requests of one API key.
type apiClient struct {
	host, key string
	speller   *speller
}

// get returns a GET request; header lines must end in CRLF.
func (c apiClient) get(path string, header ...string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + c.host + "\r\nAuthorization: Bearer " + c.key +
		"\r\nUser-Agent: memo-bench\r\nAccept: */*\r\n" + strings.Join(header, "") + "\r\n")
}

// always requests the same path each time.
func (c apiClient) always(path string, header ...string) func() []byte {
	request := c.get(path, header...)
	return func() []byte { return request }
}

// list requests a page of 20 with the default filter, in a new spelling. more is the
// rest of the query, such as "&cursor=…".
func (c apiClient) list(more string) []byte {
	return c.get(apiPrefix + "/transcriptions?limit=20&" + c.speller.spell("status=completed&sort=-created_at") + more)
}

// lists requests the page after each of the cursors in turn.
func (c apiClient) lists(cursors []string) func() []byte {
	turn := inTurn(cursors)
	return func() []byte { return c.list("&cursor=" + turn()) }
}

// gets requests each of the transcriptions in turn, in a new spelling.
func (c apiClient) gets(ids []string) func() []byte {
	turn := inTurn(ids)
	return func() []byte { return c.get(apiPrefix + "/transcriptions/" + c.speller.spell(turn())) }
}

// exports requests each of the transcriptions in turn as Markdown, which is never
// cached.
func (c apiClient) exports(ids []string) func() []byte {
	turn := inTurn(ids)
	return func() []byte { return c.get(apiPrefix + "/transcriptions/" + turn() + "/export?format=md") }
}

// archive requests one ZIP of the transcriptions.
func (c apiClient) archive(ids []string) func() []byte {
	body, err := json.Marshal(map[string]any{"ids": ids, "format": "md"})
	if err != nil {
		panic(err) // strings always marshal
	}
	request := []byte(fmt.Sprintf("POST %s/transcriptions/export HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
		"User-Agent: memo-bench\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		apiPrefix, c.host, c.key, len(body), body))
	return func() []byte { return request }
}

// inTurn returns a function that returns each of the values in turn.
func inTurn(values []string) func() string {
	var n atomic.Uint64
	return func() string { return values[(n.Add(1)-1)%uint64(len(values))] }
}
