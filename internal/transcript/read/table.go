package read

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"memoai.tech/memo/internal/plaintext"
)

// tableHead is the first line of a table: what its columns mean.
type tableHead struct {
	separator byte
	names     []string
	rows      *tableRows // those after it
	units     [roleCount]float64
	columns   [roleCount]int // the number of the column with a role, from 1, or 0
}

// isTable reports whether the first line names columns. Without a time among them it can also be a line of text, so the
// name of the file must say that it is a table.
func isTable(d *draft) match {
	h := readHead(d.text)
	switch {
	case h.columns[roleText] == 0:
		return noMatch
	case h.columns[roleStart] > 0:
		return certain
	}
	return matchIf(h.columns[roleSpeaker] > 0 && (d.name.Extension == "csv" || d.name.Extension == "tsv"), certain)
}

// readHead finds the separator with which the first line names a column of texts and the most others.
func readHead(text string) (best tableHead) {
	known := 0
	for _, separator := range []byte("\t,;|") {
		rows := newTableRows(text, separator)
		h := tableHead{separator: separator, names: slices.Clone(rows.next())}
		if len(h.names) < 2 {
			continue
		}
		n := 0
		for _, r := range []role{roleText, roleStart, roleEnd, roleLength, roleSpeaker} {
			if h.columns[r] = h.find(r); h.columns[r] > 0 {
				n++
			}
		}
		if h.columns[roleText] > 0 && n > known {
			h.rows = rows
			best, known = h, n
		}
	}
	return best
}

// find returns the number of the column with a role, from 1, or 0.
func (h *tableHead) find(r role) int {
	for _, plain := range fieldNames[r] {
		for i, name := range h.names {
			if unit, ok := hasPlainName(name, plain); ok {
				h.units[r] = units[unit]
				return i + 1
			}
		}
	}
	return 0
}

// name returns the name of the format for people.
func (h *tableHead) name() string {
	columns := strings.Join(h.names, ",")
	switch {
	case h.separator == '\t' && columns == "start,end,text":
		return whisperTSV
	case h.separator == '\t':
		return "TSV"
	case columns == "Start,End,Transcript" || columns == "Start,End,Speaker,Transcript":
		return "MacWhisper CSV"
	}
	return "CSV"
}

const whisperTSV = "Whisper TSV"

// readTable reads a table with a line for each segment or word.
func readTable(d *draft) error {
	h := readHead(d.text)
	if h.columns[roleText] == 0 {
		return refusef(1, `has no column of texts: the first line must name the columns, such as "start,end,speaker,text"`)
	}
	d.formatName = h.name()
	unit := 1.0
	if d.formatName == whisperTSV {
		unit = units["ms"]
	}
	l := list{
		draft: d, unit: unit, line: func(i *item) int { return int(i.at) },
		refuse: func(i *item, format string, args ...any) error { return refusef(int(i.at), format, args...) },
	}
	for row := h.rows.next(); row != nil; row = h.rows.next() {
		if err := d.checkContext(); err != nil {
			return err
		}
		i, err := h.item(row, unit, &l.decimals)
		if err != nil {
			return err
		}
		if i.text == "" {
			continue
		}
		if len(l.items) == d.limits.Segments {
			return refusef(int(i.at), "has more than %d segments, the limit for one file", d.limits.Segments)
		}
		l.items = append(l.items, i)
	}
	text := plainName(h.names[h.columns[roleText]-1])
	return l.add(text == "word" || text == "token")
}

// item returns the segment of a row.
func (h *tableHead) item(row []string, unit float64, all *decimals) (item, error) {
	i, length := newItem(h.rows.line, 0), math.NaN()
	if n := len(h.names); len(row) > n && h.columns[roleText] == n { // a text with separators and without quotes
		row[n-1] = strings.Join(row[n-1:], string(h.separator))
	}
	for _, field := range []struct {
		role role
		to   *float64
	}{{roleStart, &i.start}, {roleEnd, &i.end}, {roleLength, &length}} {
		r, cell := field.role, h.cell(row, field.role)
		if cell == "" {
			continue
		}
		scale := cmp.Or(h.units[r], unit)
		t, ok := parseTimeText(cell, scale)
		if !ok {
			return i, refusef(int(i.at), "has %s where a time is expected", plaintext.Quote(cell))
		}
		*field.to, *all = t.seconds, max(*all, t.decimals)
		if r == roleStart {
			i.exact, i.absolute, i.dayClock = t.exact, t.absolute, t.dayClock
		}
	}
	if math.IsNaN(i.end) {
		i.end = i.start + length
	}
	i.text, i.speaker = plainCell(h.cell(row, roleText)), plainCell(h.cell(row, roleSpeaker))
	return i, nil
}

// plainCell removes the apostrophe that Memo, like other programs, writes before a text that a spreadsheet would take
// for a formula.
func plainCell(cell string) string {
	formula := strings.TrimLeft(cell, "'")
	if formula != cell && formula != "" && strings.IndexByte("=+-@", formula[0]) >= 0 {
		cell = cell[1:]
	}
	return plaintext.OneLine(cell)
}

// cell returns the cell of the column with a role, or "".
func (h *tableHead) cell(row []string, r role) string {
	if n := h.columns[r]; n > 0 && n <= len(row) {
		return plaintext.Trim(row[n-1])
	}
	return ""
}

// maxColumns bounds the cells of a row that are remembered.
const maxColumns = 200

// tableRows reads a table row by row. A cell can have quotes around it, with two quotes for one in it. A cell between
// tabs is on one line. The package encoding/csv would need memory for every cell of a row.
type tableRows struct {
	text      string
	separator byte
	at        int
	line      int // the line where the last row starts
	nextLine  int // the line of at
	cells     []string
	unclosed  int // no quote that ends a cell is after this offset
}

func newTableRows(text string, separator byte) *tableRows {
	t := &tableRows{text: text, separator: separator, nextLine: 1, unclosed: len(text)}
	if first, rest, ok := strings.Cut(text, "\n"); ok && strings.HasPrefix(first, "sep=") { // for Excel
		t.at, t.nextLine = len(text)-len(rest), 2
	}
	return t
}

// next returns the cells of the next row, which it uses again, or nil at the end.
func (t *tableRows) next() []string {
	t.cells, t.line = t.cells[:0], t.nextLine
	for t.at < len(t.text) {
		cell := t.cell()
		if len(t.cells) < maxColumns {
			t.cells = append(t.cells, cell)
		}
		if t.at == len(t.text) {
			return t.cells
		}
		end := t.text[t.at]
		if t.at++; end == t.separator {
			if t.at == len(t.text) {
				return t.cells
			}
			continue
		}
		if end == '\r' && t.at < len(t.text) && t.text[t.at] == '\n' {
			t.at++
		}
		t.nextLine++
		return t.cells
	}
	return nil
}

// cell reads a cell, up to the separator or the line break after it.
func (t *tableRows) cell() string {
	from := t.at
	if t.at < len(t.text) && t.text[t.at] == '"' && t.at < t.unclosed {
		if end := t.closingQuote(); end > 0 {
			cell := t.text[from+1 : end]
			t.nextLine += lineAt(cell, len(cell)) - 1
			t.at = end + 1
			return strings.ReplaceAll(cell, `""`, `"`)
		}
	}
	for t.at < len(t.text) && !t.ends(t.at) {
		t.at++
	}
	return t.text[from:t.at]
}

// closingQuote returns the offset of the quote that ends the cell, or 0. A quote within a cell that is not doubled is
// text.
func (t *tableRows) closingQuote() int {
	for i := t.at + 1; i < len(t.text); i++ {
		switch c := t.text[i]; {
		case t.separator == '\t' && (c == '\n' || c == '\r'):
			return 0
		case c == '"' && i+1 < len(t.text) && t.text[i+1] == '"':
			i++
		case c == '"' && (i+1 == len(t.text) || t.ends(i+1)):
			return i
		}
	}
	t.unclosed = t.at
	return 0
}

// ends reports whether a cell ends at an offset.
func (t *tableRows) ends(at int) bool {
	c := t.text[at]
	return c == t.separator || c == '\n' || c == '\r'
}
