package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/transcript/write"
)

// The words that are searched for: one that is in every tenth transcription, and
// one that is in about twenty of a workspace. No generated word contains them.
const (
	commonWord = "pricing"
	rareWord   = "quokka"
	rareHits   = 20
)

// corpusDays is the number of days of the transcriptions: oldest first, and the
// same number on each day.
const corpusDays = 200

var firstDay = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// longText is the approximate size of a long transcript in bytes.
const longText = 30_000

// corpus generates transcriptions that are the same in every run. Some words are
// much more frequent than others, as in a natural language, so that compressing and
// indexing cost as much as for speech.
type corpus struct {
	rows, long int
	words      []string
	short      []transcriptText // short transcripts; each is used many times
}

// transcriptText is a transcript as it is stored.
type transcriptText struct {
	segments []memo.Segment
	markdown store.CompressedText
}

var (
	speakers  = []string{"Alex", "Jordan", "Priya", "Marta", "Chen", "Оля", "Sam", "Noor"}
	projects  = []string{"Sales", "Research", "Support", "Hiring", "Board"}
	languages = []string{"en", "de", "ru"}
)

func newCorpus(rows, long int) (*corpus, error) {
	c := &corpus{rows: rows, long: long}
	r := rand.New(rand.NewPCG(1, 1))
	syllables := strings.Fields("ba be bi bo da de di do fa fe ga ge ka ke la le li lo ma me mi mo na ne ni no pa pe " +
		"ra re ri ro sa se si so ta te ti to va ve")
	for range 3000 {
		var w strings.Builder
		for range 1 + r.IntN(4) {
			w.WriteString(syllables[r.IntN(len(syllables))])
		}
		c.words = append(c.words, w.String())
	}
	for i := range 64 {
		t, err := c.makeText(rand.New(rand.NewPCG(2, uint64(i))), 150)
		if err != nil {
			return nil, err
		}
		c.short = append(c.short, t)
	}
	return c, nil
}

// isLong reports whether transcription i has a long text. The long ones are evenly
// spread.
func (c *corpus) isLong(i int) bool { return c.long > 0 && i%(c.rows/c.long) == 0 }

// transcription generates transcription i.
func (c *corpus) transcription(i int) (store.NewTranscription, error) {
	r := rand.New(rand.NewPCG(3, uint64(i)))
	interval := corpusDays * 24 * time.Hour / time.Duration(c.rows)
	created := firstDay.Add(time.Duration(i) * interval).Truncate(time.Millisecond)
	t := c.short[r.IntN(len(c.short))]
	if c.isLong(i) {
		var err error
		if t, err = c.makeText(r, longText); err != nil {
			return store.NewTranscription{}, err
		}
	}
	d := &memo.Transcription{
		ListItem: memo.ListItem{
			Title:    fmt.Sprintf("%s — call %d", c.sentence(r, 4), i),
			Status:   memo.StatusCompleted,
			Summary:  memo.Optional(c.sentence(r, 30)),
			Language: memo.Optional(languages[r.IntN(len(languages))]),
			Duration: memo.Seconds(60 + r.IntN(7200)),
			Speakers: []memo.Speaker{{Name: speakers[0]}, {Name: speakers[1+r.IntN(7)]}},
			Topics:   []memo.Topic{{Title: c.sentence(r, 2)}, {Title: c.sentence(r, 2)}},
			// As an import sets them.
			MediaType: "audio", CreatedAt: created, UpdatedAt: created.Add(17 * time.Minute),
		},
		Project:  &memo.ProjectRef{Name: projects[r.IntN(len(projects))]},
		Segments: t.segments,
	}
	if i%10 == 0 {
		d.Summary += " " + commonWord
	}
	if i%(c.rows/rareHits) == 0 {
		d.Summary += " " + rareWord
	}
	if c.isLong(i) {
		d.Reports = []memo.Report{{
			Name: "Action items", Slug: "action-items", Status: memo.StatusCompleted,
			Text: c.sentence(r, 100), CreatedAt: d.UpdatedAt,
		}}
	}
	return store.NewTranscription{Doc: d, Markdown: t.markdown}, nil
}

// makeText generates a transcript of about size bytes.
func (c *corpus) makeText(r *rand.Rand, size int) (t transcriptText, err error) {
	at := 0.0
	for n := 0; n < size; n += len(t.segments[len(t.segments)-1].Text) + 16 {
		end := at + float64(2+r.IntN(8))
		who := r.IntN(2)
		t.segments = append(t.segments, memo.Segment{
			Start: memo.Seconds(at), End: memo.Seconds(end), SpeakerID: memo.Optional(fmt.Sprint(who + 1)),
			Speaker: memo.Optional(speakers[who]), Text: c.sentence(r, 6+r.IntN(20)) + ".",
		})
		at = end
	}
	t.markdown, err = store.Deflate(write.MarkdownBody(t.segments))
	return t, err
}

// sentence returns n random words. Words at the start of the list are much more
// frequent.
func (c *corpus) sentence(r *rand.Rand, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		u := r.Float64()
		b.WriteString(c.words[int(u*u*u*float64(len(c.words)))])
	}
	return b.String()
}
