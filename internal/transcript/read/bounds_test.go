package read_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
)

// Reading a file needs at most this memory, whatever is in it: see docs/contract.md#import-limits.
const (
	memoryPerByte = 12
	memoryBase    = 16 << 20
)

// hostile returns files of about n bytes that could need much time or memory, by the name of the file.
func hostile(n int) map[string]string {
	repeat := func(format string, size int) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	line := strings.Repeat("so it goes on. ", n/15)
	return map[string]string{
		"one line.txt":    line,
		"one line.md":     "**Ann:** " + line,
		"one line.vtt":    "WEBVTT\n\n00:01.000 --> 09:00:00.000\n" + line,
		"one line.srt":    "1\n00:00:01,000 --> 09:00:00,000\n" + line,
		"one line.csv":    "start,text\n1,\"" + line + "\"\n",
		"one line.json":   `[{"start":1,"end":9e5,"text":"` + line + `"}]`,
		"cues.vtt":        "WEBVTT\n\n" + strings.Repeat("00:01.000 --> 00:02.000\na\n\n", n/27),
		"cues.srt":        strings.Repeat("00:00:01,000 --> 00:00:02,000\na\n\n", n/33),
		"times.txt":       strings.Repeat("[00:01] a\n", n/10),
		"names above.txt": strings.Repeat("Ann\n0:01\na\nb\n", n/13),
		"frames.txt":      strings.Repeat("00:00:01:12 a\n", n/14),
		"speakers.vtt":    "WEBVTT\n\n" + repeat("00:01.000 --> 00:02.000\n<v S %d>a\n\n", n),
		"speakers.txt":    repeat("Name %d: a\n", n),
		"speakers.json":   "[" + repeat(`{"start":1,"end":2,"speaker":"S %d","text":"a"},`, n) + `{"text":"a"}]`,
		"rows.csv":        "start,end,speaker,text\n" + repeat("1,2,S%d,a\n", n),
		"headings.md":     "## Transcript\n" + strings.Repeat("## a\n", n/5),
		"deep.json":       strings.Repeat(`{"a":[`, n/12) + strings.Repeat("]}", n/12),
		"members.json":    "{" + repeat(`"a%d":1,`, n) + `"text":"a"}`,
		"elements.ttml":   `<tt><body>` + strings.Repeat(`<p begin="1s">a</p>`, n/19) + "</body></tt>",
		"slack.json":      `[` + repeat(`{"type":"message","user":"U%d","text":"<@U1> a","ts":"1779268440.5"},`, n) + `{}]`,
	}
}

// measure returns the time of reading a file, and the most memory that it needed at a time.
func measure(t testing.TB, name string, data []byte) (took time.Duration, peak uint64) {
	t.Helper()
	live := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	heap := func() uint64 { metrics.Read(live); return live[0].Value.Uint64() }
	defer debug.SetGCPercent(debug.SetGCPercent(25)) // garbage hardly counts
	runtime.GC()
	before, done, ended := heap(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
				peak = max(peak, heap())
			}
		}
	}()
	start := time.Now()
	_, _ = read.File(t.Context(), name, data, transcript.DefaultLimits)
	took = time.Since(start)
	peak = max(peak, heap())
	close(done)
	<-ended
	return took, peak - min(peak, before)
}

// TestMemoryOfReadingIsBounded, in files of 10 MB.
func TestMemoryOfReadingIsBounded(t *testing.T) {
	if testing.Short() || testenv.Race {
		t.Skip("reads 200 MB; make sequential runs it without the race detector")
	}
	for name, data := range hostile(10 << 20) {
		_, peak := measure(t, name, []byte(data))
		if bound := uint64(memoryBase + memoryPerByte*len(data)); peak > bound {
			t.Errorf("%s: %d MB, want at most %d", name, peak>>20, bound>>20)
		}
	}
}

// TestPackedFilesNeedLittleMemory: what a file unpacks to does not matter, also if it lies about that.
func TestPackedFilesNeedLittleMemory(t *testing.T) {
	var document, zips bytes.Buffer
	deflate, _ := flate.NewWriter(&document, flate.BestSpeed)
	_, _ = deflate.Write([]byte(docxHead))
	_ = deflate.Flush()
	head := document.Len()
	_, _ = deflate.Write([]byte(strings.Repeat("<w:p><w:t>a</w:t></w:p>", 1<<20/23)))
	_ = deflate.Flush()
	megabyte := document.Bytes()[head:]
	packed := func(megabytes int, size uint64) []byte {
		content := append(slices.Clone(document.Bytes()), bytes.Repeat(megabyte, megabytes)...)
		return archive(t, "word/document.xml", content, size)
	}
	zips.WriteString("x")
	for range 10 {
		inner := bytes.Clone(zips.Bytes())
		zips.Reset()
		zips.Write(archive(t, "a.zip", inner, uint64(len(inner))))
	}
	for name, data := range map[string][]byte{
		"1 GB.docx": packed(1<<10, 1<<30), "lying.docx": packed(1<<10, 1000), "zips.zip": zips.Bytes(),
	} {
		if _, peak := measure(t, name, data); peak > memoryBase {
			t.Errorf("%s: %d MB, want at most %d", name, peak>>20, memoryBase>>20)
		}
	}
}

// archive returns a ZIP of a file that says that it has a size.
func archive(t *testing.T, name string, deflated []byte, size uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Deflate, CompressedSize64: uint64(len(deflated)), UncompressedSize64: size,
	})
	if err == nil {
		_, err = f.Write(deflated)
	}
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSlopes prints how the time of reading grows with the size of a file, if SLOPES is set. Doubling the size should
// double the time.
func TestSlopes(t *testing.T) {
	if os.Getenv("SLOPES") == "" {
		t.Skip("set SLOPES=1 to measure")
	}
	const n = 2 << 20
	sizes := []map[string]string{hostile(n), hostile(2 * n), hostile(4 * n)}
	for name := range sizes[0] {
		var took [3]time.Duration
		for i, files := range sizes {
			took[i] = time.Hour
			for range 3 {
				once, _ := measure(t, name, []byte(files[name]))
				took[i] = min(took[i], once)
			}
		}
		t.Logf("%-20s %6.1f %6.1f %6.1f ms, ×%.1f ×%.1f", name, ms(took[0]), ms(took[1]), ms(took[2]),
			ms(took[1])/ms(took[0]), ms(took[2])/ms(took[1]))
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
