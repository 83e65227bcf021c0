// Package transcript turns files into transcriptions and transcriptions into
// files: the import formats of the contract's section 5 and the export formats
// of its section 2.
//
// What holds: a file is read whole or refused whole with a line and a reason;
// whatever people said is data, never markup, in every format; what goes out
// as JSON comes back the same. The memory used is proportional to the file.
//
// It does no I/O: it opens no file, knows no workspace and keeps nothing.
package transcript

import (
	"context"
	"errors"
	"strings"

	"memoai.tech/memo"
)

// fileKind is an import format, as far as it can be told before reading.
type fileKind string

// The import formats. To add one, touch these:
//   - the constants here, kindByName (by extension) and sniff (by content);
//   - Read's switch, and a file with the reader, which fills a draft;
//   - extensions in basename.go, if the ending is to be cut from titles;
//   - samples_test.go (a sample a page long), refused_test.go and the seeds in
//     fuzz_test.go;
//   - section 5 of the contract and the list in the manual.
const (
	kindVTT  fileKind = "vtt"
	kindSRT  fileKind = "srt"
	kindJSON fileKind = "json" // Whisper's or our own, decided by its shape
	kindText fileKind = "txt"
)

// Read reads one file of any import format. The name, which may hold a path,
// gives the format and, where the content does not say them, the title and the
// creation time; CreatedAt stays zero where neither knows. The id and the
// project's id that an export of ours carries belong to another database and
// are left out. A limit that is 0 is the one of DefaultLimits.
//
// Every error is an *Error, or the cause of ctx when ctx has ended.
func Read(ctx context.Context, name string, data []byte, limits Limits) (*memo.Transcription, error) {
	doc, err := readFile(ctx, name, data, limits.orDefault())
	if err == nil {
		return doc, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if refusal, ok := errors.AsType[*Error](err); ok {
		return nil, refusal
	}
	return nil, &Error{Reason: err.Error()}
}

func readFile(ctx context.Context, name string, data []byte, limits Limits) (*memo.Transcription, error) {
	if err := limits.CheckSize(int64(len(data))); err != nil {
		return nil, err
	}
	text, err := decodeText(data)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(text) == "" {
		return nil, refusef(0, "is empty")
	}
	d := &draft{ctx: ctx, limits: limits, name: parseBaseName(name)}
	switch kindByName(d.name, text) {
	case kindVTT:
		err = readVTT(d, text)
	case kindSRT:
		err = readSRT(d, text)
	case kindJSON:
		err = readJSON(d, text)
	default:
		err = readText(d, text)
	}
	if err != nil {
		return nil, err
	}
	return d.document()
}

// kindByName believes the name's extension where it knows it, for a .txt may hold
// anything, and the content otherwise.
func kindByName(name baseName, text string) fileKind {
	switch name.extension {
	case "vtt":
		return kindVTT
	case "srt":
		return kindSRT
	case "json":
		return kindJSON
	case "txt", "text":
		return kindText
	}
	return kindByContent(text)
}

func kindByContent(text string) fileKind {
	if hasVTTSignature(text) {
		return kindVTT
	}
	text = strings.TrimLeft(text, " \t\r\n")
	if rest, ok := strings.CutPrefix(text, "{"); ok {
		if rest = strings.TrimLeft(rest, " \t\r\n"); rest != "" && (rest[0] == '"' || rest[0] == '}') {
			return kindJSON
		}
	}
	// A bare array of segments; our own lines start with a bracket too.
	if rest, ok := strings.CutPrefix(text, "["); ok {
		if rest = strings.TrimLeft(rest, " \t\r\n"); rest != "" && (rest[0] == '{' || rest[0] == ']') {
			return kindJSON
		}
	}
	l := lineScanner{text: text}
	for range 2 { // a number, then the times; the number may be missing
		if !l.next() {
			break
		}
		if _, fault := parseTiming(l.line()); fault == "" {
			return kindSRT
		}
	}
	return kindText
}
