package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

type transcriptionCmds struct {
	Edit transcriptionEdit `cmd:"" help:"Change the title, date, language, project or speakers of a transcription."`
}

type transcriptionEdit struct {
	ID        string   `arg:"" help:"Id of the transcription."`
	Workspace string   `help:"Its workspace. Only needed to be sure that it is in this one." placeholder:"W"`
	Title     *string  `help:"New title." placeholder:"T"`
	Date      meetDate `help:"New date, such as 2026-05-20." placeholder:"DATE"`
	Language  *string  `help:"New language, such as en. Empty: unknown." placeholder:"L"`
	Project   *string  `help:"Name of the new project, created if it does not exist. Empty: no project." placeholder:"P"`
	Speaker   []string `help:"New name of a speaker in every line. Can be repeated." placeholder:"OLD=NEW" sep:"none"`

	details  app.Details
	speakers [][2]string // previous and new name
}

// editedItem is the output of memo transcription edit --json.
type editedItem struct {
	memo.ListItem
	Project *memo.ProjectRef `json:"project"`
}

// AfterApply is called by kong, before the database is opened.
func (c *transcriptionEdit) AfterApply() (err error) {
	c.details = app.Details{Title: c.Title, Language: c.Language, Project: c.Project}
	if !c.Date.IsZero() {
		c.details.CreatedAt = &c.Date.Time
	}
	if c.details == (app.Details{}) && len(c.Speaker) == 0 {
		return errors.New("say what to change: --title, --date, --language, --project or --speaker")
	}
	if c.details, err = app.CleanDetails(c.details, time.Now()); err != nil {
		return asOption(err)
	}
	for _, names := range c.Speaker {
		from, to, ok := strings.Cut(names, "=")
		if !ok {
			return errors.New("--speaker must be the previous and the new name, such as 'Speaker 1=Ann'")
		}
		if to, err = memo.CleanName("--speaker", to); err != nil {
			return err
		}
		c.speakers = append(c.speakers, [2]string{from, to})
	}
	return nil
}

// asOption returns an error about a field as one about the option with its name.
func asOption(err error) error {
	if e, ok := errors.AsType[*memo.Error](err); ok && e.Field != "" {
		return fmt.Errorf("--%s %s", e.Field, e.Message)
	}
	return err
}

func (c *transcriptionEdit) Run(s *session) error {
	caller, err := c.find(s)
	if err != nil {
		return err
	}
	if err := c.checkSpeakers(s, caller); err != nil {
		return err
	}
	if c.details != (app.Details{}) {
		if _, err := s.ChangeDetails(s.ctx, caller, c.ID, c.details); err != nil {
			return err
		}
	}
	for _, names := range c.speakers {
		if names[0] == names[1] {
			continue
		}
		if _, err := s.RenameSpeaker(s.ctx, caller, c.ID, names[0], names[1]); err != nil {
			return err
		}
	}
	t, err := s.Transcription(s.ctx, caller, c.ID)
	if err != nil {
		return err
	}
	item, err := t.Item()
	if err != nil {
		return err
	}
	return s.print(editedItem{item, t.Project()}, "Changed %q (%s).", item.Title, item.ID)
}

// find finds the workspace of the transcription.
func (c *transcriptionEdit) find(s *session) (caller memo.Caller, err error) {
	id, ok := app.ParseID(c.ID)
	if !ok {
		return caller, fmt.Errorf("%q is not the id of a transcription", c.ID)
	}
	c.ID = id
	var workspaces []memo.Workspace
	if c.Workspace == "" {
		workspaces, err = s.Workspaces(s.ctx, operator)
	} else {
		var w memo.Workspace
		w, err = s.FindWorkspace(s.ctx, operator, c.Workspace)
		workspaces = []memo.Workspace{w}
	}
	if err != nil {
		return caller, err
	}
	for _, w := range workspaces {
		caller = memo.Caller{Operator: true, WorkspaceID: w.ID}
		if err = s.RequireTranscription(s.ctx, caller, id); memo.KindOf(err) != memo.KindNotFound {
			return caller, err
		}
	}
	return caller, fmt.Errorf("there is no transcription %s", id)
}

// checkSpeakers checks that the speakers exist, before anything is changed.
func (c *transcriptionEdit) checkSpeakers(s *session, caller memo.Caller) error {
	if len(c.speakers) == 0 {
		return nil
	}
	stored, err := s.Transcription(s.ctx, caller, c.ID)
	if err != nil {
		return err
	}
	t, err := stored.Decode(s.ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, speaker := range t.Speakers {
		names = append(names, speaker.Name)
	}
	known := slices.Clone(names)
	for _, change := range c.speakers {
		if !slices.Contains(known, change[0]) {
			return fmt.Errorf("%q is not a speaker of this transcription; its speakers are %q", change[0], names)
		}
		known = append(known, change[1])
	}
	return nil
}
