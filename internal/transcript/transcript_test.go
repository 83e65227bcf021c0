package transcript_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo/internal/transcript"
)

func TestOnlyKnownFormatsAreParsed(t *testing.T) {
	if diff := cmp.Diff([]transcript.Format{"md", "txt", "srt", "vtt", "json"}, transcript.Formats); diff != "" {
		t.Error(diff)
	}
	for _, f := range transcript.Formats {
		if got, ok := transcript.ParseFormat(string(f)); got != f || !ok {
			t.Errorf("ParseFormat(%q) = %q, %v", f, got, ok)
		}
		if f.ContentType() == transcript.Format("").ContentType() {
			t.Errorf("%s has no content type", f)
		}
	}
	for _, s := range []string{"", "MD", "pdf", "md ", "markdown"} {
		if _, ok := transcript.ParseFormat(s); ok {
			t.Errorf("ParseFormat accepts %q", s)
		}
	}
}

func TestErrorNamesTheLine(t *testing.T) {
	for want, e := range map[string]*transcript.Error{
		"line 3: is bad": {Line: 3, Reason: "is bad"},
		"is bad":         {Reason: "is bad"},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
