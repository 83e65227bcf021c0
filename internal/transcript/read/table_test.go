package read_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
)

func TestTablesAreRead(t *testing.T) {
	for _, tt := range []struct {
		desc, name, data, format string
		want                     []string
		warnings                 string
	}{
		{
			"Whisper", "a.tsv", "start\tend\ttext\n0\t2500\t\"Yes,\" he said.\n2500\t4000\tWell\n", "Whisper TSV",
			[]string{`0-2.5 "Yes," he said.`, "2.5-4 Well"},
			"",
		},
		{
			"MacWhisper", "a.csv",
			"\"Start\",\"End\",\"Speaker\",\"Transcript\"\r\n" +
				"\"00:00:01.250\",\"00:00:02.000\",\"Ann\",\"a, \"\"b\"\"\"\r\n", "MacWhisper CSV",
			[]string{`1.25-2 Ann says a, "b"`},
			"",
		},
		{
			"semicolons, and Excel's first line", "a.csv", "sep=;\nText;Speaker;Start (s)\na;Ann;1,5\n", "CSV",
			[]string{"1.5-2.5 Ann says a"},
			"",
		},
		{
			"milliseconds in the name of the column", "a.csv",
			"start_ms,duration_ms,text\n1000,250,a\n1250,,b\n2000,10,c\n", "CSV",
			[]string{"1-1.25 a", "1.25-2 b", "2-2.01 c"},
			"",
		},
		{
			"milliseconds", "a.csv", "start,end,text\n1000,3000,so what do you think\n3500,5000,not much I guess\n", "CSV",
			[]string{"1-3 so what do you think", "3.5-5 not much I guess"},
			"were read as milliseconds",
		},
		{
			"a text with commas and without quotes", "a.csv",
			"Speaker,Timecode,Dialogue,Text\nAnn,0:05,x,Well, yes, a\nBob,0:07,,b\n", "CSV",
			[]string{"5-7 Ann says Well, yes, a", "7-8 Bob says b"},
			"",
		},
		{
			"a line break in a text", "a.csv", "start,end,text\n1,2,\"a\nb\"\n\n2,3,c\n", "CSV",
			[]string{"1-2 a b", "2-3 c"},
			"",
		},
		{"a quote that does not end", "a.csv", "start,end,text\n1,2,\"a\n2,3,b\n", "CSV", []string{"1-2 \"a", "2-3 b"}, ""},
		{"without times", "a.csv", "speaker,text\nAnn,a\n,b\n", "CSV", []string{"Ann says a", "b"}, ""},
		{
			"words", "a.tsv", "Start\tEnd\tWord\n0.5\t1\tGood\n1\t1.5\tmorning.\n1.5\t2\tYes\n", "TSV",
			[]string{"0.5-1.5 Good morning.", "1.5-2 Yes"},
			"",
		},
		{"another ending", "a.txt", "begin|finish|sentence\n0:01|0:02|a\n", "CSV", []string{"1-2 a"}, ""},
		{"lines that end with CR", "a.csv", "start,end,text\r1,2,a\r2,3,b\r", "CSV", []string{"1-2 a", "2-3 b"}, ""},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			got, err := read.File(t.Context(), tt.name, []byte(tt.data), transcript.DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			checkResult(t, got)
			if got.Format != tt.format {
				t.Errorf("the format is %s, want %s", got.Format, tt.format)
			}
			if diff := cmp.Diff(tt.want, show(got.Segments)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			checkWarnings(t, got.Warnings, tt.warnings)
		})
	}
}
