package app

import (
	"strings"
	"time"

	"memoai.tech/memo"
)

// ImportReport is what was understood of an imported file.
type ImportReport struct {
	Format    string        `json:"format"`           // for people, such as "WebVTT"
	Segments  int           `json:"segments"`         // how many
	Speakers  int           `json:"speakers"`         // how many
	Duration  memo.Seconds  `json:"duration_seconds"` // 0: unknown
	Language  memo.Optional `json:"language"`
	CreatedAt time.Time     `json:"created_at"` // to the millisecond
	Warnings  []string      `json:"warnings"`   // full sentences: what was changed, guessed or left out
}

// newImportReport describes a transcription that was read from a file.
func newImportReport(d *memo.Transcription, format string, warnings []string) *ImportReport {
	return &ImportReport{
		Format: format, Segments: len(d.Segments), Speakers: len(d.Speakers), Duration: d.Duration,
		Language: d.Language, CreatedAt: memo.TruncateToMillis(d.CreatedAt), Warnings: append([]string{}, warnings...),
	}
}

// String returns the report in one line for people, without the warnings.
func (r *ImportReport) String() string {
	parts := []string{r.Format, memo.Plural(r.Segments, "segment")}
	if r.Speakers > 0 {
		parts = append(parts, memo.Plural(r.Speakers, "speaker"))
	}
	if r.Duration > 0 {
		parts = append(parts, r.Duration.Length())
	}
	if r.Language != "" {
		parts = append(parts, string(r.Language))
	}
	return strings.Join(append(parts, r.CreatedAt.UTC().Format("2 Jan 2006")), ", ")
}
