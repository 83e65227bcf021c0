package transcript

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
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
		return refusef(0, "is larger than %d MB, the limit for one file", l.Bytes>>20)
	}
	return refusef(0, "is larger than %d bytes, the limit for one file", l.Bytes)
}

func (l Limits) orDefault() Limits {
	for _, f := range []struct {
		limit *int
		value int
	}{
		{&l.Bytes, DefaultLimits.Bytes},
		{&l.Segments, DefaultLimits.Segments},
		{&l.LineBytes, DefaultLimits.LineBytes},
		{&l.Speakers, DefaultLimits.Speakers},
	} {
		if *f.limit <= 0 {
			*f.limit = f.value
		}
	}
	return l
}

// Limits on texts that can be in a database index. PostgreSQL limits an index row to
// 2,704 bytes, and 500 characters are at most 2,000 bytes.
const (
	maxTitle = memo.MaxTitle // characters of a title or a speaker's name
	maxLabel = 200           // characters of an external id, language, topic, or a report's name or slug
)

// Limits on the other parts of a transcription. The first three apply to list items,
// which must be small because a page of a list has up to 100.
const (
	maxSummary = 16_000   // characters
	maxTopics  = 100      // per file
	maxItem    = 64 << 10 // bytes of a list item as JSON

	maxReports     = 50      // per file
	maxReport      = 200_000 // characters of one report
	maxReportBytes = 1 << 20 // bytes of the texts of all reports together
)

// checkItem returns an error if the list item of a transcription would be too large. The
// id, the project and some times are not known yet, so it adds an allowance for them.
func checkItem(d *memo.Transcription) error {
	const allowance = 512
	item, err := json.Marshal(d.ListItem)
	if err != nil {
		return err
	}
	if len(item)+allowance > maxItem {
		return refusef(0, "has a title, a summary, speakers and topics of more than %d kB together, "+
			"the limit for one file", maxItem>>10)
	}
	return nil
}

// checkLength returns an error if s has more than limit characters. The noun names the
// text, with its article: "a title".
func checkLength(line int, noun, s string, limit int) error {
	if len(s) > limit && utf8.RuneCountInString(s) > limit {
		return refusef(line, "has %s of more than %d characters", noun, limit)
	}
	return nil
}

// Error says why a file was refused.
type Error struct {
	Line   int    // from 1; 0 if the reason concerns the whole file
	Reason string // one line for people; it completes a sentence that starts with the file
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return "line " + strconv.Itoa(e.Line) + ": " + e.Reason
}

func refusef(line int, format string, args ...any) error {
	return &Error{Line: line, Reason: fmt.Sprintf(format, args...)}
}
