package app_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// TestRichestFileOfAMeeting: what a file has decides, not its extension.
func TestRichestFileOfAMeeting(t *testing.T) {
	const (
		plain   = "Good morning to all of you.\nMorning."
		named   = "Ann: Good morning to all of you.\nBen: Morning."
		timed   = "WEBVTT\n\n00:00.000 --> 00:02.000\nGood morning to all of you.\n\n00:02.000 --> 00:03.000\nMorning.\n"
		both    = "[00:00] Ann: Good morning to all of you.\n[00:02] Ben: Morning.\n"
		extract = "[00:00] Ann: Hi.\n[00:02] Ben: Hi.\n"
		bare    = `{"text": "Good morning to all of you. Morning."}`
		broken  = "WEBVTT\n\n00:00.000 --> soon\nHello\n"
	)
	type file struct{ name, content string }
	w := newSQLiteWorld(t)
	choose := func(files ...file) (app.MeetingChoice, []int) {
		read := make([]int, len(files))
		var meeting []app.MeetingFile
		for i, f := range files {
			meeting = append(meeting, app.MeetingFile{Name: f.name, Read: func() ([]byte, time.Time, error) {
				if read[i]++; f.content == "" {
					return nil, time.Time{}, errors.New("is locked")
				}
				return []byte(f.content), time.Time{}, nil
			}})
		}
		choice, err := w.ChooseFile(w.ctx, w.as(w.owner), meeting)
		return must(t, choice, err), read
	}
	large := timed + strings.Repeat("\n00:03.000 --> 00:04.000\n"+strings.Repeat("Good morning. ", 20)+"\n", 30_000)
	for desc, c := range map[string]struct {
		files   []file
		want    int
		refused []int
	}{
		"only text in the JSON":    {[]file{{"a.json", bare}, {"a.vtt", timed}, {"a.txt", plain}}, 1, nil},
		"names only in the text":   {[]file{{"a.json", bare}, {"a.vtt", timed}, {"a.txt", both}}, 2, nil},
		"times before names":       {[]file{{"a.vtt", timed}, {"a.txt", named}}, 0, nil},
		"equals":                   {[]file{{"a.srt", both}, {"a.txt", both}}, 0, nil},
		"an extract":               {[]file{{"a.vtt", timed}, {"a.md", extract}}, 0, nil},
		"more text":                {[]file{{"a.json", `{"text": "Morning."}`}, {"a.txt", plain}}, 1, nil},
		"a refused file":           {[]file{{"a.vtt", broken}, {"a.srt", ""}, {"a.txt", plain}}, 2, []int{0, 1}},
		"a refused file after it":  {[]file{{"a.txt", both}, {"a.vtt", broken}}, 0, nil},
		"nothing but refused ones": {[]file{{"a.vtt", broken}, {"a.srt", ""}}, -1, []int{0, 1}},
		"beyond the bound":         {[]file{{"a.json", bare}, {"a.vtt", large}}, 0, nil},
		"a large one instead":      {[]file{{"a.json", broken}, {"a.vtt", large}}, 1, []int{0}},
	} {
		choice, _ := choose(c.files...)
		var refused []int
		for i := range c.files {
			if choice.Refused[i] != nil {
				refused = append(refused, i)
			}
		}
		if choice.Chosen != c.want || !slices.Equal(refused, c.refused) {
			t.Errorf("%s: chose %d and refused %v, want %d and %v", desc, choice.Chosen, refused, c.want, c.refused)
		}
		if c.want >= 0 && string(choice.File.Data) != c.files[c.want].content {
			t.Errorf("%s: the file is %s", desc, choice.File.Name)
		}
	}

	// A file that the workspace has is chosen by its hash: the one before it is not even valid.
	w.file("a.txt", plain)
	if choice, _ := choose(file{"a.vtt", broken}, file{"a.txt", plain}, file{"a.srt", both}); choice.Chosen != 1 ||
		len(choice.Refused) != 0 {
		t.Errorf("chose %d and refused %v, want the known file", choice.Chosen, choice.Refused)
	}
	if _, read := choose(file{"a.json", bare}, file{"b.vtt", timed}); !slices.Equal(read, []int{1, 1}) {
		t.Errorf("small files were read %v times", read)
	}
}

// TestUnchangedFileGetsNewOptions: the project, language and date of an import apply to files that the
// workspace already has, if the caller may change them.
func TestUnchangedFileGetsNewOptions(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner, data := w.as(w.owner), []byte("Ann: walnuts")
		first, err := w.Import(w.ctx, owner, app.ImportFile{Name: "a.txt", Data: data, Project: "Sales", Language: "en"})
		must(t, first, err)
		day := time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
		for _, c := range []struct {
			desc string
			in   app.ImportFile
			want []string
		}{
			{"nothing", app.ImportFile{}, nil},
			{"the same", app.ImportFile{Project: "Sales", Language: "English"}, nil},
			{
				"something else",
				app.ImportFile{Project: "Kitchen", Language: "de", CreatedAt: day},
				[]string{"project", "language", "date"},
			},
		} {
			c.in.Name, c.in.Data = "b.txt", data
			again, err := w.Import(w.ctx, owner, c.in)
			if must(t, again, err); !again.Unchanged || again.ID != first.ID || !slices.Equal(again.Changed, c.want) {
				t.Errorf("%s: %+v, want the changes %v", c.desc, again, c.want)
			}
		}
		full, err := w.Transcription(w.ctx, owner, first.ID)
		item, err2 := must(t, full, err).Item()
		if err2 != nil || item.Language != "de" || !item.CreatedAt.Equal(day) || full.Project().Name != "Kitchen" {
			t.Errorf("the transcription is %+v in %v (%v)", item, full.Project(), err2)
		}
		theirs, err := w.Import(w.ctx, w.as(w.member), app.ImportFile{Name: "a.txt", Data: data, Project: "Theirs"})
		if must(t, theirs, err); !theirs.Unchanged || memo.KindOf(theirs.NotChanged) != memo.KindForbidden {
			t.Errorf("an import by a member who may not change it: %+v", theirs)
		}
	})
}
