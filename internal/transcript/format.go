package transcript

import (
	"context"
	"io"
	"slices"
	"strings"

	"memoai.tech/memo"
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
)

// Formats lists every export format. The first is the default.
var Formats = []Format{Markdown, Text, SRT, VTT, JSON}

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
	case JSON:
		return "application/json"
	}
	return "application/octet-stream"
}

// Write writes d as a file in the format f. It writes one part at a time, so memory
// does not grow with the number of segments. If ctx ends, it returns the cause of ctx.
// If f is not one of Formats, it returns an error before it writes anything.
func Write(ctx context.Context, w io.Writer, f Format, d *memo.Transcription) error {
	o := output{ctx: ctx, w: w, b: make([]byte, 0, 4<<10)}
	timed := memo.HasTimes(d.Segments)
	switch f {
	case Markdown:
		o.b = MarkdownHead(d)
		o.each(d.Segments, func(b []byte, s *memo.Segment) []byte { return appendMarkdown(b, s, timed) })
	case Text:
		o.each(d.Segments, func(b []byte, s *memo.Segment) []byte { return append(memo.AppendLine(b, s, timed), '\n') })
		if len(d.Segments) == 0 {
			o.b = append(o.b, '\n')
		}
	case SRT:
		n := int64(0)
		o.each(d.Segments, func(b []byte, s *memo.Segment) []byte { return appendSRT(b, &n, s) })
	case VTT:
		o.b = append(o.b, vttSignature+"\n"...)
		o.each(d.Segments, func(b []byte, s *memo.Segment) []byte { return appendVTT(b, s) })
	case JSON:
		o.json(d, timed)
	default:
		return memo.Invalid("format", "must be one of %s", FormatNames(", "))
	}
	return o.flush()
}

// output is a file that is being written.
type output struct {
	ctx context.Context
	w   io.Writer
	b   []byte // not yet written
	err error
}

// partSize is how many bytes are collected before they are written.
const partSize = 64 << 10

// each calls add for every segment, and writes the output whenever there is enough.
func (o *output) each(segments []memo.Segment, add func(b []byte, s *memo.Segment) []byte) {
	for i := range segments {
		if o.b = add(o.b, &segments[i]); len(o.b) >= partSize && o.flush() != nil {
			return
		}
	}
}

// flush writes what has been collected, unless the context has ended or an earlier
// write has failed.
func (o *output) flush() error {
	if o.err == nil {
		o.err = context.Cause(o.ctx)
	}
	if o.err == nil {
		_, o.err = o.w.Write(o.b)
	}
	o.b = o.b[:0]
	return o.err
}

// FormatNames returns the names of all export formats, with sep between them.
func FormatNames(sep string) string {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		names[i] = string(f)
	}
	return strings.Join(names, sep)
}
