// Package write writes transcriptions as files, in the formats of docs/contract.md. In every
// format, what people said is data and never markup.
package write

import (
	"context"
	"io"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
)

// writers has the writer of every export format, each in a separate file.
var writers = map[transcript.Format]func(*output, *memo.Transcription){
	transcript.Markdown: (*output).markdown,
	transcript.Text:     (*output).text,
	transcript.SRT:      (*output).srt,
	transcript.VTT:      (*output).vtt,
	transcript.JSON:     (*output).json,
	transcript.CSV:      (*output).csv,
	transcript.Podcast:  (*output).podcast,
}

// File writes d as a file in the format f. It writes one part at a time, so memory
// does not grow with the number of segments. If ctx ends, it returns the cause of ctx.
// If f has no writer, it returns an error before it writes anything.
func File(ctx context.Context, w io.Writer, f transcript.Format, d *memo.Transcription) error {
	write, ok := writers[f]
	if !ok {
		return memo.Invalid("format", "must be one of %s", transcript.FormatNames(", "))
	}
	o := output{ctx: ctx, w: w, b: make([]byte, 0, 4<<10)}
	write(&o, d)
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
