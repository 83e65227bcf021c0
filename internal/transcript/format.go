package transcript

import (
	"io"
	"slices"
	"strings"

	"memoai.tech/memo"
)

// Format is a file format that a transcription can be exported in.
type Format string

// The export formats (contract section 2). Adding one means adding it here, to
// Formats, ContentType and Write, to the golden files, and to the formats that
// rest, mcp and the manual list.
const (
	Markdown Format = "md"
	Text     Format = "txt"
	SRT      Format = "srt"
	VTT      Format = "vtt"
	JSON     Format = "json"
)

// Formats lists every export format in the contract's order; the first is the
// default.
var Formats = []Format{Markdown, Text, SRT, VTT, JSON}

// ParseFormat returns the format that s names, exactly as the contract has it.
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
	case JSON:
		return "application/json"
	}
	return "application/octet-stream"
}

// Write writes the whole file, in one piece: w sees all of it or, when the
// format is none of Formats, nothing.
func Write(w io.Writer, f Format, d *memo.Document) error {
	var b []byte
	switch f {
	case Markdown:
		b = append(MarkdownHead(d), MarkdownBody(d.Segments)...)
	case Text:
		b = append([]byte(memo.Lines(d.Segments)), '\n')
	case SRT:
		b = appendSRT(sized(d, 40), d.Segments)
	case VTT:
		b = appendVTT(sized(d, 40), d.Segments)
	case JSON:
		b = appendJSON(sized(d, 80+len(d.Text)/max(len(d.Segments), 1)), d)
	default:
		return memo.Invalid("format", "must be one of %s", formatNames())
	}
	_, err := w.Write(b)
	return err
}

// sized makes room for the texts and so many bytes more for each segment.
func sized(d *memo.Document, each int) []byte {
	n := 1024
	for i := range d.Segments {
		n += len(d.Segments[i].Text) + len(d.Segments[i].Speaker) + each
	}
	return make([]byte, 0, n+n/8)
}

func formatNames() string {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		names[i] = string(f)
	}
	return strings.Join(names, ", ")
}
