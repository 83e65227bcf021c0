package app

import (
	"context"
	"strings"
	"unicode/utf8"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/store"
)

// Snippet is a short part of a line that contains a term of the search.
type Snippet struct {
	Text    string        `json:"text"`
	Start   memo.Seconds  `json:"start"` // of its line
	Speaker memo.Optional `json:"speaker"`
	Offset  int           `json:"-"` // of its line in the text, in characters
	Line    int           `json:"-"` // number of its line in the text, from 1
}

// snippets reads the text of an item and returns the snippets of its best lines.
func (a *App) snippets(ctx context.Context, c memo.Caller, it store.ListItem, query []search.Term) ([]Snippet, error) {
	admit, release := a.admitUntilReleased(ctx, c.WorkspaceID, memoryPerStoredByte)
	defer release()
	if err := admit(int64(it.CharCount) * bytesOfChar); err != nil {
		return nil, err
	}
	text, segments, err := a.store.Lines(ctx, it)
	if err != nil {
		return nil, err
	}
	return findSnippets(ctx, text, segments, query)
}

// bytesOfChar is about how many bytes one character of a text takes in text and segments.
const bytesOfChar = 3

// findSnippets returns the snippets of the best lines within the first [search.MaxText] bytes of a
// text, with the times and speakers of their segments. Each line of the text is one segment.
func findSnippets(ctx context.Context, text string, segments store.Segments, query []search.Term) ([]Snippet, error) {
	var lines []string
	for rest := text[:min(len(text), search.MaxText)]; rest != ""; {
		line, tail, _ := strings.Cut(rest, "\n")
		lines, rest = append(lines, line), tail
	}
	hits, err := search.BestLines(ctx, query, len(lines), func(i int) string { return trimTimestamp(lines[i]) })
	if err != nil {
		return nil, err
	}
	matching, err := segments.At(ctx, hits)
	if err != nil {
		return nil, err
	}
	out := make([]Snippet, len(hits))
	for n, i := range hits {
		offset := i // one line break for each line before it
		for _, line := range lines[:i] {
			offset += utf8.RuneCountInString(line)
		}
		s := matching[n]
		out[n] = Snippet{Text: search.Snippet(query, s.Text), Start: s.Start, Speaker: s.Speaker, Offset: offset, Line: i + 1}
	}
	return out, nil
}

// trimTimestamp removes a timestamp such as "[00:42] " from the start of a line.
func trimTimestamp(line string) string {
	if !strings.HasPrefix(line, "[") {
		return line
	}
	clock, rest, ok := strings.Cut(line[1:], "] ")
	if !ok || strings.Trim(clock, "0123456789:") != "" {
		return line
	}
	return rest
}
