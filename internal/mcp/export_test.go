package mcp

// PageOf returns the block of text of a page, as tools send it.
func PageOf(text string, offset, maxChars, maxBytes int, split bool) (block string, ok bool) {
	p, ok := pageAt(text, offset, pageLimit{maxChars, maxBytes, split})
	return p.withHeader("transcription x", ""), ok
}
