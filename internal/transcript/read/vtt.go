package read

import (
	"html"
	"strings"

	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

const vttSignature = "WEBVTT"

// isVTT reports whether the text starts with the signature of WebVTT.
func isVTT(d *draft) bool {
	rest, ok := strings.CutPrefix(d.text, vttSignature)
	return ok && (rest == "" || strings.ContainsRune(" \t\r\n", rune(rest[0])))
}

// readVTT reads WebVTT by the grammar of the W3C and as Zoom and Teams write it. Where a
// browser would silently drop a part of the file, readVTT refuses the file.
func readVTT(d *draft) error {
	if !isVTT(d) {
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
		if !strings.Contains(l.line(), "-->") {
			if !strings.Contains(l.peek(), "-->") {
				if !isVTTComment(l.line()) {
					return refusef(l.number, "has the text %s without times before it", plaintext.Quote(l.line()))
				}
				skipVTTBlock(&l)
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

// readVTTHeader reads everything up to the first empty line: a title after the
// signature, and "Language: en". It ignores other lines.
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
			d.doc.Language = transcript.Language(value)
		}
	}
}

// isVTTComment reports whether a block that starts with line has no transcript text: it
// is a comment, a style or a region.
func isVTTComment(line string) bool {
	word, _, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	return word == "NOTE" || strings.TrimSpace(line) == "STYLE" || strings.TrimSpace(line) == "REGION"
}

// skipVTTBlock skips the rest of a block. By the grammar it ends at an empty line or at
// the times of a cue.
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

// vttPayload returns the lines after the current one, up to an empty line.
func vttPayload(l *lineScanner) string {
	from, to := l.rest, l.rest
	for {
		before := *l
		if !l.next() || l.line() == "" {
			break
		}
		if _, err := parseTiming(l.line()); err == nil { // the next cue, without an empty line before it
			*l = before
			break
		}
		to = l.to
	}
	return l.text[from:to]
}

// addVTTCue adds a cue for each voice in the payload, because several people can speak in
// one VTT cue.
func addVTTCue(d *draft, c cue, payload string) error {
	var text strings.Builder
	flush := func() error {
		c.text = text.String()
		text.Reset()
		return d.add(c)
	}
	for payload != "" {
		i := strings.IndexByte(payload, '<')
		if i < 0 {
			i = len(payload)
		}
		text.WriteString(unescapeVTT(payload[:i]))
		if payload = payload[i:]; payload == "" {
			break
		}
		end, name, annotation := parseVTTTag(payload)
		if end == 0 { // "a < b"
			text.WriteByte('<')
			payload = payload[1:]
			continue
		}
		payload = payload[end:]
		switch name {
		case "/v":
			// Only Teams closes a voice at the end of a cue.
			d.video = d.video || payload == ""
		case "v":
			d.evidence = evidenceNone
			speaker := plaintext.OneLine(unescapeVTT(annotation))
			if speaker == c.speaker {
				if !strings.HasSuffix(text.String(), " ") {
					text.WriteByte(' ')
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

// parseVTTTag parses the tag at the start of s. It returns its length, or 0 if s does not
// start with a tag; its name, with a slash for an end tag; and its annotation, which is
// the speaker in a voice tag.
func parseVTTTag(s string) (length int, name, annotation string) {
	// Stopping at the next "<" makes a text of a million "<" fast to read.
	end := 1 + strings.IndexAny(s[1:], "<>")
	if end == 0 || s[end] == '<' {
		return 0, "", ""
	}
	inner := s[1:end]
	i := 0
	for i < len(inner) && (inner[i] >= 'a' && inner[i] <= 'z' || inner[i] >= 'A' && inner[i] <= 'Z' || i == 0 &&
		inner[i] == '/') {
		i++
	}
	name, rest := inner[:i], inner[i:]
	if name == "" {
		if _, err := transcript.ParseClock(inner); err == nil {
			return end + 1, "", "" // the time of the next word, for karaoke
		}
	}
	if name == "" || name == "/" && rest != "" || rest != "" && !strings.ContainsRune(". \t\r\n/", rune(rest[0])) {
		return 0, "", ""
	}
	if i := strings.IndexAny(rest, " \t\r\n"); i >= 0 { // after the classes
		annotation = rest[i:]
	}
	return end + 1, name, annotation
}

// unescapeVTT decodes character references that end in a semicolon. Others are text, as
// in "AT&T" or "a=1&copy=2", because some tools do not escape ampersands.
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
