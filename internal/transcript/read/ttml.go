package read

import (
	"encoding/xml"
	"strconv"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

// isTTML reports whether the text is XML whose first element is one of TTML or of YouTube's captions.
func isTTML(d *draft) match {
	return matchIf(ttmlRoots[xmlRoot(d.text)], certain)
}

var ttmlRoots = stringSet("tt timedtext transcript")

// xmlRoot returns the name of the first element of XML, without its namespace, or "".
func xmlRoot(text string) string {
	text = text[:min(len(text), 4<<10)]
	for {
		text = strings.TrimLeft(text, jsonSpace+invisibleMarks)
		end := ">"
		switch {
		case strings.HasPrefix(text, "<!--"):
			end = "-->"
		case strings.HasPrefix(text, "<?"), strings.HasPrefix(text, "<!"):
		case strings.HasPrefix(text, "<"):
			name := text[1:]
			if i := strings.IndexAny(name, " \t\r\n/>"); i >= 0 {
				name = name[:i]
			}
			if !strings.Contains(text, ">") {
				return ""
			}
			return name[strings.IndexByte(name, ':')+1:]
		default:
			return ""
		}
		var ok bool
		if _, text, ok = strings.Cut(text, end); !ok {
			return ""
		}
	}
}

// ttmlElement is an open element, with the times and the speaker that its content inherits.
type ttmlElement struct {
	begin, end float64 // seconds; end is 0 if it has none
	agent      string
}

// ttmlReader is a TTML file while it is being read.
type ttmlReader struct {
	draft     *draft
	rate      float64 // frames per second
	ticks     float64 // per second
	agents    map[string]string
	agent     string // the id of the agent whose name is being read
	open      []ttmlElement
	name      strings.Builder
	text      strings.Builder
	paragraph int // the depth of the open paragraph, or 0
	spoken    bool
	cue       cue
}

// readTTML reads TTML, of which DFXP and IMSC are kinds, and the XML of YouTube's captions.
func readTTML(d *draft) error {
	r := ttmlReader{draft: d, rate: 30, ticks: 1, agents: map[string]string{}}
	d.captions, d.evidence = true, evidenceWeak
	if root := xmlRoot(d.text); root != "tt" {
		d.formatName = "YouTube XML"
	}
	x := newXMLReader(d, strings.NewReader(d.text))
	for {
		token, err := x.next()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case nil:
			return nil
		case xml.StartElement:
			line, _ := x.InputPos()
			err = r.start(line, t)
		case xml.EndElement:
			err = r.endElement(t.Name.Local)
		case xml.CharData:
			switch {
			case r.paragraph > 0:
				r.text.Write(t)
			case r.agent != "" || r.spoken:
				r.name.Write(t)
			}
		}
		if err != nil {
			return err
		}
	}
}

func (r *ttmlReader) start(line int, e xml.StartElement) error {
	parent := ttmlElement{}
	if len(r.open) > 0 {
		parent = r.open[len(r.open)-1]
	}
	own, err := r.element(line, e, parent)
	if err != nil {
		return err
	}
	r.open = append(r.open, own)
	switch e.Name.Local {
	case "tt":
		r.draft.doc.Language = transcript.Language(attribute(e, "lang"))
		r.rate = positive(attribute(e, "frameRate"), r.rate)
		r.ticks = positive(attribute(e, "tickRate"), r.ticks)
	case "agent":
		r.agent = attribute(e, "id")
	case "name", "title":
		r.name.Reset()
		r.spoken = true
	case "br":
		r.text.WriteByte('\n')
	case "p", "text":
		r.paragraph = len(r.open)
		r.text.Reset()
		return r.setCue(line, own)
	case "span", "s":
		if attribute(e, "begin") != "" && r.paragraph > 0 && strings.TrimSpace(r.text.String()) == "" {
			return r.setCue(line, own)
		}
	}
	return nil
}

// element returns the times and the speaker of an element. Its times are relative to those of the one around it.
func (r *ttmlReader) element(line int, e xml.StartElement, parent ttmlElement) (ttmlElement, error) {
	own := parent
	unit := 1.0 // of a number without a unit
	if e.Name.Local == "p" && attribute(e, "t") != "" {
		unit = 1000
	}
	if begin := attribute(e, "begin", "start", "t"); begin != "" && e.Name.Local != "s" {
		t, ok := r.time(begin, unit)
		if !ok {
			return own, refusef(line, "has %s where a time such as 00:00:01.000 or 1.5s is expected", plaintext.Quote(begin))
		}
		own.begin = parent.begin + t
	}
	if end := attribute(e, "end"); end != "" {
		t, ok := r.time(end, unit)
		if !ok {
			return own, refusef(line, "has %s where a time such as 00:00:01.000 or 1.5s is expected", plaintext.Quote(end))
		}
		own.end = parent.begin + t
	} else if t, ok := r.time(attribute(e, "dur", "d"), unit); ok {
		own.end = own.begin + t
	}
	if agent := attribute(e, "agent"); agent != "" {
		own.agent, _, _ = strings.Cut(agent, " ")
	}
	return own, nil
}

func (r *ttmlReader) setCue(line int, e ttmlElement) error {
	start, startOK := memo.RoundSeconds(e.begin)
	end, endOK := memo.RoundSeconds(e.end)
	if !startOK || !endOK {
		return refusef(line, "has a time that is negative or beyond 1,000 hours")
	}
	r.cue = cue{line: line, start: start, end: max(start, end), speaker: r.agents[e.agent]}
	return nil
}

func (r *ttmlReader) endElement(name string) error {
	switch {
	case len(r.open) == r.paragraph:
		r.paragraph = 0
		r.cue.text = r.text.String()
		if r.draft.formatName != "" {
			r.cue.text = unescapeVTT(r.cue.text) // YouTube escapes twice
		}
		if err := r.draft.add(r.cue); err != nil {
			return err
		}
	case name == "agent":
		r.agent = ""
	case name == "name" && r.agent != "":
		if len(r.agents) < r.draft.limits.Speakers {
			r.agents[r.agent] = plaintext.OneLine(r.name.String())
		}
		r.spoken = false
	case name == "title" && r.draft.doc.Title == "":
		r.spoken = false
		if err := r.draft.setTitle(0, r.name.String()); err != nil {
			return err
		}
	case name == "name", name == "title":
		r.spoken = false
	}
	if len(r.open) > 0 {
		r.open = r.open[:len(r.open)-1]
	}
	return nil
}

// time returns the seconds of a time such as 00:00:01.000, 00:00:01:12 (with frames), 1.5s or 36t. A number without a
// unit is divided by unit.
func (r *ttmlReader) time(s string, unit float64) (float64, bool) {
	if strings.Count(s, ":") == 3 { // with frames
		i := strings.LastIndexByte(s, ':')
		t, err := transcript.ParseClock(s[:i])
		frames, framesErr := strconv.ParseFloat(s[i+1:], 64)
		return float64(t) + frames/r.rate, err == nil && framesErr == nil && frames >= 0
	}
	if strings.Contains(s, ":") {
		t, err := transcript.ParseClock(s)
		return float64(t), err == nil
	}
	number := strings.TrimRight(s, "hmsft")
	scale := map[string]float64{
		"": 1 / unit, "h": 3600, "m": 60, "s": 1, "ms": 0.001, "f": 1 / r.rate, "t": 1 / r.ticks,
	}[s[len(number):]]
	n, err := strconv.ParseFloat(number, 64)
	return n * scale, err == nil && scale > 0 && n >= 0 && n <= 1e15
}

// positive returns the number in s, or otherwise if it has no positive number.
func positive(s string, otherwise float64) float64 {
	if n, err := strconv.ParseFloat(s, 64); err == nil && n >= 1 && n <= 1e12 {
		return n
	}
	return otherwise
}
