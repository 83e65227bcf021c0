// Package memo is the domain of the Memo AI Developer API: workspaces and
// their members, the API keys that open them, the transcriptions inside, and
// the rules of who may do what.
//
// It imports the standard library only and does no I/O. The JSON forms of its
// types are the ones of the contract (section 2), so the same struct serves the
// REST API, the command line's --json and the rows that keep a rendered item.
//
// Times are UTC, with a precision of one millisecond: that is what both
// databases keep. Identifiers are UUIDs in their canonical lower-case form.
package memo

import (
	"bytes"
	"encoding/json"
	"time"
)

// Optional is a text that may be missing: the empty string is null in JSON.
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

// TruncateToMillis truncates t to the stored precision, in UTC. It rounds down, so that an
// expiry is never later than requested.
func TruncateToMillis(t time.Time) time.Time {
	return t.UTC().Truncate(time.Millisecond)
}
