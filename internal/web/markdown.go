package web

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	markup "github.com/yuin/goldmark/renderer/html"
	mdtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"memoai.tech/memo/internal/search"
)

// AI reports and summaries are Markdown that a model wrote about what others said, or that
// somebody imported. So nothing in them is trusted: HTML is shown as text, images become
// links, and [sanitise] checks every tag of the result.

const (
	maxNesting = 20   // of blocks and emphasis; each level takes width from a phone's screen
	maxTarget  = 2000 // bytes of a link's URL
	maxMarks   = 3000 // of emphasis, links and escaped pipes in one paragraph
)

var markdown = goldmark.New(
	goldmark.WithParser(parser.NewParser(
		// Without its parser, a block of HTML is text like any other.
		parser.WithBlockParsers(slices.DeleteFunc(parser.DefaultBlockParsers(), func(p util.PrioritizedValue) bool {
			return p.Value == parser.NewHTMLBlockParser()
		})...),
		parser.WithInlineParsers(parser.DefaultInlineParsers()...),
		parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
	)),
	goldmark.WithExtensions(extension.Linkify, extension.Strikethrough, extension.TaskList,
		extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignNone))),
	// A line break of a model means a new line, although Markdown joins the lines of a paragraph.
	goldmark.WithRendererOptions(markup.WithHardWraps()),
)

// renderMarkdown returns a text as HTML of at most maxBytes, with the terms of a search
// marked. It returns "" if the text is to be shown as it is: because it has no markup, or
// because its HTML would be too long or too deep. The text must not have more than about
// reportBytes, because the time can grow with the square of its length.
func renderMarkdown(s string, terms []search.Term, maxBytes int) template.HTML {
	if isCostly(s) {
		return ""
	}
	source, out := []byte(s), new(bytes.Buffer)
	doc := markdown.Parser().Parse(mdtext.NewReader(source))
	if !prepare(doc, source, maxBytes) || markdown.Renderer().Render(out, source, doc) != nil || out.Len() > maxBytes {
		return ""
	}
	if page := sanitise(out.String(), terms); len(page) <= maxBytes {
		return page
	}
	return ""
}

var (
	deepLine = regexp.MustCompile(fmt.Sprintf(`(?m)^(?:[ \t]*(?:>|(?:[-+*]|\d+[.)])[ \t])){%d}`, maxNesting))
	marks    = regexp.MustCompile(`\*+|_+|~+|[][]|\\[|]`)
)

// isCostly reports whether a text has what takes goldmark seconds. Its time grows with the
// third power of the marks in a paragraph, with the square of the blocks that one line opens,
// and with the cells of a table, whose rows are filled up to the width of the header.
func isCostly(s string) bool {
	for paragraph := range strings.SplitSeq(s, "\n\n") {
		if len(marks.FindAllStringIndex(paragraph, maxMarks+1)) > maxMarks {
			return true
		}
		pipes, lines := 0, 0
		for line := range strings.SplitSeq(paragraph, "\n") {
			pipes, lines = max(pipes, strings.Count(line, "|")), lines+1
		}
		if pipes > 0 && (pipes+1)*lines > len(paragraph)+1 { // more cells than bytes
			return true
		}
	}
	return deepLine.MatchString(s)
}

// prepare fits a document into a page, where its headings follow one of the second level. It
// returns false if there is no markup, or if the result would be too deep or have links of more
// than maxBytes. Indentation and URLs are no markup, because they are usual in plain text.
func prepare(doc ast.Node, source []byte, maxBytes int) bool {
	var headings []int // the levels of the headings above the current one
	var link ast.Node  // around the current node
	var own []ast.Node // links, images and tags, which we write ourselves
	depth, marked := 0, false
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			if depth--; n == link {
				link = nil
			}
			return ast.WalkContinue, nil
		}
		if depth++; depth > maxNesting {
			return ast.WalkStop, nil
		}
		isMarkup := true
		switch n := n.(type) {
		case *ast.Document, *ast.Paragraph, *ast.Text, *ast.CodeBlock, *ast.LinkReferenceDefinition:
			isMarkup = false
		case *ast.RawHTML:
			own, isMarkup = append(own, n), false
		case *ast.Link, *ast.Image, *ast.AutoLink:
			own, isMarkup = append(own, n), n.Kind() != ast.KindAutoLink
			if target := linkTarget(n, source); target != "" && link == nil {
				n.SetAttributeString("href", target)
				link, maxBytes = n, maxBytes-len(target)
			}
		case *ast.Heading: // no level is left out
			headings = slices.DeleteFunc(headings, func(level int) bool { return level >= n.Level })
			headings = append(headings, n.Level)
			n.Level = min(2+len(headings), 6)
		case *ast.FencedCodeBlock:
			n.Info = nil
		case *tables.TableCell:
			if n.Alignment == tables.AlignRight || n.Alignment == tables.AlignCenter {
				n.SetAttributeString("class", n.Alignment.String())
			}
		}
		marked = marked || isMarkup
		return ast.WalkContinue, nil
	})
	for _, n := range own {
		replace(n, source)
	}
	return marked && depth == 0 && maxBytes >= 0
}

// allowedTarget matches http, https and mailto URLs. Others become their text: a relative URL
// would be a page of this server, such as one that signs people out.
var allowedTarget = regexp.MustCompile(`(?i)^(?:https?://[^/?#]|mailto:.)`)

// linkTarget returns the URL of a link or image, or "" if it is not allowed.
func linkTarget(n ast.Node, source []byte) string {
	var url []byte
	switch n := n.(type) {
	case *ast.Link:
		url = util.URLEscape(n.Destination, true)
	case *ast.Image:
		url = util.URLEscape(n.Destination, true)
	case *ast.AutoLink:
		if url = util.URLEscape(n.URL(source), false); n.AutoLinkType == ast.AutoLinkEmail {
			url = append([]byte("mailto:"), url...)
		}
	}
	if len(url) > maxTarget || !allowedTarget.Match(url) {
		return ""
	}
	return string(url)
}

var breakTag = regexp.MustCompile(`(?i)^<br ?/?>$`)

// replace replaces a link or image with its text, in a link if it has an allowed target, and a tag
// with its source, unless it is <br>: the only way to have two lines in the cell of a table.
func replace(n ast.Node, source []byte) {
	parent := n.Parent()
	insert := func(markup string) {
		s := ast.NewString([]byte(markup))
		s.SetCode(true) // it is written as it is
		parent.InsertBefore(parent, n, s)
	}
	target, linked := n.AttributeString("href")
	if linked {
		insert(`<a href="` + html.EscapeString(target.(string)) + `" rel="noopener nofollow">`)
	}
	switch v := n.(type) {
	case *ast.AutoLink:
		insert(html.EscapeString(string(v.Label(source))))
	case *ast.Image:
		if linked && !n.HasChildren() {
			insert(html.EscapeString(target.(string)))
		}
	case *ast.RawHTML:
		if tag := v.Segments.Value(source); breakTag.Match(tag) {
			insert("<br>\n")
		} else {
			insert(html.EscapeString(string(tag)))
		}
	}
	for n.HasChildren() {
		parent.InsertBefore(parent, n, n.FirstChild())
	}
	if linked {
		insert("</a>")
	}
	parent.RemoveChild(parent, n)
}

// allowedTag matches what may be between < and > in rendered Markdown.
var allowedTag = regexp.MustCompile(`^(?:/?(?:p|h[3-6]|ul|ol|li|blockquote|em|strong|del|code|pre|table|thead|tbody` +
	`|tr|td|th)|/a|hr|br|ol start="\d+"|t[dh] class="(?:right|center)"|input (?:checked="" )?disabled="" type="checkbox"` +
	`|a href="(?i:https?://|mailto:)[^"]+" rel="noopener nofollow")$`)

// ownTags replace tags of goldmark's. Code and tables scroll separately from the page; they get
// the focus so that a keyboard can scroll them.
var ownTags = map[string]string{
	`pre`:                               `<pre tabindex="0">`,
	`table`:                             `<div class="wide" tabindex="0"><table>`,
	`/table`:                            `</table></div>`,
	`input disabled="" type="checkbox"`: `<input type="checkbox" aria-label="Done" disabled>`,
	`input checked="" disabled="" type="checkbox"`: `<input type="checkbox" aria-label="Done" disabled checked>`,
}

// sanitise returns rendered Markdown with the terms marked, or "" if it has a tag that is not
// allowed. The text between the tags is escaped again, so it cannot contain a tag.
func sanitise(rendered string, terms []search.Term) template.HTML {
	var b strings.Builder
	for {
		words, rest, more := strings.Cut(rendered, "<")
		b.WriteString(string(highlight(terms, html.UnescapeString(words))))
		if !more {
			return template.HTML(b.String())
		}
		tag, rest, _ := strings.Cut(rest, ">")
		if !allowedTag.MatchString(tag) {
			return ""
		}
		b.WriteString(cmp.Or(ownTags[tag], "<"+tag+">"))
		rendered = rest
	}
}
