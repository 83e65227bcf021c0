package app

import (
	"context"
	"crypto/sha256"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript/read"
)

// MeetingFile is one of several files of the same meeting. Read returns its content and when it was last
// changed; it can be called twice.
type MeetingFile struct {
	Name string
	Read func() (data []byte, modTime time.Time, err error)
}

// MeetingChoice is which file of a meeting to import.
type MeetingChoice struct {
	// Chosen is the index of the file, or -1 if none can be read. File has its name and content.
	Chosen int
	File   ImportFile
	// Refused has the errors of files that were read and come before the chosen one.
	Refused map[int]error
}

// MaxOtherBytes bounds the work for a meeting: of the files after the first, only so many bytes are held in
// memory and read.
const MaxOtherBytes = 8 << 20

// ChooseFile chooses the file of a meeting that has the most: times and names of speakers. Between equals, the first
// one is chosen. A file that the workspace already has is chosen before all others, which costs no more
// than the hashes.
func (a *App) ChooseFile(ctx context.Context, c memo.Caller, files []MeetingFile) (choice MeetingChoice, err error) {
	if err := requireEditor(c); err != nil {
		return choice, err
	}
	choice.Refused = map[int]error{}
	choice.Chosen = -1
	read, err := a.findKnown(ctx, c, files, &choice)
	if err != nil || choice.Chosen >= 0 {
		return choice, err
	}
	best := richness{}
	for i, f := range files {
		if choice.Refused[i] != nil {
			continue
		}
		in := read[i]
		if in.Data == nil {
			if choice.Chosen >= 0 {
				continue // beyond the bound
			}
			if in, err = f.read(); err != nil {
				choice.Refused[i] = err
				continue
			}
		}
		if in.parsed, err = a.parseAdmitted(ctx, c, in); isRefusal(err) {
			choice.Refused[i] = err
			continue
		} else if err != nil {
			return choice, err
		}
		if r := richnessOf(in.parsed.Transcription); choice.Chosen < 0 || r.exceeds(best) {
			choice.choose(i, in)
			best = r
		}
		if best.timed && best.spoken {
			break
		}
	}
	if choice.Chosen >= 0 {
		choice.choose(choice.Chosen, choice.File)
	}
	return choice, nil
}

// findKnown chooses a file that the workspace already has. If there is none, it returns the files that it read, as many
// as may be in memory.
func (a *App) findKnown(
	ctx context.Context, c memo.Caller, files []MeetingFile, choice *MeetingChoice,
) ([]ImportFile, error) {
	read, others := make([]ImportFile, len(files)), 0
	for i, f := range files {
		in, err := f.read()
		if err != nil {
			choice.Refused[i] = err
			continue
		}
		source := sha256.Sum256(in.Data)
		id, err := a.store.BySource(ctx, c.WorkspaceID, source[:])
		if err != nil {
			return nil, err
		}
		if id != "" {
			choice.choose(i, in)
			return nil, nil
		}
		if i == 0 || others+len(in.Data) <= MaxOtherBytes {
			read[i] = in
			if i > 0 {
				others += len(in.Data)
			}
		}
	}
	return read, nil
}

func (f MeetingFile) read() (ImportFile, error) {
	data, modTime, err := f.Read()
	return ImportFile{Name: f.Name, Data: data, ModTime: modTime}, err
}

// choose notes the chosen file. What is refused after it does not matter.
func (m *MeetingChoice) choose(i int, in ImportFile) {
	m.Chosen, m.File = i, in
	for j := range m.Refused {
		if j > i {
			delete(m.Refused, j)
		}
	}
}

// parseAdmitted parses a file when there is capacity for it.
func (a *App) parseAdmitted(ctx context.Context, c memo.Caller, in ImportFile) (*read.Result, error) {
	release, err := a.admitImport(ctx, c, len(in.Data))
	if err != nil {
		return nil, err
	}
	defer release()
	return parse(ctx, in)
}

// richness is how much a transcript has.
type richness struct {
	timed  bool // more than one segment, with times
	spoken bool // at least half of the segments have a speaker
	text   int  // bytes
}

func richnessOf(d *memo.Transcription) (r richness) {
	spoken := 0
	for _, s := range d.Segments {
		r.text += len(s.Text)
		if s.Speaker != "" {
			spoken++
		}
	}
	r.timed = len(d.Segments) > 1 && memo.HasTimes(d.Segments)
	r.spoken = spoken > 0 && 2*spoken >= len(d.Segments)
	return r
}

// exceeds reports whether a transcript has more than another one. Times are worth more than speakers. What
// has less than half of the text is not all of the meeting.
func (r richness) exceeds(other richness) bool {
	switch points := func(r richness) int {
		n := 0
		if r.timed {
			n = 2
		}
		if r.spoken {
			n++
		}
		return n
	}; {
	case points(r) > points(other):
		return 2*r.text >= other.text
	case points(r) == points(other):
		return r.text > 2*other.text
	}
	return false
}
