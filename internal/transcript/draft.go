package transcript

import (
	"context"
	"strconv"

	"memoai.tech/memo"
)

// draft is a document while its file is being read: the reader adds cues and
// what the file says about the whole, document does the rest.
type draft struct {
	ctx    context.Context // of the one call of Read
	steps  int             // see alive
	limits Limits
	name   baseName
	doc    memo.Transcription
	cues   []cue

	evidence nameEvidence // how far to believe "Name: text"
	colons   bool         // there was one to believe, and not "[NAME]: text"
	captions bool         // VTT or SRT, which know no text without times
	video    bool         // from a tool that records video calls
	own      bool         // our own export, which says everything itself
	duration bool         // the file gave one
}

// maxSeconds is the last time that memo.RoundSeconds takes.
const maxSeconds memo.Seconds = 3_600_000

// alive is called for each step of a loop over the file, a line or a value. Its
// error says that nobody waits for the file any more.
func (d *draft) alive() error {
	if d.steps++; d.steps%1024 != 0 {
		return nil
	}
	return d.ctx.Err()
}

// add takes a cue if there is any text in it.
func (d *draft) add(c cue) error {
	if err := d.alive(); err != nil {
		return err
	}
	c.text, c.speaker = oneLine(c.text), oneLine(c.speaker)
	if c.text == "" {
		return nil
	}
	if c.start >= maxSeconds {
		// Every cue leaves room for the millisecond that appendTiming may add.
		return refusef(c.line, "starts at 1,000 hours or later")
	}
	if len(d.cues) == d.limits.Segments {
		return refusef(c.line, "has more than %d segments, the most that one file may have", d.limits.Segments)
	}
	if len(c.text) > d.limits.LineBytes || len(c.speaker) > d.limits.LineBytes {
		return refusef(c.line, "has a text of more than %d bytes, the most that one segment may have", d.limits.LineBytes)
	}
	if err := checkLength(c.line, "a speaker's name", c.speaker, maxTitle); err != nil {
		return err
	}
	d.cues = append(d.cues, c)
	return nil
}

// setTitle takes the title that the file itself gives.
func (d *draft) setTitle(line int, title string) error {
	d.doc.Title = oneLine(title)
	if len(d.doc.Title) > d.limits.LineBytes {
		return refusef(line, "has a title of more than %d bytes, the most that a line may have", d.limits.LineBytes)
	}
	return checkLength(line, "a title", d.doc.Title, maxTitle)
}

// cutTitle is the title of a file's name, which is nobody's fault and is cut.
func (d *draft) cutTitle() string {
	title := d.name.title
	most, n := len(title), 0
	for i := range title {
		if n == maxTitle {
			most = i
			break
		}
		n++
	}
	return trimLine(title[:truncateAt(title, min(most, d.limits.LineBytes))])
}

// document makes the segments of the cues and fills in what the file left open.
func (d *draft) document() (*memo.Transcription, error) {
	if len(d.cues) == 0 && (!d.own || d.doc.Status == memo.StatusCompleted) {
		return nil, refusef(0, "has no text in it")
	}
	if d.captions {
		d.dropPlaceholderTimes()
	}
	d.nameSpeakers()
	doc := &d.doc
	if err := d.segments(); err != nil {
		return nil, err
	}
	if doc.Title == "" {
		doc.Title = d.cutTitle()
	}
	if doc.CreatedAt.IsZero() {
		doc.CreatedAt = d.name.created
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

// segments makes the segments of the cues. Speakers are numbered in the order
// in which they first speak, but for our own export, which has its ids.
func (d *draft) segments() error {
	listed := d.doc.Speakers != nil
	if !listed {
		d.doc.Speakers = []memo.Speaker{}
	}
	d.doc.Segments = make([]memo.Segment, 0, len(d.cues))
	ids := map[string]memo.Optional{}
	for _, c := range d.cues {
		if err := d.alive(); err != nil {
			return err
		}
		s := memo.Segment{Start: c.start, End: c.end, SpeakerID: c.id, Speaker: memo.Optional(c.speaker), Text: c.text}
		if _, known := ids[c.speaker]; c.speaker != "" && !known {
			if len(ids) == d.limits.Speakers {
				return refusef(c.line, "has more than %d speakers, the most that one file may have", d.limits.Speakers)
			}
			ids[c.speaker] = memo.Optional(strconv.Itoa(len(ids) + 1))
			if !listed {
				d.doc.Speakers = append(d.doc.Speakers, memo.Speaker{Name: c.speaker})
			}
		}
		if !d.own {
			s.SpeakerID = ids[c.speaker]
		}
		d.doc.Segments = append(d.doc.Segments, s)
	}
	return nil
}

// dropPlaceholderTimes undoes what appendTiming does to a text without times.
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
	case d.video || d.name.zoom:
		return "video"
	}
	return "audio"
}
