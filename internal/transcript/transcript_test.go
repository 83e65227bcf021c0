package transcript_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
)

func TestOnlyKnownFormatsAreParsed(t *testing.T) {
	want := []transcript.Format{"md", "txt", "srt", "vtt", "json", "csv", "podcast"}
	if diff := cmp.Diff(want, transcript.Formats); diff != "" {
		t.Error(diff)
	}
	for _, f := range transcript.Formats {
		t.Run(string(f), func(t *testing.T) {
			if got, ok := transcript.ParseFormat(string(f)); got != f || !ok {
				t.Errorf("ParseFormat returned %q, %v", got, ok)
			}
			if f.ContentType() == transcript.Format("").ContentType() {
				t.Error("the format has no content type")
			}
		})
	}
	for _, s := range []string{"", "MD", "pdf", "md ", "markdown"} {
		t.Run("not "+s, func(t *testing.T) {
			if _, ok := transcript.ParseFormat(s); ok {
				t.Error("ParseFormat accepts it")
			}
		})
	}
}

func TestLanguageIsRecognised(t *testing.T) {
	for s, want := range map[string]memo.Optional{
		"en": "en", "EN_us": "en", "pt-BR": "pt", " English ": "en", "English (US)": "en", "Chinese, simplified": "zh",
		"deu": "de", "ger": "de", "fra": "fr", "fre": "fr", "eng-GB": "en", "cze": "cs", "haw": "haw", "yue": "yue",
		"cmn": "cmn", "zho": "zh", "": "", "und": "", "mul": "", "zxx": "", "xyz": "", "multi": "", "auto": "", "e1": "",
		"klingon": "", "(": "", "=en": "",
	} {
		t.Run(s, func(t *testing.T) {
			if got := transcript.Language(s); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestErrorNamesTheLine(t *testing.T) {
	for want, e := range map[string]*transcript.Error{
		"line 3: is bad": {Line: 3, Reason: "is bad"},
		"is bad":         {Reason: "is bad"},
	} {
		t.Run(want, func(t *testing.T) {
			if got := e.Error(); got != want {
				t.Errorf("got %q", got)
			}
		})
	}
}
