package read_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
)

func TestTextWithTimesIsRead(t *testing.T) {
	for _, tt := range []struct {
		format, data string
		want         []string
	}{
		{
			"Otter text",
			"Noor Haddad  0:02  \nShall we?\n\nUnknown Speaker  1:00:07  \nYes.\nAnd now.\n\n" +
				"Transcribed by https://otter.ai\n",
			[]string{"2-3607 Noor Haddad says Shall we?", "3607-3608 Unknown Speaker says Yes. And now."},
		},
		{
			"text with times", "Speaker 1 (00:03):\na\n\nNoor Haddad (01:02:11):\nb\n",
			[]string{"3-3731 Speaker 1 says a", "3731-3732 Noor Haddad says b"},
		},
		{
			"text with times", "Speaker 1 00:00:03\na\nSpeaker 2 00:00:07\nb\n",
			[]string{"3-7 Speaker 1 says a", "7-8 Speaker 2 says b"},
		},
		{"text with times", "00:03 Noor Haddad: a\n00:07 Leo: b\n", []string{"3-7 Noor Haddad says a", "7-8 Leo says b"}},
		{
			"text with times", "00:00:03 Noor Haddad\na\n00:00:07 Leo Lam\nb\n",
			[]string{"3-7 Noor Haddad says a", "7-8 Leo Lam says b"},
		},
		{
			"text with times", "00:00:03  Noor Haddad  a b\n00:00:07  Leo  c\n",
			[]string{"3-7 Noor Haddad says a b", "7-8 Leo says c"},
		},
		{"text with times", "0:00.14 a\n0:01.14 b\n", []string{"0.14-1.14 a", "1.14-2.14 b"}},
		{"text with times", "0:03 - so it began\n0:07 - and went\n", []string{"3-7 so it began", "7-8 and went"}},
		{
			"text with times", "Noor: [00:00:03] a\n\nSpeaker2: [00:00:07] b\n",
			[]string{"3-7 Noor says a", "7-8 Speaker2 says b"},
		},
		{"text with times", "Noor [00:03]: a\nLeo [00:07]: b\n", []string{"3-7 Noor says a", "7-8 Leo says b"}},
		{"text with times", "**Noor** (00:03): a\n**Leo** (00:07): b\n", []string{"3-7 Noor says a", "7-8 Leo says b"}},
		{
			"text with times", "[00:03.25 - 00:05.5] Noor: a\n[00:07.125 - 00:08] Leo: b\n",
			[]string{"3.25-5.5 Noor says a", "7.125-8 Leo says b"},
		},
		{"text with times", "Noor | 00:03\na\nLeo | 00:07\nb", []string{"3-7 Noor says a", "7-8 Leo says b"}},
		{"text with times", "[00:03] Noor: | a\n[00:07] Leo: b", []string{"3-7 Noor says | a", "7-8 Leo says b"}},
		{
			"Whisper console output", "[00:00.000 --> 00:03.480]  a\n[00:03.480 --> 01:00:08.000]  b\n",
			[]string{"0-3.48 a", "3.48-3608 b"},
		},
		{
			"YouTube transcript", "0:00\nso what\n0:03\nis it\n1:02:05\nnow\n",
			[]string{"0-3 so what", "3-3725 is it", "3725-3726 now"},
		},
		{"Zoom captions", "[Noor] 00:00:03\na\n[Leo] 00:00:07\nb", []string{"3-7 Noor says a", "7-8 Leo says b"}},
		{
			"Zoom captions", "[Noor Haddad] 23:59:58\na\n\n[Leo] 00:00:01\nb\nc\n",
			[]string{"0-3 Noor Haddad says a", "3-4 Leo says b c"},
		},
		{"Zoom chat", "00:03:27\tNoor Haddad:\thttps://example.com/a: b\n00:04:35\tLeo:\tc\n", []string{
			"207-275 Noor Haddad says https://example.com/a: b", "275-276 Leo says c",
		}},
		{
			"Zoom chat", "13:36:31\t From Noor Haddad to Everyone:\tc\n13:36:40\t From Leo : d\n",
			[]string{"0-9 Noor Haddad says c", "9-10 Leo says d"},
		},
		{"text with times", "Noor 4:36:35 PM\na\nLeo 4:36:40 PM\nb", []string{"0-5 Noor says a", "5-6 Leo says b"}},
		{
			"Google Meet text",
			"Sep 14, 2026\n\nBudget - Transcript\n\n00:00:00\n \nNoor: a\nLeo: b\n \n00:05:00\n \nNoor: c\n\n" +
				"Transcription ended after 00:06:02\n\nThis editable transcript was computer generated and might contain errors.",
			[]string{"0-300 Noor says a", "0-300 Leo says b", "300-362 Noor says c"},
		},
		{
			"Google Meet text",
			"Budget (2026-09-14 15:30 GMT+2) - Transcript\nAttendees\nNoor Haddad, Leo Lam\nTranscript\n00:00:00\n" +
				"Noor Haddad: a\nLeo Lam: b\n00:05:00\nNoor Haddad: c\nMeeting ended after 00:06:02 👋\n" +
				"This editable transcript was computer generated and might contain errors.\n",
			[]string{"0-300 Noor Haddad says a", "0-300 Leo Lam says b", "300-362 Noor Haddad says c"},
		},
		{
			"Whisper console output",
			"Detecting language using up to the first 30 seconds. Use `--language` to specify the language\n" +
				"Detected language: English\n[00:00.000 --> 00:03.480]  a\n[00:03.480 --> 00:08.000]  b\n",
			[]string{"0-3.48 a", "3.48-8 b"},
		},
		{
			"YouTube transcript", "0:00\n0 seconds\nso what\n0:04\n4 seconds\nis it\n1:03\n1 minute, 3 seconds\nnow\n" +
				"1:02:05\n1 hour, 2 minutes, 5 seconds\n5 seconds is nothing\n",
			[]string{"0-4 so what", "4-63 is it", "63-3725 now", "3725-3726 5 seconds is nothing"},
		},
		{
			"YouTube transcript", "0:03\n3 Sekunden\nja\n2:00\n2 Minuten\nnein\n2:09\n2 Minuten und 9 Sekunden\nja\n",
			[]string{"3-120 ja", "120-129 nein", "129-130 ja"},
		},
		{
			"YouTube transcript", "0:00\nhow long?\n0:04\n4 seconds\n0:06\nthat is short\n",
			[]string{"0-4 how long?", "4-6 4 seconds", "6-7 that is short"},
		},
		{
			"text with times", "Noor Haddad\n0:03\na\n\nLeo Lam\n0:07\nb\nc\n\nNoor Haddad\n0:12\nd\n",
			[]string{"3-7 Noor Haddad says a", "7-12 Leo Lam says b c", "12-13 Noor Haddad says d"},
		},
		{
			"text with times", "Noor Haddad\n:palm_tree:  11:58 AM\na\n11:59\nb\n12:01\nc\nLeo Lam\n  12:03 PM\nd\n",
			[]string{
				"0-60 Noor Haddad says a", "60-180 Noor Haddad says b", "180-300 Noor Haddad says c", "300-301 Leo Lam says d",
			},
		},
		{
			"text with times", "Noor Haddad  10:42 AM\na\n[10:43 AM]b\nLeo  10:44 AM\nc\n",
			[]string{"0-60 Noor Haddad says a", "60-120 Noor Haddad says b", "120-121 Leo says c"},
		},
		{
			"text with times", "Huddle transcript\n\n@Noor Haddad [00:03]: a\n@Leo [00:07]: b\n",
			[]string{"3-7 Noor Haddad says a", "7-8 Leo says b"},
		},
	} {
		for _, name := range []string{"a.txt", "a", "a.srt", "notes.log"} {
			t.Run(name+" "+tt.data, func(t *testing.T) {
				got, err := read.File(t.Context(), name, []byte(tt.data), transcript.DefaultLimits)
				if err != nil {
					t.Fatal(err)
				}
				checkResult(t, got)
				if got.Format != tt.format {
					t.Errorf("the format is %q, want %q", got.Format, tt.format)
				}
				checkRead(t, "segments", name, tt.data, tt.want)
			})
		}
	}
}

// TestHeadOfTimedTextIsRead: what tools write before a transcript is not what somebody said.
func TestHeadOfTimedTextIsRead(t *testing.T) {
	const said = "\n\nNoor Haddad   0:03\na\n\nLeo Lam   0:05\nb\n"
	for _, tt := range []struct {
		desc, head, title, created string
		duration                   memo.Seconds
		language                   memo.Optional
		topics                     string
	}{
		{
			"Teams", "Budget review-20260914_153000-Meeting Recording\nSeptember 14, 2026, 1:30PM\n31m 12s",
			"Budget review", "2026-09-14 13:30", 1872, "", "",
		},
		{
			"Otter", "Budget review\nMon, Sep 14, 2026 3:30PM • 31:12\n\nSUMMARY KEYWORDS\nfigures, third quarter, travel\n\n" +
				"SPEAKERS\nNoor Haddad, Leo Lam",
			"Budget review", "2026-09-14 15:30", 1872, "", "figures, third quarter, travel",
		},
		{
			"Otter with hours", "Budget review\nMon, Sep 14, 2026 • 1:02:03\nSPEAKERS\nNoor Haddad\nLeo Lam",
			"Budget review", "2026-09-14 00:00", 3723, "", "",
		},
		{
			"Google Meet", "Budget review (2026-09-14 15:30 GMT+2) - Transcript\nAttendees\nNoor Haddad, Leo Lam\nTranscript",
			"Budget review", "2026-09-14 13:30", 6, "", "",
		},
		{
			"Google Meet's other title", "Budget review - 2026/09/14 15:30 CEST - Transcript\nAttendees: Noor Haddad, Leo Lam",
			"Budget review", "2026-09-14 15:30", 6, "", "",
		},
		{"Whisper", "Detected language: German", "a", "0001-01-01 00:00", 6, "de", ""},
		{"faster-whisper", "Detected language 'fr' with probability 0.98", "a", "0001-01-01 00:00", 6, "fr", ""},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			doc := readText(t, "a.txt", tt.head+said)
			var topics []string
			for _, topic := range doc.Topics {
				topics = append(topics, topic.Title)
			}
			want := []any{tt.title, tt.created, tt.duration, tt.language, tt.topics}
			got := []any{
				doc.Title, doc.CreatedAt.Format("2006-01-02 15:04"), doc.Duration, doc.Language, strings.Join(topics, ", "),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			said := []string{"3-5 Noor Haddad says a", "5-6 Leo Lam says b"}
			if diff := cmp.Diff(said, show(doc.Segments)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestTimesOfNobodyAreWarnedOf: times that cannot be assigned to what was said are not lost in silence.
func TestTimesOfNobodyAreWarnedOf(t *testing.T) {
	checkWarned(t, "prose", "a.txt", "we met for lunch at 12:30 in town\nthe train left at 14:05 sharp\na\nb\nc",
		[]string{"we met for lunch at 12:30 in town", "the train left at 14:05 sharp", "a", "b", "c"},
		"2 lines have clock times")
	checkWarned(t, "one time", "a.txt", "we met at 12:30\na", []string{"we met at 12:30", "a"})
}

// TestFramesAreRead: editing programs write times with frames.
func TestFramesAreRead(t *testing.T) {
	for _, tt := range []struct {
		desc, name, data string
		want             []string
		warning          string
	}{
		{
			"Premiere", "a.txt",
			"00:00:00:00 - 00:00:05:14\nSpeaker 1\na\n\n00:00:05:20 - 00:00:09:24\nSpeaker 2\nb\nc\n",
			[]string{"0-5.56 Speaker 1 says a", "5.8-9.96 Speaker 2 says b c"},
			"25 frames",
		},
		{
			"a table of Premiere", "a.csv", "\"Speaker Name\";\"Start Time\";\"End Time\";\"Text\"\n" +
				"\"Ann\";\"00:00:00:15\";\"00:00:05:29\";\"a at 10:11:12:13 b\"\n",
			[]string{"0.5-5.966 Ann says a at 10:11:12:13 b"},
			"30 frames",
		},
		{
			"Avid", "a.txt", "@ This file written with the Avid Caption plugin, version 1\n\n<begin subtitles>\n\n" +
				"00:00:01:12 00:00:04:03\na\n\n00:00:05:12 00:00:06:23\nb\n\n<end subtitles>\n",
			[]string{"1.5-4.125 a", "5.5-6.958 b"},
			"24 frames",
		},
		{
			"SRT", "a.srt", "1\n00:00:01:30 --> 00:00:04:45\na\n\n2\n00:00:05:12 --> 00:00:06:06\nb\n",
			[]string{"1.6-4.9 a", "5.24-6.12 b"},
			"50 frames",
		},
		{
			"dropped frames", "a.txt", "[00:00:01;15] Ann: a\n[00:00:04;29] Bob: b\n",
			[]string{"1.5-4.966 Ann says a", "4.966-5.966 Bob says b"},
			"30 frames",
		},
		{
			"milliseconds", "a.srt", "1\n00:00:01:120 --> 00:00:04:003\na\n",
			[]string{"1.12-4.003 a"},
			"milliseconds after a colon",
		},
		{
			"JSON", "a.json", `[{"start":"00:00:01:12","text":"a"},{"start":"00:00:05:00","text":"b"}]`,
			[]string{"1.5-5 a", "5-6 b"},
			"24 frames",
		},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			checkRead(t, "segments", tt.name, tt.data, tt.want)
			got, err := read.File(t.Context(), tt.name, []byte(tt.data), transcript.DefaultLimits)
			if err != nil || !strings.Contains(strings.Join(got.Warnings, "\n"), tt.warning) {
				t.Errorf("%v: the warnings are %q, want %q", err, got.Warnings, tt.warning)
			}
		})
	}
	checkRead(t, "a time in a sentence", "a.txt", "Ann: at 10:11:12:13 and\nBob: at 10:11:12:14 too\n",
		[]string{"Ann says at 10:11:12:13 and", "Bob says at 10:11:12:14 too"})
}
