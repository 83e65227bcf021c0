package web

import (
	"slices"
	"testing"

	"memoai.tech/memo/internal/transcript"
)

func TestDownloadOffersEveryExportFormat(t *testing.T) {
	for _, format := range transcript.Formats {
		if !slices.ContainsFunc(formatChoices, func(c option) bool { return c.Value == string(format) && c.Label != "" }) {
			t.Errorf("the download menu has no %q: give it a name in formatChoices", format)
		}
	}
}
