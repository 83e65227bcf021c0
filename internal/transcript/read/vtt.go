package read

import (
	"cmp"
	"html"
	"strings"

	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

const vttSignature = "WEBVTT"

// isVTT reports whether the text has the signature of WebVTT, at its start or after a few lines, or starts with the
// times of a cue.
func isVTT(d *draft) match {
	if hasVTTSignature(bareLine(d.text[:min(len(d.text), 100)])) {
		return certain
	}
	l := lineScanner{text: d.text}
	for range maxLinesBeforeHeader {
		if !l.next() {
			return noMatch
		}
		switch line := bareLine(l.line()); {
		case hasVTTSignature(line) && strings.Contains(d.text[l.rest:], "-->"):
			return certain
		case isTiming(line):
			return matchIf(!strings.Contains(line, ","), likely)
		}
	}
	return noMatch
}

// maxLinesBeforeHeader is how many lines of other text may come before the header or the first cue of a file.
const maxLinesBeforeHeader = 10

func hasVTTSignature(text string) bool {
	rest, ok := strings.CutPrefix(text, vttSignature)
	return ok && (rest == "" || strings.ContainsRune(" \t\r\n", rune(rest[0])))
}

// readVTT reads WebVTT as Zoom, Teams, YouTube and others write it. A file whose header is missing, or has text before
// it, is read as well.
func readVTT(d *draft) error {
	d.evidence = evidenceWeak
	r := captions{draft: d, vtt: true, timing: parseTiming, clean: plainVTT, lineScanner: lineScanner{text: d.text}}
	if err := readVTTHeader(d, &r.lineScanner); err != nil {
		return err
	}
	if err := r.read(); err != nil {
		return err
	}
	// Instead of voice tags, Zoom writes "Name: text" and WhisperX "[SPEAKER_00]: text".
	// Only Zoom records video.
	if d.evidence == evidenceWeak {
		d.nameSpeakers()
		d.evidence = evidenceNone
		d.video = d.colons
	}
	return nil
}

// readVTTHeader reads everything up to the first empty line or cue: a title after the
// signature, and "Language: en". It ignores other lines.
func readVTTHeader(d *draft, l *lineScanner) error {
	start := *l
	for !hasVTTSignature(bareLine(l.line())) {
		if l.number == maxLinesBeforeHeader || !l.next() || isTiming(bareLine(l.line())) {
			if *l = start; !d.docx { // Teams writes only the cues into a document
				d.warnf("The file does not start with WEBVTT, as a WebVTT file must.")
			}
			return nil
		}
	}
	if strings.TrimLeft(d.text[:l.from], invisibleMarks+jsonSpace) != "" {
		d.warnf("The text before the line WEBVTT was left out.")
	}
	title := strings.TrimSpace(strings.TrimPrefix(strings.TrimLeft(l.line(), invisibleMarks+" \t"), vttSignature))
	if !strings.HasPrefix(title, "Kind:") { // YouTube's old header, all on one line
		if err := d.setTitle(l.number, strings.TrimPrefix(title, "-")); err != nil {
			return err
		}
	}
	for line := range l.block(hasArrow) {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(strings.TrimSpace(name), "language") {
			d.doc.Language = transcript.Language(value)
		}
	}
	return nil
}

// isVTTComment reports whether a block that starts with line has no transcript text: it
// is a comment, a style or a region.
func isVTTComment(line string) bool {
	word, _, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	return word == "NOTE" || strings.TrimSpace(line) == "STYLE" || strings.TrimSpace(line) == "REGION"
}

// plainVTT returns a text without its tags.
func plainVTT(payload string) string {
	if !strings.ContainsAny(payload, "<&") {
		return payload
	}
	var b strings.Builder
	for {
		before, tag, found := strings.Cut(payload, "<")
		b.WriteString(unescapeVTT(before))
		if !found {
			return b.String()
		}
		if _, _, after, ok := cutVTTTag(tag); ok {
			payload = after
			continue
		}
		b.WriteByte('<')
		payload = tag
	}
}

// cutVTTTag cuts the tag at the start of a text from which "<" has been removed. It returns its
// name, with a slash for an end tag, what follows the name in it, and the text after it. Without
// a name, the tag is the time of the next word, for karaoke. If ok is false, the "<" is text, as in
// "a <3 b".
func cutVTTTag(s string) (name, rest, after string, ok bool) {
	// Stopping at the next "<" makes a text of a million "<" fast to read.
	end := strings.IndexAny(s, "<>")
	if end < 0 || s[end] == '<' {
		return "", "", "", false
	}
	tag, after := s[:end], s[end+1:]
	n := 0
	for n < len(tag) && (isASCIILetter(tag[n]) || n == 0 && tag[n] == '/') {
		n++
	}
	switch name, rest = tag[:n], tag[n:]; {
	case name == "":
		_, err := transcript.ParseClock(rest)
		ok = err == nil
	case rest == "":
		ok = true
	default:
		ok = name != "/" && strings.IndexByte(". \t\r\n/", rest[0]) >= 0
	}
	return name, rest, after, ok
}

func isASCIILetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// addVTTCue adds a cue for each voice in the payload, because several people can speak in
// one VTT cue.
func addVTTCue(d *draft, c cue, payload string) error {
	var buffer [16]string
	text := buffer[:0] // in parts, because most cues have one, which is then not copied
	flush := func() error {
		c.text = strings.Join(text, "")
		text = text[:0]
		return d.add(c)
	}
	for {
		before, tag, found := strings.Cut(payload, "<")
		if before != "" {
			text = append(text, unescapeVTT(before))
		}
		if !found {
			return flush()
		}
		name, rest, after, ok := cutVTTTag(tag)
		if !ok {
			text = append(text, "<")
			payload = tag
			continue
		}
		payload = after
		switch name {
		case "/v":
			// Only Teams closes a voice at the end of a cue.
			d.video = d.video || payload == ""
		case "v":
			d.evidence = evidenceNone
			_, annotation, _ := strings.Cut(vttSpaces.Replace(rest), " ") // after the classes
			speaker := plaintext.OneLine(unescapeVTT(annotation))
			if strings.Trim(speaker, "-–—_.?* ") == "" {
				speaker = "" // some tools write "-" without a speaker
			}
			if speaker == c.speaker {
				if n := len(text); n > 0 && !strings.HasSuffix(text[n-1], " ") {
					text = append(text, " ")
				}
				continue
			}
			if err := flush(); err != nil {
				return err
			}
			c.speaker = speaker
		}
	}
}

var vttSpaces = strings.NewReplacer("\t", " ", "\r", " ", "\n", " ")

// unescapeVTT decodes character references that end in a semicolon. Others are text, as in
// "AT&T" or "a=1&copy=2", because some tools do not escape ampersands.
func unescapeVTT(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	var b strings.Builder
	for {
		start := strings.IndexByte(s, '&')
		if start < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:start])
		s = s[start:]
		end := 1
		for end < len(s) && (s[end] == '#' || '0' <= s[end] && s[end] <= '9' || isASCIILetter(s[end])) {
			end++
		}
		if end == 1 || end == len(s) || s[end] != ';' {
			b.WriteString(s[:end])
		} else {
			end++
			b.WriteString(html.UnescapeString(s[:end]))
		}
		s = s[end:]
	}
}

// readVTTNote reads a line of a comment. Memo writes the title and the language there, and Microsoft Stream the
// duration and the language.
func (d *draft) readVTTNote(number int, line string) error {
	name, value, ok := strings.Cut(strings.TrimPrefix(line, "NOTE"), ":")
	if !ok {
		return nil
	}
	title := strings.TrimSpace(value)
	value = strings.Trim(title, `"`)
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "title":
		if d.doc.Title == "" && len(d.cues) == 0 && checkLength(0, "", title, maxTitle) == nil {
			return d.setTitle(number, title)
		}
	case "language":
		d.doc.Language = cmp.Or(d.doc.Language, transcript.Language(value))
	case "duration":
		if t, err := transcript.ParseClock(value); err == nil {
			return d.setDuration(number, float64(t))
		}
	}
	return nil
}
