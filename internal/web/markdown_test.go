package web

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// rendered returns Markdown as HTML and checks that it is well-formed and has no element or
// attribute that is not listed here. A text that is shown as it is returns "".
func rendered(t testing.TB, source string, terms ...search.Term) string {
	t.Helper()
	got := string(renderMarkdown(source, terms, 1<<20))
	if err := checkHTML(got); err != nil {
		t.Errorf("%.300q became %.300q: %v", source, got, err)
	}
	return got
}

// allowedAttributes are the elements that may occur, and the values of their attributes.
var allowedAttributes = map[string]string{
	"p": "", "h3": "", "h4": "", "h5": "", "h6": "", "ul": "", "li": "", "blockquote": "", "em": "", "strong": "",
	"del": "", "code": "", "hr": "", "br": "", "table": "", "thead": "", "tbody": "", "tr": "", "mark": "",
	"ol":    `start=\d+`,
	"th":    `class=(right|center)`,
	"td":    `class=(right|center)`,
	"pre":   `tabindex=0`,
	"div":   `class=wide|tabindex=0`,
	"input": `type=checkbox|aria-label=Done|disabled=disabled|checked=checked`,
	"a":     `href=(?i:https?://|mailto:)[^"<>\s]+|rel=noopener nofollow`,
}

// checkHTML parses with encoding/xml, which knows nothing of how the HTML was made.
func checkHTML(s string) error {
	s = strings.Map(func(r rune) rune { // XML, unlike HTML, has no control characters
		if r < ' ' && r != '\n' && r != '\t' || r >= 0xfffe {
			return ' '
		}
		return r
	}, s)
	d := xml.NewDecoder(strings.NewReader("<div>" + s + "</div>"))
	d.Strict, d.Entity, d.AutoClose = false, xml.HTMLEntity, []string{"br", "hr", "input"}
	links, lastHeading := 0, 2
	for {
		token, err := d.Token()
		switch v := token.(type) {
		case nil:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case xml.StartElement:
			name := v.Name.Local
			allowed, ok := allowedAttributes[name]
			if !ok {
				return fmt.Errorf("the element %s is not allowed", name)
			}
			for _, a := range v.Attr {
				if s := a.Name.Local + "=" + a.Value; !regexp.MustCompile(`^(` + allowed + `)$`).MatchString(s) {
					return fmt.Errorf("the attribute %s of %s is not allowed", s, name)
				}
			}
			if name == "a" {
				if links++; links > 1 || len(v.Attr) != 2 {
					return errors.New("a link is in a link or has no rel")
				}
			}
			if name[0] == 'h' && name != "hr" {
				if level := int(name[1] - '0'); level > lastHeading+1 {
					return fmt.Errorf("h%d is followed by %s", lastHeading, name)
				} else {
					lastHeading = level
				}
			}
		case xml.EndElement:
			if v.Name.Local == "a" {
				links--
			}
		case xml.CharData:
		default:
			return fmt.Errorf("%T is not allowed", v)
		}
	}
}

func TestMarkdown(t *testing.T) {
	const link = ` rel="noopener nofollow">`
	for _, c := range []struct{ name, source, want string }{
		{"emphasis", "**Ruth** *asks* ~~no~~ `x<y`", "<p><strong>Ruth</strong> <em>asks</em> <del>no</del> " +
			"<code>x&lt;y</code></p>\n"},
		{"lines stay lines", "**Date:** today\n**Owner:** Jo", "<p><strong>Date:</strong> today<br>\n" +
			"<strong>Owner:</strong> Jo</p>\n"},
		{"list", "- a\n- b\n  1. c", "<ul>\n<li>a</li>\n<li>b\n<ol>\n<li>c</li>\n</ol>\n</li>\n</ul>\n"},
		{"list from 5", "5. a", "<ol start=\"5\">\n<li>a</li>\n</ol>\n"},
		{"tasks", "- [ ] a\n- [x] b", "<ul>\n<li><input type=\"checkbox\" aria-label=\"Done\" disabled> a</li>\n" +
			"<li><input type=\"checkbox\" aria-label=\"Done\" disabled checked> b</li>\n</ul>\n"},
		{"quote", "> said", "<blockquote>\n<p>said</p>\n</blockquote>\n"},
		{"rule", "a\n\n---", "<p>a</p>\n<hr>\n"},
		{"code", "```js onload=x\na <b>\n```", "<pre tabindex=\"0\"><code>a &lt;b&gt;\n</code></pre>\n"},
		{"table", "| a | b | c |\n|:-|-:|:-:|\n| 1 | 2<br>3 | x \\| y |\n| short |", `<div class="wide" tabindex="0">` +
			"<table>\n<thead>\n<tr>\n<th>a</th>\n<th class=\"right\">b</th>\n<th class=\"center\">c</th>\n</tr>\n</thead>\n" +
			"<tbody>\n" +
			"<tr>\n<td>1</td>\n<td class=\"right\">2<br>\n3</td>\n<td class=\"center\">x | y</td>\n</tr>\n" +
			"<tr>\n<td>short</td>\n<td></td>\n<td></td>\n</tr>\n</tbody>\n</table></div>\n"},
		{"headings", "# a\n### b\n## c\nd\n=", "<h3>a</h3>\n<h4>b</h4>\n<h4>c</h4>\n<h3>d</h3>\n"},
		{"many headings", "# 1\n## 2\n### 3\n#### 4\n##### 5\n###### 6", "<h3>1</h3>\n<h4>2</h4>\n<h5>3</h5>\n" +
			"<h6>4</h6>\n<h6>5</h6>\n<h6>6</h6>\n"},
		{"deep heading first", "### a", "<h3>a</h3>\n"},
		{"link", `[a](https://example.com/?a=1&b="2" "title")`, `<p><a href="https://example.com/?a=1&amp;b=%222%22"` +
			link + "a</a></p>\n"},
		{"mail", "[a](mailto:a@example.com)", `<p><a href="mailto:a@example.com"` + link + "a</a></p>\n"},
		{
			"autolinks", "*x* www.example.com, <https://a.example> b@example.com ftp://a.example",
			`<p><em>x</em> <a href="http://www.example.com"` + link + `www.example.com</a>, ` +
				`<a href="https://a.example"` + link + `https://a.example</a> ` +
				`<a href="mailto:b@example.com"` + link + "b@example.com</a> ftp://a.example</p>\n",
		},
		{"reference", "[a][1] [1]\n\n[1]: http://a.example 'x'", `<p><a href="http://a.example"` + link + `a</a> ` +
			`<a href="http://a.example"` + link + "1</a></p>\n"},
		{"image", `![alt *x*](https://a.example/x.png "t")`, `<p><a href="https://a.example/x.png"` + link +
			"alt <em>x</em></a></p>\n"},
		{"image without text", "![](https://a.example/&x)", `<p><a href="https://a.example/&amp;x"` + link +
			"https://a.example/&amp;x</a></p>\n"},
		{"image in a link", "[![alt](https://a.example/x)](https://b.example)", `<p><a href="https://b.example"` + link +
			"alt</a></p>\n"},
		{"link in an image", "![[a](https://a.example)](https://b.example)", `<p><a href="https://b.example"` + link +
			"a</a></p>\n"},
		{"link in an image that is none", "![[a](https://a.example)](x.png)", `<p><a href="https://a.example"` + link +
			"a</a></p>\n"},
		{"image as data", "![alt](data:image/png;base64,AAAA)", "<p>alt</p>\n"},
		{"entities", "*x* &lt;b&gt; &#60;i&#x3e; &amp;lt; &quot;", "<p><em>x</em> &lt;b&gt; &lt;i&gt; &amp;lt; &#34;</p>\n"},
		{"HTML", `*x* <b onclick="y">z</b> <!-- c --> <?p?> <![CDATA[d]]>`, "<p><em>x</em> &lt;b onclick=&#34;y&#34;&gt;z" +
			"&lt;/b&gt; &lt;!-- c --&gt; &lt;?p?&gt; &lt;![CDATA[d]]&gt;</p>\n"},
		{"block of HTML", "<script>\nalert(1)\n</script>\n\n# a", "<p>&lt;script&gt;<br>\nalert(1)<br>\n" +
			"&lt;/script&gt;</p>\n<h3>a</h3>\n"},
		{"comment", "<!--\n# hidden?\n-->", "<p>&lt;!--</p>\n<h3>hidden?</h3>\n<p>--&gt;</p>\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rendered(t, c.source); got != c.want {
				t.Errorf("%q\ngot  %q\nwant %q", c.source, got, c.want)
			}
		})
	}
}

// TestPlainTextIsNotMarkdown: what people write without thinking of Markdown is shown as it is.
func TestPlainTextIsNotMarkdown(t *testing.T) {
	for _, s := range []string{
		"", " ", "\n\n", "send the offer", "Two\nlines\n\nand  a   paragraph.", "Agenda\n\n    indented\n        more",
		"2 * 3 * 4, snake_case_name, a_b", "see https://example.com/?a=b and www.example.com", "C:\\temp &amp; <tag>",
		"[1]: https://example.com", "<script>alert(1)</script>", "<!-- a -->", "5 < 6 > 4<br>x", "a|b\nc|d",
	} {
		if got := rendered(t, s); got != "" {
			t.Errorf("%q became %q", s, got)
		}
	}
}

// TestMarkdownHasNoOtherLinks: a link to anything but http, https and mailto becomes its text.
func TestMarkdownHasNoOtherLinks(t *testing.T) {
	for _, target := range []string{
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "java&#10;script:alert(1)",
		"java&Tab;script:alert(1)", "&#106;avascript:alert(1)", "&#x6A;avascript&colon;alert(1)",
		"javascript&#0000058;alert(1)",
		"\\javascript:alert(1)", "j\\avascript:alert(1)", "javascript\\:alert(1)", "%6Aavascript:alert(1)",
		"javascript%3Aalert(1)", "&#1;javascript:alert(1)", "\u00a0javascript:alert(1)", "\u2028javascript:alert(1)",
		"ｊavascript:alert(1)", "javaſcript:alert(1)", "javascript://https://example.com/%0aalert(1)",
		"view-source:https://example.com", "vbscript:x", "VBSCRIPT&colon;x", "data:text/html,<script>",
		"DATA:text/html;base64,AA",
		"data:image/svg+xml,x", "data:image/png;base64,AA", "file:///etc/passwd", "blob:https://a.example/x",
		"ftp://a.example",
		"tel:123", "memo://x", "/signout", "//evil.example", "\\\\evil.example", "/\\evil.example", "../x", "#main",
		"?done=deleted",
		"", "x", "http:", "https:/x", "https:x", "https:\\\\evil.example", "http:///x", "mailto:", "https",
		"https://a.example/" + strings.Repeat("x", maxTarget),
	} {
		for _, form := range []string{
			"*x* [a](%s)", "*x* [a](<%s>)", "*x* [a][b]\n\n[b]: <%s>", "*x* ![a](<%s>)", "*x* <%s>",
		} {
			if got := rendered(t, fmt.Sprintf(form, target)); strings.Contains(got, "<a") {
				t.Errorf(form+" became %q", target, got)
			}
		}
	}
}

var hostileMarkdown = []string{
	`*x* [a](https://x.example" onclick="alert(1))`, `[a](<https://x.example" onclick="alert(1)>)`,
	`[a](https://x.example 'x" onclick="alert(1)')`, `[a](https://x.example "onclick=&quot;alert(1)")`,
	`![x" onerror="alert(1)](https://x.example/a.png)`, `*x* ![a](https://x.example/" onerror="alert(1))`,
	`*x* ![a](x onerror=alert(1))`, `<img src=x onerror=alert(1)> *a*`, `<a href="javascript:x" target=_blank>*a*</a>`,
	`[<img src=x onerror=y>](https://x.example)`, "`<script>` *a*", "```<script>\n</code></pre><script>\n```",
	"    </code></pre><script>\n\n*a*", "# <svg onload=x>", "a {#main onclick=x}\n=\n", "# a {.x style=color:red}",
	"|<script>|\n|-|\n|</table><script>|", "| a |\n|:-:|\n| `\\|` |", "- [x] <script>", "[x]: javascript:a\n\n*a* [x]",
	"<https://x.example/\"onclick=alert(1)>*a*", "<a@b.example\">*a*", "https://x.example/<script> *a*",
	"*a* https://x.example/\"onmouseover=alert(1)", "*a* www.x.example/'onclick='x", "<style>*{display:none}</style>\n# a",
	"*a\x00b* \ufffd\ufeff", "[a](https://x.example/\u202e)",
	"&lt;script&gt; *a* &#x3c;b>",
	"*a* \\<script>", "**a\n> b\n- c**", "[a](https://x.example)[b](https://y.example)", "[[a](https://x)](https://y)",
	"[<https://x.example>](https://y.example)", "[a www.x.example](https://y.example)", "<details><summary>*a*</details>",
	"</div></section><h1>*a*</h1>", "<mark>*a*</mark>", "- a\n\n      <script>\n", "1. a\n   ```\n   <b>\n",
	"[^1] *a*\n\n[^1]: note",
}

func TestHostileMarkdown(t *testing.T) {
	terms := search.ParseQuery("script alert onclick mark a lt quot 34 x")
	for _, s := range hostileMarkdown {
		if rendered(t, s) == "" {
			t.Errorf("%q is not rendered: nothing was checked", s)
		}
		rendered(t, s, terms...)
	}
}

// TestMarkdownBombs checks that time and size are bounded for texts of the length that is shown.
func TestMarkdownBombs(t *testing.T) {
	bombs := map[string]func(n int) string{
		"stars":          func(n int) string { return strings.Repeat("*a ", n/3) + strings.Repeat("a* ", n/6) },
		"mixed emphasis": func(n int) string { return strings.Repeat("*a_ **b__ ~", n/11) },
		"nested strong":  func(n int) string { return strings.Repeat("**a ", n/6) + strings.Repeat("b**", n/6) },
		"deep quotes":    func(n int) string { return strings.Repeat(">", n) },
		"quotes":         func(n int) string { return strings.Repeat(">", n/2) + "a\n" + strings.Repeat("b\n", n/4) },
		"deep lists":     func(n int) string { return strings.Repeat("- ", n/2) + "a" },
		"growing lists": func(n int) string {
			var b strings.Builder
			for i := 0; b.Len() < n; i++ {
				b.WriteString(strings.Repeat("  ", i) + "- a\n")
			}
			return b.String()
		},
		"brackets":        func(n int) string { return strings.Repeat("[", n) },
		"closed brackets": func(n int) string { return strings.Repeat("[", n/2) + strings.Repeat("]", n/2) },
		"open links":      func(n int) string { return strings.Repeat("[a](<", n/5) },
		"images":          func(n int) string { return strings.Repeat("![", n/4) + strings.Repeat("](x)", n/8) },
		"references": func(n int) string {
			return "[a]: https://" + strings.Repeat("x", n/10) + "\n\n" + strings.Repeat("[a]", n/4)
		},
		"definitions": func(n int) string { return strings.Repeat("[a]: x\n", n/7) },
		"backticks":   func(n int) string { return strings.Repeat("`a``b```c", n/9) },
		"wide table": func(n int) string {
			return strings.Repeat("|a", n/4) + "|\n" + strings.Repeat("|-", n/4) + "|\n"
		},
		"tall, wide table": func(n int) string { return tableBomb(n) },
		"many tables":      func(n int) string { return strings.Repeat(tableBomb(400)+"\n", n/400) },
		"escaped pipes":    func(n int) string { return "|a|\n|-|\n" + strings.Repeat("|`\\|`\n", n/6) },
		"headings":         func(n int) string { return strings.Repeat("#\n", n/2) },
		"tasks":            func(n int) string { return strings.Repeat("- [ ] a\n", n/8) },
		"URLs":             func(n int) string { return "*a* " + strings.Repeat("www.a.b ", n/8) },
		"comments":         func(n int) string { return strings.Repeat("<!--", n/4) + "\n# a" },
		"entities":         func(n int) string { return "*a* " + strings.Repeat("&amp;", n/5) },
		"breaks":           func(n int) string { return "*a* " + strings.Repeat("<br>", n/4) },
	}
	for name, bomb := range bombs {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{reportBytes / 4, reportBytes} {
				source := bomb(size)
				begin := time.Now()
				got := renderMarkdown(source, nil, markupBytes)
				took := time.Since(begin)
				t.Logf("%d bytes: %v, %d bytes of HTML", len(source), took.Round(time.Microsecond), len(got))
				if took > 3*time.Second || len(got) > markupBytes {
					t.Errorf("%d bytes took %v and became %d", len(source), took, len(got))
				}
				if err := checkHTML(string(got)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// tableBomb returns a table in which most cells are implied.
func tableBomb(n int) string {
	return strings.Repeat("|a", n/8) + "|\n" + strings.Repeat("|-", n/8) + "|\n" + strings.Repeat("a\n", n/4)
}

func TestMarkdownHighlights(t *testing.T) {
	for _, c := range []struct{ source, q, want string }{
		{"**price** is", "price", "<p><strong><mark>price</mark></strong> is</p>\n"},
		{"# Über &uuml;ber", "uber", "<h3><mark>Über</mark> <mark>über</mark></h3>\n"},
		{"*x* &amp; amp strong", "amp strong", "<p><em>x</em> &amp; <mark>amp</mark> <mark>strong</mark></p>\n"},
		{"[a](https://price.example)", "price", `<p><a href="https://price.example" rel="noopener nofollow">` +
			"a</a></p>\n"},
		{"```\nprice\n```", "price", `<pre tabindex="0"><code><mark>price</mark>` + "\n</code></pre>\n"},
	} {
		if got := rendered(t, c.source, search.ParseQuery(c.q)...); got != c.want {
			t.Errorf("%q, %q:\ngot  %q\nwant %q", c.source, c.q, got, c.want)
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range hostileMarkdown {
		f.Add(s, "a script")
	}
	f.Add(tableBomb(200), "")
	f.Fuzz(func(t *testing.T, source, q string) {
		if len(source) > reportBytes {
			return
		}
		source = strings.ToValidUTF8(source, "") // as reports are
		rendered(t, source, search.ParseQuery(q)...)
	})
}

// TestMarkdownReports checks the page of a transcription, with reports in Markdown, in plain
// text, and of a megabyte.
func TestMarkdownReports(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	b := w.browser(w.Olga)
	texts := func(summary string, reports ...string) string {
		w.T.Helper()
		rows := []map[string]any{}
		for i, text := range reports {
			name := fmt.Sprintf("Report %d", i)
			rows = append(rows, map[string]any{"name": name, "slug": name, "status": "completed", "text": text})
		}
		doc, err := json.Marshal(map[string]any{
			"title": "Texts", "summary": summary, "prompt_results": rows,
			"status": "completed", "duration_seconds": 1, "speakers": []any{}, "topics": []any{}, "media_type": "audio",
			"created_at": "2026-05-20T09:14:00Z",
			"segments":   []map[string]any{{"start": 0, "end": 1, "text": "hello"}},
		})
		w.Must(err)
		return w.texts("/" + w.Import(w.Acme, "texts.json", string(doc)))
	}
	path := texts("## Now\n\nThe **price** fell.", "# Done\n\n- [x] price\n\n![logo](https://evil.example/x.png)",
		"plain price\n  <b>two</b>  lines")
	b.get(path+"?tab=summary&find=price").want(200, `<div class="md" dir="auto"><h3>Now</h3>`,
		`The <strong><mark>price</mark></strong> fell.`).without("## Now")
	tabs := reportTab.FindAllString(b.get(path).body, -1)
	b.get(path+tabs[0]).want(200, "<h3>Done</h3>", `disabled checked> price</li>`,
		`<a href="https://evil.example/x.png" rel="noopener nofollow">logo</a>`).without("<img", " style=", ` target=`)
	b.get(path+tabs[1]).want(200, "<p class=\"pre\" dir=\"auto\">plain price\n  &lt;b&gt;two&lt;/b&gt;  lines</p>").
		without("<b>two")
	b.get(texts("The price\nfell.")+"?q=price").want(200,
		"<p class=\"pre\" dir=\"auto\">The <mark>price</mark>\nfell.</p>").
		without(`class="md"`)

	megabyte := slices.Repeat([]string{strings.Repeat("**word** & [link](https://example.com/)\n", 5000)[:199_000]}, 5)
	path = texts("long", megabyte...)
	tabs = reportTab.FindAllString(b.get(path).body, -1)
	begin := time.Now()
	p := b.get(path+tabs[4]).want(200, "<strong>word</strong> &amp; <a", "Markdown download</a> has all of it")
	if took := time.Since(begin); took > 5*time.Second || len(p.body) > 130_000 {
		t.Errorf("the page of a megabyte took %v and has %d bytes", took, len(p.body))
	}
	stored, err := w.App.Transcription(t.Context(), memo.Caller{Operator: true, WorkspaceID: w.Acme.ID},
		path[strings.LastIndex(path, "/")+1:])
	w.Must(err)
	full, err := stored.Decode(t.Context())
	w.Must(err)
	if full.Reports[4].Text != megabyte[4] {
		t.Error("the stored report is not the imported one")
	}
}
