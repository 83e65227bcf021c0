package read_test

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
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
