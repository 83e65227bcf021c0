package read

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// fieldNames are the names that programs give to the fields of a segment, in lower case and without spaces, marks and
// units. The first has the highest rank. They are for lists whose tool is not known, and for the columns of tables.
var fieldNames = map[role][]string{
	roleStart: strings.Fields(`start starttime starts starttimestamp startoffset startat startsat begin begintime
		beginoffset datastart from offset offsetin timestart tstart audiostarttime relativestart in t0 ts timestamp
		timestamps time timecode timecodein starttimecode interval t at position`),
	roleEnd: strings.Fields(`end endtime ends endtimestamp endoffset endat endsat dataend stop stoptime finish finishtime
		to until timeend tend audioendtime relativeend out t1 endts timecodeout endtimecode`),
	roleLength: strings.Fields(`duration durationin dur dduration length`),
	roleText: strings.Fields(`text transcript sentence content body utterance caption subtitle speech rawtext
		transcription segment phrase line message words display value said quote punctuatedword word token`),
	roleSpeaker: strings.Fields(`speaker speakername speakerlabel speakerdesignation speakerdisplayname name displayname
		username participant participantname person who author voice user role from speakertag speakerid participantid
		spk source channel`),
}

// nested are fields that are objects, with the field of theirs that counts.
var nested = map[role][2]string{
	roleStart:   {"time times timestamp timestamps offset offsets interval timing span", "start from begin starttime"},
	roleEnd:     {"time times timestamp timestamps offset offsets interval timing span", "end to stop endtime"},
	roleSpeaker: {"speaker participant user person author from", "name displayname username label id"},
}

// plainName returns the name of a field without case, spaces and marks: "starttime" for start_time and "Start time".
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// splitUnit splits the unit, as in units, off the plain name of a field: "startms" is start and ms.
func splitUnit(plain string) (name, unit string) {
	for _, u := range []struct{ end, unit string }{
		{"milliseconds", "ms"},
		{"millis", "ms"},
		{"ms", "ms"},
		{"inticks", "ticks"},
		{"ticks", "ticks"},
		{"seconds", "s"},
		{"secs", "s"},
		{"sec", "s"},
	} {
		if name, ok := strings.CutSuffix(plain, u.end); ok && name != "" {
			return name, u.unit
		}
	}
	return plain, ""
}

// hasPlainName reports whether the name of a field is a plain name, with or without a unit.
func hasPlainName(name, plain string) (unit string, ok bool) {
	if name = plainName(name); name == plain {
		return "", true
	}
	name, unit = splitUnit(name)
	return unit, name == plain && unit != ""
}

// guess finds the list of segments in a file of an unknown shape, by the names of the fields. It returns nil if the
// file has no such list.
func (f *jsonFile) guess() *dialect {
	var best *dialect
	score := 0
	paths := make([]string, 0, len(f.kinds))
	for path := range f.kinds {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		if f.kinds[path] != '[' || f.kinds[path+"[]"] != '{' || strings.ContainsAny(path, "@|") {
			continue
		}
		d, n := f.guessFields(path, paths)
		if n -= strings.Count(path, ".") + 3*strings.Count(path, "[]"); d != nil && n > score {
			best, score = d, n
		}
	}
	return best
}

// guessFields returns how to read the list at a path, and how much it looks like a list of segments.
func (f *jsonFile) guessFields(list string, paths []string) (d *dialect, score int) {
	d = &dialect{name: "JSON", list: list, guessed: true}
	members := map[string]string{} // plain names to names
	prefix := list + "[]."
	for i, _ := slices.BinarySearch(paths, prefix); i < len(paths) && strings.HasPrefix(paths[i], prefix); i++ {
		if name := paths[i][len(prefix):]; !strings.ContainsAny(name, "|@") && strings.Count(name, "[]") <= 1 {
			plain := plainPath(name)
			members[plain] = cmp.Or(members[plain], name)
			if short, _ := splitUnit(plain); short != plain {
				members[short] = cmp.Or(members[short], name)
			}
		}
	}
	for _, r := range []role{roleText, roleStart, roleEnd, roleLength, roleSpeaker} {
		*d.field(r) = f.findField(r, prefix, members)
	}
	if d.speaker == "" {
		d.speaker = f.outerSpeaker(list)
	}
	if d.text == "" || d.start == "" && !isUntimedTranscript(d, list, members) {
		return nil, 0
	}
	for _, s := range []struct {
		field string
		score int
	}{{d.text, 20}, {d.start, 20}, {d.speaker, 10}, {d.end, 5}} {
		if s.field != "" {
			score += s.score
		}
	}
	switch plainName(d.text) {
	case "word", "token", "punctuatedword", "value":
		d.words, score = true, score-12
	}
	return d, score
}

// isUntimedTranscript reports whether a list without times is a transcript. Settings, translations and lists of
// people also have members such as "name", "value" and "text".
func isUntimedTranscript(d *dialect, list string, members map[string]string) bool {
	speaker := plainPath(d.speaker)
	if list == "segments" || strings.Contains(speaker, "speaker") || strings.Contains(speaker, "participant") {
		return true
	}
	if list != "" {
		return false
	}
	for _, name := range []string{"language", "duration", "usage", "task", "model"} {
		if members[name] != "" {
			return true
		}
	}
	return len(members) == 1
}

// outerSpeaker returns the path of a speaker in the element that contains a list, or "".
func (f *jsonFile) outerSpeaker(list string) string {
	i := strings.LastIndex(list, "[]")
	if i < 0 {
		return ""
	}
	for _, name := range []string{
		"speaker", "speaker_name", "speakerName", "speaker_label", "speaker.name", "participant.name", "name", "speaker_id",
	} {
		if kind := f.kinds[list[:i]+"[]."+name]; kind == '"' || kind == '0' {
			return "../" + name
		}
	}
	return ""
}

// findField returns the member with a role, and its unit. Both are "" if no member has it.
func (f *jsonFile) findField(r role, prefix string, members map[string]string) string {
	for _, plain := range fieldNames[r] {
		name, ok := members[plain]
		if !ok {
			continue
		}
		switch kind := f.kinds[prefix+name]; {
		case kind == '"' || kind == '0' && r != roleText || kind == 'n':
			if _, unit := splitUnit(plainName(name)); unit != "" && plainName(name) != plain {
				return name + "@" + unit
			}
			return name
		case kind == '[' && r == roleStart && f.kinds[prefix+name+"[]"] == '0': // "timestamp": [0.5, 2]
			return name + "[0]"
		}
	}
	for _, outer := range strings.Fields(nested[r][0]) {
		for _, inner := range strings.Fields(nested[r][1]) {
			if name, ok := members[outer+"."+inner]; ok && f.kinds[prefix+name] != '{' && f.kinds[prefix+name] != '[' {
				return name
			}
		}
		if name, ok := members[outer]; ok && r == roleEnd && f.kinds[prefix+name+"[]"] == '0' {
			return name + "[1]"
		}
	}
	return ""
}

func (d *dialect) field(r role) *string {
	return map[role]*string{
		roleStart: &d.start, roleEnd: &d.end, roleLength: &d.length, roleText: &d.text, roleSpeaker: &d.speaker,
	}[r]
}

// plainPath returns a path with plain names.
func plainPath(path string) string {
	steps := strings.Split(path, ".")
	for i, s := range steps {
		name, index, indexed := strings.Cut(s, "[")
		if steps[i] = plainName(name); indexed {
			steps[i] += "[" + index
		}
	}
	return strings.Join(steps, ".")
}
