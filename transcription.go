package memo

import (
	"fmt"
	"math"
	"time"
)

// Status is the processing state of a transcription.
type Status string

// The statuses of a transcription.
const (
	StatusQueued     Status = "queued"
	StatusProcessing Status = "processing"
	StatusCompleted  Status = "completed"
	StatusFailed     Status = "failed"
)

// Statuses lists every status.
var Statuses = []Status{StatusQueued, StatusProcessing, StatusCompleted, StatusFailed}

// ListItem is a transcription without its text, as a list shows it. The project is stored
// separately, because its name can change.
type ListItem struct {
	ID         string    `json:"id"`
	Title      string    `json:"title"`
	Status     Status    `json:"status"`
	Summary    Optional  `json:"summary"`
	Language   Optional  `json:"language"`         // "en", "ru", …
	Duration   Seconds   `json:"duration_seconds"` // 0: unknown
	Speakers   []Speaker `json:"speakers"`
	Topics     []Topic   `json:"topics"`
	MediaType  string    `json:"media_type"` // "audio", "video" or "text"
	ExternalID Optional  `json:"external_id"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// Speaker is a person who is heard in a recording.
type Speaker struct {
	Name string `json:"name"`
}

// Topic is a subject that a transcription names.
type Topic struct {
	Title string `json:"title"`
}

// ProjectRef names the project of a transcription.
type ProjectRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Segment is one thing that one speaker says. In a transcript without times, every segment
// starts and ends at 0.
type Segment struct {
	Start     Seconds  `json:"start"`
	End       Seconds  `json:"end"`
	SpeakerID Optional `json:"speaker_id"` // stable within the transcription
	Speaker   Optional `json:"speaker"`
	Text      string   `json:"text"` // one line
}

// Report is an AI report about a transcription: an element of prompt_results in JSON.
type Report struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Slug      string    `json:"slug"`
	Status    Status    `json:"status"`
	Text      string    `json:"text"`
	CreatedAt time.Time `json:"created_at"`
}

// Transcription is a full transcription, as imports read it and exports write it. Its JSON is
// the response of GET /transcriptions/{id}.
type Transcription struct {
	ListItem
	Project  *ProjectRef `json:"project"`
	Text     string      `json:"text"` // the segments as lines, see Lines
	Segments []Segment   `json:"segments"`
	Reports  []Report    `json:"prompt_results"`
}

// Seconds is a time from the start of a recording, with a precision of one millisecond.
type Seconds float64

// RoundSeconds rounds s to whole milliseconds. It returns false for what cannot be a time in
// a recording: a negative value, not a number, or more than 1,000 hours.
func RoundSeconds(s float64) (Seconds, bool) {
	if math.IsNaN(s) || s < 0 || s > 3_600_000 {
		return 0, false
	}
	return Seconds(math.Round(s*1000) / 1000), true
}

// Millis returns s in whole milliseconds.
func (s Seconds) Millis() int64 { return int64(math.Round(float64(s) * 1000)) }

// Timestamp returns s in the format of [Lines]: 00:42, or 1:02:03 from one hour on.
func (s Seconds) Timestamp() string {
	n := s.Millis() / 1000
	if n >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
	}
	return fmt.Sprintf("%02d:%02d", n/60, n%60)
}

// Length returns s rounded for people: "40 s", "8 min", "1 h" or "1 h 5 min".
func (s Seconds) Length() string {
	n := s.Millis() / 1000
	switch minutes := (n + 30) / 60; {
	case n < 60:
		return fmt.Sprintf("%d s", n)
	case minutes < 60:
		return fmt.Sprintf("%d min", minutes)
	case minutes%60 == 0:
		return fmt.Sprintf("%d h", minutes/60)
	default:
		return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
	}
}

// HasTimes reports whether any segment has a time.
func HasTimes(segments []Segment) bool {
	for _, s := range segments {
		if s.End > 0 {
			return true
		}
	}
	return false
}

// Lines returns the segments as plain text, one line each: "[00:42] Jordan: Of course…". It
// omits the brackets if no segment has a time, and the name if a segment has no speaker. The
// last line has no line break.
func Lines(segments []Segment) string {
	n := 0
	for i := range segments {
		n += len(segments[i].Speaker) + len(segments[i].Text) + len("[0:00:00] : \n")
	}
	b := make([]byte, 0, n)
	timed := HasTimes(segments)
	for i := range segments {
		if i > 0 {
			b = append(b, '\n')
		}
		b = AppendLine(b, &segments[i], timed)
	}
	return string(b)
}

// AppendLine appends the line of one segment, as in [Lines], without a line break. timed is
// whether any segment of the transcript has a time.
func AppendLine(b []byte, s *Segment, timed bool) []byte {
	if timed {
		b = append(append(append(b, '['), s.Start.Timestamp()...), "] "...)
	}
	if s.Speaker != "" {
		b = append(append(b, s.Speaker...), ": "...)
	}
	return append(b, s.Text...)
}
