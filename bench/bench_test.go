package bench

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"memoai.tech/memo/internal/testenv"
)

var (
	rows   = flag.Int("rows", 1_000_000, "transcriptions in the large workspace")
	binary = flag.String("memo", "", "measure this binary instead of building one from source")
)

const (
	transcriptions = "/api/v1/developer/transcriptions"
	page           = transcriptions + "?limit=20"
	read           = page + "&«status=completed&sort=-created_at»"
	toolCall       = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == bareCommand {
		serveBare()
	}
	testenv.Main(m)
}

// row compares two kinds of requests.
type row struct {
	name     string
	memo     probe
	baseline *probe  // nil means the bare server, with a copy of memo's response
	aim      float64 // the maximum ratio; 0 for a row without an aim
	perMB    float64 // the maximum of CPU milliseconds per megabyte of an archive; replaces aim
}

// BenchmarkRequest has a row for each kind of request. A row without an aim is for
// information.
func BenchmarkRequest(b *testing.B) {
	small, large := serveSmall(b), serveLarge(b)
	bare := startServer(b, nil, self(b), bareCommand)
	cursors, largeCursors := small.cursors(b), large.cursors(b)
	ids := small.longIDs(b)
	depth := min(100_000, *rows/2)
	deep := large.list(b, fmt.Sprintf("?limit=1&offset=%d", depth-1)).NextCursor
	cached := large.get(page)
	first, _ := cached.fetch(b)
	unchanged := probe{large.server, http.StatusNotModified, func() *http.Request {
		r := cached.next()
		r.Header.Set("If-None-Match", first.Header.Get("ETag"))
		return r
	}}
	lists, largeLists := small.get(read+"&cursor={}", cursors...), large.get(read+"&cursor={}", largeCursors...)
	firstPage := large.get(read)
	empty := target{server: bare}.post("/mcp", fmt.Sprintf(toolCall, "empty", "{}"))
	tool := small.post("/mcp", fmt.Sprintf(toolCall, "memo_list_transcriptions", `{"limit":20,"cursor":"{}"}`), cursors...)
	text := small.post("/mcp", fmt.Sprintf(toolCall, "memo_get_transcription", `{"id":"{}"}`), ids...)
	number := message.NewPrinter(language.English).Sprint
	n, tenth, at := number(*rows), number(*rows/10), number(depth)
	for _, r := range []row{
		{name: "list of 20, read, 1,000 rows", memo: lists, aim: 4},
		{name: "list of 20, read, " + n + " rows", memo: largeLists, aim: 4},
		{name: "list of 20, read, " + n + " rows vs. 1,000", memo: largeLists, baseline: &lists, aim: 1.2},
		{name: "list of 20, cached", memo: cached, aim: 1.5},
		{name: "list of 20, unchanged (304)", memo: unchanged, aim: 1.5},
		{
			name: "list of 20 at depth " + at + " vs. the first page",
			memo: large.get(read + "&cursor=" + deep), baseline: &firstPage, aim: 1.2,
		},
		{
			name: "list of 20 at offset " + at + " vs. the first page",
			memo: large.get(read + fmt.Sprint("&offset=", depth)), baseline: &firstPage,
		},
		{name: "get of 30 KB, read", memo: small.get(transcriptions+"/«{}»", ids...), aim: 2.5},
		{name: "get of 30 KB, cached", memo: small.get(transcriptions + "/" + ids[0]), aim: 2.5},
		{name: "search, 100 of 1,000 match, each of 30 KB", memo: small.get(read + "&q=" + commonWord)},
		{name: "search, " + tenth + " of " + n + " match", memo: large.get(read + "&q=" + commonWord)},
		{name: "search, 20 of " + n + " match", memo: large.get(read + "&q=" + rareWord)},
		{name: "export of 30 KB, md", memo: small.get(transcriptions+"/{}/export?format=md", ids...)},
		{name: "MCP: an empty tool of the SDK alone", memo: empty},
		{name: "MCP: list of 20, 1,000 rows", memo: tool},
		{name: "MCP: list of 20 vs. an empty tool", memo: tool, baseline: &empty},
		{name: "MCP: list of 20 vs. REST, read", memo: tool, baseline: &lists},
		{name: "MCP: 10,000 characters of 30 KB", memo: text},
		{name: "MCP: 10,000 characters vs. an empty tool", memo: text, baseline: &empty},
		{name: "ZIP of 100 × 30 KB, md", memo: small.archive(b, ids), perMB: 5},
	} {
		b.Run(r.name, func(b *testing.B) { r.compare(b, bare) })
	}
}

// compare measures a row. Each round measures both sides; they take turns in going
// first.
func (r row) compare(b *testing.B, bare *server) {
	resp, body := r.memo.fetch(b)
	if r.baseline == nil {
		r.baseline = r.copyTo(b, bare, resp, body)
	}
	sides := []probe{r.memo, *r.baseline}
	costs, ratios := [2][]float64{}, []float64{}
	for b.Loop() {
		for turn := range sides {
			side := (turn + len(ratios)) % 2
			cost, _ := sides[side].load(b)
			costs[side] = append(costs[side], cost)
		}
		ratios = append(ratios, costs[0][len(ratios)]/costs[1][len(ratios)])
	}
	report(b, "memo-µs", costs[0])
	report(b, "base-µs", costs[1])
	reportRatios(b, ratios, r.aim)
	if r.perMB > 0 {
		perMB := median(costs[0]) / 1e3 / archiveMB(b, body)
		b.ReportMetric(perMB, "ms/MB")
		b.ReportMetric(r.perMB, "aim")
		if perMB > r.perMB {
			b.Log("over its aim")
		}
	}
}

// BenchmarkReplicas compares three servers on PostgreSQL and Redis with the bare server,
// with SQLite, and, in requests per second, with one of them. The servers, PostgreSQL,
// Redis and the clients share the cores of one machine, so the rates show the cost of
// sharing state, not the gain from more machines.
func BenchmarkReplicas(b *testing.B) {
	const replicas = 3
	small, database, redis := serveSmall(b), testenv.Postgres(b), testenv.Redis(b)
	backup := b.TempDir() + "/small.db"
	command(b, "backup", backup, "--data", smallData)
	command(b, "restore", backup, "--database", database, "--keep-unknown-keys")
	cursors := small.cursors(b)
	var lists []probe
	for range replicas {
		t := target{serve(b, nil, "--database", database, "--redis", redis), small.key}
		lists = append(lists, t.get(read+"&cursor={}", cursors...))
	}
	bare, sqlite := startServer(b, nil, self(b), bareCommand), small.get(read+"&cursor={}", cursors...)
	for _, r := range []row{
		{name: "list of 20, read, PostgreSQL and Redis", memo: lists[0]},
		{name: "list of 20, read, PostgreSQL and Redis vs. SQLite", memo: lists[0], baseline: &sqlite},
	} {
		b.Run(r.name, func(b *testing.B) { r.compare(b, bare) })
	}
	rate := func(b *testing.B, lists []probe) (sum float64) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		for _, p := range lists {
			wg.Go(func() {
				_, sent := p.load(b)
				mu.Lock()
				defer mu.Unlock()
				sum += float64(sent) / roundLength.Seconds()
			})
		}
		wg.Wait()
		return sum
	}
	for n := 2; n <= replicas; n++ {
		b.Run(fmt.Sprintf("lists of 20 per second, %d replicas vs. one", n), func(b *testing.B) {
			var one, all, ratios []float64
			for b.Loop() {
				one, all = append(one, rate(b, lists[:1])), append(all, rate(b, lists[:n]))
				ratios = append(ratios, all[len(ratios)]/one[len(ratios)])
			}
			report(b, "per-s", all)
			report(b, "one-per-s", one)
			reportRatios(b, ratios, 0)
		})
	}
}

// BenchmarkArchiveMemory compares the peak of the server's memory, over the memory
// before, while it writes archives of 100 transcriptions with the peak for archives of
// 10, 1,000 transcriptions each. More than a megabyte of difference is over the aim: the
// garbage collector and the kernel allocate memory in large units.
func BenchmarkArchiveMemory(b *testing.B) {
	small := serveSmall(b)
	ids := small.longIDs(b)
	// peak starts a server that has read every transcription before, because mapped pages
	// of the database count as memory too, and that collects garbage often, so that the
	// peak is the memory in use.
	peak := func(size int) float64 {
		t := target{serve(b, []string{"GOGC=10"}, "--data", smallData), small.key}
		defer t.stop()
		archives := func(total, size int) {
			for from := 0; from < total; from += size {
				t.archive(b, ids[from%100:from%100+size]).fetch(b)
			}
		}
		archives(100, 10)
		check(b, os.WriteFile(t.proc("clear_refs"), []byte("5"), 0)) // resets the peak
		before := t.memory(b, "VmRSS")
		archives(1000, size)
		return t.memory(b, "VmHWM") - before
	}
	var tens, hundreds, growths []float64
	for b.Loop() {
		tens, hundreds = append(tens, peak(10)), append(hundreds, peak(100))
		growths = append(growths, hundreds[len(growths)]-tens[len(growths)])
	}
	report(b, "MB-10", tens)
	report(b, "MB-100", hundreds)
	report(b, "MB-growth", growths)
	if median(growths) > 1<<20/1e6 {
		b.Log("over its aim")
	}
}

// BenchmarkStart measures how long a server on the large database takes to become
// ready. The aim is 100 ms.
func BenchmarkStart(b *testing.B) {
	serveLarge(b)
	for b.Loop() {
		s := serve(b, nil, "--data", largeData())
		for ready := false; !ready; {
			resp, err := http.Get("http://" + s.host + "/readyz")
			check(b, err)
			ready = resp.StatusCode == http.StatusOK
			resp.Body.Close()
		}
		b.StopTimer()
		s.stop()
		b.StartTimer()
	}
}

// report reports the median of the rounds.
func report(b *testing.B, unit string, values []float64) { b.ReportMetric(median(values), unit) }

func reportRatios(b *testing.B, ratios []float64, aim float64) {
	report(b, "ratio", ratios)
	b.ReportMetric(slices.Min(ratios), "min-ratio")
	b.ReportMetric(slices.Max(ratios), "max-ratio")
	b.ReportMetric(0, "ns/op") // the time of a round says nothing, so it is left out
	if aim > 0 {
		b.ReportMetric(aim, "aim")
		if median(ratios) > aim {
			b.Log("over its aim")
		}
	}
}

// median returns the median of the values.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// archive requests one ZIP of the transcriptions.
func (t target) archive(b *testing.B, ids []string) probe {
	body, err := json.Marshal(map[string]any{"ids": ids, "format": "md"})
	check(b, err)
	return t.post(transcriptions+"/export", string(body))
}

// archiveMB returns the uncompressed size of an archive in megabytes.
func archiveMB(b *testing.B, archive []byte) (megabytes float64) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	check(b, err)
	for _, f := range z.File {
		megabytes += float64(f.UncompressedSize64) / 1e6
	}
	return megabytes
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
