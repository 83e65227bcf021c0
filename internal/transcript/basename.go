package transcript

import (
	"strings"
	"time"
)

// baseName is what the name of a file says about its content.
type baseName struct {
	extension string // lower case, without the dot
	title     string
	created   time.Time // zero if the name has no date
	zoom      bool      // it is the name of a Zoom cloud recording
}

// parseBaseName parses the last part of a path of any platform. A date at the start,
// as [FileName] writes it, is the creation time and not part of the title.
func parseBaseName(path string) baseName {
	base := strings.ToValidUTF8(path, "")
	base = base[strings.LastIndexAny(base, `/\`)+1:]
	var n baseName
	base, n.extension = splitExtension(base)
	for _, suffix := range []string{".transcript", ".cc"} { // Zoom's transcripts and closed captions
		base = strings.TrimSuffix(base, suffix)
	}
	if title, created, ok := parseZoomName(base); ok {
		n.title, n.created, n.zoom = title, created, true
		return n
	}
	if len(base) >= len(time.DateOnly) {
		day, err := time.Parse(time.DateOnly, base[:len(time.DateOnly)])
		if rest := base[len(time.DateOnly):]; err == nil && (rest == "" || rest[0] == ' ' || rest[0] == '_') {
			n.created = day
			if titleWords(rest) != "" {
				base = rest
			}
		}
	}
	if n.title = titleWords(base); n.title == "" {
		n.title = "Untitled"
	}
	return n
}

// splitExtension splits off an extension of 1 to 5 letters and digits. At least one
// must be a letter: the "5" of "Version 2.5" is not an extension.
func splitExtension(base string) (stem, extension string) {
	dot := strings.LastIndexByte(base, '.')
	if dot < 0 || len(base)-dot > 6 || len(base)-dot < 2 {
		return base, ""
	}
	extension = strings.ToLower(base[dot+1:])
	letters := 0
	for _, r := range extension {
		switch {
		case r >= 'a' && r <= 'z':
			letters++
		case r < '0' || r > '9':
			return base, ""
		}
	}
	if letters == 0 {
		return base, ""
	}
	return base[:dot], extension
}

// parseZoomName parses a name such as GMT20260520-091400_Recording_1920x1080: the
// start of the call in UTC, then "Recording" or the topic of the meeting.
func parseZoomName(base string) (title string, created time.Time, ok bool) {
	const layout = "20060102-150405"
	rest, ok := strings.CutPrefix(base, "GMT")
	if !ok || len(rest) < len(layout) {
		return "", time.Time{}, false
	}
	created, err := time.Parse(layout, rest[:len(layout)])
	if err != nil {
		return "", time.Time{}, false
	}
	rest = rest[len(layout):]
	if i := strings.LastIndexByte(rest, '_'); i >= 0 && isResolution(rest[i+1:]) {
		rest = rest[:i]
	}
	title = titleWords(strings.ReplaceAll(rest, "-", " "))
	if title == "" || title == "Recording" {
		title = "Zoom recording"
	}
	return title, created, true
}

func isResolution(s string) bool {
	width, height, ok := strings.Cut(s, "x")
	return ok && isDigits(width, 5) && isDigits(height, 5)
}

// titleWords turns a part of a file name into a title.
func titleWords(s string) string {
	return strings.Join(strings.Fields(oneLine(strings.ReplaceAll(s, "_", " "))), " ")
}
