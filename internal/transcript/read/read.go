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
	"context"
	"errors"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/transcript"
)

// fileKind is an import format, as determined before the file is read.
type fileKind string

// The import formats. To add one, change:
//   - the constants here, kindByName (extensions) and kindByContent (content);
//   - the switch in readFile, and add a file with the reader, which fills a draft;
//   - samples_test.go (with a sample of about a page), refused_test.go and the seeds
//     in fuzz_test.go;
//   - the formats in docs/contract.md#import-formats and in the manual of the web app.
const (
	kindVTT  fileKind = "vtt"
	kindSRT  fileKind = "srt"
	kindJSON fileKind = "json" // Whisper JSON or Memo JSON; readJSON decides
	kindText fileKind = "txt"
)

// File reads one file of any import format. The name, which may contain a path,
// determines the format. It also gives the title and the creation time if the
// content has none. CreatedAt is zero if neither has a time. File ignores the ids of
// the transcription and of its project in Memo JSON, because they belong to another
// database. A limit of 0 means that of transcript.DefaultLimits.
//
// Every error is a *transcript.Error, or the cause of ctx if ctx has ended.
func File(ctx context.Context, name string, data []byte, limits transcript.Limits) (*memo.Transcription, error) {
	doc, err := readFile(ctx, name, data, orDefault(limits))
	if err == nil {
		return doc, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if refusal, ok := errors.AsType[*transcript.Error](err); ok {
		return nil, refusal
	}
	return nil, &transcript.Error{Reason: err.Error()}
}

func readFile(ctx context.Context, name string, data []byte, limits transcript.Limits) (*memo.Transcription, error) {
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
	d := &draft{ctx: ctx, limits: limits, name: filename.Parse(name)}
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

// kindByName returns the format for the extension of the name. If the extension is
// unknown, the content decides. It does not decide for .txt, because such a file may
// contain anything.
func kindByName(name filename.Name, text string) fileKind {
	switch name.Extension {
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

// kindByContent returns the format that the start of the text suggests.
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
	// An array of segments. Lines such as "[00:42] Jordan: …" start with a bracket as well.
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
		if _, err := parseTiming(l.line()); err == nil {
			return kindSRT
		}
	}
	return kindText
}
