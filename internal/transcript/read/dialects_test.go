package read_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
)

// said is a conversation, as utterances and as the sentences that are made from its words. Each file in
// testdata/dialects has it, as another tool writes it. %s is the name of a speaker.
var (
	utterances = []string{
		"0.52-3.1 %[1]sWelcome back. How was the trip?",
		"3.6-7.95 %[2]sLong, but the train was on time for once.",
		"8.4-9.8 %[1]sThat is rare.",
	}
	sentences = []string{
		"0.52-1.36 %[1]sWelcome back.",
		"1.38-3.08 %[1]sHow was the trip?",
		"3.6-7.93 %[2]sLong, but the train was on time for once.",
		"8.4-9.78 %[1]sThat is rare.",
	}
	fromFirst = []string{ // without ends
		"0-3.08 %[1]sWelcome back. How was the trip?",
		"3.08-7.88 %[2]sLong, but the train was on time for once.",
		"7.88-8.88 %[1]sThat is rare.",
	}
)

func TestEveryDialectIsRead(t *testing.T) {
	const (
		nobody  = ""
		numbers = "Speaker 0, Speaker 1"
		names   = "Iris Halloran, Dev Patel"
		labels  = "SPEAKER_00, SPEAKER_01"
		day     = "2026-05-20T09:14:00Z"
		unknown = "The tool that wrote this JSON is not known: "
		byName  = " was read by the names of its fields."
		dates   = "The times are times of day; they became offsets from the first one."
	)
	tests := []struct {
		file, format, speakers string
		said                   []string
		language               memo.Optional
		duration               memo.Seconds
		title, created         string // "" if the file does not say it
		warnings               string // one on each line; a part of it is enough
	}{
		{"openai_verbose", "Whisper JSON", nobody, utterances, "en", 9.86, "", "", ""},
		{"openai_diarized", "Whisper JSON", "A, B", utterances, "", 9.86, "", "", ""},
		{"openai_words", "OpenAI JSON", nobody, sentences, "en", 9.86, "", "", ""},
		{"openai_empty_segments", "OpenAI JSON", nobody, sentences, "en", 9.86, "", "", ""},
		{
			"openai_text", "JSON", nobody,
			[]string{"Welcome back. How was the trip? Long, but the train was on time for once. That is rare."},
			"", 0, "", "", "without times and speakers",
		},
		{"whispercpp", "whisper.cpp JSON", nobody, utterances, "en", 9.8, "", "", ""},
		{"whispercpp_full", "whisper.cpp JSON", "0, 1", utterances, "en", 9.8, "", "", ""},
		{
			"transformers", "Transformers JSON", nobody,
			append(utterances[:2:2], "8.4-9.4 %[1]sThat is rare."), "", 9.4, "", "", "",
		},
		{"transformers_words", "Transformers JSON", nobody, sentences, "", 9.78, "", "", ""},
		{"insanely_fast_whisper", "insanely-fast-whisper JSON", labels, utterances, "", 9.8, "", "", ""},
		{"nemo", "NeMo JSON", nobody, utterances, "", 9.8, "", "", ""},
		{"nemo_words", "NeMo JSON", nobody, sentences, "", 9.78, "", "", ""},
		{"vibe", "Vibe JSON", "1, 2", utterances, "", 9.8, "", "", ""},
		{"deepgram_utterances", "Deepgram JSON", numbers, utterances, "en", 9.86, "", day, ""},
		{"deepgram_paragraphs", "Deepgram JSON", numbers, utterances, "en", 9.86, "", day, ""},
		{"deepgram_words", "Deepgram JSON", numbers, sentences, "en", 9.86, "", day, ""},
		{"assemblyai", "AssemblyAI JSON", "A, B", utterances, "en", 10, "", "", ""},
		{"assemblyai_words", "AssemblyAI JSON", nobody, sentences, "en", 10, "", "", ""},
		{"assemblyai_sentences", "AssemblyAI JSON", "A, B", utterances, "", 10, "", "", ""},
		{
			"elevenlabs", "ElevenLabs JSON", "speaker_0, speaker_1",
			append(sentences[:4:4], "10-10.6 %[1]s(laughter)"), "en", 10.6, "", "", "",
		},
		{"aws_segments", "AWS Transcribe JSON", "spk_0, spk_1", utterances, "en", 9.8, "", "", ""},
		{"aws_items", "AWS Transcribe JSON", "spk_0, spk_1", sentences, "en", 9.78, "", "", ""},
		{"aws_items_without_speakers", "AWS Transcribe JSON", "spk_0, spk_1", sentences, "en", 9.78, "", "", ""},
		{"azure_batch", "Azure JSON", "Speaker 1, Speaker 2", utterances, "en", 9.8, "", day, ""},
		{"azure_batch_text_offsets", "Azure JSON", "Speaker 1, Speaker 2", utterances, "", 9.8, "", day, ""},
		{"azure_fast", "Azure JSON", numbers, utterances, "en", 9.86, "", "", ""},
		{"google", "Google Speech-to-Text JSON", nobody, utterances, "en", 9.8, "", "", ""},
		{"google_speakers", "Google Speech-to-Text JSON", "Speaker 1, Speaker 2", sentences, "en", 9.78, "", "", ""},
		{"google_v2", "Google Speech-to-Text JSON", "1, 2", utterances, "en", 9.8, "", "", ""},
		{
			"google_meet", "Google Meet JSON", "conferenceRecords/c1/participants/p1, conferenceRecords/c1/participants/p2",
			[]string{
				"0-2.58 %[1]sWelcome back. How was the trip?",
				"3.08-7.43 %[2]sLong, but the train was on time for once.",
				"7.88-9.28 %[1]sThat is rare.",
			},
			"en", 9.28, "", day, dates,
		},
		{"speechmatics", "Speechmatics JSON", "S1, S2", sentences, "en", 10, "", day, ""},
		{"gladia", "Gladia JSON", numbers, utterances, "en", 9.86, "", day, ""},
		{"revai", "Rev.ai JSON", numbers, sentences, "", 9.78, "", "", ""},
		{"voxtral", "Voxtral JSON", "speaker_1, speaker_2", utterances, "", 9.8, "", "", ""},
		{"vibevoice", "VibeVoice JSON", numbers, utterances, "", 9.8, "", "", ""},
		{"fireflies_api", "Fireflies JSON", names, utterances, "", 750, "Trip report", day, ""},
		{"fireflies_download", "Fireflies JSON", names, utterances, "", 9.8, "", "", ""},
		{"speakr", "Speakr JSON", labels, utterances, "", 9.8, "", "", ""},
		{"scriberr", "Scriberr JSON", labels, utterances, "en", 9.8, "Trip report", "2026-05-20T07:14:00Z", ""},
		{"vexa", "Vexa JSON", names, utterances, "en", 9.8, "", day, ""},
		{"meetily", "Meetily JSON", nobody, utterances, "", 9.8, "Trip report", day, ""},
		{"podcasting20", "Podcasting 2.0 JSON", names, utterances, "", 9.8, "", "", ""},
		{"dote", "DOTe JSON", names, utterances, "", 9.8, "", "", ""},
		{"plaud", "Plaud JSON", "Speaker 1, Speaker 2", utterances, "", 9.8, "", "", ""},
		{"recall", "Recall JSON", names, sentences, "en", 9.78, "", "", ""},
		{"recall_old", "Recall JSON", names, sentences, "en", 9.78, "", "", ""},
		{"youtube_json3", "YouTube JSON", nobody, utterances, "", 9.8, "", "", ""},
		{"youtube_api", "YouTube JSON", nobody, utterances, "", 9.8, "", "", ""},
		{"speakers_by_id", "Whisper JSON", names, utterances, "de", 9.8, "", "", ""},

		{"unknown_list", "JSON", names, utterances, "de", 9.8, "", "", unknown + `the list "payload.items"` + byName},
		{"unknown_words", "JSON", names, sentences, "", 9.78, "", "", unknown + `the list "tokens"` + byName},
		{"unknown_outer_speaker", "JSON", names, sentences, "", 9.78, "", "", unknown + `the list "[].words"` + byName},
		{
			"unknown_nested_names", "JSON", names, utterances, "en", 9.8, "Trip report", "2026-05-20T00:00:00Z",
			unknown + `the list "Transcript"` + byName,
		},
		{"unknown_lines", "JSON", numbers, utterances, "", 9.8, "", "", unknown + "its list" + byName},
		{
			"unknown_dates", "JSON", names, fromFirst, "", 8.88, "", day,
			unknown + `the list "messages"` + byName + "\n" + dates,
		},
		{"unknown_epoch", "JSON", names, fromFirst, "", 8.88, "", day, unknown + "its list" + byName + "\n" + dates},
		{"slack", "Slack JSON", names, fromFirst, "", 8.88, "", day, dates},
		{"unknown_milliseconds", "Whisper JSON", nobody, utterances, "", 9.8, "", "", "were read as milliseconds"},
		{"unknown_hundredths", "Whisper JSON", nobody, utterances, "", 9.8, "", "", "were read as hundredths of a second"},
		{
			"unknown_ticks", "JSON", nobody, utterances, "", 9.8, "", "",
			unknown + "its list" + byName + "\nwere read as ticks of 100 ns",
		},
		{"assemblyai_in_seconds", "AssemblyAI JSON", "A, B", utterances, "", 9.8, "", "", "were read as seconds"},
	}
	tested := map[string]bool{}
	for _, tt := range tests {
		tested[tt.file+".json"] = true
		t.Run(tt.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", "dialects", tt.file+".json"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := read.File(t.Context(), "a.json", data, transcript.DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			checkResult(t, got)
			if diff := cmp.Diff(named(tt.said, tt.speakers), show(got.Segments)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			created := ""
			if !got.CreatedAt.IsZero() {
				created = got.CreatedAt.Format("2006-01-02T15:04:05Z")
			}
			if tt.title == "" {
				tt.title = "a"
			}
			gotRest := []any{got.Format, speakerNames(got.Transcription), got.Language, got.Duration, got.Title, created}
			wantRest := []any{tt.format, tt.speakers, tt.language, tt.duration, tt.title, tt.created}
			if diff := cmp.Diff(wantRest, gotRest); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			checkWarnings(t, got.Warnings, tt.warnings)
		})
	}
	files, _ := filepath.Glob("testdata/dialects/*.json")
	for _, f := range files {
		if !tested[filepath.Base(f)] {
			t.Errorf("%s is in no row", f)
		}
	}
}

// named puts the names of two speakers into what was said.
func named(said []string, speakers string) (lines []string) {
	first, second, _ := strings.Cut(speakers, ", ")
	if speakers != "" {
		first, second = first+" says ", second+" says "
	}
	for _, s := range said {
		if strings.Contains(s, "%") {
			s = fmt.Sprintf(s+"%.0[2]s", first, second)
		}
		lines = append(lines, s)
	}
	return lines
}

// checkWarnings fails unless the warnings contain the lines of want, in their order, and there are no others.
func checkWarnings(t *testing.T, got []string, want string) {
	t.Helper()
	lines := strings.Split(want, "\n")
	if want == "" {
		lines = nil
	}
	for i, line := range lines {
		if len(got) != len(lines) || !strings.Contains(got[i], line) {
			t.Errorf("the warnings are %q, want %q", got, lines)
			return
		}
	}
	if len(got) != len(lines) {
		t.Errorf("the warnings are %q, want none", got)
	}
}

// TestUnitIsFoundByTheSpeed: whatever the unit of a file is, the times are right, unless there is a warning.
func TestUnitIsFoundByTheSpeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]float64{1, 1e-2, 1e-3, 1e-7}).Draw(t, "unit")
		speed := rapid.Float64Range(1.2, 4).Draw(t, "words a second")
		start, starts := 0.0, []float64{}
		var b strings.Builder
		for i := range rapid.IntRange(3, 12).Draw(t, "segments") {
			words := rapid.IntRange(4, 15).Draw(t, "words")
			start += rapid.Float64Range(0, 4).Draw(t, "pause")
			end := start + float64(words)/speed
			if i > 0 {
				b.WriteByte(',')
			}
			decimals := 0
			if unit == 1 {
				decimals = 3
			}
			fmt.Fprintf(&b, `{"start":%.*f,"end":%.*f,"text":"%s"}`, decimals, start/unit, decimals, end/unit,
				strings.Repeat("so ", words))
			starts = append(starts, start)
			start = end
		}
		got, err := read.File(t.Context(), "a.json", []byte(`{"segments":[`+b.String()+`]}`), transcript.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		if warned := len(got.Warnings) > 0; warned != (unit != 1) {
			t.Errorf("the warnings are %q", got.Warnings)
		}
		for i, s := range got.Segments {
			if math.Abs(float64(s.Start)-starts[i]) > unit/2+0.001 {
				t.Fatalf("segment %d starts at %v, want %v", i, s.Start, starts[i])
			}
		}
	})
}

// TestJSONWithOnlyATextIsImported: the shortest response of OpenAI has nothing but a text, and other tools add a title.
// Whoever imports such a file wants the text. A refusal would leave them to copy it by hand, and a warning says that it
// has no times and no speakers.
func TestJSONWithOnlyATextIsImported(t *testing.T) {
	for data, title := range map[string]string{
		`{"text":"We looked at the figures."}`:                                                   "a",
		`{"title":"Budget review","text":"We looked at the figures."}`:                           "Budget review",
		`{"title":"Budget review","date":"2026-09-14","transcript":"We looked at the figures."}`: "Budget review",
	} {
		checkWarned(t, data, "a.json", data, []string{"We looked at the figures."}, "without times and speakers")
		if got := readText(t, "a.json", data).Title; got != title {
			t.Errorf("the title is %q, want %q", got, title)
		}
	}
}
