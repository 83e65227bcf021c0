package transcript

import (
	"fmt"
	"strconv"
)

// Limits are upper bounds for the content of one file, so that an upload cannot make the
// server use too much memory.
type Limits struct {
	Bytes     int // size of the file
	Segments  int // number of cues or lines
	LineBytes int // size of the text of a segment, of a speaker's name and of a title
	Speakers  int // number of different speakers
}

// DefaultLimits are far above what a real recording needs: 200,000 segments are about a
// week of speech.
var DefaultLimits = Limits{Bytes: 32 << 20, Segments: 200_000, LineBytes: 64 << 10, Speakers: 500}

// CheckSize returns an error if a file of n bytes is too large.
func (l Limits) CheckSize(n int64) error {
	switch {
	case n <= int64(l.Bytes):
		return nil
	case l.Bytes%(1<<20) == 0:
		return &Error{Reason: fmt.Sprintf("is larger than %d MB, the limit for one file", l.Bytes>>20)}
	}
	return &Error{Reason: fmt.Sprintf("is larger than %d bytes, the limit for one file", l.Bytes)}
}

// Error says why a file was refused.
type Error struct {
	Line   int    // from 1; 0 if the reason concerns the whole file
	Reason string // one line for people; it completes a sentence that starts with the file
	Help   string // the anchor of the section of docs/transcripts.md that helps, or ""
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return "line " + strconv.Itoa(e.Line) + ": " + e.Reason
}
