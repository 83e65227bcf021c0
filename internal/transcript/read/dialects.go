package read

import (
	"slices"
	"strings"

	"memoai.tech/memo/internal/plaintext"
)

// dialect says where a JSON format has its segments. Paths start at the top of the file, or in an element of the list
// for the fields. "a[].b" is the member b of each element of a, and "a[0]" the first element. "a|b" is a, or b if a is
// missing. "../a" is in the element that contains the list. A field can have another unit than the list: "offsetMs@ms".
type dialect struct {
	name    string // for people
	list    string // the list of segments or words; "" is the file itself
	also    string // separated by spaces: what else the file must have; ".a" is in an element of the list
	unit    string // of times that are numbers: s, if it is empty, ms, cs or ticks
	start   string
	end     string
	length  string // instead of an end
	text    string
	speaker string
	words   bool   // the elements are words or punctuation, from which segments are made
	parts   string // the words of a segment, which may have its speaker
	turns   string // a list of times and speakers, for elements without a speaker
	minutes bool   // the duration of the recording is in minutes
	finish  func(*jsonReading) (words bool, err error)
	guessed bool // it is not in the table
}

const (
	startEnd   = "start|start_time|startTime"
	endStart   = "end|end_time|endTime"
	anySpeaker = "speaker|speaker_name|speakerName|speaker_label|speaker_id|speakerId"
)

// dialects lists the JSON formats of other tools. The first that fits is used, so a special one comes before a general
// one. To add one, add a row, and a sample in testdata/dialects with its row in dialects_test.go.
var dialects = []dialect{
	{
		name: "whisper.cpp JSON", list: "transcription", also: ".timestamps", unit: "ms",
		start: "offsets.from|timestamps.from", end: "offsets.to|timestamps.to", text: "text", speaker: "speaker",
	},
	{
		name: "insanely-fast-whisper JSON", list: "speakers", also: ".timestamp",
		start: "timestamp[0]", end: "timestamp[1]", text: "text", speaker: "speaker",
	},
	{
		name: "Transformers JSON", list: "chunks", also: ".timestamp",
		start: "timestamp[0]", end: "timestamp[1]", text: "text", speaker: "speaker",
	},
	{name: "NeMo JSON", list: "timestamp.segment|[0].timestamp.segment", start: "start", end: "end", text: "segment"},
	{name: "NeMo JSON", list: "timestamp.word|[0].timestamp.word", start: "start", end: "end", text: "word", words: true},
	{
		name: "Vibe JSON", list: "segments|", also: ".stop", unit: "cs",
		start: "start", end: "stop", text: "text", speaker: "speaker",
	},
	{
		name: "Deepgram JSON", list: "results.utterances", also: "results.channels",
		start: "start", end: "end", text: "transcript", speaker: "speaker",
	},
	{
		name: "Deepgram JSON", list: "results.channels[].alternatives[0].paragraphs.paragraphs[].sentences",
		start: "start", end: "end", text: "text", speaker: "../speaker",
	},
	{
		name: "Deepgram JSON", list: "results.channels[].alternatives[0].words", words: true,
		start: "start", end: "end", text: "punctuated_word|word", speaker: "speaker",
	},
	{
		name: "AssemblyAI JSON", list: "utterances|sentences|paragraphs", also: "audio_url|audio_duration|acoustic_model",
		unit: "ms", start: "start", end: "end", text: "text", speaker: "speaker", parts: "words",
	},
	{
		name: "AssemblyAI JSON", list: "words", also: "audio_url|audio_duration|acoustic_model",
		unit: "ms", start: "start", end: "end", text: "text", speaker: "speaker", words: true,
	},
	{
		name: "ElevenLabs JSON", list: "words|transcripts[].words",
		also:  "language_probability|words[].type|words[].speaker_id|transcripts",
		start: "start", end: "end", text: "text", speaker: "speaker_id", words: true,
	},
	{
		name: "AWS Transcribe JSON", list: "results.audio_segments",
		start: "start_time", end: "end_time", text: "transcript", speaker: "speaker_label",
	},
	{
		name: "AWS Transcribe JSON", list: "results.items", also: ".alternatives[].content", words: true,
		start: "start_time", end: "end_time", text: "alternatives[0].content", speaker: "speaker_label",
		turns: "results.speaker_labels.segments",
	},
	{
		name: "Azure JSON", list: "recognizedPhrases", text: "nBest[0].display", speaker: "speaker",
		start:  "offsetInTicks@ticks|offsetMilliseconds@ms|offset",
		length: "durationInTicks@ticks|durationMilliseconds@ms|duration",
	},
	{
		name: "Azure JSON", list: "phrases", also: ".offsetMilliseconds", text: "text", speaker: "speaker",
		start: "offsetMilliseconds@ms", length: "durationMilliseconds@ms",
	},
	{
		name: "Google Speech-to-Text JSON", list: "results|response.results", also: ".alternatives[].transcript",
		start: "alternatives[0].words[0].startTime|alternatives[0].words[0].startOffset|" +
			"alternatives[0].words[0].start_time|alternatives[0].words[0].start_offset",
		end:  "resultEndTime|resultEndOffset|result_end_time|result_end_offset",
		text: "alternatives[0].transcript", parts: "alternatives[0].words@all", finish: finishGoogle,
	},
	{
		name: "Speechmatics JSON", list: "results", also: ".alternatives[].content", words: true,
		start: "start_time", end: "end_time", text: "alternatives[0].content", speaker: "alternatives[0].speaker",
	},
	{
		name:  "Gladia JSON",
		list:  "result.transcription.utterances|transcription.utterances|payload.transcription.utterances",
		start: "start", end: "end", text: "text", speaker: "speaker",
	},
	{
		name: "Rev.ai JSON", list: "monologues[].elements", words: true,
		start: "ts", end: "end_ts", text: "value", speaker: "../speaker",
	},
	{
		name: "Fireflies JSON", list: "data.transcript.sentences|transcript.sentences|sentences", also: ".speaker_name",
		start: "start_time", end: "end_time", text: "text|raw_text", speaker: "speaker_name|speaker_id", minutes: true,
	},
	{
		name: "Fireflies JSON", list: "", also: ".sentence .speaker_name",
		start: "start_time|startTime", end: "end_time|endTime", text: "sentence", speaker: "speaker_name|speaker_id",
	},
	{
		name: "Speakr JSON", list: "|transcription|segments", also: ".sentence",
		start: "start_time", end: "end_time", text: "sentence", speaker: "speaker",
	},
	{
		name: "Scriberr JSON", list: "transcript.segments", also: "job_id|available",
		start: "start", end: "end", text: "text", speaker: "speaker", parts: "words",
	},
	{
		name: "Vexa JSON", list: "segments", also: "native_meeting_id|platform",
		start: startEnd, end: endStart, text: "text", speaker: "speaker",
	},
	{
		name: "Meetily JSON", list: "transcripts|segments", also: ".audio_start_time",
		start: "audio_start_time", end: "audio_end_time", text: "text", speaker: "speaker",
	},
	{
		name: "Podcasting 2.0 JSON", list: "segments", also: ".body",
		start: "startTime", end: "endTime", text: "body", speaker: "speaker",
	},
	{
		name: "DOTe JSON", list: "lines", also: ".startTime",
		start: "startTime", end: "endTime", text: "text", speaker: "speakerDesignation",
	},
	{
		name: "Plaud JSON", list: "data.trans_result|trans_result|data|", also: ".content .start_time",
		unit: "ms", start: "start_time", end: "end_time", text: "content", speaker: "speaker|original_speaker",
	},
	{
		name: "VibeVoice JSON", list: "|segments", also: ".Content", text: "Content", speaker: "Speaker|Speaker ID",
		start: "Start|Start time", end: "End|End time",
	},
	{
		name: "Recall JSON", list: "[].words", also: ".start_timestamp", words: true, text: "text",
		start: "start_timestamp.relative|start_timestamp", end: "end_timestamp.relative|end_timestamp",
		speaker: "../participant.name|../speaker",
	},
	{
		name: "YouTube JSON", list: "events", also: ".tStartMs", unit: "ms",
		start: "tStartMs", length: "dDurationMs", text: "segs[].utf8",
	},
	{name: "YouTube JSON", list: "|snippets", also: ".start .duration", start: "start", length: "duration", text: "text"},
	{
		name: "Google Meet JSON", list: "transcriptEntries|", also: ".participant .languageCode",
		start: "startTime", end: "endTime", text: "text", speaker: "participant",
	},
	{
		name: "Slack JSON", list: "|messages", also: ".ts .type .user|.username|.bot_id", start: "ts", text: "text",
		speaker: "user_profile.real_name|user_profile.display_name|username|user_profile.name", parts: "user",
		finish: finishSlack,
	},
	{
		name: "Voxtral JSON", list: "segments", also: ".speaker_id model",
		start: "start", end: "end", text: "text", speaker: "speaker_id",
	},
	{
		name: "Whisper JSON", also: ".start|.start_time|.startTime", text: "text", parts: "words",
		list:  "segments||transcription.segments|transcript.segments|result.segments|output.segments|data.segments",
		start: startEnd, end: endStart, speaker: anySpeaker,
	},
	{
		name: "OpenAI JSON", list: "words", words: true,
		start: "start", end: "end", text: "word|text", speaker: "speaker",
	},
}

// properties are the members of a file that are not about a segment. They are looked for in each object that contains
// the list, and in the objects below. The first that has a usable value is used.
var properties = []struct {
	role  role
	names string
}{
	{roleTitle, "title|meeting_title|meetingTitle|topic"},
	{roleDate, "start_time|startTime|started_at|recorded_at|recordedAt|date|created_at|createdAt|created|timestamp"},
	{
		roleDuration, "duration_seconds|duration|audio_duration|audioDuration|durationMilliseconds@ms|duration_ms@ms|" +
			"durationMs@ms",
	},
	{
		roleLanguage, "language|language_code|languageCode|LanguageCode|detected_language|detectedLanguage|lang|locale|" +
			"languages[0]",
	},
	{roleTranscript, "text|transcript|transcription|full_transcript"},
}

// containers are objects next to a list that can have its properties.
var containers = []string{
	"", "info.", "job.", "metadata.", "meta.", "result.", "meeting.", "recording.", "structured.",
	"metadata.transcription_config.",
}

// otherProperties are those of single tools.
var otherProperties = []struct {
	role role
	path string
}{
	{roleLanguage, "results.channels[0].detected_language"},
	{roleTranscript, "results.transcripts[0].transcript"},
	{roleTranscript, "results.channels[0].alternatives[0].transcript"},
	{roleTranscript, "combinedRecognizedPhrases[0].display"},
	{roleTranscript, "combinedPhrases[0].text"},
}

// lists has the dialects with one path of a list each.
var lists = func() (all []dialect) {
	for _, d := range dialects {
		for _, path := range alternatives(d.list) {
			one := d
			one.list = path
			all = append(all, one)
		}
	}
	return all
}()

// findDialect returns the first dialect that fits, or a guess, or nil.
func (f *jsonFile) findDialect() *dialect {
	for i := range lists {
		if f.fits(&lists[i]) {
			return &lists[i]
		}
	}
	return f.guess()
}

// fits reports whether a file has the list of a dialect, with a text, and what else the dialect needs.
func (f *jsonFile) fits(d *dialect) bool {
	element := shapePath(d.list + "[]")
	if f.kinds[element] != '{' || !f.hasAny(d.text, element+".") {
		return false
	}
	for needed := range strings.FieldsSeq(d.also) {
		if !slices.ContainsFunc(alternatives(needed), func(path string) bool {
			if inElement, ok := strings.CutPrefix(path, "."); ok {
				path = element + "." + inElement
			}
			return f.kinds[shapePath(path)] != 0
		}) {
			return false
		}
	}
	return true
}

// where says where the list is, for people.
func (d *dialect) where() string {
	if d.list == "" {
		return "its list"
	}
	return "the list " + plaintext.Quote(d.list)
}

func (f *jsonFile) hasAny(paths, prefix string) bool {
	return slices.ContainsFunc(alternatives(paths), func(p string) bool { return f.kinds[shapePath(prefix+p)] != 0 })
}

// shapePath returns a path as it is in the shape of a file, where all elements of an array have the same path.
func shapePath(path string) string { return strings.ReplaceAll(path, "[0]", "[]") }

// alternatives returns the alternatives of a path.
func alternatives(paths string) []string { return strings.Split(paths, "|") }
