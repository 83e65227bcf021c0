package read_test

import (
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
)

// TestMarkdownRoundTripIsTheSame: what the export has comes back, so that the next export is the same file.
func TestMarkdownRoundTripIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := func(name string) string {
			return plaintext.OneLine(rapid.StringMatching(`[a-zA-Z0-9 .#*_\[\]()<>&:!-]{0,30}x`).Draw(t, name))
		}
		d := drawDocument(t)
		sortByStart(d)
		d.Duration = max(1, d.Duration) // the export has whole seconds
		d.Title, d.Language = line("title"), "en"
		d.CreatedAt = time.Date(2026, 5, 20, 9, 14, 0, 0, time.UTC)
		d.Summary = memo.Optional(line("summary") + "\n" + line("more") + "\n\n" + line("paragraph"))
		d.Topics = append(d.Topics, memo.Topic{Title: line("topic")})
		d.Project = &memo.ProjectRef{Name: "P"}
		d.Reports = append(d.Reports,
			memo.Report{Name: line("report"), Status: memo.StatusCompleted, Text: "Some *text*.\n\n- a"},
			memo.Report{Name: "Other", Status: memo.StatusFailed})
		before := written(t, transcript.Markdown, d)
		again := reread(t, transcript.Markdown, d)
		checkDocument(t, again)
		if diff := gocmp.Diff(string(before), string(written(t, transcript.Markdown, again))); diff != "" {
			t.Fatalf("(-before +after)\n%s", diff)
		}
	})
}

func TestMarkdownIsRead(t *testing.T) {
	for _, tt := range []struct {
		desc, data string
		want       []string
	}{
		{
			"bold names with times", "# T\n\n**Noor** [00:03]: a\n\n**Leo** [00:07]: b\n",
			[]string{"3-7 Noor says a", "7-8 Leo says b"},
		},
		{
			"links with times",
			"- [00:03](https://example.com/v?t=3) **Noor:** a\n- [00:07](https://example.com/v?t=7) **Leo:** b\n",
			[]string{"3-7 Noor says a", "7-8 Leo says b"},
		},
		{
			"times in italics", "**Noor** *00:03*: a\n\n**Leo** *00:07*: b\n",
			[]string{"3-7 Noor says a", "7-8 Leo says b"},
		},
		{
			"headings with times", "### Noor Haddad 00:03\na\n### Leo 00:07\nb\n",
			[]string{"3-7 Noor Haddad says a", "7-8 Leo says b"},
		},
		{
			"names on their own lines", "**Noor Haddad**\n\na\n\n**Leo**\n\nb\nc\n",
			[]string{"Noor Haddad says a", "Leo says b", "Leo says c"},
		},
		{"names in bold", "**Me:** a\n**Them**: b: c\n**Me:** d\n", []string{"Me says a", "Them says b: c", "Me says d"}},
		{"lists without names", "# T\n\n- a\n- b **c**\n", []string{"a", "b **c**"}},
	} {
		checkRead(t, tt.desc, "a.md", tt.data, tt.want)
	}
}

// TestHeadingsAfterATranscript: sections in which somebody speaks are part of it, and others are notes.
func TestHeadingsAfterATranscript(t *testing.T) {
	const before, after = "became the summary", "were added to the summary"
	for _, tt := range []struct {
		desc, data      string
		want            []string
		summary, topics string
		warnings        []string
	}{
		{
			"notes after lines with times",
			"# T\n\n## Summary\n- It moves\n\n## Transcript\n\n**Ann** (0:03)\na\n\n**Bob** (0:07)\nb\n\n" +
				"## Action items\n\n- [ ] **Bob** writes\n",
			[]string{"3-7 Ann says a", "7-8 Bob says b"},
			"Summary\nIt moves\n\nAction items\n\nBob writes", "",
			[]string{before, after},
		},
		{
			"notes after names", "# T\n## Transcript\n**Ann:** a\n**Bob:** b\n## Notes\nc\n### More\nd\n",
			[]string{"Ann says a", "Bob says b"},
			"Notes\nc\nMore\nd", "",
			[]string{after},
		},
		{
			"chapters", "# T\n## Transcript\n### Budget\n[00:03] Ann: a\n### Chapter 2: People\n[00:07] Bob: b\n",
			[]string{"3-7 Ann says a", "7-8 Bob says b"},
			"", "Budget, Chapter 2: People", nil,
		},
		{
			"another part", "# T\n## Transcript\n**Ann:** a\n## After lunch\n- **Bob:** b\n- **Ann:** c\n",
			[]string{"Ann says a", "Bob says b", "Ann says c"},
			"", "After lunch", nil,
		},
	} {
		checkWarned(t, tt.desc, "a.md", tt.data, tt.want, tt.warnings...)
		got, err := read.File(t.Context(), "a.md", []byte(tt.data), transcript.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		topics := []string{}
		for _, topic := range got.Topics {
			topics = append(topics, topic.Title)
		}
		if string(got.Summary) != tt.summary || strings.Join(topics, ", ") != tt.topics {
			t.Errorf("%s: the summary is %q and the topics are %q", tt.desc, got.Summary, topics)
		}
	}
}
