package read

import (
	"html"
	"strings"

	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

const vttSignature = "WEBVTT"

// isVTT reports whether the text starts with the signature of WebVTT.
func isVTT(d *draft) match { return matchIf(hasVTTSignature(d.text), certain) }

func hasVTTSignature(text string) bool {
	rest, ok := strings.CutPrefix(text, vttSignature)
	return ok && (rest == "" || strings.ContainsRune(" \t\r\n", rune(rest[0])))
}

// readVTT reads WebVTT by the grammar of the W3C and as Zoom and Teams write it. Where a
// browser would silently drop a part of the file, readVTT refuses the file.
func readVTT(d *draft) error {
	if !hasVTTSignature(d.text) {
		return refusef(1, "does not start with WEBVTT, as a WebVTT file must. If it is SubRip, rename it to .srt")
	}
	d.captions, d.evidence = true, evidenceWeak
	l := lineScanner{text: d.text}
	if err := readVTTHeader(d, &l); err != nil {
		return err
	}
	for l.next() {
		if err := d.checkContext(); err != nil {
			return err
		}
		if l.line() == "" {
			continue
		}
		first := l
		if !hasArrow(l.line()) {
			if !hasArrow(l.peek()) {
				if !isVTTComment(l.line()) {
					return refusef(l.number, "has the text %s without times before it", plaintext.Quote(l.line()))
				}
				for range l.block(hasArrow) { // skips it
				}
				continue
			}
			l.next() // first was the cue's identifier
		}
		c, err := parseTiming(l.line())
		if err != nil {
			return refusef(l.number, "%s", err)
		}
		c.line = first.number
		if err := addVTTCue(d, c, vttPayload(&l)); err != nil {
			return err
		}
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
	l.next()
	title := strings.TrimSpace(strings.TrimPrefix(l.line(), vttSignature))
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

// vttPayload returns the lines after the current one, up to an empty line or the times of
// the next cue.
func vttPayload(l *lineScanner) string {
	from, to := l.rest, l.rest
	for range l.block(isTiming) {
		to = l.to
	}
	return l.text[from:to]
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
