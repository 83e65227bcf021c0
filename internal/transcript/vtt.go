package transcript

import (
	"html"
	"strings"

	"memoai.tech/memo"
)

const vttSignature = "WEBVTT"

// hasVTTSignature reports whether text starts as every WebVTT file must.
func hasVTTSignature(text string) bool {
	rest, ok := strings.CutPrefix(text, vttSignature)
	return ok && (rest == "" || strings.ContainsRune(" \t\r\n", rune(rest[0])))
}

// readVTT reads WebVTT as W3C's grammar has it and as Zoom and Teams write it.
// Where a browser would drop a part without a word, the file is refused.
func readVTT(d *draft, text string) error {
	if !hasVTTSignature(text) {
		return refusef(1, "does not start with WEBVTT, as a WebVTT file must. If it is SubRip, name it .srt")
	}
	d.captions, d.evidence = true, evidenceWeak
	l := lineScanner{text: text}
	if err := readVTTHeader(d, &l); err != nil {
		return err
	}
	for l.next() {
		if err := d.alive(); err != nil {
			return err
		}
		if l.line() == "" {
			continue
		}
		first := l
		if !strings.Contains(l.line(), "-->") {
			if !strings.Contains(l.peek(), "-->") {
				if !isVTTComment(l.line()) {
					return refusef(l.number, "has the text %s without times before it", quoteShort(l.line()))
				}
				skipVTTBlock(&l)
				continue
			}
			l.next() // first was the cue's identifier
		}
		c, fault := parseTiming(l.line())
		if fault != "" {
			return refusef(l.number, "%s", fault)
		}
		c.line = first.number
		if err := addVTTCue(d, c, vttPayload(&l)); err != nil {
			return err
		}
	}
	// Zoom writes "Name: text" where VTT has voices for that, WhisperX, which
	// records nothing, "[SPEAKER_00]: text".
	if d.evidence == evidenceWeak {
		d.nameSpeakers()
		d.evidence = evidenceNone
		d.video = d.colons
	}
	return nil
}

// readVTTHeader reads what stands before the first empty line: a title after
// the signature, "Language: en", and what else tools put there.
func readVTTHeader(d *draft, l *lineScanner) error {
	l.next()
	title := strings.TrimSpace(strings.TrimPrefix(l.line(), vttSignature))
	if !strings.HasPrefix(title, "Kind:") { // YouTube's old header, all on one line
		if err := d.setTitle(l.number, strings.TrimPrefix(title, "-")); err != nil {
			return err
		}
	}
	for {
		before := *l
		if !l.next() || l.line() == "" {
			return nil
		}
		if strings.Contains(l.line(), "-->") { // no empty line: the first cue
			*l = before
			return nil
		}
		name, value, _ := strings.Cut(l.line(), ":")
		if strings.EqualFold(strings.TrimSpace(name), "language") {
			d.doc.Language = Language(value)
		}
	}
}

// isVTTComment reports whether a block without times is one that may be left
// out: a comment, or how things are to look.
func isVTTComment(line string) bool {
	word, _, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	return word == "NOTE" || strings.TrimSpace(line) == "STYLE" || strings.TrimSpace(line) == "REGION"
}

// skipVTTBlock leaves out the rest of a block, which ends at an empty line or,
// by the grammar, at a cue.
func skipVTTBlock(l *lineScanner) {
	for {
		before := *l
		if !l.next() || l.line() == "" {
			return
		}
		if strings.Contains(l.line(), "-->") {
			*l = before
			return
		}
	}
}

// vttPayload returns the lines below the current one, up to an empty one.
func vttPayload(l *lineScanner) string {
	from, to := l.rest, l.rest
	for {
		before := *l
		if !l.next() || l.line() == "" {
			break
		}
		if _, fault := parseTiming(l.line()); fault == "" { // the next cue, no empty line
			*l = before
			break
		}
		to = l.to
	}
	return l.text[from:to]
}

// addVTTCue makes a segment of every voice in the payload: two people may
// speak in one cue.
func addVTTCue(d *draft, c cue, payload string) error {
	var said strings.Builder
	flush := func() error {
		c.text = said.String()
		said.Reset()
		return d.add(c)
	}
	for payload != "" {
		i := strings.IndexByte(payload, '<')
		if i < 0 {
			i = len(payload)
		}
		said.WriteString(unescapeVTT(payload[:i]))
		if payload = payload[i:]; payload == "" {
			break
		}
		end, name, annotation := parseVTTTag(payload)
		if end == 0 { // "a < b"
			said.WriteByte('<')
			payload = payload[1:]
			continue
		}
		payload = payload[end:]
		switch name {
		case "/v":
			// Only Teams closes a voice that ends with its cue.
			d.video = d.video || payload == ""
		case "v":
			d.evidence = evidenceNone
			speaker := oneLine(unescapeVTT(annotation))
			if speaker == c.speaker {
				if !strings.HasSuffix(said.String(), " ") {
					said.WriteByte(' ')
				}
				continue
			}
			if err := flush(); err != nil {
				return err
			}
			c.speaker = speaker
		}
	}
	return flush()
}

// parseVTTTag reads the tag that s starts with and returns its length, 0 if
// "<" is just a character; the name, with a slash if it ends a span; and, for
// a voice, the annotation, which is the speaker.
func parseVTTTag(s string) (length int, name, annotation string) {
	// Looking no further than the next "<" keeps a million of them cheap.
	end := 1 + strings.IndexAny(s[1:], "<>")
	if end == 0 || s[end] == '<' {
		return 0, "", ""
	}
	inner := s[1:end]
	if _, fault := parseClock(inner); fault == "" {
		return end + 1, "", "" // when the next word is said, for karaoke
	}
	i := 0
	for i < len(inner) && (inner[i] >= 'a' && inner[i] <= 'z' || inner[i] >= 'A' && inner[i] <= 'Z' || i == 0 &&
		inner[i] == '/') {
		i++
	}
	name, rest := inner[:i], inner[i:]
	if name == "" || name == "/" && rest != "" || rest != "" && !strings.ContainsRune(". \t\r\n/", rune(rest[0])) {
		return 0, "", ""
	}
	if i := strings.IndexAny(rest, " \t\r\n"); i >= 0 { // after the classes
		annotation = rest[i:]
	}
	return end + 1, name, annotation
}

// unescapeVTT decodes character references, but only complete ones: tools that
// do not escape write "AT&T" and "a=1&copy=2".
func unescapeVTT(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		s = s[i:]
		const longest = 34 // of HTML's names
		end := strings.IndexByte(s[:min(len(s), longest)], ';')
		if end < 0 || strings.Contains(s[1:end], "&") {
			end = 0
			b.WriteByte('&')
		} else {
			b.WriteString(html.UnescapeString(s[:end+1]))
		}
		s = s[end+1:]
	}
}

// appendVTT writes one cue a segment. It follows a header that has nothing but
// the signature: some players take no more.
func appendVTT(b []byte, s *memo.Segment) []byte {
	text := oneLine(s.Text)
	if text == "" {
		return b
	}
	b = appendTiming(append(b, '\n'), s, '.')
	if speaker := oneLine(string(s.Speaker)); speaker != "" {
		b = append(appendVTTText(append(b, "<v "...), speaker), '>')
	}
	return append(appendVTTText(b, text), '\n')
}

// appendVTTText escapes what could be a tag, a reference or the arrow of a
// timing line. What is left can start with NOTE: it stands below its times.
func appendVTTText(b []byte, s string) []byte {
	from := 0
	for i := range len(s) {
		var escaped string
		switch s[i] {
		case '&':
			escaped = "&amp;"
		case '<':
			escaped = "&lt;"
		case '>':
			escaped = "&gt;"
		default:
			continue
		}
		b = append(append(b, s[from:i]...), escaped...)
		from = i + 1
	}
	return append(b, s[from:]...)
}
