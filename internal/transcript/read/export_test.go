package read

import (
	"context"

	"memoai.tech/memo/internal/filename"
)

// What the tests of round trips and of the detection need.
var SplitTimestamp = splitTimestamp

// FormatNames returns the names of all formats.
func FormatNames() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// FormatOf returns the name of the format of a file.
func FormatOf(ctx context.Context, name string, data []byte) (string, error) {
	text, err := decodeText(data)
	d := &draft{ctx: ctx, name: filename.Parse(name), text: text}
	return d.format().name, err
}
