package bench

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"memoai.tech/memo/internal/testenv"
)

var (
	rows       = flag.Int("rows", 100_000, "transcriptions in the large workspace")
	binary     = flag.String("memo", "", "measure this binary instead of building one from source")
	before     = flag.String("before", "", "measure this older binary as well")
	beforeData = flag.String("before-data", ownData, "directory with the data of the older binary")
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
	status := testenv.M{M: m}.Run()
	printTable(os.Stdout)
	os.Exit(status)
}

// row compares two kinds of requests.
type row struct {
	name     string
	memo     probe
	baseline *probe  // nil means the bare server, with a copy of memo's response
	unit     string  // "× " and the baseline, unless that is the bare server
	aim      float64 // the maximum ratio; 0 for a row without an aim
	maxMS    float64 // the maximum of CPU milliseconds; replaces aim
	perMB    float64 // the maximum of CPU milliseconds per megabyte of an archive; replaces aim
}

// BenchmarkRequest has a row for each kind of request. A row without an aim is for
// information.
func BenchmarkRequest(b *testing.B) {
	bare := startServer(b, nil, self(b), bareCommand)
	var all [][]row
	for _, p := range programs(b) {
		large := p.serveLarge(b)
		all = append(all, requests(b, p.serveSmall(b), large, target{large.server, p.limitedKey(b)}, bare, *rows))
	}
	for i, r := range all[0] {
		var old *probe
		if len(all) > 1 {
			old = &all[1][i].memo
		}
		b.Run(r.name, func(b *testing.B) { r.compare(b, bare, old) })
	}
}

// requests returns the rows for two workspaces. count is the number of transcriptions in the large one, of
// which the key of limited sees only some projects.
func requests(b *testing.B, small, large, limited target, bare *server, count int) []row {
	cursors, largeCursors := small.cursors(b), large.cursors(b)
	ids := small.longIDs(b)
	depth := min(100_000, count/2)
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
	n, tenth, at := thousands(count), thousands(count/10), thousands(depth)
	const ofTool, ofFirst = "× the SDK's empty tool", "× the first page"
	searchAim := 15.0
	if count > 100_000 {
		searchAim = 40
	}
	return []row{
		{name: "list of 20, read, 1,000 rows", memo: lists, aim: 3.5},
		{name: "list of 20, read, " + n + " rows", memo: largeLists, aim: 3.5},
		{name: "list of 20, unchanged since it was last asked", memo: cached, aim: 1.6},
		{name: "list of 20, 304", memo: unchanged, aim: 1.6},
		{
			name: "list of 20 at depth " + at, unit: ofFirst,
			memo: large.get(read + "&cursor=" + deep), baseline: &firstPage, aim: 1.2,
		},
		{
			name: "list of 20 at offset " + at, unit: ofFirst,
			memo: large.get(read + fmt.Sprint("&offset=", depth)), baseline: &firstPage,
		},
		{
			name: "list of 20, read, by a key of two projects, 1 % of " + n, unit: ofFirst,
			memo: limited.get(read), baseline: &firstPage, aim: 1.1,
		},
		{name: "get of 30 KB, read", memo: small.get(transcriptions+"/«{}»", ids...), aim: 2.5},
		{name: "get of 30 KB, cached", memo: small.get(transcriptions + "/" + ids[0]), aim: 1.5},
		{name: "export of 30 KB, md", memo: small.get(transcriptions+"/{}/export?format=md", ids...)},
		{name: "ZIP of 100 × 30 KB, md", memo: small.archive(b, ids), perMB: 3},
		{name: "search, two common words, " + n + " rows", memo: large.get(read + "&q=" + commonWords), maxMS: searchAim},
		{name: "search, " + tenth + " of " + n + " match", memo: large.get(read + "&q=" + commonWord)},
		{name: "search, 20 of " + n + " match", memo: large.get(read + "&q=" + rareWord)},
		{name: "MCP: an empty tool of the SDK alone", memo: empty},
		{name: "MCP: list of 20, 1,000 rows", memo: tool, baseline: &empty, unit: ofTool, aim: 1.5},
		{name: "MCP: 10,000 characters of 30 KB", memo: text, baseline: &empty, unit: ofTool, aim: 1.5},
	}
}

// thousands formats a number with commas.
func thousands(n int) string { return message.NewPrinter(language.English).Sprint(n) }

// compare measures a row. Each round measures all sides; they take turns in going first.
func (r row) compare(b *testing.B, bare *server, old *probe) {
	resp, body := r.memo.fetch(b)
	l := line{work: r.name, unit: r.unit, aim: r.aim}
	if r.baseline == nil {
		r.baseline = r.copyTo(b, bare, resp, body)
	}
	if l.unit == "" {
		l.unit = "× bare"
	}
	sides := []probe{r.memo, *r.baseline}
	if old != nil {
		sides = append(sides, *old)
	}
	costs, ratios := make([][]float64, len(sides)), make([][]float64, len(sides))
	for n := 0; b.Loop(); n++ {
		for turn := range sides {
			side := (turn + n) % len(sides)
			cost, _ := sides[side].load(b)
			costs[side] = append(costs[side], cost)
		}
		for side := range sides {
			ratios[side] = append(ratios[side], costs[side][n]/costs[1][n])
		}
	}
	report(b, "memo-µs", costs[0])
	report(b, "base-µs", costs[1])
	report(b, "ratio", ratios[0])
	b.ReportMetric(0, "ns/op") // the time of a round says nothing, so it is left out
	l.cost, l.now = number(median(costs[0]))+" µs", median(ratios[0])
	if old != nil {
		l.before = median(ratios[2])
	}
	if ms := r.maxMS; ms > 0 {
		l.inMS(costs, 1, "ms of CPU", ms)
	}
	if r.perMB > 0 {
		l.inMS(costs, archiveMB(b, body), "ms of CPU per MB", r.perMB)
	}
	table = append(table, l)
}

// inMS replaces the ratios of a line by milliseconds, divided by per.
func (l *line) inMS(costs [][]float64, per float64, unit string, aim float64) {
	l.cost = fmt.Sprintf("%s × bare", number(l.now))
	l.now, l.unit, l.aim = median(costs[0])/1e3/per, unit, aim
	if len(costs) > 2 {
		l.before = median(costs[2]) / 1e3 / per
	}
}

// BenchmarkFirst measures the CPU time of the first request of a kind after a start, when no
// total is cached.
func BenchmarkFirst(b *testing.B) {
	all, keys := programs(b), []string{}
	for _, p := range all {
		t := p.serveLarge(b) // creates the data
		keys = append(keys, t.key)
		t.stop()
	}
	day := firstDay.AddDate(0, 0, corpusDays/2).Format(time.DateOnly)
	for _, path := range []string{
		"/api/v1/developer/projects", page, page + "&language=en&date_from=" + day, page + "&language=en&date_to=" + day,
	} {
		b.Run(path, func(b *testing.B) {
			var costs rounds
			for b.Loop() {
				for i, p := range all {
					large := target{p.serve(b, nil, "--data", p.large()), keys[i]}
					large.get("/api/v1/developer/me").fetch(b) // opens the connections to the database
					start := large.cpu(b)
					large.get(path).fetch(b)
					costs[i] = append(costs[i], float64(large.cpu(b)-start)/1e6)
					large.stop()
				}
			}
			addLine(line{work: "GET " + path + ", first after a start", unit: "ms of CPU"}, costs)
		})
	}
}

// BenchmarkReplicas compares three servers on PostgreSQL and Redis with the bare server,
// with SQLite, and, in requests per second, with one of them. The servers, PostgreSQL,
// Redis and the clients share the cores of one machine, so the rates show the cost of
// sharing state, not the gain from more machines.
func BenchmarkReplicas(b *testing.B) {
	const replicas = 3
	var lists []probe // of the older program, the last
	for i, p := range programs(b) {
		small, database, redis := p.serveSmall(b), testenv.Postgres(b), testenv.Redis(b)
		backup := b.TempDir() + "/small.db"
		p.run(b, "backup", backup, "--data", p.small())
		p.run(b, "restore", backup, "--database", database, "--keep-unknown-keys")
		cursors := small.cursors(b)
		for range replicas - 2*i {
			t := target{p.serve(b, nil, "--database", database, "--redis", redis), small.key}
			lists = append(lists, t.get(read+"&cursor={}", cursors...))
		}
	}
	var old *probe
	if len(lists) > replicas {
		old = &lists[replicas]
	}
	bare := startServer(b, nil, self(b), bareCommand)
	r := row{name: "list of 20, read, PostgreSQL and Redis", memo: lists[0], aim: 5}
	b.Run(r.name, func(b *testing.B) { r.compare(b, bare, old) })
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
	b.Run("lists of 20 per second, three replicas", func(b *testing.B) {
		var one, all, ratios []float64
		for b.Loop() {
			one, all = append(one, rate(b, lists[:1])), append(all, rate(b, lists[:replicas]))
			ratios = append(ratios, all[len(ratios)]/one[len(ratios)])
		}
		report(b, "per-s", all)
		report(b, "ratio", ratios)
		table = append(table, line{
			work: "lists of 20 per second, three replicas", cost: number(median(all)) + " per s", now: median(ratios),
			unit: "× one replica",
		})
	})
}

// BenchmarkArchiveMemory compares the peak of the server's memory, over the memory
// before, while it writes archives of 100 transcriptions with the peak for archives of
// 10, 1,000 transcriptions each. More than a megabyte of difference is over the aim: the
// garbage collector and the kernel allocate memory in large units.
func BenchmarkArchiveMemory(b *testing.B) {
	p := now(b)
	small := p.serveSmall(b)
	ids := small.longIDs(b)
	// peak starts a server that has read every transcription before, because mapped pages
	// of the database count as memory too, and that collects garbage often, so that the
	// peak is the memory in use.
	peak := func(size int) float64 {
		t := target{p.serve(b, []string{"GOGC=10"}, "--data", p.small()), small.key}
		defer t.stop()
		archives := func(total, size int) {
			for from := 0; from < total; from += size {
				t.archive(b, ids[from%100:from%100+size]).fetch(b)
			}
		}
		archives(100, 10)
		t.resetPeak(b)
		before := t.memory(b, "VmRSS")
		archives(1000, size)
		return t.memory(b, "VmHWM") - before
	}
	var growths []float64
	for b.Loop() {
		tens := peak(10)
		growths = append(growths, peak(100)-tens)
	}
	report(b, "MB-growth", growths)
	addLine(line{work: "ZIP: peak memory for 100 texts over that for 10", unit: "MB", aim: 1 << 20 / 1e6},
		rounds{growths})
}

// BenchmarkStart measures how long a server on the large database takes to become
// ready.
func BenchmarkStart(b *testing.B) {
	all := programs(b)
	for _, p := range all {
		p.serveLarge(b).stop() // creates the data
	}
	var times rounds
	var used []float64
	for b.Loop() {
		for i, p := range all {
			start := time.Now()
			s := p.serve(b, nil, "--data", p.large())
			for ready := false; !ready; {
				resp, err := http.Get("http://" + s.host + "/readyz")
				check(b, err)
				ready = resp.StatusCode == http.StatusOK
				resp.Body.Close()
			}
			times[i] = append(times[i], float64(time.Since(start))/1e6)
			if i == 0 {
				used = append(used, float64(s.cpu(b))/1e6)
			}
			s.stop()
		}
	}
	addLine(line{
		work: "start, " + thousands(*rows) + " rows", cost: number(median(used)) + " ms of CPU",
		unit: "ms until ready", aim: 50,
	}, times)
}

// BenchmarkIdle measures the peak memory of a server with 10,000 connections, each of which
// has sent one request.
func BenchmarkIdle(b *testing.B) {
	const conns = 10_000
	var peaks rounds
	for b.Loop() {
		if len(peaks[0]) == slowRounds {
			continue
		}
		for i, p := range programs(b) {
			t := p.serveSmall(b)
			list := t.get(page)
			var open []io.Closer
			for range conns {
				c := list.dial(b)
				_, err := list.send(c, io.Discard)
				check(b, err)
				open = append(open, c.Conn) // without the buffers
			}
			peaks[i] = append(peaks[i], t.memory(b, "VmHWM"))
			for _, c := range open {
				c.Close()
			}
			t.stop()
		}
	}
	addLine(line{work: "10,000 idle connections: peak memory", unit: "MB", aim: 250}, peaks)
}

// report reports the median of the rounds.
func report(b *testing.B, unit string, values []float64) { b.ReportMetric(median(values), unit) }

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
