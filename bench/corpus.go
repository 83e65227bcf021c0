package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/transcript"
)

// What is searched for: a word that one transcription in ten has, and one that
// about twenty of a workspace have. No made-up word contains them.
const (
	commonWord = "pricing"
	rareWord   = "quokka"
	rareHits   = 20
)

// The transcriptions are spread over so many days, oldest first, with the same
// number on each.
const corpusDays = 200

var firstDay = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// longText is about how many bytes a long transcript has.
const longText = 30_000

// corpus makes transcriptions that are the same in every run. Their words come
// up as unevenly as those of a language do, so that compressing and indexing
// them costs what it costs for speech.
type corpus struct {
	rows, long int
	words      []string
	short      []transcriptText // the short transcripts, used again and again
}

// transcriptText is what was said, as it is stored.
type transcriptText struct {
	segments []memo.Segment
	markdown store.CompressedText
}

var (
	speakers = []string{"Alex", "Jordan", "Priya", "Marta", "Chen", "Оля", "Sam", "Noor"}
	projects = []string{"Sales", "Research", "Support", "Hiring", "Board"}
	phrases  = []string{"en", "de", "ru"}
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
		t, err := c.talk(rand.New(rand.NewPCG(2, uint64(i))), 150)
		if err != nil {
			return nil, err
		}
		c.short = append(c.short, t)
	}
	return c, nil
}

// isLong says which transcriptions have a long text: evenly many everywhere.
func (c *corpus) isLong(i int) bool { return c.long > 0 && i%(c.rows/c.long) == 0 }

// transcription makes the i-th.
func (c *corpus) transcription(i int) (store.New, error) {
	r := rand.New(rand.NewPCG(3, uint64(i)))
	created := firstDay.Add(time.Duration(i) * (corpusDays * 24 * time.Hour / time.Duration(c.rows))).Truncate(time.Millisecond)
	t := c.short[r.IntN(len(c.short))]
	if c.isLong(i) {
		var err error
		if t, err = c.talk(r, longText); err != nil {
			return store.New{}, err
		}
	}
	d := &memo.Transcription{
		ListItem: memo.ListItem{
			Title:    fmt.Sprintf("%s — call %d", c.say(r, 4), i),
			Status:   memo.StatusCompleted,
			Summary:  memo.Optional(c.say(r, 30)),
			Language: memo.Optional(phrases[r.IntN(len(phrases))]),
			Duration: memo.Seconds(60 + r.IntN(7200)),
			Speakers: []memo.Speaker{{Name: speakers[0]}, {Name: speakers[1+r.IntN(7)]}},
			Topics:   []memo.Topic{{Title: c.say(r, 2)}, {Title: c.say(r, 2)}},
			// Like what an import makes of a file.
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
			Text: c.say(r, 100), CreatedAt: d.UpdatedAt,
		}}
	}
	return store.New{Doc: d, Markdown: t.markdown}, nil
}

// talk makes a transcript of about size bytes.
func (c *corpus) talk(r *rand.Rand, size int) (t transcriptText, err error) {
	at := 0.0
	for n := 0; n < size; n += len(t.segments[len(t.segments)-1].Text) + 16 {
		end := at + float64(2+r.IntN(8))
		who := r.IntN(2)
		t.segments = append(t.segments, memo.Segment{
			Start: memo.Seconds(at), End: memo.Seconds(end), SpeakerID: memo.Optional(fmt.Sprint(who + 1)),
			Speaker: memo.Optional(speakers[who]), Text: c.say(r, 6+r.IntN(20)) + ".",
		})
		at = end
	}
	t.markdown, err = store.Deflate(transcript.MarkdownBody(t.segments))
	return t, err
}

// say puts n words together, the first ones of the list far more often.
func (c *corpus) say(r *rand.Rand, n int) string {
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
