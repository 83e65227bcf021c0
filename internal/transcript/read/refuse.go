package read

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"memoai.tech/memo/internal/transcript"
)

// How to get a transcript out of another file.
const (
	adviceRecording = "Transcribe it first, for example with Whisper, and import the .vtt, .srt or .json"
	adviceDocument  = "Save it as a Word document (.docx) or as text, and import that"
	adviceArchive   = "Unpack it and import the files in it"
	adviceText      = "Import its text instead"
)

// binaryKinds are the kinds of binary files that people most often try to import. Others are refused because they are
// not valid text.
var binaryKinds = []struct {
	offset              int
	start, what, advice string
}{
	{0, "%PDF-", "a PDF", adviceDocument},
	{0, "\xD0\xCF\x11\xE0", "an Office document of an old format", adviceDocument},
	{0, "{\\rtf", "an RTF document", adviceDocument},
	{0, "ID3", "an MP3 recording", adviceRecording},
	{0, "RIFF", "a recording", adviceRecording},
	{0, "FORM", "a recording", adviceRecording},
	{0, "OggS", "a recording", adviceRecording},
	{0, "fLaC", "a recording", adviceRecording},
	{0, "#!AMR", "a recording", adviceRecording},
	{0, "caff", "a recording", adviceRecording},
	{0, "\x30\x26\xB2\x75", "a recording", adviceRecording},
	{0, "\x1A\x45\xDF\xA3", "a recording", adviceRecording},
	{4, "ftyp", "a recording", adviceRecording},
	{0, "\x1F\x8B", "a gzip archive", adviceArchive},
	{0, "7z\xBC\xAF", "a 7-Zip archive", adviceArchive},
	{0, "Rar!\x1A", "a RAR archive", adviceArchive},
	{0, "BZh", "a bzip2 archive", adviceArchive},
	{0, "\xFD7zXZ", "an xz archive", adviceArchive},
	{0, "\x28\xB5\x2F\xFD", "a zstd archive", adviceArchive},
	{257, "ustar", "a tar archive", adviceArchive},
	{0, "\x89PNG", "a picture", adviceText},
	{0, "\xFF\xD8\xFF", "a picture", adviceText},
	{0, "GIF8", "a picture", adviceText},
	{0, "SQLite format 3", "a database", adviceText},
}

// checkBinary refuses data that is a binary file, and says what it is.
func checkBinary(data []byte) error {
	refuse := func(what, advice string) error {
		help := helpOther
		if advice == adviceRecording {
			help = helpRecordings
		}
		return &transcript.Error{Reason: "is " + what + ", not a transcript. " + advice, Help: help}
	}
	for _, k := range binaryKinds {
		// A text can start with "RIFF" as well, but a recording is not valid text.
		if len(data) > k.offset && bytes.HasPrefix(data[k.offset:], []byte(k.start)) &&
			(k.start[0] == '%' || k.start[0] == '{' || !isText(data)) {
			return refuse(k.what, k.advice)
		}
	}
	if isMPEGAudio(data) {
		return refuse("a recording", adviceRecording)
	}
	if !bytes.HasPrefix(data, []byte(zipSignature)) {
		return nil
	}
	kind := zipKind(data)
	if kind == zipArchive {
		return refuse(kind, adviceArchive)
	}
	return refuse(kind, adviceDocument)
}

// isMPEGAudio reports whether data starts with a frame of MP3 or AAC. The byte order mark of UTF-16 starts alike.
func isMPEGAudio(data []byte) bool {
	return len(data) > 3 && data[0] == 0xFF && data[1]&0xE0 == 0xE0 && data[1] < 0xFE && data[1]&0x18 != 0x08 &&
		(data[1]&0x06 != 0 || data[1]&0xF6 == 0xF0) && !utf8.Valid(data[:4])
}

// textKinds are texts that are not transcripts, by how they start in lower case.
var textKinds = []struct{ start, reason string }{
	{"<!doctype html", "is an HTML page" + adviceHTML},
	{"<html", "is an HTML page" + adviceHTML},
	{"<head", "is an HTML page" + adviceHTML},
	{"<body", "is an HTML page" + adviceHTML},
	{"{'", "is" + advicePython},
	{"[{'", "is" + advicePython},
	{"[segment(", "is" + advicePython},
	{"segment(", "is" + advicePython},
	{"transcription(", "is" + advicePython},
	{"transcriptionverbose(", "is" + advicePython},
	{"transcriptionsegment(", "is" + advicePython},
	{"[transcriptionsegment(", "is" + advicePython},
	{"transcriptioninfo(", "is" + advicePython},
	{"transcript(", "is" + advicePython},
	{"<generator object", "is" + advicePython},
}

const (
	adviceHTML = ", not a transcript. Copy the text of the page into a .txt file, or export it as VTT, SRT or text"
	// print writes quotes that JSON does not have.
	advicePython = " a Python object as print writes it, not JSON. Write it with json.dump and import that file"
)

// checkText refuses a text that is not a transcript.
func checkText(text string) error {
	start := strings.ToLower(strings.TrimLeft(text[:min(len(text), 4<<10)], jsonSpace+invisibleMarks))
	for strings.HasPrefix(start, "<!--") {
		_, after, ok := strings.Cut(start, "-->")
		if !ok {
			break
		}
		start = strings.TrimLeft(after, jsonSpace)
	}
	for _, k := range textKinds {
		if strings.HasPrefix(start, k.start) {
			return &transcript.Error{Line: 1, Reason: k.reason, Help: helpOther}
		}
	}
	switch root := xmlRoot(text); {
	case root == "html":
		return refusef(1, "is an HTML page%s", adviceHTML)
	case root != "" && !ttmlRoots[root] && strings.HasPrefix(start, "<?xml"):
		return refusef(1, "is XML, but not TTML. Export it as VTT, SRT or text, and import that")
	}
	return nil
}
