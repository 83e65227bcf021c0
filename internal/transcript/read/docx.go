package read

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"memoai.tech/memo/internal/transcript"
)

const (
	zipSignature = "PK\x03\x04"
	docxText     = "word/document.xml"
	maxDocxText  = 64 << 20 // bytes of document.xml
)

// zipArchive is the kind of a ZIP that is not a document.
const zipArchive = "a ZIP archive"

// zipKind returns what kind of file a ZIP is: a docx, another document, or an archive.
func zipKind(data []byte) string {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "a damaged ZIP archive or Office document"
	}
	for _, f := range z.File {
		switch {
		case f.Name == docxText:
			return docxText
		case f.Name == "xl/workbook.xml", f.Name == "xl/workbook.bin":
			return "an Excel workbook"
		case f.Name == "ppt/presentation.xml":
			return "a PowerPoint presentation"
		case f.Name == "mimetype" && f.UncompressedSize64 < 200:
			return "an OpenDocument file or an e-book"
		}
	}
	return zipArchive
}

// readDocx returns the text of a Word document: a line for each paragraph and each line break in it. Nothing else in
// the file is read. The memory used depends on the limits only, however far the file is compressed.
func readDocx(d *draft, data []byte) (string, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "", refusef(0, "is a damaged Word document")
	}
	for _, f := range z.File {
		if f.Name != docxText {
			continue
		}
		if f.UncompressedSize64 > maxDocxText {
			return "", refusef(0, "has a text of more than %d MB, the limit for a Word document", maxDocxText>>20)
		}
		in, err := f.Open()
		if err != nil {
			return "", refusef(0, "is a damaged Word document")
		}
		defer in.Close()
		return docxLines(d, io.LimitReader(in, maxDocxText))
	}
	return "", refusef(0, "is a Word document without text")
}

func docxLines(d *draft, in io.Reader) (string, error) {
	x := newXMLReader(d, in)
	var b strings.Builder
	text, cells, skip := false, 0, 0 // whether characters are text; open cells; the depth of an element to leave out
	for {
		token, err := x.next()
		if err != nil {
			return "", notInXML(err)
		}
		switch t := token.(type) {
		case nil:
			return b.String(), nil
		case xml.StartElement:
			switch {
			case skip > 0:
			case t.Name.Local == "Fallback", t.Name.Local == "del": // says the same again; was deleted
				skip = x.depth
			case t.Name.Local == "t":
				text = true
			case t.Name.Local == "tc":
				cells++
			case t.Name.Local == "br", t.Name.Local == "cr":
				b.WriteByte('\n')
			case t.Name.Local == "tab" && !text:
				b.WriteByte('\t')
			}
		case xml.EndElement:
			switch {
			case skip > 0:
				if x.depth < skip {
					skip = 0
				}
			case t.Name.Local == "t":
				text = false
			case t.Name.Local == "tc":
				cells--
			case t.Name.Local == "p" && cells > 0: // the cells of a row are on one line
				b.WriteByte('\t')
			case t.Name.Local == "p", t.Name.Local == "tr":
				b.WriteByte('\n')
			}
		case xml.CharData:
			if text && skip == 0 {
				b.Write(bytes.ToValidUTF8(bytes.ReplaceAll(t, []byte{0}, nil), []byte(string(utf8.RuneError))))
			}
		}
		if b.Len() > d.limits.Bytes {
			return "", refusef(0, "has a text of more than %d MB, the limit for one file", d.limits.Bytes>>20)
		}
	}
}

// notInXML removes the line from a refusal, because people do not see the lines of the XML in a document.
func notInXML(err error) error {
	if e, ok := errors.AsType[*transcript.Error](err); ok {
		return refusef(0, "is a damaged Word document: %s", e.Reason)
	}
	return err
}

// documentFormat is the name of the format of a document whose text has another one.
func documentFormat(text string) string {
	switch text {
	case "text", "text with times", "SRT", "WebVTT", "Markdown":
		return "Word document"
	}
	return cmp.Or(strings.TrimSuffix(text, " text"), text) + " Word document"
}
