// Package read reads transcriptions from files, in the formats of
// docs/contract.md#import-formats.
//
// A file is read whole or refused whole, with a line and a reason. In every format,
// what people said is data and never markup. Reading a JSON export gives the same
// transcription again, except for its ids. The memory used is proportional to the
// size of the file.
//
// The package opens no files, knows nothing of workspaces and has no state.
package read

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/transcript"
)

// Result is what File understood of a file.
type Result struct {
	*memo.Transcription
	Format   string   // its name for people, such as "WebVTT" or "Otter text"
	Warnings []string // what was changed, guessed or left out: at most 20 full sentences for people
}

// File reads one file of any import format. The content determines the format, and the
// name, which may contain a path, only if the content can be in several. The name also
// gives the title and the creation time if the content has none. CreatedAt is zero if
// neither has a time. File ignores the ids of the transcription and of its project in
// Memo JSON, because they belong to another database.
//
// Every error is a *transcript.Error, or the cause of ctx if ctx has ended.
func File(ctx context.Context, name string, data []byte, limits transcript.Limits) (*Result, error) {
	result, err := readFile(ctx, name, data, limits)
	if err == nil {
		return result, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	refusal, ok := errors.AsType[*transcript.Error](err)
	if !ok {
		refusal = &transcript.Error{Reason: err.Error()}
	}
	refusal.Help = helpFor(name, data, refusal.Help)
	return nil, refusal
}

func readFile(ctx context.Context, name string, data []byte, limits transcript.Limits) (*Result, error) {
	if err := limits.CheckSize(int64(len(data))); err != nil {
		return nil, err
	}
	d := &draft{ctx: ctx, limits: limits, name: filename.Parse(name)}
	d.docx = bytes.HasPrefix(data, []byte(zipSignature)) && zipKind(data) == docxText
	var err error
	if d.docx {
		d.text, err = readDocx(d, data)
	} else {
		d.text, err = decodeText(data)
	}
	if err != nil {
		return nil, err
	}
	text := d.text
	if strings.TrimSpace(text) == "" {
		return nil, refusef(0, "is empty")
	}
	if err := checkText(text); err != nil && !d.docx {
		return nil, err
	}
	if strings.Contains(text, doubledBreak) {
		d.warnf("The line breaks are doubled (CR CR LF); each was read as one.")
	}
	d.readFrames()
	format := d.format()
	if err := format.read(d); err != nil {
		return nil, err
	}
	doc, err := d.document()
	if err != nil {
		return nil, err
	}
	formatName := cmp.Or(d.formatName, format.name)
	if d.docx {
		formatName = documentFormat(formatName)
	}
	return &Result{Transcription: doc, Format: formatName, Warnings: d.sentences()}, nil
}
