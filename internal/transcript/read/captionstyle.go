package read

import "strings"

// captionStyle is how the texts of captions name the speakers, if not with "Name: text" or the tags of WebVTT.
type captionStyle uint8

const (
	plainStyle     captionStyle = iota
	bracketedStyle              // a line such as "(Marta Nowak)" before the text
	nameLineStyle               // a line such as "Marta Nowak" before the text
)

func captionStyleOf(texts []string) captionStyle {
	bracketed, lines, filled := 0, 0, 0
	distinct := map[string]bool{}
	for _, text := range texts {
		first, rest, several := strings.Cut(strings.TrimSpace(text), "\n")
		first = strings.TrimSpace(first)
		if first == "" {
			continue
		}
		filled++
		if name, ok := bracketedName(first); ok {
			bracketed++
			distinct[name] = true
		} else if several && strings.TrimSpace(rest) != "" && isNameLine(first) {
			lines++
			distinct[first] = true
		}
	}
	switch {
	case filled == 0:
	case 2*bracketed >= filled:
		return bracketedStyle
	case filled > 1 && 10*lines >= 9*filled && 2*len(distinct) <= max(4, filled):
		return nameLineStyle
	}
	return plainStyle
}

// bracketedName returns the name in a line such as "(Marta Nowak)" or "[SPEAKER_00]".
func bracketedName(line string) (string, bool) {
	if len(line) < 3 || line[0] != '(' && line[0] != '[' || line[len(line)-1] != ')' && line[len(line)-1] != ']' {
		return "", false
	}
	name := line[1 : len(line)-1]
	return name, isNameLine(name)
}

// isNameLine reports whether a line that could be a name has nothing that a sentence has.
func isNameLine(line string) bool {
	return len(line) <= 100 && looksLikeName(line) && !strings.ContainsAny(line, `?!.,…;:"“”<>[]{}=*\。、！？`) &&
		!notNames[withoutNumber(line)]
}

func startsWithChevrons(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	return strings.HasPrefix(text, ">>") || strings.HasPrefix(text, "&gt;&gt;")
}

// addTurns adds a cue for each turn in the text. A turn starts at a line that is a name, or at ">>", which captions for
// the deaf write where the speaker changes.
func (r *captions) addTurns(c cue) error {
	var text []string
	flush := func() error {
		c.text = strings.Join(text, " ")
		text = text[:0]
		return r.draft.add(c)
	}
	first := true
	for l := (lineScanner{text: r.clean(c.text)}); l.next(); {
		line := strings.TrimSpace(l.line())
		name, named := "", false
		switch {
		case line == "":
			continue
		case r.style == bracketedStyle:
			name, named = bracketedName(line)
		case r.style == nameLineStyle && first && isNameLine(line):
			name, named = line, true
		}
		first = false
		switch turn, changed := strings.CutPrefix(line, ">>"); {
		case named:
			if err := flush(); err != nil {
				return err
			}
			c.speaker = name
		case changed:
			if err := flush(); err != nil {
				return err
			}
			c.speaker = ""
			text = append(text, strings.TrimLeft(turn, "> "))
		case r.style == bracketedStyle && line == "-":
		default:
			text = append(text, line)
		}
	}
	return flush()
}
