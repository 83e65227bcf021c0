package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// runner is the state of one run.
type runner struct {
	options
	binary, work string
	small, large *seedData

	smallServer, largeServer, sdk, bare *serverProcess
	replicas                            []*serverProcess // with -database
	spell                               speller
}

// start creates a key for both workspaces and starts a server on each.
func (b *runner) start(ctx context.Context) (err error) {
	for _, d := range []*seedData{b.small, b.large} {
		if err := d.newKey(ctx); err != nil {
			return err
		}
	}
	if b.smallServer, err = startMemo(ctx, b.binary, b.small.dir, filepath.Join(b.work, "small.log")); err != nil {
		return err
	}
	if b.largeServer, err = startMemo(ctx, b.binary, b.large.dir, filepath.Join(b.work, "large.log")); err != nil {
		return err
	}
	if b.sdk, err = startSDK(ctx, b.work); err != nil {
		return err
	}
	return b.startReplicas(ctx)
}

func (b *runner) stop() {
	for _, s := range append([]*serverProcess{b.smallServer, b.largeServer, b.sdk, b.bare}, b.replicas...) {
		_ = s.stop() // the measurements are complete, so an error does not matter
	}
}

// tableRow compares two kinds of requests. To add one, add a line to [runner.rows].
type tableRow struct {
	name     string
	memo     probe
	baseline *probe  // nil means the bare server, with a copy of memo's response
	aim      float64 // the maximum ratio; 0 for a row without an aim
	// perMB is the maximum of CPU milliseconds per megabyte of text. It replaces aim.
	perMB float64
}

// measure measures the whole table.
func (b *runner) measure(ctx context.Context, t *resultTable) error {
	rows, err := b.rows(ctx)
	if err != nil {
		return err
	}
	rows = b.selected(rows)
	megabytes, err := b.startBare(ctx, rows)
	if err != nil {
		return err
	}
	for i, r := range rows {
		if err := b.compare(ctx, t, r, megabytes[i]); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	for _, single := range []struct {
		name string
		add  func(context.Context, *resultTable) error
	}{
		{"memory", b.memory},
		{"authorise", b.authorise},
		{"start", b.startTime},
		{"replicas: PostgreSQL", b.measureReplicas},
	} {
		if !strings.Contains(single.name, b.only) {
			continue
		}
		if err := single.add(ctx, t); err != nil {
			return fmt.Errorf("%s: %w", single.name, err)
		}
	}
	return nil
}

func (b *runner) selected(rows []tableRow) (selected []tableRow) {
	for _, r := range rows {
		if strings.Contains(r.name, b.only) {
			selected = append(selected, r)
		}
	}
	return selected
}

// rows returns the rows of the table, with their aims. A row without an aim is for
// information.
func (b *runner) rows(ctx context.Context) ([]tableRow, error) {
	small := apiClient{b.smallServer.host, b.small.key, &b.spell}
	large := apiClient{b.largeServer.host, b.large.key, &b.spell}
	smallCursors, err := b.cursors(ctx, small, b.smallServer)
	if err != nil {
		return nil, err
	}
	largeCursors, err := b.cursors(ctx, large, b.largeServer)
	if err != nil {
		return nil, err
	}
	depth := min(100_000, b.options.rows/2)
	deep, err := b.nextCursor(ctx, b.largeServer,
		large.get(fmt.Sprintf("%s/transcriptions?limit=1&offset=%d", apiPrefix, depth-1)))
	if err != nil {
		return nil, err
	}
	oneID := b.small.Long[0]
	list := apiPrefix + "/transcriptions?limit=20"
	etag, err := b.etag(ctx, b.largeServer, large.get(list))
	if err != nil {
		return nil, err
	}
	ok := func(to *serverProcess, next func() []byte) probe { return probe{to, 200, next} }
	smallLists, largeLists := ok(b.smallServer, small.lists(smallCursors)), ok(b.largeServer, large.lists(largeCursors))
	firstPage := ok(b.largeServer, func() []byte { return large.list("") })
	search := func(to *serverProcess, c apiClient, word string) probe {
		return ok(to, func() []byte { return c.list("&q=" + word) })
	}
	empty := ok(b.sdk, apiClient{host: b.sdk.host}.tool("empty", "{}"))
	tools := struct{ list, get probe }{
		ok(b.smallServer, small.tool("memo_list_transcriptions", formatEach(`{"limit":20,"cursor":%q}`, smallCursors)...)),
		ok(b.smallServer, small.tool("memo_get_transcription", formatEach(`{"id":%q}`, b.small.Long)...)),
	}
	n := formatThousands(b.options.rows)
	return append([]tableRow{
		{name: "list of 20, read, 1,000 rows", memo: smallLists, aim: 4},
		{name: "list of 20, read, " + n + " rows", memo: largeLists, aim: 4},
		{name: "list of 20, read, " + n + " rows vs. 1,000", memo: largeLists, baseline: &smallLists, aim: 1.2},
		{name: "list of 20, cached", memo: ok(b.largeServer, large.always(list)), aim: 1.5},
		{name: "list of 20, unchanged (304)", memo: probe{
			b.largeServer, 304,
			large.always(list, "If-None-Match: "+etag+"\r\n"),
		}, aim: 1.5},
		{
			name: "list of 20 at depth " + formatThousands(depth) + " vs. the first page",
			memo: ok(b.largeServer, func() []byte { return large.list("&cursor=" + deep) }), baseline: &firstPage, aim: 1.2,
		},
		{
			name: "list of 20 at offset " + formatThousands(depth) + " vs. the first page",
			memo: ok(b.largeServer, func() []byte { return large.list(fmt.Sprintf("&offset=%d", depth)) }), baseline: &firstPage,
		},
		{name: "get of 30 KB, read", memo: ok(b.smallServer, small.gets(b.small.Long)), aim: 2.5},
		{name: "get of 30 KB, cached", memo: ok(b.smallServer, small.always(apiPrefix+"/transcriptions/"+oneID)), aim: 2.5},
		{
			name: fmt.Sprintf("search, %s of 1,000 match, each of 30 KB", formatThousands(smallRows/10)),
			memo: search(b.smallServer, small, commonWord),
		},
		{
			name: fmt.Sprintf("search, %s of %s match", formatThousands(b.options.rows/10), n),
			memo: search(b.largeServer, large, commonWord),
		},
		{name: fmt.Sprintf("search, %d of %s match", rareHits, n), memo: search(b.largeServer, large, rareWord)},
		{name: "export of 30 KB, md", memo: ok(b.smallServer, small.exports(b.small.Long))},
		{name: "MCP: an empty tool of the SDK alone", memo: empty},
		{name: "MCP: list of 20, 1,000 rows", memo: tools.list},
		{name: "MCP: list of 20 vs. an empty tool", memo: tools.list, baseline: &empty},
		{name: "MCP: list of 20 vs. REST, read", memo: tools.list, baseline: &smallLists},
		{name: "MCP: 10,000 characters of 30 KB", memo: tools.get},
		{name: "MCP: 10,000 characters vs. an empty tool", memo: tools.get, baseline: &empty},
		{name: "ZIP of 100 × 30 KB, md", memo: ok(b.smallServer, small.archive(b.small.Long[:100])), perMB: 5},
	}, b.replicaRows(smallCursors, smallLists)...), nil
}

// cursors returns cursors from all over the list, four for each day. It leaves out
// the oldest days, which may not have a full page after them.
func (b *runner) cursors(ctx context.Context, c apiClient, to *serverProcess) (cursors []string, err error) {
	for day := corpusDays / 10; day < corpusDays; day++ {
		date := firstDay.AddDate(0, 0, day).Format(time.DateOnly)
		for n := 1; n <= 4; n++ {
			path := fmt.Sprintf("%s/transcriptions?limit=%d&date_from=%s&date_to=%s", apiPrefix, n, date, date)
			cursor, err := b.nextCursor(ctx, to, c.get(path))
			if err != nil {
				return nil, err
			}
			cursors = append(cursors, cursor)
		}
	}
	return cursors, nil
}

func (b *runner) nextCursor(ctx context.Context, to *serverProcess, request []byte) (string, error) {
	_, body, err := probe{to, 200, func() []byte { return request }}.fetch(ctx)
	if err != nil {
		return "", err
	}
	var page struct {
		NextCursor string `json:"next_cursor"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return "", fmt.Errorf("list: %w: %.500s", err, body)
	}
	if page.NextCursor == "" {
		return "", fmt.Errorf("list without next_cursor: %.500s", body)
	}
	return page.NextCursor, nil
}

func (b *runner) etag(ctx context.Context, to *serverProcess, request []byte) (string, error) {
	res, _, err := probe{to, 200, func() []byte { return request }}.fetch(ctx)
	if err != nil {
		return "", err
	}
	return res.Header.Get("ETag"), nil
}

// startBare gets a response of memo for every row that is compared with the bare
// server, and starts the bare server with these. megabytes has the size of the text
// for each row that is an archive.
func (b *runner) startBare(ctx context.Context, rows []tableRow) (megabytes []float64, err error) {
	var responses []fixedResponse
	megabytes = make([]float64, len(rows))
	for i, r := range rows {
		if r.baseline != nil {
			continue
		}
		res, body, err := r.memo.fetch(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		if r.perMB > 0 {
			if megabytes[i], err = archiveMB(body); err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
		}
		responses = append(responses, fixedResponse{
			slugify(r.name), res.StatusCode, res.Header.Get("Content-Type"),
			res.ContentLength > 0, body,
		})
	}
	b.bare, err = startBare(ctx, b.work, responses)
	return megabytes, err
}

// archiveMB returns the uncompressed size of an archive in megabytes.
func archiveMB(archive []byte) (float64, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return 0, err
	}
	var sum uint64
	for _, f := range z.File {
		sum += f.UncompressedSize64
	}
	return float64(sum) / 1e6, nil
}

// formatThousands formats a number such as 1,000,000.
func formatThousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
