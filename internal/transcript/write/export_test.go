package write

import (
	"maps"
	"slices"

	"memoai.tech/memo/internal/transcript"
)

// AppendEscapedLine is tested by itself because a title or a line shows only a part of its rules.
var AppendEscapedLine = appendEscapedLine

// Formats returns the formats that have a row in the table.
func Formats() []transcript.Format { return slices.Sorted(maps.Keys(writers)) }
