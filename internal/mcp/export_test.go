package mcp

// PageOf returns the block of text of a page, as tools send it.
func PageOf(text string, offset, size int, split bool) (block string, ok bool) {
	p, ok := pageAt(text, offset, size, split)
	return p.withHeader("transcription x", ""), ok
}
