package read

import (
	"fmt"
	"unicode/utf8"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/jsonform"
	"memoai.tech/memo/internal/transcript"
)

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

	maxPart = 1000 // bytes of a part of a text that is too long for one segment

	maxReports     = 50      // per file
	maxReport      = 200_000 // characters of one report
	maxReportBytes = 1 << 20 // bytes of the texts of all reports together
)

// checkItem returns an error if the list item of a transcription would be too large. The
// id, the project and some times are not known yet, so it adds an allowance for them.
func checkItem(d *memo.Transcription) error {
	const allowance = 512
	item, err := jsonform.Marshal(d.ListItem)
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

func refusef(line int, format string, args ...any) error {
	return &transcript.Error{Line: line, Reason: fmt.Sprintf(format, args...)}
}
