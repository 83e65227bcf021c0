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

// runner is one run.
type runner struct {
	options
	binary, work string
	small, large *seedData

	onSmall, onLarge, sdk, bare *serverProcess
	replicas                    []*serverProcess // with -database
	spell                       idWriter
}

// start gives both workspaces a key and starts a server over each.
func (b *runner) start(ctx context.Context) (err error) {
	for _, d := range []*seedData{b.small, b.large} {
		if err := d.newKey(ctx); err != nil {
			return err
		}
	}
	if b.onSmall, err = startMemo(ctx, b.binary, b.small.dir, filepath.Join(b.work, "small.log")); err != nil {
		return err
	}
	if b.onLarge, err = startMemo(ctx, b.binary, b.large.dir, filepath.Join(b.work, "large.log")); err != nil {
		return err
	}
	if b.sdk, err = startSDK(ctx, b.work); err != nil {
		return err
	}
	return b.startReplicas(ctx)
}

func (b *runner) stop() {
	for _, s := range append([]*serverProcess{b.onSmall, b.onLarge, b.sdk, b.bare}, b.replicas...) {
		_ = s.stop() // whatever it says on its way out, it was measured before
	}
}

// tableRow compares two kinds of requests. Adding one: a line in [runner.rows].
type tableRow struct {
	name   string
	memo   probeRequest
	beside *probeRequest // nil: the bare server, with memo's own answer
	aim    float64       // the most that the ratio may be; 0 where there is no aim
	// perMB gives the aim for CPU milliseconds per megabyte of text instead.
	perMB float64
}

// measure makes the whole table.
func (b *runner) measure(ctx context.Context, t *resultTable) error {
	rows, err := b.rows(ctx)
	if err != nil {
		return err
	}
	rows = b.chosen(rows)
	texts, err := b.startBare(ctx, rows)
	if err != nil {
		return err
	}
	for i, r := range rows {
		if err := b.pair(ctx, t, r, texts[i]); err != nil {
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

func (b *runner) chosen(rows []tableRow) (chosen []tableRow) {
	for _, r := range rows {
		if strings.Contains(r.name, b.only) {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

// rows lists what is compared, with the aims that there are. A row without one
// is there to be watched.
func (b *runner) rows(ctx context.Context) ([]tableRow, error) {
	small := apiClient{b.onSmall.host, b.small.key, &b.spell}
	large := apiClient{b.onLarge.host, b.large.key, &b.spell}
	smallCursors, err := b.cursors(ctx, small, b.onSmall)
	if err != nil {
		return nil, err
	}
	largeCursors, err := b.cursors(ctx, large, b.onLarge)
	if err != nil {
		return nil, err
	}
	depth := min(100_000, b.options.rows/2)
	deep, err := b.nextCursor(ctx, b.onLarge,
		large.get(fmt.Sprintf("%s/transcriptions?limit=1&offset=%d", apiPrefix, depth-1)))
	if err != nil {
		return nil, err
	}
	oneID := b.small.Long[0]
	list := apiPrefix + "/transcriptions?limit=20"
	etag, err := b.etag(ctx, b.onLarge, large.get(list))
	if err != nil {
		return nil, err
	}
	ok := func(to *serverProcess, next func() []byte) probeRequest { return probeRequest{to, 200, next} }
	smallLists, largeLists := ok(b.onSmall, small.lists(smallCursors)), ok(b.onLarge, large.lists(largeCursors))
	firstPage := ok(b.onLarge, func() []byte { return large.list("") })
	search := func(to *serverProcess, c apiClient, word string) probeRequest {
		return ok(to, func() []byte { return c.list("&q=" + word) })
	}
	empty := ok(b.sdk, apiClient{host: b.sdk.host}.tool("empty", "{}"))
	tools := struct{ list, get probeRequest }{
		ok(b.onSmall, small.tool("memo_list_transcriptions", forEachTool(`{"limit":20,"cursor":%q}`, smallCursors)...)),
		ok(b.onSmall, small.tool("memo_get_transcription", forEachTool(`{"id":%q}`, b.small.Long)...)),
	}
	n := formatThousands(b.options.rows)
	return append([]tableRow{
		{name: "list of 20, read, 1,000 rows", memo: smallLists, aim: 4},
		{name: "list of 20, read, " + n + " rows", memo: largeLists, aim: 4},
		{name: "list of 20, read, " + n + " rows beside 1,000", memo: largeLists, beside: &smallLists, aim: 1.2},
		{name: "list of 20, kept", memo: ok(b.onLarge, large.always(list)), aim: 1.5},
		{name: "list of 20, unchanged (304)", memo: probeRequest{
			b.onLarge, 304,
			large.always(list, "If-None-Match: "+etag+"\r\n"),
		}, aim: 1.5},
		{
			name: "list of 20 at depth " + formatThousands(depth) + " beside the first page",
			memo: ok(b.onLarge, func() []byte { return large.list("&cursor=" + deep) }), beside: &firstPage, aim: 1.2,
		},
		{
			name: "list of 20 at offset " + formatThousands(depth) + " beside the first page",
			memo: ok(b.onLarge, func() []byte { return large.list(fmt.Sprintf("&offset=%d", depth)) }), beside: &firstPage,
		},
		{name: "get of 30 KB, read", memo: ok(b.onSmall, small.gets(b.small.Long)), aim: 2.5},
		{name: "get of 30 KB, kept", memo: ok(b.onSmall, small.always(apiPrefix+"/transcriptions/"+oneID)), aim: 2.5},
		{
			name: fmt.Sprintf("search, %s of 1,000 match, each of 30 KB", formatThousands(smallRows/10)),
			memo: search(b.onSmall, small, commonWord),
		},
		{
			name: fmt.Sprintf("search, %s of %s match", formatThousands(b.options.rows/10), n),
			memo: search(b.onLarge, large, commonWord),
		},
		{name: fmt.Sprintf("search, %d of %s match", rareHits, n), memo: search(b.onLarge, large, rareWord)},
		{name: "export of 30 KB, md", memo: ok(b.onSmall, small.exports(b.small.Long))},
		{name: "MCP: an empty tool of the SDK alone", memo: empty},
		{name: "MCP: list of 20, 1,000 rows", memo: tools.list},
		{name: "MCP: list of 20 beside an empty tool", memo: tools.list, beside: &empty},
		{name: "MCP: list of 20 beside REST's, read", memo: tools.list, beside: &smallLists},
		{name: "MCP: 10,000 characters of 30 KB", memo: tools.get},
		{name: "MCP: 10,000 characters beside an empty tool", memo: tools.get, beside: &empty},
		{name: "ZIP of 100 × 30 KB, md", memo: ok(b.onSmall, small.archive(b.small.Long[:100])), perMB: 5},
	}, b.replicaRows(smallCursors, smallLists)...), nil
}

// cursors returns places all over the list, a few for each of its days.
func (b *runner) cursors(ctx context.Context, c apiClient, to *serverProcess) (cursors []string, err error) {
	for day := corpusDays / 10; day < corpusDays; day++ { // behind the last ones there is no page of 20
		date := firstDay.AddDate(0, 0, day).Format(time.DateOnly)
		for n := 1; n <= 4; n++ {
			cursor,
				err := b.nextCursor(ctx, to, c.get(fmt.Sprintf("%s/transcriptions?limit=%d&date_from=%s&date_to=%s", apiPrefix, n,
				date, date)))
			if err != nil {
				return nil, err
			}
			cursors = append(cursors, cursor)
		}
	}
	return cursors, nil
}

func (b *runner) nextCursor(ctx context.Context, to *serverProcess, request []byte) (string, error) {
	_, body, err := probeRequest{to, 200, func() []byte { return request }}.fetch(ctx)
	if err != nil {
		return "", err
	}
	var page struct {
		NextCursor string `json:"next_cursor"`
	}
	if err := json.Unmarshal(body, &page); err != nil || page.NextCursor == "" {
		return "", fmt.Errorf("a list has no next_cursor: %w: %.500s", err, body)
	}
	return page.NextCursor, nil
}

func (b *runner) etag(ctx context.Context, to *serverProcess, request []byte) (string, error) {
	res, _, err := probeRequest{to, 200, func() []byte { return request }}.fetch(ctx)
	if err != nil {
		return "", err
	}
	return res.Header.Get("ETag"), nil
}

// startBare takes an answer of memo for every row that is compared with the
// bare server, and starts it with them. For an archive, texts has the
// megabytes of text in it.
func (b *runner) startBare(ctx context.Context, rows []tableRow) (texts []float64, err error) {
	var answers []fixedResponse
	texts = make([]float64, len(rows))
	for i, r := range rows {
		if r.beside != nil {
			continue
		}
		res, body, err := r.memo.fetch(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		if r.perMB > 0 {
			if texts[i], err = formatMB(body); err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
		}
		answers = append(answers, fixedResponse{
			slugify(r.name), res.StatusCode, res.Header.Get("Content-Type"),
			res.ContentLength > 0, body,
		})
	}
	b.bare, err = startBare(ctx, b.work, answers)
	return texts, err
}

// formatMB is the size of the texts in an archive.
func formatMB(archive []byte) (float64, error) {
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

// formatThousands writes a number as people do.
func formatThousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
