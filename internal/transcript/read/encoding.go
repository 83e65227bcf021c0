package read

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeText returns the text of a file as UTF-8 without a byte order mark. The file
// must be UTF-8 or UTF-16, which without a byte order mark must be recognisable. decodeText
// does not guess other encodings, because a wrong guess would store garbled text without an error.
func decodeText(data []byte) (text string, err error) {
	if err := checkBinary(data); err != nil {
		return "", err
	}
	switch {
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE, 0, 0}), bytes.HasPrefix(data, []byte{0, 0, 0xFE, 0xFF}):
		return "", refusef(1, "is UTF-32. Save the file as UTF-8 and import it again")
	case bytes.Contains(data, []byte("\x1b$B")), bytes.Contains(data, []byte("\x1b$@")):
		return "", refusef(1, "is ISO-2022-JP. Save the file as UTF-8 and import it again")
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		text, err = decodeUTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		text, err = decodeUTF16(data[2:], binary.BigEndian)
	case looksLikeUTF16(data, binary.LittleEndian):
		text, err = decodeUTF16(data, binary.LittleEndian)
	case looksLikeUTF16(data, binary.BigEndian):
		text, err = decodeUTF16(data, binary.BigEndian)
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

// looksLikeUTF16 reports whether the first characters are letters, marks and spaces in UTF-16. Read in the other order
// or in another encoding, they are not, or have no line breaks, spaces and digits of ASCII: these have a NUL.
func looksLikeUTF16(data []byte, order binary.ByteOrder) bool {
	const few, many = 10, 2000
	units := min(len(data)/2, many)
	if bytes.IndexByte(data[:2*units], 0) < 0 {
		return false // a quick answer for most files
	}
	good, ascii := 0, 0
	for i := range units {
		switch r := rune(order.Uint16(data[2*i:])); {
		case r == 0:
			return false
		case r < ' ' && !strings.ContainsRune("\t\n\r", r), r >= 0xE000 && r < 0xF900:
		case r <= unicode.MaxASCII:
			ascii++
			good++
		case utf16.IsSurrogate(r), unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z):
			good++
		}
	}
	return units >= few && ascii > 0 && 100*good >= 98*units
}

// checkUTF8 refuses the first byte that is not valid UTF-8. An encoded surrogate is not valid.
func checkUTF8(text string) error {
	if utf8.ValidString(text) {
		return nil
	}
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return refusef(lineAt(text, i), "has the byte 0x%02X, which is not UTF-8. Save the file as UTF-8 "+
				"(in Excel as \"CSV UTF-8\") and import it again", text[i])
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

func isText(data []byte) bool { return utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 }
