package transcript

import (
	"slices"
	"strings"
)

// Format is a file format of an export.
type Format string

// The export formats. CONTRIBUTING.md lists what to change when one is added.
const (
	Markdown Format = "md"
	Text     Format = "txt"
	SRT      Format = "srt"
	VTT      Format = "vtt"
	JSON     Format = "json"
	CSV      Format = "csv"
	Podcast  Format = "podcast" // the JSON of Podcasting 2.0
)

// Formats lists every export format. The first is the default.
var Formats = []Format{Markdown, Text, SRT, VTT, JSON, CSV, Podcast}

// ParseFormat returns the format with the name s, in lower case, and whether it exists.
func ParseFormat(s string) (Format, bool) {
	return Format(s), slices.Contains(Formats, Format(s))
}

// ContentType returns the media type of a file in the format.
func (f Format) ContentType() string {
	switch f {
	case Markdown:
		return "text/markdown; charset=utf-8"
	case Text:
		return "text/plain; charset=utf-8"
	case SRT:
		return "application/x-subrip; charset=utf-8"
	case VTT:
		return "text/vtt; charset=utf-8"
	case JSON, Podcast:
		return "application/json"
	case CSV:
		return "text/csv; charset=utf-8"
	}
	return "application/octet-stream"
}

// Extension returns the extension of a file in the format, without the dot.
func (f Format) Extension() string {
	if f == Podcast {
		return "json"
	}
	return string(f)
}

// FormatNames returns the names of all export formats, with sep between them.
func FormatNames(sep string) string {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		names[i] = string(f)
	}
	return strings.Join(names, sep)
}
