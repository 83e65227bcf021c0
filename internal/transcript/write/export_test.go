package write

import "memoai.tech/memo/internal/transcript"

// AppendEscapedLine is tested by itself because a title or a line shows only a part of its rules.
var AppendEscapedLine = appendEscapedLine

// HasWriter reports whether a format has a row in the table.
func HasWriter(f transcript.Format) bool { return writers[f] != nil }
