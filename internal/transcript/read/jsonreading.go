package read

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"memoai.tech/memo/internal/plaintext"
)

// jsonReading reads a JSON file of one dialect. It collects the elements of the list first, because what their times
// mean depends on all of them.
type jsonReading struct {
	jsonCursor
	file    *jsonFile
	draft   *draft
	dialect *dialect
	scale   float64 // the unit of the dialect, in seconds

	items   []item
	current item
	ranks   [roleCount]uint16 // of the values of current, of the element above, and of the properties
	pieces  []byte            // of the text of current
	length  float64           // of current, in seconds
	number  int               // of the elements of the list until now
	outer   int               // the index of the first item in the element above
	above   string            // the speaker of that element

	values       [roleCount]string // of the properties: text of JSON values
	durationUnit float64
	person       [2]string
	people       map[string]string // names by id
	turn         turn
	turns        []turn
	decimals     decimals
	names        map[string]string // "Speaker 1" for 1
}

// item is an element of a list of segments or words. There can be a million, so it is small.
type item struct {
	start, end    float64 // in seconds; NaN if they are missing
	text, speaker string
	parts         string // the words of a segment, as JSON
	at            int32  // where it starts in the file, or its line
	number        int32  // in the list, from 1
	exact         bool   // the times have a unit: they are not plain numbers
	absolute      bool   // the start is a date and time, in seconds since 1970
	dayClock      bool   // see isDayClock
}

type turn struct {
	start   float64
	speaker string
}

func newItem(at, number int) item {
	return item{start: math.NaN(), end: math.NaN(), at: int32(at), number: int32(number)}
}

// walk reads the value that comes next, which is at node n.
func (r *jsonReading) walk(n *jsonNode) error {
	kind := r.kind()
	if n.role != roleNone && (kind != '{' && kind != '[' || n.role == roleParts) {
		from := r.at
		if err := r.set(n, r.value()); err != nil || n.first == nil {
			return err
		}
		r.at = from
	}
	switch {
	case kind == '{' && n.members != nil:
		return r.walkObject(n)
	case kind == '[' && (n.each != nil || n.first != nil):
		return r.walkArray(n)
	}
	r.value()
	return nil
}

func (r *jsonReading) walkArray(n *jsonNode) error {
	r.at++
	for i := 0; r.kind() != ']'; i++ {
		child := n.first[i]
		if child == nil {
			child = n.each
		}
		if child == nil {
			r.value()
			continue
		}
		if err := r.draft.checkContext(); err != nil {
			return err
		}
		if child.node == nodeItem && r.kind() != '{' {
			r.number++
			r.current = newItem(r.at, r.number)
			if r.value() != "null" {
				return r.refuse(&r.current, "has a segment that is not an object")
			}
			continue
		}
		if err := r.walk(child); err != nil {
			return err
		}
	}
	r.at++
	return nil
}

func (r *jsonReading) walkObject(n *jsonNode) error {
	r.begin(n)
	r.at++
	for r.kind() != '}' {
		quoted := r.value()
		name := quoted[1 : len(quoted)-1]
		if strings.IndexByte(name, '\\') >= 0 {
			name = unquote(quoted)
		}
		child := n.members[name]
		if child == nil {
			r.value()
			continue
		}
		if err := r.walk(child); err != nil {
			return err
		}
	}
	r.at++
	return r.finish(n)
}

// begin prepares for an object of some kind.
func (r *jsonReading) begin(n *jsonNode) {
	switch n.node {
	case nodeItem:
		r.kind()
		r.number++
		r.current = newItem(r.at, r.number)
		r.pieces = r.pieces[:0]
		clear(r.ranks[roleStart : roleParts+1])
	case nodeOuter:
		r.outer, r.above = len(r.items), ""
		r.ranks[roleOuterSpeaker] = 0
	case nodePerson:
		r.person = [2]string{}
		r.ranks[rolePersonID], r.ranks[rolePersonName] = 0, 0
	case nodeTurn:
		r.turn = turn{start: math.NaN()}
		r.ranks[roleTurnStart], r.ranks[roleTurnSpeaker] = 0, 0
	}
}

// finish uses what an object of some kind contains.
func (r *jsonReading) finish(n *jsonNode) error {
	switch n.node {
	case nodeItem:
		return r.addItem()
	case nodeOuter:
		for i := r.outer; i < len(r.items) && r.above != ""; i++ {
			if r.items[i].speaker == "" {
				r.items[i].speaker = r.above
			}
		}
	case nodePerson:
		if id, name := r.person[0], r.person[1]; id != "" && name != "" && len(r.people) < maxMembers {
			if r.people == nil {
				r.people = map[string]string{}
			}
			r.people[id] = name
		}
	case nodeTurn:
		if !math.IsNaN(r.turn.start) && r.turn.speaker != "" && len(r.turns) < r.draft.limits.Segments {
			r.turns = append(r.turns, r.turn)
		}
	}
	return nil
}

// set uses a value. Null, an empty text and a value of the wrong type count as missing if an alternative may have a
// better one.
func (r *jsonReading) set(n *jsonNode, value string) error {
	if old := r.ranks[n.role]; old != 0 && (old < n.rank || old == n.rank && !n.joined) {
		return nil
	}
	used, err := true, error(nil)
	switch n.role {
	case roleStart, roleEnd, roleLength:
		used, err = r.setTime(n, value)
	case roleText:
		text, ok := scalar(value)
		switch used = ok && text != ""; {
		case used && n.joined:
			r.pieces = append(r.pieces, text...)
		case used:
			r.current.text = text
		}
	case roleSpeaker:
		r.current.speaker, used = r.speaker(value)
	case roleOuterSpeaker:
		r.above, used = r.speaker(value)
	case roleParts:
		r.current.parts = value
	case rolePersonID:
		r.person[0], used = scalar(value)
	case rolePersonName:
		r.person[1], used = scalar(value)
	case roleTurnStart:
		t, ok := parseTime(value, cmp.Or(n.unit, r.scale))
		r.turn.start, used = t.seconds, ok
	case roleTurnSpeaker:
		r.turn.speaker, used = r.speaker(value)
	default:
		if used = usable(n.role, value); used {
			r.values[n.role] = value
			if n.role == roleDuration {
				r.durationUnit = n.unit
			}
		}
	}
	if used {
		r.ranks[n.role] = n.rank
	}
	return err
}

// usable reports whether a value can be that of a property.
func usable(r role, value string) bool {
	switch r {
	case roleDuration:
		return value[0] >= '0' && value[0] <= '9'
	case roleDate:
		_, _, ok := parseDate(value)
		return ok
	case roleLanguage:
		return value[0] == '"' && languageOf(value) != ""
	}
	return value[0] == '"' && plaintext.Trim(unquote(value)) != ""
}

func (r *jsonReading) setTime(n *jsonNode, value string) (used bool, err error) {
	t, ok := parseTime(value, cmp.Or(n.unit, r.scale))
	if !ok {
		if value == "null" || value == `""` {
			return false, nil
		}
		if text, ok := scalar(value); ok {
			value = text
		}
		return false, r.refuse(&r.current, "has %s where a time is expected", plaintext.Quote(value))
	}
	i := &r.current
	r.decimals = max(r.decimals, t.decimals)
	switch n.role {
	case roleStart:
		i.start, i.absolute, i.exact, i.dayClock = t.seconds, t.absolute, t.exact, t.dayClock
	case roleEnd:
		i.end = t.seconds
	case roleLength:
		r.length = t.seconds
	}
	return true, nil
}

// numberedSpeaker starts the name of a speaker that has only a number.
const numberedSpeaker = "Speaker "

// speaker returns the name of a speaker from a string or a number.
func (r *jsonReading) speaker(value string) (name string, ok bool) {
	if value[0] == '"' {
		name = unquote(value)
		return name, name != ""
	}
	if n, err := strconv.ParseFloat(value, 64); err != nil || n < 0 {
		return "", false
	}
	if r.names == nil {
		r.names = map[string]string{}
	}
	if r.names[value] == "" {
		r.names[value] = numberedSpeaker + value
	}
	return r.names[value], true
}

// addItem adds the element that was read. One without text only ends the one before it.
func (r *jsonReading) addItem() error {
	i := r.current
	if len(r.pieces) > 0 {
		i.text = string(r.pieces)
	}
	if r.ranks[roleLength] > 0 && math.IsNaN(i.end) {
		i.end = i.start + r.length
	}
	if n := len(r.items); n > 0 && math.IsNaN(r.items[n-1].end) && i.start >= r.items[n-1].start {
		r.items[n-1].end = i.start
	}
	if plaintext.Trim(i.text) == "" && r.dialect.finish == nil {
		if r.ranks[roleText] == 0 && !r.dialect.words && r.dialect.end != "" {
			r.draft.warnEach(0, "A segment without text was left out.", "%d segments without text were left out.")
		}
		return nil
	}
	limit := r.draft.limits.Segments
	if r.dialect.words {
		limit *= wordsPerSegment
	}
	if len(r.items) == limit {
		return refusef(r.file.lineFor(int(i.at)), "has more than %d segments, the limit for one file",
			r.draft.limits.Segments)
	}
	r.items = append(r.items, i)
	return nil
}

// wordsPerSegment bounds the words that are remembered at a time, which is a hundred hours of speech.
const wordsPerSegment = 5

// refuse returns an error about an element. In JSON on one line, a line number would not help.
func (r *jsonReading) refuse(i *item, format string, args ...any) error {
	where := fmt.Sprintf("segment %d", i.number)
	switch n := len(r.items); {
	case !math.IsNaN(i.start):
		where += ", at " + timestampOf(i.start)
	case n > 0 && !math.IsNaN(r.items[n-1].start):
		where += ", after " + timestampOf(r.items[n-1].start)
	}
	return refusef(r.file.lineFor(int(i.at)), "%s (%s)", fmt.Sprintf(format, args...), where)
}

// scalar returns the text of a string or a number.
func scalar(value string) (text string, ok bool) {
	switch value[0] {
	case '"':
		return unquote(value), true
	case 'n', 't', 'f', '{', '[':
		return "", false
	}
	return value, true
}
