package read

import "slices"

// format is an import format. Its reader adds cues, the title and whatever else the file
// contains to the draft, which does the rest.
type format struct {
	name       string
	extensions []string           // in lower case, without the dot
	detect     func(*draft) bool  // whether d.text is in this format
	read       func(*draft) error // reads d.text; its error is a reason for people
}

// formats lists the import formats. A special format comes before a general one with the same
// extension. To add a format, change:
//   - this table, and add a file named like the format, with its detection and its reader;
//   - samples_test.go (with a sample of about a page), refused_test.go and the seeds
//     in fuzz_test.go;
//   - the formats in docs/contract.md#import-formats and in the manual of the web app.
var formats = []format{
	{"WebVTT", []string{"vtt"}, isVTT, readVTT},
	jsonFormat("Memo JSON", isMemoJSON, readMemoJSON),
	jsonFormat("Whisper JSON", isWhisper, readWhisper),
	{"other JSON", []string{"json"}, looksLikeJSON, refuseJSON},
	{"SubRip", []string{"srt"}, isSRT, readSRT},
	{"text with times", []string{"txt", "text"}, isStamped, readStamped},
	{"text", []string{"txt", "text"}, isAny, readText},
}

// format returns the format of the file: of those with its extension, the first that detects
// it. If none does, the last is asked to read it, and says what is wrong. If the extension is
// unknown, every format may detect it. For .txt no other format may, because such a file may
// contain anything.
func (d *draft) format() format {
	candidates := withExtension(d.name.Extension)
	if len(candidates) == 0 {
		candidates = formats
	}
	for _, f := range candidates {
		if f.detect(d) {
			return f
		}
	}
	return candidates[len(candidates)-1]
}

func withExtension(extension string) (found []format) {
	for _, f := range formats {
		if slices.Contains(f.extensions, extension) {
			found = append(found, f)
		}
	}
	return found
}
