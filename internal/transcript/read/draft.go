package read

import (
	"context"
	"strconv"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

// draft is a transcription while its file is being read. The reader of a format adds
// cues, the title and whatever else the file contains; document does the rest.
type draft struct {
	ctx    context.Context // of the call of File
	steps  int             // number of calls of checkContext
	limits transcript.Limits
	name   filename.Name
	text   string    // of the file
	docx   bool      // the text is that of a Word document
	json   *jsonFile // the text as JSON; see parseJSON
	doc    memo.Transcription
	cues   []cue

	listed     string // the names of the speakers in a Markdown export
	formatName string // a more exact name than that of the format; set by its reader
	warnings   []warning

	evidence   nameEvidence // whether "Name: text" starts with the name of a speaker
	colons     bool         // a speaker was found in "Name: text", not only in "[NAME]: text"
	captions   bool         // the file is VTT or SRT, which always have times
	video      bool         // the file is from a tool that records video calls
	memoJSON   bool         // the file is Memo JSON
	timesOfDay bool         // the times are known to be times of day
	clockTimes bool         // the times are written as a clock shows them, so they can be times of day
	duration   bool         // the file has a duration
}

// maxSeconds is the last time that memo.RoundSeconds accepts.
const maxSeconds memo.Seconds = 3_600_000

// checkContext returns the error of the context, so that reading ends when the request is
// cancelled. Loops over lines or values call it at each step; it checks every 1,024th.
func (d *draft) checkContext() error {
	if d.steps++; d.steps%1024 != 0 {
		return nil
	}
	return d.ctx.Err()
}

// add adds a cue, unless it has no text.
func (d *draft) add(c cue) error {
	if err := d.checkContext(); err != nil {
		return err
	}
	c.text, c.speaker = plaintext.OneLine(c.text), plaintext.OneLine(c.speaker)
	if c.text == "" {
		return nil
	}
	if c.start >= maxSeconds {
		// Package write may add a millisecond to the start.
		return refusef(c.line, "starts at 1,000 hours or later")
	}
	if len(c.speaker) > d.limits.LineBytes {
		return refusef(c.line, "has a name of more than %d bytes, the limit for a name", d.limits.LineBytes)
	}
	if err := checkLength(c.line, "a speaker's name", c.speaker, maxTitle); err != nil {
		return err
	}
	if len(c.text) > d.limits.LineBytes {
		return d.addInParts(c)
	}
	return d.append(c)
}

func (d *draft) append(c cue) error {
	if len(d.cues) == d.limits.Segments {
		return refusef(c.line, "has more than %d segments, the limit for one file", d.limits.Segments)
	}
	d.cues = append(d.cues, c)
	return nil
}

// setTitle sets the title, from the content of the file.
func (d *draft) setTitle(line int, title string) error {
	d.doc.Title = plaintext.OneLine(title)
	if len(d.doc.Title) > d.limits.LineBytes {
		return refusef(line, "has a title of more than %d bytes, the limit for a title", d.limits.LineBytes)
	}
	return checkLength(line, "a title", d.doc.Title, maxTitle)
}

// titleFromName returns the title from the name of the file, cut to the limit: a long
// file name is not a reason to refuse the file.
func (d *draft) titleFromName() string {
	title, length := d.name.Title, d.limits.LineBytes
	if runes := []rune(title); len(runes) > maxTitle {
		length = min(length, len(string(runes[:maxTitle])))
	}
	return plaintext.Trim(plaintext.Truncate(title, length))
}

// document returns the transcription: it turns the cues into segments and sets what the
// file does not contain.
func (d *draft) document() (*memo.Transcription, error) {
	if len(d.cues) == 0 && (!d.memoJSON || d.doc.Status == memo.StatusCompleted) {
		return nil, refusef(0, "contains no text")
	}
	if d.captions {
		d.dropPlaceholderTimes()
	}
	if !d.memoJSON {
		d.fromTimesOfDay()
		d.sortCues()
	}
	d.nameSpeakers()
	doc := &d.doc
	if err := d.segments(); err != nil {
		return nil, err
	}
	if doc.Title == "" {
		doc.Title = d.titleFromName()
	}
	if doc.CreatedAt.IsZero() {
		doc.CreatedAt = d.name.Created
	}
	if doc.Status == "" {
		doc.Status = memo.StatusCompleted
	}
	if doc.MediaType == "" {
		doc.MediaType = d.mediaType()
	}
	if !d.duration {
		for _, s := range doc.Segments {
			doc.Duration = max(doc.Duration, s.End)
		}
	}
	if doc.Topics == nil {
		doc.Topics = []memo.Topic{}
	}
	if doc.Reports == nil {
		doc.Reports = []memo.Report{}
	}
	if err := checkItem(doc); err != nil {
		return nil, err
	}
	doc.Text = memo.Lines(doc.Segments)
	return doc, nil
}

// segments turns the cues into segments. Speakers get numbers in the order in which
// they first speak, except in Memo JSON, which has speaker ids.
func (d *draft) segments() error {
	listed := d.doc.Speakers != nil
	if !listed {
		d.doc.Speakers = []memo.Speaker{}
	}
	d.doc.Segments = make([]memo.Segment, 0, len(d.cues))
	ids := map[string]memo.Optional{}
	for _, c := range d.cues {
		if err := d.checkContext(); err != nil {
			return err
		}
		s := memo.Segment{Start: c.start, End: c.end, SpeakerID: c.id, Speaker: memo.Optional(c.speaker), Text: c.text}
		if _, known := ids[c.speaker]; c.speaker != "" && !known {
			if len(ids) == d.limits.Speakers {
				return refusef(c.line, "has more than %d speakers, the limit for one file", d.limits.Speakers)
			}
			ids[c.speaker] = memo.Optional(strconv.Itoa(len(ids) + 1))
			if !listed {
				d.doc.Speakers = append(d.doc.Speakers, memo.Speaker{Name: c.speaker})
			}
		}
		if !d.memoJSON {
			s.SpeakerID = ids[c.speaker]
		}
		d.doc.Segments = append(d.doc.Segments, s)
	}
	return nil
}

// dropPlaceholderTimes removes the times if all are those that package write gives to
// a text without times.
func (d *draft) dropPlaceholderTimes() {
	for _, c := range d.cues {
		if c.start != 0 || c.end.Millis() > 1 {
			return
		}
	}
	for i := range d.cues {
		d.cues[i].end = 0
	}
}

func (d *draft) mediaType() string {
	switch {
	case !memo.HasTimes(d.doc.Segments):
		return "text"
	case d.video || d.name.Zoom:
		return "video"
	}
	return "audio"
}
