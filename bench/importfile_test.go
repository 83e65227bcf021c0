package bench

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/write"
)

// BenchmarkImportFile has the CPU time of memo import per file, in milliseconds, with a new database in
// each round. What the command takes for an empty folder is subtracted.
func BenchmarkImportFile(b *testing.B) {
	meetings, err := englishMeetings()
	check(b, err)
	dir := b.TempDir()
	empty, small := importFolder(b, meetings, dir+"/empty", transcript.VTT, 0, 0),
		importFolder(b, meetings, dir+"/small", transcript.VTT, 1000, 2_000)
	for _, r := range []struct {
		name, folder string
		files        int
		twice        bool    // measure the second import
		aim          float64 // 0 for a row without an aim
	}{
		{name: "small file", folder: small, files: 1000, aim: 3},
		{name: "small file, unchanged", folder: small, files: 1000, twice: true, aim: 0.3},
		{name: "VTT of 4 hours", folder: importFolder(b, meetings, dir+"/call", transcript.VTT, 1, fourHours), files: 1},
		{name: "JSON of 30 MB", folder: importFolder(b, meetings, dir+"/large", transcript.JSON, 1, thirtyMB), files: 1},
	} {
		b.Run(r.name, func(b *testing.B) {
			var costs []float64
			for b.Loop() {
				data := b.TempDir()
				newWorkspace(b, data)
				if r.twice {
					importCPU(b, data, r.folder)
				}
				start := importCPU(b, data, empty)
				costs = append(costs, (importCPU(b, data, r.folder)-start)/float64(r.files))
			}
			report(b, "ms/file", costs)
			b.ReportMetric(0, "ns/op")
			if r.aim > 0 {
				b.ReportMetric(r.aim, "aim")
				if median(costs) > r.aim {
					b.Log("over its aim")
				}
			}
		})
	}
}

// How many bytes of text the rows for large files have.
const (
	fourHours = 4 * 3600 / 7 * 105 // a segment has 105 bytes on average, and there is one every seven seconds
	thirtyMB  = 10_000_000         // JSON has the text twice, and the times of each segment
)

// importFolder creates a folder with files of this many bytes of text each.
func importFolder(
	b *testing.B, meetings []memo.Transcription, dir string, format transcript.Format, files, size int,
) string {
	check(b, os.Mkdir(dir, 0o700))
	for i := range files {
		r := rand.New(rand.NewPCG(2, uint64(i)))
		d := meetings[i%len(meetings)]
		d.Segments = speech(r, meetings, size)
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.%s", i, format)))
		check(b, err)
		check(b, write.File(b.Context(), f, format, &d))
		check(b, f.Close())
	}
	return dir
}

// importCPU imports a folder and returns the CPU time of the command in milliseconds.
func importCPU(b *testing.B, data, folder string) float64 {
	memo, err := build()
	check(b, err)
	cmd := exec.Command(memo, "import", "--json", "--data", data, "--workspace", benchName, folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("import: %v\n%.2000s", err, out)
	}
	return float64(cmd.ProcessState.UserTime().Microseconds()+cmd.ProcessState.SystemTime().Microseconds()) / 1e3
}
