package write_test

import (
	"bytes"
	"context"
	"flag"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/write"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

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
