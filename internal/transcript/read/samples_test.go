package read_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/write"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

var onlyJSON = []transcript.Format{transcript.JSON}

// samples are files as other programs write them, each with the name under which it is
// imported. Its golden JSON has everything that File understands of it.
var samples = []struct {
	file      string
	format    string // the name in formats
	name      string // of the import
	title     string
	created   string // "" for unknown
	language  memo.Optional
	mediaType string
	speakers  string
	segments  int
	formats   []transcript.Format // the golden files
}{
	{
		"openai-whisper.json", "JSON", "Lagerumzug_Leipzig.json",
		"Lagerumzug Leipzig", "", "de", "audio", "", 22, onlyJSON,
	},
	{
		"faster-whisper.json", "JSON", `C:\Users\o\2026-05-20_Ольга Сергеевна, часть 2.json`,
		"Ольга Сергеевна, часть 2", "2026-05-20T00:00:00Z", "ru", "audio", "", 20,
		onlyJSON,
	},
	{"faster-whisper-array.json", "JSON", "pan.json", "pan", "", "", "audio", "", 13, onlyJSON},
	{
		"whisperx.json", "JSON", "recordings/oncall-review.json", "oncall-review", "", "en", "audio",
		"SPEAKER_00, SPEAKER_01, SPEAKER_02", 24,
		onlyJSON,
	},
	{
		"whisperx.vtt", "WebVTT", "oncall-review.vtt",
		"oncall-review", "", "", "audio", "SPEAKER_00, SPEAKER_01, SPEAKER_02", 24,
		onlyJSON,
	},
	{
		"whisperx.srt", "SRT", "oncall-review.srt",
		"oncall-review", "", "", "audio", "SPEAKER_00, SPEAKER_01, SPEAKER_02", 24,
		onlyJSON,
	},
	{
		"whisperx.txt", "text", "oncall-review.txt",
		"oncall-review", "", "", "text", "SPEAKER_00, SPEAKER_01, SPEAKER_02", 24,
		onlyJSON,
	},
	{
		"zoom.vtt", "WebVTT", "GMT20260520-091400_Recording.transcript.vtt",
		"Zoom recording", "2026-05-20T09:14:00Z", "", "video",
		"Jordan Lee, Alex Morgan, Dana Smith (Acme), iPhone de Marie", 23,
		onlyJSON,
	},
	{
		"teams.vtt", "WebVTT", "اجتماع الفريق.vtt", "اجتماع الفريق", "", "", "video",
		"سارة الخطيب, يوسف حداد, Omar Nasser, ليلى منصور", 20, transcript.Formats,
	},
	{"youtube.vtt", "WebVTT", "bees.en-GB.vtt", "bees", "", "en", "audio", "Narrator, Beekeeper", 7, onlyJSON},
	{"japanese.srt", "SRT", "豆腐屋インタビュー.srt", "豆腐屋インタビュー", "", "", "audio", "", 20, transcript.Formats},
	{
		"harbour.ttml", "TTML", "puerto.ttml", "El puerto", "", "es", "audio", "Luz Marín, Iker Etxe", 4, onlyJSON,
	},
	{"interview.sbv", "SBV", "interview.sbv", "interview", "", "", "audio", "Ines Prado, Tariq Aziz", 6, onlyJSON},
	{"french.srt", "SRT", "abeilles.srt", "abeilles", "", "", "audio", "Claire, Marc", 16, onlyJSON},
	{
		"interview.csv", "CSV", "2026-05-20 interview.csv", "interview", "2026-05-20T00:00:00Z", "", "audio",
		"Marisol Vega, Tobias Kern", 12, onlyJSON,
	},
	{
		"own.txt", "text with times", "2026-05-20 Acme — discovery call.txt",
		"Acme — discovery call", "2026-05-20T00:00:00Z", "", "audio",
		"Alex, Jordan", 21,
		onlyJSON,
	},
	{
		"names.txt", "text", "запись к врачу.txt",
		"запись к врачу", "", "", "text", "Ирина, Регистратура", 12, transcript.Formats,
	},
	{
		"own.md", "Markdown", "export.md", "Acme — discovery call", "2026-05-20T09:14:00Z", "en", "audio", "Alex, Jordan", 22,
		[]transcript.Format{transcript.JSON, transcript.Markdown},
	},
	{
		"notes.md", "Markdown", "notes.md", "Kiln schedule", "2026-03-02T14:30:00Z", "en", "text", "Me, Them", 5, onlyJSON,
	},
	{"free.txt", "text", "notes", "notes", "", "", "text", "", 8, onlyJSON},
	{
		"own.json", "Memo JSON", "export.json",
		"Acme — discovery call", "2026-05-20T09:14:00Z", "en", "audio", "Alex, Jordan", 22,
		transcript.Formats,
	},
}

func readSample(t testing.TB, file, name string) *memo.Transcription {
	t.Helper()
	return readText(t, name, string(sampleData(t, file)))
}

func sampleData(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "samples", file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSamplesAreReadAsExpected(t *testing.T) {
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			doc := readSample(t, s.file, s.name)
			created := ""
			if !doc.CreatedAt.IsZero() {
				created = doc.CreatedAt.Format("2006-01-02T15:04:05Z07:00")
			}
			got := []any{doc.Title, created, doc.Language, doc.MediaType, speakerNames(doc), len(doc.Segments), doc.Status}
			want := []any{s.title, s.created, s.language, s.mediaType, s.speakers, s.segments, memo.StatusCompleted}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			checkDocument(t, doc)
			for _, f := range s.formats {
				compareGolden(t, s.file+"."+string(f), written(t, f, doc))
			}
		})
	}
}

// TestEncodingAndNameDoNotMatter reads every sample with the encodings and line endings of
// Windows programs, and under a name without a known extension.
func TestEncodingAndNameDoNotMatter(t *testing.T) {
	for _, s := range samples {
		data := sampleData(t, s.file)
		text := strings.TrimPrefix(string(data), "\ufeff")
		crlf := strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
		want := readSample(t, s.file, "x.unknown")
		for desc, data := range map[string][]byte{
			"BOM":       []byte("\ufeff" + text),
			"CRLF":      []byte(crlf),
			"CR":        []byte(strings.ReplaceAll(crlf, "\n", "")),
			"UTF-16 LE": encodeUTF16(text, 0),
			"UTF-16 BE": encodeUTF16(text, 1),
		} {
			t.Run(s.file+" "+desc, func(t *testing.T) {
				if diff := cmp.Diff(want, readText(t, "x.unknown", string(data))); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
}

// encodeUTF16 encodes text with a byte order mark. bigEndian is 0 or 1.
func encodeUTF16(text string, bigEndian int) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		pair := [2]byte{byte(u), byte(u >> 8)}
		b = append(b, pair[bigEndian], pair[1-bigEndian])
	}
	return b
}

func speakerNames(doc *memo.Transcription) string {
	var names []string
	for _, s := range doc.Speakers {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

func written(t rapid.TB, f transcript.Format, doc *memo.Transcription) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write.File(context.Background(), &b, f, doc); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	testenv.CompareGolden(t, *update, filepath.Join("testdata", "golden", name), got)
}
