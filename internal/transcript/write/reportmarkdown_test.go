package write_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
)

// reportIn returns the report of an export.
func reportIn(t rapid.TB, report string) (section, file string) {
	t.Helper()
	file = string(written(t, transcript.Markdown, &memo.Transcription{
		Reports:  []memo.Report{{Name: "Report", Text: report}},
		Segments: []memo.Segment{{Start: 42, End: 43, Speaker: "Ann", Text: "Hello"}},
	}))
	_, section, _ = strings.Cut(file, "### Report\n\n")
	section, _, _ = strings.Cut(section, "\n\n## Transcript\n")
	return section, file
}

func TestReportsAreMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"# Action items\n\n- **Ann**: ask `Bob`\n  - [x] done\n\n## Later": "#### Action items\n\n" +
			"- **Ann**: ask `Bob`\n  - [x] done\n\n##### Later",
		"### A\n# B\n### C\n#### D\n##### E\n###### F": "#### A\n#### B\n##### C\n###### D\n###### E\n###### F",
		"A\n=\n\nB\n---\n\n---\n\nC\nD\n---\nE\n===":   "#### A\n\n##### B\n\n---\n\nC\nD\n***\nE\n\\===",
		"> # Quote\n> Under\n> ===":                    "> #### Quote\n> Under\n> \\===",
		"#1 is no heading":                             "#1 is no heading",
		"a < b <b>bold</b> <!-- x --> <https://a.b>":   `a < b \<b>bold\</b> \<!-- x --> <https://a.b>`,
		`\<b> \\<b>`:                             `\<b> \\\<b>`,
		"`<b>` and ``a`<b>``":                    "`<b>` and ``a`<b>``",
		"`open\nb` <script> `c`":                 "`open\nb` \\<script> `c`",
		"![pixel](https://a.b/c.png)":            `\![pixel](https://a.b/c.png)`,
		"```html\n# <b>\n---\n```\n# <b>":        "```html\n# <b>\n---\n```\n#### \\<b>",
		"~~~\n# not closed":                      "~~~\n# not closed\n~~~",
		"- a\n  ```\n  # <b>\n  ```\n  - <b>":    "- a\n```\n# <b>\n```\n  - \\<b>",
		"1. ```\n   <b>\n   ```":                 "1.\n```\n<b>\n```",
		"> ```\n> <b>\n<b>":                      "> ```\n> \\<b>\n\\<b>",
		"| a | b |\n|---|--:|\n| `c` | <br> |":   "| a | b |\n|---|--:|\n| `c` | \\<br> |",
		"[1]: https://a.b\n[00:42]: https://a.b": "[1]: https://a.b\n[00:42\\]: https://a.b",
		"one\r\ntwo\x1b[0m":                      "one\ntwo",
	} {
		got, _ := reportIn(t, in)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got)\n%s", in, diff)
		}
	}
}

// TestReportsStayInTheirSection: whatever a report has, the export has no HTML and no image,
// its outline is that of the export, and the times of the transcript are no links.
func TestReportsStayInTheirSection(t *testing.T) {
	token := rapid.SampledFrom([]string{
		"`", "``", "```", "~~~", "<b>", "<script>", "</b>", "<!--", "-->", "\\", "\n", "\n\n", "\n", " ", "  ", "    ",
		"# ", "## ", "> ", "- ", "1. ", "===", "---", "-", "|", "|---|", "[", "]", "]:", "[00:42", "](", ")", "![", "a",
		"**", "<https://a.b>", "<a@b.c>", "&lt;", "https://a.b", "00:42", "[00:42]: https://a.b", "![a](b)", "\r\n", "\t",
		"b c", "*",
	})
	report := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(token, 1, 40).Draw(t, "tokens"), "")
	})
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAttribute()))
	outline := regexp.MustCompile(`(?s)^1 2 3 (?:[4-6] )*2 $`)
	rapid.Check(t, func(t *rapid.T) {
		in := report.Draw(t, "report")
		if strings.TrimSpace(in) == "" {
			return
		}
		_, file := reportIn(t, in)
		transcript, levels := strings.LastIndex(file, "## Transcript"), ""
		doc := markdown.Parser().Parse(text.NewReader([]byte(file)))
		_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
			if !entering {
				return ast.WalkContinue, nil
			}
			switch n := n.(type) {
			case *ast.RawHTML, *ast.HTMLBlock, *ast.Image:
				t.Fatalf("%q has a %s:\n%s", in, n.Kind(), file)
			case *ast.Heading:
				levels += string(rune('0'+n.Level)) + " "
			case *ast.Link:
				if words, ok := n.FirstChild().(*ast.Text); ok && words.Segment.Start > transcript {
					t.Fatalf("%q makes a link in the transcript:\n%s", in, file)
				}
			}
			return ast.WalkContinue, nil
		})
		if !outline.MatchString(levels) {
			t.Fatalf("%q has the outline %s:\n%s", in, levels, file)
		}
	})
}
