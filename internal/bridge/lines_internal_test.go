package bridge // lines are read before a request is sent, so its effects do not show them

import (
	"bytes"
	"io"
	"testing"
)

// FuzzLines compares lines within the limit with those of bytes.Split.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\n\nc"), uint8(3))
	f.Add(bytes.Repeat([]byte("x"), 100), uint8(99))
	f.Fuzz(func(t *testing.T, data []byte, limit uint8) {
		l := newLines(bytes.NewReader(data), int(limit))
		parts := bytes.Split(data, []byte("\n"))
		for i, part := range parts {
			line, long, err := l.next()
			if i == len(parts)-1 && len(part) == 0 {
				if err != io.EOF {
					t.Fatalf("after the last line: %q, %v", line, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if long && len(part) <= int(limit) || !long &&
				(len(part) > int(limit)+2 || !bytes.Equal(line, bytes.TrimSpace(part))) {
				t.Fatalf("line %d is %q, long %v", i, line, long)
			}
		}
		if _, _, err := l.next(); err != io.EOF {
			t.Fatal(err)
		}
	})
}
