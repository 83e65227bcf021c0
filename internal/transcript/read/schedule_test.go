package read_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
)

// TestSchedulesHaveNoTimes: the times of an agenda, minutes or a diary are not those of a recording.
func TestSchedulesHaveNoTimes(t *testing.T) {
	for desc, data := range map[string]string{
		"an agenda":           "09:00 Coffee\n09:30 Welcome\n10:30–11:00 Budget\n12:00 Lunch\n",
		"an agenda of two":    "9:00 Doors\n17:30 Drinks\n",
		"with a title":        "Team day in Porto\n\n9:00 Arrival\n9:45 Walk along the river\n12:30 Lunch\n2:00 Planning\n",
		"owners":              "09:15 Ann Lee: Budget\n10:00 Bob Ray: Hiring\n11:00 Ann Lee: Close\n",
		"dashes":              "08:30 - 09:00 – Registration\n09:00 - 10:15 – Opening talk\n10:15 - 10:45 – Break\n",
		"with AM and PM":      "9:00 AM Stand-up\n11:30 AM Interview with Kim\n1:00 PM Lunch\n3:15 PM Retro\n",
		"seconds that are 0":  "08:00:00 Shift starts\n12:30:00 Break\n16:00:00 Handover to the night team\n",
		"times at the end":    "Breakfast 08:00\nKeynote 09:30\nWorkshop 11:00\n",
		"times above":         "09:00\nCoffee\n\n10:30\nBudget and hiring\n\n12:00\nLunch\n",
		"early in the day":    "01:00 Asleep\n03:30 Restless, some water\n05:00 Asleep again\n06:30 Handover\n",
		"a diary":             "14:05 called the bank\n14:20 no answer, wrote to them\n15:02 they called back\n17:40 home\n",
		"a diary of one line": "14:05 called the bank about the loan\nThey want two more papers.\nAsked Ann for them.\n",
		"a rota":              "07:00–15:00 Kim\n15:00–23:00 Luca\n23:00–07:00 Noor\n",
		"minutes": "10:02 The chair opens the meeting and welcomes the new treasurer.\n" +
			"10:06 The minutes of the last meeting are approved.\n" +
			"10:11 Budget. The treasurer shows the figures of the third quarter. They are accepted.\n" +
			"10:34 Any other business: none.\n10:36 The meeting is closed.\n",
		"minutes with paragraphs": "Board, 4 May\n\n10:00 Opening\nAll members are present.\n\n10:15 Budget\n" +
			"The treasurer presents the figures. Travel costs less than planned.\n\n11:05 Next meeting\nIn June.\n",
		"notes of a ward": "06:10 temp 37.2, slept well\n08:45 breakfast, half a portion\n11:20 physio, walked 20 m\n" +
			"13:05 visit by the daughter\n15:50 temp 37.4\n18:15 dinner\n20:30 meds given\n22:00 asleep\n",
	} {
		lines := []string{}
		for line := range strings.SplitSeq(data, "\n") {
			if line != "" {
				lines = append(lines, line)
			}
		}
		for _, name := range []string{"a.txt", "a.md", "a"} {
			checkWarned(t, desc+" "+name, name, data, lines, "agenda, minutes or a diary")
		}
	}
	checkWarned(t, "a list in Markdown", "a.md", "# Offsite\n\n- **09:00** Coffee\n- **09:30** Budget\n- 10:45 Walk\n",
		[]string{"09:00 Coffee", "09:30 Budget", "10:45 Walk"}, "agenda, minutes or a diary")
}

// TestTimesOfSpeechAreNoSchedule, also if a recording starts late or its times are those of the day.
func TestTimesOfSpeechAreNoSchedule(t *testing.T) {
	said := strings.Split("so the next thing is the budget|we have looked at it twice now|and I think it is fine|"+
		"but let me show you the numbers|this is the first quarter here|and that is the second one|"+
		"you can see where it goes up|because of the two new people", "|")
	lines := func(times string) string {
		var b strings.Builder
		for i, at := range strings.Fields(times) {
			b.WriteString(at + " " + said[i] + "\n")
		}
		return b.String()
	}
	for _, tt := range []struct {
		desc, data string
		starts     []float64
	}{
		{"from the start", "0:00 So, welcome.\n0:05 Shall we?\n", []float64{0, 5}},
		{
			"an excerpt", lines("12:05 12:08 12:11 12:13 12:16 12:18 12:21 12:24"),
			[]float64{725, 728, 731, 733, 736, 738, 741, 744},
		},
		{"a short excerpt", lines("4:05 4:08 4:12"), []float64{245, 248, 252}},
		{"an excerpt of two lines", lines("14:05 14:08"), []float64{845, 848}},
		{
			"an excerpt of paragraphs", "17:01\nso here it is\nand we like it\n\n17:04\nbut not all of it\n",
			[]float64{1021, 1024},
		},
		{"an excerpt over an hour", lines("59:50 59:57 1:00:02 1:00:05"), []float64{3590, 3597, 3602, 3605}},
		{"an excerpt after the day's hours", lines("24:05 24:20 25:05"), []float64{1445, 1460, 1505}},
		{
			"names that occur again", "12:05 Ann: and the budget?\n12:09 Bob: It is fine.\n12:12 Ann: Good. Next.\n",
			[]float64{725, 729, 732},
		},
		{"in brackets", "[09:00] Ann: Hello.\n[09:30] Bob: Hi.\n", []float64{540, 570}},
		{"every five minutes", "00:05:00\nAnn: So.\nBob: Yes.\n00:10:00\nAnn: And then.\n", []float64{300, 300, 600}},
		{"a late excerpt", "[16:36:35] Ann: Good morning.\n[16:36:41] Bob: Loud and clear.\n", []float64{59795, 59801}},
		{"hours of one digit", "7:12:05 Good morning.\n7:12:11 Loud and clear.\n", []float64{25925, 25931}},
		{"captions of the day", "16:36:35 Good morning.\n16:36:41 Loud and clear.\n", []float64{0, 6}},
		{
			"captions of the day, in minutes", lines("16:36 16:36 16:36 16:37 16:37 16:37 16:38 16:38"),
			[]float64{0, 0, 0, 60, 60, 60, 120, 120},
		},
		{
			"a chat", "14:05 Ann Lee: can everyone see it?\n14:05 Bob: yes\n14:06 Ann Lee: good\n14:09 Bob: the link?\n",
			[]float64{0, 0, 60, 240},
		},
		{
			"a chat with names above", "Ann Lee 2:05 PM\ncan everyone see it?\nBob 2:06 PM\nyes\nAnn Lee 2:31 PM\nthanks\n",
			[]float64{0, 60, 1560},
		},
		{"Otter, later", "Ann Lee  12:03 \nShall we?\n\nBob  12:09 \nYes.\n", []float64{723, 729}},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			got, err := read.File(t.Context(), "a.txt", []byte(tt.data), transcript.DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			checkResult(t, got)
			starts := []float64{}
			for _, s := range got.Segments {
				starts = append(starts, float64(s.Start))
			}
			if diff := cmp.Diff(tt.starts, starts); diff != "" {
				t.Errorf("%q (-want +got)\n%s", got.Warnings, diff)
			}
		})
	}
}
