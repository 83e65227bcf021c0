// Package memo has the domain of the Memo AI Developer API: users, workspaces and their
// members, API keys, transcriptions, and the rules of who may do what.
//
// It imports only the standard library and does no I/O. The JSON tags of its types give the
// JSON of docs/contract.md, so the same struct is used by the REST API, the --json output of
// the command line and the list items that are stored as JSON.
//
// Times are in UTC and have a precision of one millisecond, because both databases store them
// like that. Ids that are strings are UUIDs in canonical form, in lower case.
package memo

import (
	"bytes"
	"encoding/json"
	"time"
)

// Optional is a text that may be missing: the empty string becomes null in JSON.
type Optional string

// MarshalJSON returns null for a missing text.
func (o Optional) MarshalJSON() ([]byte, error) {
	if o == "" {
		return []byte("null"), nil
	}
	// json.Marshal would escape < as \u003c, unlike all other texts in a response.
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(string(o))
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// InstantFormat is the form of every instant in a response, for times in UTC: 24 characters.
const InstantFormat = "2006-01-02T15:04:05.000Z07:00"

// TruncateToMillis truncates t to the stored precision, in UTC. It rounds down, so that an
// expiry is never later than requested.
func TruncateToMillis(t time.Time) time.Time {
	return t.UTC().Truncate(time.Millisecond)
}
