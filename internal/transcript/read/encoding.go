package read

import (
	"bytes"
	"encoding/binary"
	"strings"
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
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		text, err = decodeUTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		text, err = decodeUTF16(data[2:], binary.BigEndian)
	case nulsAt(data, 1) && !nulsAt(data, 0):
		text, err = decodeUTF16(data, binary.LittleEndian)
	case nulsAt(data, 0) && !nulsAt(data, 1):
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

// nulsAt reports whether most of the first pairs of bytes have a NUL at a place, as UTF-16 of a language with Latin
// letters has.
func nulsAt(data []byte, place int) bool {
	pairs := data[:min(len(data), 400)/2*2]
	nuls := 0
	for i := place; i < len(pairs); i += 2 {
		if pairs[i] == 0 {
			nuls++
		}
	}
	return len(pairs) >= 20 && 5*nuls >= 2*len(pairs)
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

func isText(data []byte) bool { return utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 }
