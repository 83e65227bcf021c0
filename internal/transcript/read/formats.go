package read

import "slices"

// format is an import format. Its reader adds cues, the title and whatever else the file
// contains to the draft, which does the rest.
type format struct {
	name       string
	extensions []string           // in lower case, without the dot
	detect     func(*draft) match // how sure it is that d.text is in this format
	read       func(*draft) error // reads d.text; its error is a reason for people
}

// match is how sure it is that a text is in a format.
type match uint8

const (
	noMatch  match = iota
	possible       // nothing speaks against it
	likely         // it looks like this format, but can be in another
	certain        // no other format looks like this
)

func matchIf(is bool, m match) match {
	if is {
		return m
	}
	return noMatch
}

// formats lists the import formats. A special format comes before a general one. To add a format, change:
//   - this table, and add a file named like the format, with its detection and its reader;
//   - samples_test.go (with a sample of about a page), refused_test.go and the seeds
//     in fuzz_test.go;
//   - the formats in docs/contract.md#import-formats and in the manual of the web app.
var formats = []format{
	{"WebVTT", []string{"vtt"}, isVTT, readVTT},
	jsonFormat("Memo JSON", isMemoJSON, readMemoJSON),
	jsonFormat("JSON", isDialect, readDialect),
	{"other JSON", []string{"json"}, isOtherJSON, refuseJSON},
	{"CSV", []string{"csv", "tsv"}, isTable, readTable},
	{"SRT", []string{"srt"}, isSRT, readSRT},
	{"TTML", []string{"ttml", "dfxp", "xml"}, isTTML, readTTML},
	{"SBV", []string{"sbv"}, isSBV, readSBV},
	{"text with times", []string{"txt", "text"}, isStamped, readStamped},
	{"Markdown", []string{"md", "markdown"}, isMarkdown, readMarkdown},
	{"text", []string{"txt", "text"}, isAny, readText},
}

// format returns the format of the file: the one that its content most likely has. The extension decides only between
// equals. If the content could be anything, the last format with the extension reads it, and says what is wrong.
func (d *draft) format() format {
	best, sure := -1, noMatch
	hasExtension := func(i int) bool { return slices.Contains(formats[i].extensions, d.name.Extension) }
	for i, f := range formats {
		m := f.detect(d)
		if m == certain {
			return f
		}
		if m > sure || m == sure && m > noMatch && hasExtension(i) && !hasExtension(best) {
			best, sure = i, m
		}
	}
	if sure < likely {
		for i := range formats {
			if hasExtension(i) {
				best = i
			}
		}
	}
	return formats[best]
}
