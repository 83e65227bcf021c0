package read_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"

	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
)

const docxHead = `<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="urn:w"><w:body>`

// docx returns a ZIP with files: names and contents by turns.
func docx(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// paragraphs returns the document.xml of paragraphs, in which "|" is a new run and "/" a line break.
func paragraphs(texts ...string) string {
	var b strings.Builder
	b.WriteString(docxHead)
	for _, text := range texts {
		runs := strings.NewReplacer("|", `</w:t></w:r><w:r><w:t xml:space="preserve">`, "/", "</w:t><w:br/><w:t>").
			Replace(text)
		b.WriteString(`<w:p><w:r><w:rPr><w:b/></w:rPr><w:t xml:space="preserve">` + runs + `</w:t></w:r></w:p>`)
	}
	return b.String() + `</w:body></w:document>`
}

func TestWordDocumentIsRead(t *testing.T) {
	for _, tt := range []struct {
		desc, xml, format string
		want              []string
	}{
		{
			"Teams", paragraphs("Plan-20260302_143000-Meeting Recording", "March 2, 2026, 2:30PM", "12m 5s",
				"Noor Haddad|   |0:03/Shall we?", "Leo Lam|   |0:05/Yes &amp; no."),
			"Teams Word document",
			[]string{"3-5 Noor Haddad says Shall we?", "5-6 Leo Lam says Yes & no."},
		},
		{
			"the older layout of Teams", paragraphs("0:0:3.139 --&gt; 0:0:5.339/Noor Haddad/shall we?", "",
				"0:0:5.899 --&gt; 0:0:9.219/Leo Lam/yes", "0:0:10.0 --&gt; 0:0:11.0/Noor Haddad/good"),
			"Word document",
			[]string{
				"3.139-5.339 Noor Haddad says shall we?", "5.899-9.219 Leo Lam says yes", "10-11 Noor Haddad says good",
			},
		},
		{
			"Google Meet", paragraphs("Plan - Transcript", "00:00:00", "Noor: a", "Leo: b", "00:05:00", "Noor: c",
				"Transcription ended after 00:06:00"),
			"Google Meet Word document",
			[]string{"0-300 Noor says a", "0-300 Leo says b", "300-360 Noor says c"},
		},
		{
			"deleted text and alternatives",
			docxHead + `<w:p><w:del><w:r><w:t>x</w:t></w:r></w:del><w:r><w:t>a</w:t></w:r></w:p>` +
				`<w:p><w:r><w:Choice><w:t>b</w:t></w:Choice><w:Fallback><w:t>b</w:t></w:Fallback></w:r></w:p>` +
				`<w:tbl><w:tr><w:tc><w:p><w:r><w:t>c</w:t></w:r></w:p></w:tc>` +
				`<w:tc><w:p><w:r><w:t>d</w:t></w:r></w:p></w:tc></w:tr>` +
				`</w:tbl></w:body></w:document>`,
			"Word document",
			[]string{"a", "b", "c d"},
		},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			got, err := read.File(t.Context(), "a.docx", docx(t, "word/document.xml", tt.xml), transcript.DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			checkResult(t, got)
			if diff := cmp.Diff(tt.want, show(got.Segments)); diff != "" || got.Format != tt.format {
				t.Errorf("%s (-want +got)\n%s", got.Format, diff)
			}
			checkWarnings(t, got.Warnings, "")
		})
	}
}

// TestOtherFilesAreRefusedByName, with the way to get a transcript out of the tool.
func TestOtherFilesAreRefusedByName(t *testing.T) {
	bomb := paragraphs(strings.Repeat("a", 3<<20))
	for desc, tt := range map[string]struct{ data, reason string }{
		"a ZIP":         {string(docx(t, "a.vtt", "WEBVTT")), "a ZIP archive, not a transcript. Unpack it"},
		"Excel":         {string(docx(t, "xl/workbook.xml", "<a/>")), "an Excel workbook"},
		"PowerPoint":    {string(docx(t, "ppt/presentation.xml", "<a/>")), "a PowerPoint presentation"},
		"OpenDocument":  {string(docx(t, "mimetype", "application/vnd.oasis")), "an OpenDocument file"},
		"a long text":   {string(docx(t, "word/document.xml", bomb)), "a text that is too long"},
		"a deep text":   {string(docx(t, "word/document.xml", strings.Repeat("<w:p>", 1<<20))), "nested too deeply"},
		"not XML":       {string(docx(t, "word/document.xml", "<w:p><w:r></w:p>")), "damaged Word document"},
		"entities":      {string(docx(t, "word/document.xml", `<!DOCTYPE a [<!ENTITY b "c">]><w:t>&b;</w:t>`)), "damaged"},
		"an empty one":  {string(docx(t, "word/document.xml", docxHead+"</w:body></w:document>")), "is empty"},
		"a large one":   {string(docx(t, "word/document.xml", strings.Repeat(" ", 65<<20))), "more than 64 MB"},
		"MP3":           {"\xff\xfb\x90\x44\x00\x01", "a recording"},
		"AAC":           {"\xff\xf1\x50\x80\x00\x01", "a recording"},
		"HTML":          {"<!-- x -->\n<!DOCTYPE html>\n<html><body>a</body></html>", "an HTML page"},
		"XHTML":         {`<?xml version="1.0"?><html xmlns="x"><body/></html>`, "an HTML page"},
		"other XML":     {`<?xml version="1.0"?><rss/>`, "XML, but not TTML"},
		"a dictionary":  {"{'text': 'a', 'segments': []}", "a Python object"},
		"segments":      {"[Segment(id=1, start=0.0, end=1.0, text=' a')]", "a Python object"},
		"RTF":           {"{\\rtf1 a}", "an RTF document"},
		"7-Zip":         {"7z\xbc\xaf\x27\x1c\x00", "a 7-Zip archive"},
		"a tar archive": {strings.Repeat("\x00", 257) + "ustar\x00", "a tar archive"},
	} {
		t.Run(desc, func(t *testing.T) {
			_, err := read.File(t.Context(), "a.txt", []byte(tt.data), transcript.DefaultLimits)
			e, ok := errors.AsType[*transcript.Error](err)
			if !ok || !strings.Contains(e.Reason, tt.reason) || len(e.Reason) > 300 {
				t.Errorf("got %v, want …%s…", err, tt.reason)
			}
		})
	}
}

// TestAttributeBombNeedsLittleMemory: the decoder remembers every attribute of a tag.
func TestAttributeBombNeedsLittleMemory(t *testing.T) {
	data := docx(t, "word/document.xml", "<w:p "+strings.Repeat(`a="" `, 10<<20)+"/>")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := read.File(t.Context(), "a.docx", data, transcript.DefaultLimits)
	runtime.ReadMemStats(&after)
	if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; err == nil || grown > 300 {
		t.Errorf("allocated %d MB (%v), want at most 300", grown, err)
	}
}

// TestUTF16WithoutMarkIsRead in scripts whose letters have no NUL, which the line breaks and spaces show.
func TestUTF16WithoutMarkIsRead(t *testing.T) {
	for _, text := range []string{
		"hello", "Добрый день, начнём?", "Καλημέρα, ξεκινάμε;", "בוקר טוב, נתחיל?", "صباح الخير، هل نبدأ؟",
		"大家早上好，我们开始吧。", "おはようございます。始めましょうか。", "안녕하세요, 시작할까요?", "สวัสดีครับ เริ่มกันเลยไหม", "नमस्ते, शुरू करें?",
		"नमस्ते 😀 Добрый",
	} {
		for bigEndian := range 2 {
			for _, data := range []string{"WEBVTT\n\n00:01.000 --> 00:02.000\n" + text + "\n", text + "\r\n" + text + "\r\n"} {
				t.Run(data, func(t *testing.T) {
					want := readText(t, "a.txt", data).Text
					if got := readText(t, "a.txt", string(encodeUTF16(data, bigEndian)[2:])); got.Text != want {
						t.Errorf("got %q, want %q", got.Text, want)
					}
				})
			}
		}
	}
}

// TestOtherEncodingsAreNotTakenForUTF16: they are refused with the way to convert them.
func TestOtherEncodingsAreNotTakenForUTF16(t *testing.T) {
	for _, tt := range []struct {
		desc     string
		encoding encoding.Encoding
		text     string
	}{
		{"Windows-1251", charmap.Windows1251, "Добрый день, начнём?"},
		{"Windows-1252", charmap.Windows1252, "Où est le café à côté?"},
		{"Windows-1253", charmap.Windows1253, "Καλημέρα, ξεκινάμε;"},
		{"Shift JIS", japanese.ShiftJIS, "おはようございます。始めましょうか。"},
		{"GB 18030", simplifiedchinese.GB18030, "大家早上好，我们开始吧。"},
		{"EUC-KR", korean.EUCKR, "안녕하세요, 시작할까요?"},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			data, err := tt.encoding.NewEncoder().String(strings.Repeat(tt.text+"\n", 20))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = read.File(t.Context(), "a.txt", []byte(data), transcript.DefaultLimits); err == nil ||
				!strings.Contains(err.Error(), "not UTF-8") {
				t.Errorf("got %v, want it refused because it is not UTF-8", err)
			}
		})
	}
}

// FuzzDocx: every document.xml is read as a valid transcription or refused with a reason.
func FuzzDocx(f *testing.F) {
	f.Add(paragraphs("Noor Haddad|   |0:03/Shall we?", "Leo|  |0:05/Yes"))
	f.Add(docxHead + `<w:tbl><w:tr><w:tc><w:p><w:t>0:01</w:t></w:p></w:tc>` +
		`<w:tc><w:p><w:t>a</w:t></w:p></w:tc></w:tr></w:tbl>`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := read.File(t.Context(), "a.docx", docx(t, "word/document.xml", text), fuzzLimits)
		if err == nil {
			checkResult(t, got)
		} else if e, ok := errors.AsType[*transcript.Error](err); !ok || e.Reason == "" || len(e.Reason) > 400 {
			t.Fatalf("refused with %#v, want an *Error with a short reason", err)
		}
	})
}
