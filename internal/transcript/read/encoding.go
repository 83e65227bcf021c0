package read

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeText returns the text of a file as UTF-8 without a byte order mark. The file
// must be UTF-8, or UTF-16 with a byte order mark. decodeText does not guess other
// encodings, because a wrong guess would store garbled text without an error.
func decodeText(data []byte) (text string, err error) {
	if kind := binaryKind(data); kind != "" {
		return "", refusef(0, "is %s, not a transcript. Import its text instead", kind)
	}
	switch {
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		text, err = decodeUTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		text, err = decodeUTF16(data[2:], binary.BigEndian)
	default:
		text = strings.TrimPrefix(string(data), "\uFEFF")
		err = checkUTF8(text)
	}
	if err != nil {
		return "", err
	}
	// PostgreSQL cannot store a NUL.
	if i := strings.IndexByte(text, 0); i >= 0 {
		return "", refusef(lineAt(text, i),
			"has a NUL character: it is a binary file, or UTF-16 without a byte order mark. Save it as UTF-8")
	}
	return text, nil
}

// checkUTF8 refuses the first byte that is not valid UTF-8. An encoded surrogate is not valid.
func checkUTF8(text string) error {
	if utf8.ValidString(text) {
		return nil
	}
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return refusef(lineAt(text, i),
				"has the byte 0x%02X, which is not UTF-8. Save the file as UTF-8 and import it again", text[i])
		}
	}
	return nil
}

func decodeUTF16(data []byte, order binary.ByteOrder) (string, error) {
	text := make([]byte, 0, len(data))
	for i := 0; i < len(data); i += 2 {
		if i+1 == len(data) {
			return "", refusef(lineAt(string(text), len(text)),
				"ends in the middle of a UTF-16 character: the file is truncated")
		}
		r := rune(order.Uint16(data[i:]))
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if i+3 < len(data) {
				low = rune(order.Uint16(data[i+2:]))
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return "", refusef(lineAt(string(text), len(text)),
					"has half of a UTF-16 character. Save the file as UTF-8 and import it again")
			}
			i += 2
		}
		text = utf8.AppendRune(text, r)
	}
	return string(text), nil
}

// binaryKind returns what kind of binary file data is, such as "a PDF", for the kinds that
// people most often try to import. Otherwise it returns ""; other binary files are refused
// because they are not valid text.
func binaryKind(data []byte) string {
	for _, k := range []struct{ start, what string }{
		{"%PDF-", "a PDF"},
		{"PK\x03\x04", "a ZIP archive or an Office document"},
		{"\xD0\xCF\x11\xE0", "an Office document"},
		{"{\\rtf", "an RTF document"},
		{"ID3", "an MP3 recording"},
		{"RIFF", "a recording"},
		{"OggS", "a recording"},
		{"fLaC", "a recording"},
		{"\x1A\x45\xDF\xA3", "a recording"},
		{"\x1F\x8B", "a gzip archive"},
		{"\x89PNG", "a picture"},
		{"\xFF\xD8\xFF", "a picture"},
		{"GIF8", "a picture"},
	} {
		// A text can start with "RIFF" as well, but a recording is not valid text.
		if bytes.HasPrefix(data, []byte(k.start)) && (k.start[0] == '%' || k.start[0] == '{' || !isText(data)) {
			return k.what
		}
	}
	if len(data) > 8 && string(data[4:8]) == "ftyp" && !isText(data) {
		return "a recording"
	}
	return ""
}

func isText(data []byte) bool { return utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 }
