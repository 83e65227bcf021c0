package transcript

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
)

// Limits bound what one file may hold, so that no upload can make the server
// build something out of proportion.
type Limits struct {
	Bytes     int // of the file
	Segments  int // cues, lines
	LineBytes int // the text of one segment, and a name or title
	Speakers  int // different ones
}

// DefaultLimits are far above any real recording: 200,000 segments are a week
// of talk.
var DefaultLimits = Limits{Bytes: 32 << 20, Segments: 200_000, LineBytes: 64 << 10, Speakers: 500}

// CheckSize refuses a file of too many bytes.
func (l Limits) CheckSize(n int64) error {
	switch {
	case n <= int64(l.Bytes):
		return nil
	case l.Bytes%(1<<20) == 0:
		return refusef(0, "is larger than %d MB, the most that one file may have", l.Bytes>>20)
	}
	return refusef(0, "is larger than %d bytes, the most that one file may have", l.Bytes)
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

// What is looked up or listed by stands in an index, whose rows PostgreSQL
// holds to 2,704 bytes: 500 characters are 2,000 bytes at the most.
const (
	maxTitle = memo.MaxTitle // of titles and speakers' names, in characters
	maxLabel = 200           // of external ids, languages, topics, reports' names and slugs
)

// Every list shows all of these of each transcription, and a page of a list has
// 100, so what is not the transcript itself is small.
const (
	maxSummary = 16_000   // characters
	maxTopics  = 100      // of a file
	maxItem    = 64 << 10 // bytes of JSON of all that a list shows of a transcription

	maxReports     = 50      // of a file
	maxReport      = 200_000 // characters of one
	maxReportBytes = 1 << 20 // of the texts of all reports together
)

// checkItem refuses a file of which a list would show too much. It is called
// before the id, the project and the times are known, which have a size of
// their own.
func checkItem(d *memo.Transcription) error {
	const others = 512
	item, err := json.Marshal(d.ListItem)
	if err != nil {
		return err
	}
	if len(item)+others > maxItem {
		return refusef(0, "has a title, a summary, speakers and topics of more than %d kB together, "+
			"the most that one file may have", maxItem>>10)
	}
	return nil
}

// checkLength refuses a text of more than so many characters.
func checkLength(line int, what, s string, most int) error {
	if len(s) > most && utf8.RuneCountInString(s) > most {
		return refusef(line, "has %s of more than %d characters", what, most)
	}
	return nil
}

// Error says why a file was refused. Line counts from 1 and is 0 where the
// reason is about the whole file. Reason is one line that a person can act on.
type Error struct {
	Line   int
	Reason string
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

// quoteShort shows a piece of a file in a reason: short, and on one line whatever
// is in it.
func quoteShort(s string) string {
	const most = 40
	if len(s) > most {
		s = s[:truncateAt(s, most)] + "…"
	}
	return strconv.Quote(s)
}
