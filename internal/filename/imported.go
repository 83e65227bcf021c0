package filename

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

// Name is what the name of a file says about its content.
type Name struct {
	Extension string // lower case, without the dot
	Title     string
	Language  string    // from an ending such as ".en.vtt"; empty if the name has none
	Created   time.Time // zero if the name has no date; a time without a zone is taken as UTC
	Zoom      bool      // it is the name of a Zoom cloud recording
}

// Parse parses the last part of a path of any platform, in the forms that recorders, meeting tools
// and yt-dlp write. If it says only that the file is a transcript, as Zoom's names do, the title
// and the date come from the folder.
func Parse(path string) Name {
	path = strings.ToValidUTF8(path, "")
	folder, base := "", path
	if i := strings.LastIndexAny(path, `/\`); i >= 0 {
		folder, base = path[:i], path[i+1:]
	}
	var n Name
	base, n.Extension = splitExtension(base)
	if n.Extension != "" {
		base, n.Language = splitLanguage(base)
	}
	if stem, ok := CutRecordingExtension(base); ok && stem != "" { // call.mp3.srt
		base = stem
	}
	for _, suffix := range []string{".transcript", ".cc", "_otter_ai", "_transcript", "-transcript"} {
		base = strings.TrimSuffix(base, suffix)
	}
	if title, created, ok := parseZoomName(base); ok {
		n.Title, n.Created, n.Zoom = title, created, true
		return n
	}
	if generic.MatchString(base) {
		parent := folder[strings.LastIndexAny(folder, `/\`)+1:]
		if title, created := SplitDate(parent); titleWords(title) != "" && !created.IsZero() {
			base, n.Created = title, created
		}
	} else if title, created := SplitDate(base); !created.IsZero() {
		n.Created = created
		if titleWords(title) != "" {
			base = title
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

// splitLanguage splits off a language code, as in "talk.en" or "talk.pt-BR".
func splitLanguage(stem string) (rest, language string) {
	code := languageEnding.FindString(stem)
	if code == "" || code == stem {
		return stem, ""
	}
	// Of three letters, only other forms of a code of two, because many are also words: "new".
	language = string(transcript.Language(code[1:]))
	if short, _, _ := strings.Cut(language, "-"); len(short) != 2 {
		return stem, ""
	}
	return strings.TrimSuffix(stem, code), language
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
	switch title = titleWords(strings.ReplaceAll(rest, "-", " ")); title {
	case "", "Recording":
		title = "Zoom recording"
	case "RecordingnewChat":
		title = "Zoom recording (chat)"
	}
	return title, created, true
}

// SplitDate returns a name or a title without its date, and the date. The date is zero if the name has none, or
// digits that are not a date. It must be at the start, at the end, or followed by what a tool adds.
func SplitDate(name string) (rest string, created time.Time) {
	for _, form := range []*regexp.Regexp{dateAtStart, dateInside} {
		m := form.FindStringSubmatchIndex(name)
		if m == nil {
			continue
		}
		part := func(group string) string {
			i := 2 * form.SubexpIndex(group)
			if m[i] < 0 {
				return ""
			}
			return name[m[i]:m[i+1]]
		}
		date := part("year") + part("month") + part("day")
		clock := (part("hour") + part("minute") + part("second") + "000000")[:6]
		created, err := time.Parse("20060102150405", date+clock)
		if err != nil {
			continue
		}
		if hours, err := strconv.Atoi(part("zone")); err == nil {
			created = created.Add(-time.Duration(hours) * time.Hour)
		}
		return part("before") + part("after"), created
	}
	return name, time.Time{}
}

const (
	dateForm  = `(?P<year>(?:19|20)\d\d)(?P<dash>[-._/]?)(?P<month>\d\d)[-._/]?(?P<day>\d\d)`
	clockForm = `(?P<hour>[01]\d|2[0-3])[-._:h]?(?P<minute>[0-5]\d)(?:[-._:m]?(?P<second>[0-5]\d))?`
)

var (
	ending         = regexp.MustCompile(`\.[0-9A-Za-z]{1,5}$`)
	languageEnding = regexp.MustCompile(`\.[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	resolution     = regexp.MustCompile(`_[0-9]{1,5}x[0-9]{1,5}$`) // of the picture, in a Zoom name
	// What tools call every file of a meeting.
	generic = regexp.MustCompile(`(?i)^(meeting_saved_(closed_caption|new_chat|chat)|closed_caption|chat|` +
		`audio_transcript|transcript|transcription|captions?|subtitles?)$`)
	// 2026-05-20 Acme call, 20260520 1002 - Acme call, 2026-05-20T10-02-31_Acme call
	dateAtStart = regexp.MustCompile(`^(?P<before>)` + dateForm + `(?:(?:[ _T-]| at )` + clockForm + `)?` +
		`(?P<zone>)(?:(?:[ _]*[-–—]+[ _]*|[ _]+)(?P<after>[^ _].*))?$`)
	// Teams: "Acme call-20260520_100231-Meeting Recording". Google Meet: "Acme call (2026-05-20 at 10_02
	// GMT+2) – Transcript" and "Acme call - 2026_05_20 10_02 CEST - Notes by Gemini". Recorders:
	// "Recording 20260520 100231".
	dateInside = regexp.MustCompile(`^(?P<before>.*[^ \d(_–—-])[ _–—(-]+` +
		dateForm + `(?:(?:[ _T-]| at )` + clockForm + `)?` +
		`(?: ?(?:GMT|UTC)(?P<zone>[+-]\d{1,2})?| [A-Z]{3,4})?\)?` +
		`(?P<after>)(?:[ _]*[-–—] *` +
		`(?:Meeting (?:Recording|Transcript)|Transcript|Transkript|Notes by Gemini|Recording))?$`)
)

// titleWords turns a part of a file name into a title.
func titleWords(s string) string {
	return strings.Join(strings.Fields(plaintext.OneLine(strings.ReplaceAll(s, "_", " "))), " ")
}
