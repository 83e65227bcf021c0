package read

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

// memoShape has members that every export has. Other tools have some of them, but not all.
var memoShape = strings.Fields("title status duration_seconds speakers topics media_type created_at")

// isMemoJSON reports whether the file has the shape of an export.
func isMemoJSON(f *jsonFile) bool {
	return !slices.ContainsFunc(memoShape, func(name string) bool { return f.kinds[name] == 0 })
}

// readMemoJSON reads the JSON of an export. It ignores "text", which is derived from the
// segments, and ids, which belong to another database. Only the ids of AI reports are read,
// because they are unique only within a transcription.
func readMemoJSON(f *jsonFile) error {
	if f.nonFinite >= 0 { // exports never have one
		return refusef(lineAt(f.text, f.nonFinite), "is not valid JSON: NaN and Infinity are not JSON numbers")
	}
	if f.kinds["segments"] != '[' {
		return refusef(0, `is a transcription without "segments". Export it as json; lists leave the text out`)
	}
	d, doc := f.draft, &f.draft.doc
	d.memoJSON = true
	err := f.members(func(name string) error {
		line := f.nextLine()
		switch name {
		case "title":
			var title string
			if err := f.decode(&title); err != nil {
				return err
			}
			return d.setTitle(line, title)
		case "status":
			return readOneOf(f, &doc.Status, "the status", memo.Statuses)
		case "summary":
			return f.readOptional(&doc.Summary, "a summary", maxSummary, plaintext.Multiline)
		case "language":
			return f.readOptional(&doc.Language, "a language", maxLabel, plaintext.OneLine)
		case "external_id":
			return f.readOptional(&doc.ExternalID, "an external_id", maxLabel, plaintext.OneLine)
		case "media_type":
			return readOneOf(f, &doc.MediaType, "the media_type", []string{"audio", "video", "text"})
		case "created_at":
			return f.readTime(&doc.CreatedAt)
		case "updated_at":
			return f.readTime(&doc.UpdatedAt)
		case "duration_seconds":
			var seconds *float64
			if err := f.decode(&seconds); err != nil || seconds == nil {
				return err
			}
			return d.setDuration(line, *seconds)
		case "speakers":
			return f.readSpeakers()
		case "topics":
			return f.readTopics()
		case "project":
			return f.readProject()
		case "segments":
			return f.readSegments()
		case "prompt_results":
			return f.readReports()
		}
		return f.SkipValue()
	})
	doc.Status = cmp.Or(doc.Status, memo.StatusCompleted)
	return err
}

func (f *jsonFile) decode(out any) error { return json.UnmarshalDecode(f.Decoder, out) }

// readOptional reads a text of at most limit characters.
func (f *jsonFile) readOptional(out *memo.Optional, noun string, limit int, clean func(string) string) error {
	line := f.nextLine()
	var s string
	if err := f.decode(&s); err != nil {
		return err
	}
	s = clean(s)
	*out = memo.Optional(s)
	return checkLength(line, noun, s, limit)
}

// readOneOf reads a string, which must be empty or one of the values.
func readOneOf[T ~string](f *jsonFile, out *T, noun string, values []T) error {
	line := f.nextLine()
	if err := f.decode(out); err != nil {
		return err
	}
	return checkOneOf(line, noun, *out, values)
}

func checkOneOf[T ~string](line int, noun string, value T, values []T) error {
	if value == "" || slices.Contains(values, value) {
		return nil
	}
	var names []string
	for _, v := range values {
		names = append(names, string(v))
	}
	return refusef(line, "has %s %s; it must be one of %s", noun, plaintext.Quote(string(value)),
		strings.Join(names, ", "))
}

func (f *jsonFile) readTime(out *time.Time) error {
	line := f.nextLine()
	var s string
	if err := f.decode(&s); err != nil || s == "" {
		return err
	}
	t, err := parseInstant(line, s)
	*out = t
	return err
}

func parseInstant(line int, s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, refusef(line, "has the time %s, which is not in the form 2026-05-20T09:14:00Z", plaintext.Quote(s))
	}
	// In UTC the year may be outside the range that RFC 3339 can express.
	if t = memo.TruncateToMillis(t); t.Year() < 0 || t.Year() > 9999 {
		return t, refusef(line, "has the time %s, which is not in the years 0 to 9999", plaintext.Quote(s))
	}
	return t, nil
}

// elements reads the array that comes next. It calls read for each element, which must
// consume the element. Null counts as an empty array.
func (f *jsonFile) elements(read func(line int) error) error {
	if f.PeekKind() != '[' {
		var array []jsontext.Value
		return f.decode(&array) // accepts null, or returns an error for the wrong type
	}
	if _, err := f.ReadToken(); err != nil {
		return err
	}
	for f.PeekKind() != ']' {
		if err := read(f.nextLine()); err != nil {
			return err
		}
	}
	_, err := f.ReadToken()
	return err
}

func (f *jsonFile) readSpeakers() error {
	d := f.draft
	if f.PeekKind() == '[' {
		d.doc.Speakers = []memo.Speaker{}
	}
	return f.elements(func(line int) error {
		var s memo.Speaker
		if err := f.decode(&s); err != nil {
			return err
		}
		if len(d.doc.Speakers) == d.limits.Speakers {
			return refusef(line, "has more than %d speakers, the limit for one file", d.limits.Speakers)
		}
		if s.Name = plaintext.OneLine(s.Name); s.Name != "" {
			d.doc.Speakers = append(d.doc.Speakers, s)
		}
		return checkLength(line, "a speaker's name", s.Name, maxTitle)
	})
}

func (f *jsonFile) readTopics() error {
	return f.elements(func(line int) error {
		var t memo.Topic
		if err := f.decode(&t); err != nil {
			return err
		}
		if t.Title = plaintext.OneLine(t.Title); t.Title == "" {
			return nil
		}
		if len(f.draft.doc.Topics) == maxTopics {
			return refusef(line, "has more than %d topics, the limit for one file", maxTopics)
		}
		f.draft.doc.Topics = append(f.draft.doc.Topics, t)
		return checkLength(line, "a topic", t.Title, maxLabel)
	})
}

func (f *jsonFile) readProject() error {
	line := f.nextLine()
	var p *memo.ProjectRef
	if err := f.decode(&p); err != nil || p == nil || plaintext.Trim(p.Name) == "" {
		return err
	}
	name, err := memo.CleanName("name", plaintext.Trim(p.Name))
	if e, ok := errors.AsType[*memo.Error](err); ok {
		return refusef(line, "has a project whose name %s", e.Message)
	}
	f.draft.doc.Project = &memo.ProjectRef{Name: name}
	return err
}

func (f *jsonFile) readReports() error {
	bytes := 0
	return f.elements(func(line int) error {
		var r struct {
			ID        int64       `json:"id"`
			Name      string      `json:"name"`
			Slug      string      `json:"slug"`
			Status    memo.Status `json:"status"`
			Text      string      `json:"text"`
			CreatedAt string      `json:"created_at"`
		}
		if err := f.decode(&r); err != nil {
			return err
		}
		report := memo.Report{
			ID: r.ID, Name: plaintext.OneLine(r.Name), Slug: plaintext.OneLine(r.Slug),
			Status: cmp.Or(r.Status, memo.StatusCompleted), Text: plaintext.Multiline(r.Text),
		}
		if err := cmp.Or(
			checkLength(line, "a report with a name", report.Name, maxLabel),
			checkLength(line, "a report with a slug", report.Slug, maxLabel),
			checkLength(line, "a report with a text", report.Text, maxReport),
			checkOneOf(line, "a report with the status", report.Status, memo.Statuses),
		); err != nil {
			return err
		}
		if bytes += len(report.Text); bytes > maxReportBytes {
			return refusef(line, "has reports of more than %d MB together, the limit for one file", maxReportBytes>>20)
		}
		if len(f.draft.doc.Reports) == maxReports {
			return refusef(line, "has more than %d reports, the limit for one file", maxReports)
		}
		if r.CreatedAt != "" {
			var err error
			if report.CreatedAt, err = parseInstant(line, r.CreatedAt); err != nil {
				return err
			}
		}
		f.draft.doc.Reports = append(f.draft.doc.Reports, report)
		return nil
	})
}

func (d *draft) setDuration(line int, seconds float64) error {
	duration, ok := memo.RoundSeconds(seconds)
	if !ok {
		return refusef(line, "has a duration that is negative or beyond 1,000 hours")
	}
	d.doc.Duration, d.duration = duration, true
	return nil
}
