package read

import (
	"html"
	"regexp"
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

// vttTag matches what may be a tag. Its groups are the name, with a slash for an end tag, and
// what follows the name.
var vttTag = regexp.MustCompile(`<(/?[A-Za-z]*)([^<>]*)>`)

// isVTTTag reports whether what vttTag matched is a tag or, without a name, the time of the
// next word, for karaoke. Otherwise it is text, as in "a <3 b>".
func isVTTTag(name, rest string) bool {
	switch {
	case name == "":
		_, err := transcript.ParseClock(rest)
		return err == nil
	case rest == "":
		return true
	}
	return name != "/" && strings.IndexByte(". \t\r\n/", rest[0]) >= 0
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
	for m := vttTag.FindStringSubmatchIndex(payload); m != nil; m = vttTag.FindStringSubmatchIndex(payload) {
		text.WriteString(unescapeVTT(payload[:m[0]]))
		name, rest := payload[m[2]:m[3]], payload[m[4]:m[5]]
		if !isVTTTag(name, rest) {
			text.WriteByte('<')
			payload = payload[m[0]+1:]
			continue
		}
		payload = payload[m[1]:]
		switch name {
		case "/v":
			// Only Teams closes a voice at the end of a cue.
			d.video = d.video || payload == ""
		case "v":
			d.evidence = evidenceNone
			_, annotation, _ := strings.Cut(vttSpaces.Replace(rest), " ") // after the classes
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
	text.WriteString(unescapeVTT(payload))
	return flush()
}

var vttSpaces = strings.NewReplacer("\t", " ", "\r", " ", "\n", " ")

// vttReference matches a character reference that ends in a semicolon. Others are text, as in
// "AT&T" or "a=1&copy=2", because some tools do not escape ampersands.
var vttReference = regexp.MustCompile(`&[#0-9A-Za-z]+;`)

func unescapeVTT(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	return vttReference.ReplaceAllStringFunc(s, html.UnescapeString)
}
