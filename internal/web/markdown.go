package web

import (
	"bytes"
	"errors"
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
	"github.com/yuin/goldmark/renderer"
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
	maxTarget  = 2000 // bytes of a link's URL, which a short reference can repeat many times
	maxMarks   = 3000 // of emphasis, links and escaped pipes in one paragraph
)

var markdown = newMarkdown()

func newMarkdown() goldmark.Markdown {
	without := func(all []util.PrioritizedValue, unwanted any) []util.PrioritizedValue {
		return slices.DeleteFunc(all, func(v util.PrioritizedValue) bool { return v.Value == unwanted })
	}
	return goldmark.New(
		goldmark.WithParser(parser.NewParser(
			// Without the parsers for HTML, it is text like any other.
			parser.WithBlockParsers(without(parser.DefaultBlockParsers(), parser.NewHTMLBlockParser())...),
			parser.WithInlineParsers(append(without(parser.DefaultInlineParsers(), parser.NewRawHTMLParser()),
				util.Prioritized(breakParser{}, 250))...),
			parser.WithParagraphTransformers(append(parser.DefaultParagraphTransformers(),
				util.Prioritized(tableParser{extension.NewTableParagraphTransformer()}, 200))...),
			parser.WithASTTransformers(util.Prioritized(extension.NewTableASTTransformer(), 0)),
		)),
		goldmark.WithExtensions(extension.Linkify, extension.Strikethrough, extension.TaskList),
		// Models put what belongs on lines of its own on lines of its own.
		goldmark.WithRendererOptions(markup.WithHardWraps(), renderer.WithNodeRenderers(
			util.Prioritized(extension.NewTableHTMLRenderer(
				extension.WithTableCellAlignMethod(extension.TableCellAlignNone)), 500),
			util.Prioritized(nodeRenderer{}, 100))),
	)
}

// renderMarkdown returns a text as HTML of at most about maxBytes, with the terms of a search
// marked. It returns "" if the text is to be shown as it is: because it has no markup, or
// because its HTML would be too long or too deep. The text must not have more than about
// reportBytes, because the time can grow with the square of its length.
func renderMarkdown(s string, terms []search.Term, maxBytes int) template.HTML {
	if isCostly(s) {
		return ""
	}
	source := []byte(s)
	doc := markdown.Parser().Parse(mdtext.NewReader(source))
	if marked, err := prepare(doc, source); err != nil || !marked {
		return ""
	}
	out := limitedBuffer{left: maxBytes}
	if err := markdown.Renderer().Render(&out, source, doc); err != nil {
		return ""
	}
	return sanitise(out.String(), terms)
}

var (
	deepLine = regexp.MustCompile(fmt.Sprintf(`(?m)^(?:[ \t]*(?:>|(?:[-+*]|\d+[.)])[ \t])){%d}`, maxNesting))
	marks    = regexp.MustCompile(`\*+|_+|~+|[][]|\\[|]`)
)

// isCostly reports whether a text has what takes goldmark seconds: its time grows with the
// third power of the marks in a paragraph, and with the square of the blocks that one line opens.
func isCostly(s string) bool {
	for paragraph := range strings.SplitSeq(s, "\n\n") {
		if len(marks.FindAllStringIndex(paragraph, maxMarks+1)) > maxMarks {
			return true
		}
	}
	return deepLine.MatchString(s)
}

var (
	errTooDeep = errors.New("web: Markdown is nested too deeply")
	errTooLong = errors.New("web: HTML of Markdown is too long")
)

type limitedBuffer struct {
	bytes.Buffer
	left int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}

// prepare fits a document into a page, where it stands under a second-level heading, and
// decides which links it has. It reports whether there is any markup. Indentation and URLs are
// not enough, because they are usual in plain text.
func prepare(doc ast.Node, source []byte) (marked bool, err error) {
	var headings []int // the levels of the headings above the current one
	var link ast.Node  // the link around the current node
	depth := 0
	err = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			if depth--; n == link {
				link = nil
			}
			return ast.WalkContinue, nil
		}
		if depth++; depth > maxNesting {
			return ast.WalkStop, errTooDeep
		}
		switch n := n.(type) {
		case *ast.Document, *ast.Paragraph, *ast.Text, *ast.CodeBlock, *ast.LinkReferenceDefinition:
			return ast.WalkContinue, nil
		case *ast.Heading: // no level is left out
			headings = slices.DeleteFunc(headings, func(level int) bool { return level >= n.Level })
			headings = append(headings, n.Level)
			n.Level = min(2+len(headings), 6)
		case *ast.Link, *ast.Image, *ast.AutoLink:
			if target := linkTarget(n, source); target != "" && link == nil {
				n.SetAttributeString("href", target)
				link = n
			}
			if n.Kind() == ast.KindAutoLink {
				return ast.WalkContinue, nil
			}
		case *tables.TableCell:
			if n.Alignment == tables.AlignRight || n.Alignment == tables.AlignCenter {
				n.SetAttributeString("class", n.Alignment.String())
			}
		}
		marked = true
		return ast.WalkContinue, nil
	})
	return marked, err
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

// breakParser parses <br>, the only way to have two lines in the cell of a table.
type breakParser struct{}

var breakTag = regexp.MustCompile(`(?i)^<br ?/?>`)

func (breakParser) Trigger() []byte { return []byte{'<'} }

func (breakParser) Parse(_ ast.Node, block mdtext.Reader, _ parser.Context) ast.Node {
	line, segment := block.PeekLine()
	tag := breakTag.Find(line)
	if tag == nil {
		return nil
	}
	block.Advance(len(tag))
	n := ast.NewTextSegment(segment.WithStop(segment.Start))
	n.SetHardLineBreak(true)
	return n
}

// tableParser refuses tables with more cells than bytes. Each row is filled up to the width of
// the header, so a few kilobytes could otherwise become millions of cells.
type tableParser struct{ parser.ParagraphTransformer }

func (t tableParser) Transform(p *ast.Paragraph, r mdtext.Reader, pc parser.Context) {
	size, columns := 0, 0
	for _, line := range p.Lines().Sliced(0, p.Lines().Len()) {
		size += line.Len()
		columns = max(columns, bytes.Count(line.Value(r.Source()), []byte("|"))+1)
	}
	if p.Lines().Len()*columns <= size+1 { // the last line may have no line break
		t.ParagraphTransformer.Transform(p, r, pc)
	}
}

// nodeRenderer renders what needs another form than goldmark's.
type nodeRenderer struct{}

func (nodeRenderer) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindLink, renderLink)
	r.Register(ast.KindImage, renderLink)
	r.Register(ast.KindAutoLink, renderLink)
	r.Register(ast.KindCodeBlock, renderCode)
	r.Register(ast.KindFencedCodeBlock, renderCode)
	r.Register(tables.KindTable, renderTable)
	r.Register(tables.KindTaskCheckBox, renderTask)
}

func renderLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	href, linked := n.AttributeString("href")
	switch {
	case entering && linked:
		fmt.Fprintf(w, `<a href="%s" rel="noopener nofollow">`, html.EscapeString(href.(string)))
		if n.Kind() == ast.KindImage && !n.HasChildren() {
			_, _ = w.WriteString(html.EscapeString(href.(string)))
		}
	case linked:
		_, _ = w.WriteString("</a>")
	}
	if n, ok := n.(*ast.AutoLink); ok && entering {
		_, _ = w.Write(util.EscapeHTML(n.Label(source)))
	}
	return ast.WalkContinue, nil
}

// Code and tables scroll on their own. They get the focus so that a keyboard can scroll them.

func renderCode(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		fmt.Fprintf(w, `<pre tabindex="0"><code>%s</code></pre>`, util.EscapeHTML(n.Lines().Value(source)))
	}
	return ast.WalkContinue, nil
}

func renderTable(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	tags := "</table></div>"
	if entering {
		tags = `<div class="wide" tabindex="0"><table>`
	}
	_, _ = w.WriteString(tags)
	return ast.WalkContinue, nil
}

func renderTask(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		checked := ""
		if n.(*tables.TaskCheckBox).IsChecked {
			checked = " checked"
		}
		fmt.Fprintf(w, `<input type="checkbox" aria-label="Done" disabled%s> `, checked)
	}
	return ast.WalkContinue, nil
}

// allowedTag matches what may stand between < and > in a page.
var allowedTag = regexp.MustCompile(`^(?:/?(?:p|h[3-6]|ul|ol|li|blockquote|em|strong|del|code|thead|tbody|tr|td|th)` +
	`|/?table|/a|/pre|/div|hr|br|ol start="\d+"|t[dh] class="(?:right|center)"` +
	`|pre tabindex="0"|div class="wide" tabindex="0"|input type="checkbox" aria-label="Done" disabled(?: checked)?` +
	`|a href="(?i:https?://|mailto:)[^"]+" rel="noopener nofollow")$`)

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
		b.WriteString("<" + tag + ">")
		rendered = rest
	}
}
