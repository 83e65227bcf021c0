package filename

import (
	"regexp"
	"strings"
	"time"

	"memoai.tech/memo/internal/plaintext"
)

// Name is what the name of a file says about its content.
type Name struct {
	Extension string // lower case, without the dot
	Title     string
	Created   time.Time // zero if the name has no date
	Zoom      bool      // it is the name of a Zoom cloud recording
}

// Parse parses the last part of a path of any platform. A date at the start,
// as [Of] writes it, is the creation time and not part of the title.
func Parse(path string) Name {
	base := strings.ToValidUTF8(path, "")
	base = base[strings.LastIndexAny(base, `/\`)+1:]
	var n Name
	base, n.Extension = splitExtension(base)
	for _, suffix := range []string{".transcript", ".cc"} { // Zoom's transcripts and closed captions
		base = strings.TrimSuffix(base, suffix)
	}
	if title, created, ok := parseZoomName(base); ok {
		n.Title, n.Created, n.Zoom = title, created, true
		return n
	}
	if len(base) >= len(time.DateOnly) {
		day, err := time.Parse(time.DateOnly, base[:len(time.DateOnly)])
		if rest := base[len(time.DateOnly):]; err == nil && (rest == "" || rest[0] == ' ' || rest[0] == '_') {
			n.Created = day
			if titleWords(rest) != "" {
				base = rest
			}
		}
	}
	if n.Title = titleWords(base); n.Title == "" {
		n.Title = "Untitled"
	}
	return n
}

// splitExtension splits off an extension of 1 to 5 letters and digits. At least one
// must be a letter: the "5" of "Version 2.5" is not an extension.
func splitExtension(base string) (stem, extension string) {
	dotted := ending.FindString(base)
	if dotted == "" || plaintext.IsDigits(dotted[1:], 5) {
		return base, ""
	}
	return strings.TrimSuffix(base, dotted), strings.ToLower(dotted[1:])
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
	rest = resolution.ReplaceAllString(rest[len(layout):], "")
	title = titleWords(strings.ReplaceAll(rest, "-", " "))
	if title == "" || title == "Recording" {
		title = "Zoom recording"
	}
	return title, created, true
}

var (
	ending     = regexp.MustCompile(`\.[0-9A-Za-z]{1,5}$`)
	resolution = regexp.MustCompile(`_[0-9]{1,5}x[0-9]{1,5}$`) // of the picture, in a Zoom name
)

// titleWords turns a part of a file name into a title.
func titleWords(s string) string {
	return strings.Join(strings.Fields(plaintext.OneLine(strings.ReplaceAll(s, "_", " "))), " ")
}
