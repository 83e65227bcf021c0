package read

func isAny(*draft) match { return possible }

// readText reads free text and lines such as "Jordan: Of course". Every line is a segment.
func readText(d *draft) error {
	d.evidence = evidenceWeak
	for l := (lineScanner{text: d.text}); l.next(); {
		if err := d.add(cue{line: l.number, text: l.line()}); err != nil {
			return err
		}
	}
	return nil
}
