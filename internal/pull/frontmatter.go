package pull

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// frontMatter returns the YAML that a Markdown file starts with.
func (it *item) frontMatter() string {
	var b strings.Builder
	fmt.Fprintf(&b, "---\nid: %s\ntitle: %s\ndate: %s\n", quote(it.ID), quote(it.Title),
		it.CreatedAt.UTC().Format(time.RFC3339))
	var speakers, tags []string
	for _, s := range it.Speakers {
		speakers = append(speakers, s.Name)
	}
	for _, t := range it.Topics {
		tags = append(tags, tag(t.Title))
	}
	writeList(&b, "speakers", speakers)
	project := "null"
	if it.Project != nil {
		project = quote(it.Project.Name)
	}
	b.WriteString("project: " + project + "\n")
	writeList(&b, "tags", tags)
	b.WriteString("---\n\n")
	return b.String()
}

func writeList(b *strings.Builder, name string, values []string) {
	quoted := make([]string, 0, len(values))
	for _, v := range values {
		if v != "" {
			quoted = append(quoted, quote(v))
		}
	}
	fmt.Fprintf(b, "%s: [%s]\n", name, strings.Join(quoted, ", "))
}

// quote returns a text as a YAML string on one line.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsControl(r), r == 0x2028, r == 0x2029, r == 0xFEFF, r == 0xFFFE, r == 0xFFFF:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// tag returns a topic in the form of a tag in Obsidian, which has letters, digits, "_",
// "-" and "/", and not only digits. It is empty if the topic has none of them.
func tag(topic string) string {
	words := strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsMark(r), unicode.IsNumber(r), strings.ContainsRune("_-/", r):
			return r
		case r == '\'' || r == '’':
			return -1
		}
		return ' '
	}, topic))
	t := strings.Trim(strings.Join(words, "-"), "-/")
	if t != "" && strings.Trim(t, "0123456789") == "" {
		return "_" + t
	}
	return t
}
