package read

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

// readDialect reads a file of one dialect.
func (f *jsonFile) readDialect(d *dialect) error {
	r := &jsonReading{
		jsonCursor: jsonCursor{text: f.text}, file: f, draft: f.draft, dialect: d, scale: cmp.Or(units[d.unit], 1),
	}
	if err := r.walk(d.tree()); err != nil {
		return err
	}
	f.draft.formatName = d.name
	if d.guessed {
		f.draft.warnf("The tool that wrote this JSON is not known: %s was read by the names of its fields.", d.where())
	}
	r.setProperties()
	r.nameSpeakers()
	words := d.words
	if d.finish != nil {
		var err error
		if words, err = d.finish(r); err != nil {
			return err
		}
	}
	if words {
		r.punctuate()
	}
	l := list{
		draft: f.draft, items: r.items, decimals: r.decimals, unit: r.scale,
		refuse: r.refuse, line: func(i *item) int { return f.lineFor(int(i.at)) },
	}
	if err := l.add(words); err != nil {
		return err
	}
	r.checkDuration()
	return nil
}

// readTranscript reads a file that has only a text.
func (f *jsonFile) readTranscript() error {
	r := &jsonReading{jsonCursor: jsonCursor{text: f.text}, file: f, draft: f.draft, dialect: &dialect{}, scale: 1}
	root := &jsonNode{}
	r.dialect.addProperties(root)
	if err := r.walk(root); err != nil {
		return err
	}
	r.setProperties()
	text := r.values[roleTranscript]
	if text == "" {
		return nil
	}
	f.draft.warnf("The file has only a text, without times and speakers.")
	for l := (lineScanner{text: unquote(text)}); l.next(); {
		if err := f.draft.add(cue{line: f.lineFor(0), text: l.line()}); err != nil {
			return err
		}
	}
	return nil
}

// nameSpeakers gives a speaker to each item that has none, from the words and the turns, and names instead of ids.
func (r *jsonReading) nameSpeakers() {
	slices.SortStableFunc(r.turns, func(a, b turn) int { return cmp.Compare(a.start, b.start) })
	for n := range r.items {
		i := &r.items[n]
		if i.speaker == "" && i.parts != "" && i.parts != "null" {
			i.speaker = speakerOfWords(i.parts)
		}
		if i.speaker == "" && len(r.turns) > 0 && !math.IsNaN(i.start) {
			const tolerance = 0.001
			at := sort.Search(len(r.turns), func(t int) bool { return r.turns[t].start > i.start+tolerance })
			i.speaker = r.turns[max(at-1, 0)].speaker
		}
		if name := r.people[strings.TrimPrefix(i.speaker, numberedSpeaker)]; name != "" {
			i.speaker = name
		}
	}
}

// speakerOfWords returns the speaker of most words of a segment, and among equals the
// one who speaks first. WhisperX gives the segment no speaker if it is not sure.
func speakerOfWords(words string) (best string) {
	var list []struct {
		Speaker jsontext.Value `json:"speaker"`
	}
	if json.Unmarshal([]byte(words), &list) != nil {
		return "" // not a list of words
	}
	r := jsonReading{}
	names := make([]string, 0, len(list))
	count := map[string]int{}
	for _, w := range list {
		if len(w.Speaker) > 0 {
			name, _ := r.speaker(string(w.Speaker))
			names = append(names, name)
			count[name]++
		}
	}
	count[""] = 0
	for _, name := range names {
		if count[name] > count[best] {
			best = name
		}
	}
	return best
}

// setProperties sets what the file says about the recording.
func (r *jsonReading) setProperties() {
	d := r.draft
	if v := r.values[roleLanguage]; v != "" {
		d.doc.Language = languageOf(v)
	}
	if v := r.values[roleTitle]; v != "" {
		title := plaintext.OneLine(unquote(v))
		if runes := []rune(title); len(runes) > maxTitle {
			title = string(runes[:maxTitle])
		}
		d.doc.Title = plaintext.Trim(plaintext.Truncate(title, d.limits.LineBytes))
	}
	if v := r.values[roleDate]; v != "" {
		at, zone, _ := parseDate(v)
		if d.doc.CreatedAt = memo.TruncateToMillis(at); !zone {
			d.warnf("The date in the file has no time zone: it was read as UTC.")
		}
	}
	if v := r.values[roleDuration]; v != "" {
		n, ok := parseNumber(v)
		n *= cmp.Or(r.durationUnit, 1)
		if r.dialect.minutes {
			n *= 60
		}
		if seconds, valid := memo.RoundSeconds(n); ok && valid {
			d.doc.Duration, d.duration = seconds, seconds > 0
		}
	}
}

// checkDuration ignores a duration that ends before the last segment, and reads one in milliseconds that would be far
// too long.
func (r *jsonReading) checkDuration() {
	d := r.draft
	last := memo.Seconds(0)
	for _, c := range d.cues {
		last = max(last, c.end)
	}
	const tolerance = 2 // seconds, by which the last segment may be too long
	if last > 0 && d.doc.Duration < last-tolerance {
		d.doc.Duration, d.duration = 0, false
	}
	if short := d.doc.Duration / 1000; d.duration && last > 0 && short >= last*0.9 && short <= last*1.2+tolerance &&
		d.doc.Duration == memo.Seconds(math.Trunc(float64(d.doc.Duration))) {
		d.doc.Duration = short
		d.warnf("The duration in the file was read as milliseconds.")
	}
}

func languageOf(value string) memo.Optional { return transcript.Language(unquote(value)) }

// punctuate adds to words the marks that follow them in the whole text, if the words have none. Without marks, the ends
// of sentences would be lost.
func (r *jsonReading) punctuate() {
	v := r.values[roleTranscript]
	if v == "" || slices.ContainsFunc(r.items, func(i item) bool { return isSentenceEnd(plaintext.Trim(i.text)) }) {
		return
	}
	text := unquote(v)
	for n := range r.items {
		i := &r.items[n]
		word := plaintext.Trim(i.text)
		const near = 200 // bytes; a word that is not found does not stop the search for the next ones
		at := strings.Index(text[:min(len(text), near+len(word))], word)
		if at < 0 {
			continue
		}
		rest := text[at+len(word):]
		marks := 0
		for marks < len(rest) {
			mark, size := utf8.DecodeRuneInString(rest[marks:])
			if !isMark(string(mark)) {
				break
			}
			marks += size
		}
		i.text = text[at : at+len(word)+marks]
		text = rest[marks:]
	}
}

// finishGoogle finds the speakers. If the request asked for them, only the last result has them: it repeats the words
// of the whole recording. Otherwise they may be in the words of each result.
func finishGoogle(r *jsonReading) (words bool, err error) {
	n := len(r.items)
	if n == 0 {
		return false, nil
	}
	last := r.googleWords(&r.items[n-1])
	before := 0.0
	for n := range r.items[:n-1] {
		before += countWords(r.items[n].text)
		r.googleWords(&r.items[n])
	}
	tagged := len(last) > 0 && !slices.ContainsFunc(last, func(w item) bool { return w.speaker == "" })
	if tagged && n > 1 && float64(len(last)) >= before {
		r.items = last
		return true, nil
	}
	r.items = slices.DeleteFunc(r.items, func(i item) bool { return plaintext.Trim(i.text) == "" })
	return false, nil
}

// googleWords returns the words of a result.
func (r *jsonReading) googleWords(result *item) (words []item) {
	var list []struct {
		Word         string         `json:"word"`
		StartTime    string         `json:"startTime"`
		StartOffset  string         `json:"startOffset"`
		EndTime      string         `json:"endTime"`
		EndOffset    string         `json:"endOffset"`
		SpeakerTag   jsontext.Value `json:"speakerTag"`
		SpeakerLabel jsontext.Value `json:"speakerLabel"`
	}
	if result.parts == "" || json.Unmarshal([]byte(result.parts), &list) != nil {
		return nil
	}
	count := map[string]int{}
	for _, w := range list {
		i := newItem(int(result.at), int(result.number))
		i.text = w.Word
		if t, ok := parseTimeText(cmp.Or(w.StartTime, w.StartOffset), 1); ok {
			i.start, i.exact = t.seconds, t.exact
		}
		if t, ok := parseTimeText(cmp.Or(w.EndTime, w.EndOffset), 1); ok {
			i.end = t.seconds
		}
		if value := string(w.SpeakerTag) + string(w.SpeakerLabel); value != "" && value != "0" {
			i.speaker, _ = r.speaker(value)
		}
		if count[i.speaker]++; count[i.speaker] > count[result.speaker] || result.speaker == "" {
			result.speaker = i.speaker
		}
		words = append(words, i)
	}
	return words
}
