package read

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

// memoHead has the members of Memo JSON that are strings or times. The ids in a file belong
// to another database and are ignored, except those of AI reports, which are unique only
// within a transcription.
type memoHead struct {
	summary, language, externalID, status, mediaType string
	created, updated                                 time.Time
}

// isMemoJSON reports whether the file has a member that only Memo JSON has.
func isMemoJSON(f *jsonFile) bool {
	for _, name := range []string{"prompt_results", "duration_seconds", "media_type", "created_at"} {
		if _, ok := f.kinds[name]; ok {
			return true
		}
	}
	return false
}

// readMemoJSON reads the JSON of an export. It ignores "text", which is derived from the
// segments.
func readMemoJSON(f *jsonFile) error {
	if f.nonFinite >= 0 { // exports never have one
		return refusef(lineAt(f.text, f.nonFinite), "is not valid JSON: NaN and Infinity are not JSON numbers")
	}
	if f.kinds["segments"] != '[' {
		return refusef(1, `is a transcription without "segments". Export it as json; lists leave the text out`)
	}
	d := f.draft
	d.memoJSON = true
	var h memoHead
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
			return f.oneOf(&h.status, line, name, statusNames())
		case "summary":
			if err := f.decode(&h.summary); err != nil {
				return err
			}
			h.summary = plaintext.Multiline(h.summary)
			return checkLength(line, "a summary", h.summary, maxSummary)
		case "language":
			if err := f.decode(&h.language); err != nil {
				return err
			}
			h.language = plaintext.OneLine(h.language)
			return checkLength(line, "a language", h.language, maxLabel)
		case "external_id":
			if err := f.decode(&h.externalID); err != nil {
				return err
			}
			h.externalID = plaintext.OneLine(h.externalID)
			return checkLength(line, "an external_id", h.externalID, maxLabel)
		case "media_type":
			return f.oneOf(&h.mediaType, line, name, []string{"audio", "video", "text"})
		case "created_at":
			return f.readTime(&h.created)
		case "updated_at":
			return f.readTime(&h.updated)
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
	if err != nil {
		return err
	}
	doc := &d.doc
	doc.Status, doc.MediaType = memo.Status(h.status), h.mediaType
	doc.Summary, doc.Language = memo.Optional(h.summary), memo.Optional(h.language)
	doc.ExternalID = memo.Optional(h.externalID)
	doc.CreatedAt, doc.UpdatedAt = h.created, h.updated
	if doc.Status == "" {
		doc.Status = memo.StatusCompleted
	}
	return nil
}

func (f *jsonFile) decode(out any) error { return json.UnmarshalDecode(f.Decoder, out) }

// oneOf reads a string into out, which must be empty or one of the values.
func (f *jsonFile) oneOf(out *string, line int, name string, values []string) error {
	if err := f.decode(out); err != nil {
		return err
	}
	if *out != "" && !slices.Contains(values, *out) {
		return refusef(line, "has the %s %s; it must be one of %s", name, plaintext.Quote(*out), strings.Join(values, ", "))
	}
	return nil
}

func statusNames() []string {
	var names []string
	for _, s := range memo.Statuses {
		names = append(names, string(s))
	}
	return names
}

func (f *jsonFile) readTime(out *time.Time) error {
	line := f.nextLine()
	var s string
	if err := f.decode(&s); err != nil || s == "" {
		return err
	}
	t, err := parseTime(line, s)
	*out = t
	return err
}

func parseTime(line int, s string) (time.Time, error) {
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
			ID        int64  `json:"id"`
			Name      string `json:"name"`
			Slug      string `json:"slug"`
			Status    string `json:"status"`
			Text      string `json:"text"`
			CreatedAt string `json:"created_at"`
		}
		if err := f.decode(&r); err != nil {
			return err
		}
		report := memo.Report{
			ID: r.ID, Name: plaintext.OneLine(r.Name), Slug: plaintext.OneLine(r.Slug),
			Status: memo.Status(r.Status), Text: plaintext.Multiline(r.Text),
		}
		if err := checkLength(line, "a report with a name", report.Name, maxLabel); err != nil {
			return err
		}
		if err := checkLength(line, "a report with a slug", report.Slug, maxLabel); err != nil {
			return err
		}
		if err := checkLength(line, "a report with a text", report.Text, maxReport); err != nil {
			return err
		}
		if bytes += len(report.Text); bytes > maxReportBytes {
			return refusef(line, "has reports of more than %d MB together, the limit for one file", maxReportBytes>>20)
		}
		if len(f.draft.doc.Reports) == maxReports {
			return refusef(line, "has more than %d reports, the limit for one file", maxReports)
		}
		if report.Status == "" {
			report.Status = memo.StatusCompleted
		}
		if !slices.Contains(memo.Statuses, report.Status) {
			return refusef(line, "has a report with the status %s; it must be one of %s", plaintext.Quote(r.Status),
				strings.Join(statusNames(), ", "))
		}
		if r.CreatedAt != "" {
			t, err := parseTime(line, r.CreatedAt)
			if err != nil {
				return err
			}
			report.CreatedAt = t
		}
		f.draft.doc.Reports = append(f.draft.doc.Reports, report)
		return nil
	})
}
