package rest_test

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
)

type listResult struct {
	Items []struct {
		ID       string
		Title    string
		Project  *struct{ ID, Name string }
		Snippets []struct {
			Text    string
			Start   float64
			Speaker *string
		}
		Duration float64 `json:"duration_seconds"`
	}
	Total, Limit, Offset int
	NextCursor           *string `json:"next_cursor"`
}

func (w *world) list(query string) listResult {
	w.T.Helper()
	var out listResult
	a := w.get("/transcriptions?"+query, w.OlgaKey.Key).Want(200)
	a.Decode(&out)
	if strings.Contains(string(a.Body), `"text":"`) && !strings.Contains(query, "q=") {
		w.T.Errorf("%s: a list item has its text", query)
	}
	return out
}

func titles(l listResult) string {
	var out []string
	for _, it := range l.Items {
		out = append(out, it.Title)
	}
	return strings.Join(out, " | ")
}

func TestFiltersSortsAndSearch(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		const pricing, groesse, kaigi = "Pricing talk", "Besprechung über Größe", "会議"
		all := strings.Join([]string{kaigi, groesse, pricing}, " | ")
		for query, want := range map[string]string{
			"":                        all,
			"sort=created_at":         strings.Join([]string{pricing, groesse, kaigi}, " | "),
			"sort=duration":           strings.Join([]string{groesse, pricing, kaigi}, " | "),
			"sort=-duration":          strings.Join([]string{kaigi, pricing, groesse}, " | "),
			"status=queued":           "Still queued",
			"status=failed":           "",
			"status=nonsense":         "",
			"project_id=" + w.project: strings.Join([]string{groesse, pricing}, " | "),
			"project_id=" + nowhere:   "",
			"language=ja":             kaigi,
			"language=xx":             "",
			"external_id=crm-1":       pricing,
			"external_id=crm":         "",
			"date_from=2026-05-02":    kaigi + " | " + groesse,
			"date_to=2026-05-02":      groesse + " | " + pricing,
			"date_from=2026-05-02&date_to=2026-05-02":                                      groesse,
			"date_from=2026-05-02&sort=duration":                                           groesse + " | " + kaigi,
			"project_id=" + strings.ToUpper(w.project) + "&language=de&date_to=2026-06-01": groesse,
			"q=price":                  pricing,
			"q=PRICE%20nine":           pricing,
			"q=price%20nowhere":        "",
			"q=uber":                   groesse,
			"q=%E4%BA%88%E7%AE%97":     kaigi, // 予算, in summary and text
			"q=%E6%9D%A5":              kaigi, // one character
			"q=%E4%BC%9A%E8%AD%B0":     kaigi, // in the title
			"q=jordan":                 pricing,
			"q=price&sort=relevance":   pricing,
			"q=%25_":                   "",
			"q=%22%27%28%29*%20OR%201": "",
			"q=":                       all,
			"status=&project_id=&language=&date_from=&date_to=&external_id=&sort=&limit=&offset=&cursor=": all,
			"q=b":                           pricing, // the word in <b>nine</b>
			"q=42":                          "",      // times are not searched
			"q=AND":                         "",
			"offset=1":                      groesse + " | " + pricing,
			"offset=3":                      "",
			"offset=1000000000000":          "",
			"limit=1":                       kaigi,
			"limit=0":                       kaigi,
			"limit=-5":                      kaigi,
			"limit=99999999999999999999999": all,
		} {
			t.Run(fmt.Sprintf("%.60s", query), func(t *testing.T) {
				w := w.in(t)
				if got := titles(w.list(query)); got != want {
					t.Errorf("%s: got %q, want %q", query, got, want)
				}
			})
		}
		if l := w.list("limit=1"); l.Total != 3 || l.Limit != 1 || l.NextCursor == nil || l.Items[0].Project != nil {
			t.Errorf("limit=1: %+v", l)
		}
		if l := w.list("limit=1000"); l.Limit != 100 || l.NextCursor != nil {
			t.Errorf("limit=1000: %+v", l)
		}
		if l := w.list("q=price"); l.Items[0].Project.Name != "Sales" || len(l.Items[0].Snippets) != 1 ||
			l.Items[0].Snippets[0].Start != 42 || *l.Items[0].Snippets[0].Speaker != "Jordan" ||
			l.Items[0].Snippets[0].Text != `Of course… the price is <b>nine</b> euros & "tax".` {
			t.Errorf("snippets: %+v", l.Items[0])
		}
	})
}

// TestUnknownFiltersAreNamed: an unknown status or language gives an empty list with a warning.
func TestUnknownFiltersAreNamed(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for query, want := range map[string]string{
			"status=Completed":        `"warnings":["status \"Completed\" is unknown: use one of [queued processing`,
			"status=completed,failed": `"warnings":["status \"completed,failed\" is unknown`,
			"language=EN":             `"warnings":["language \"EN\" is unknown: use a code such as en"]`,
			"language=de-AT":          `use a code such as de"]`,
			"language=klingon":        `"warnings":["language \"klingon\" is unknown: use a code such as en"]`,
			"language=xx&status=all":  `completed failed]","language \"xx\"`,
		} {
			t.Run(query, func(t *testing.T) {
				w.in(t).get("/transcriptions?"+query, w.OlgaKey.Key).Want(200, `"items":[],"total":0`, want)
			})
		}
		for _, query := range []string{"", "status=failed", "language=ja", "language=uk"} {
			a := w.get("/transcriptions?"+query, w.OlgaKey.Key).Want(200)
			if strings.Contains(string(a.Body), "warnings") {
				t.Errorf("%s: %s", query, a.Body)
			}
		}
	})
}

func TestInvalidParametersAreRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for query, name := range map[string]string{
			"limit=NaN": "limit", "limit=1e2": "limit", "limit=%D9%A1": "limit", "limit=%2B1": "limit", "limit=0x10": "limit",
			"limit=1.5": "limit", "limit=%201": "limit", "offset=-1": "offset", "offset=x": "offset", "sort=title": "sort",
			"sort=relevance": "sort", "project_id=x": "project_id",
			"project_id=%7B3fa85f64-5717-4562-b3fc-2c963f66afa6%7D":    "project_id",
			"project_id=urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6": "project_id",
			"date_from=2025-02-29": "date_from", "date_from=2026-1-1": "date_from", "date_to=10000-01-01": "date_to",
			"date_from=2026-05-02T00:00:00Z": "date_from", "date_from=2026-05-03&date_to=2026-05-02": "date_from",
			"cursor=x": "cursor", "cursor=AAAA": "cursor", "q=" + strings.Repeat("a", 1001): "q", "status=a&status=b": "status",
			"Limit=1": "Limit", "unknown=1": "unknown",
		} {
			t.Run(fmt.Sprintf("%.60s", query), func(t *testing.T) {
				w := w.in(t)
				w.get("/transcriptions?"+query, w.OlgaKey.Key).Want(422, `"loc":["query","`+name+`"]`)
			})
		}
		w.get("/transcriptions?limit=x&offset=-1&sort=no&nope=1", w.OlgaKey.Key).
			Want(422, `["query","limit"]`, `["query","offset"]`, `["query","sort"]`, `["query","nope"]`)
		w.get("/transcriptions?limit=x&sort=relevance&date_from=2026-02-02&date_to=2026-01-01&offset=1&cursor=zz",
			w.OlgaKey.Key).
			Want(422, `["query","limit"]`, `["query","sort"]`, `["query","date_from"]`, `["query","cursor"]`)
		w.get("/transcriptions?q="+url.QueryEscape(strings.Repeat(`"a* OR b' NEAR( `, 60)), w.OlgaKey.Key).Want(200)
	})
}

// TestCursorsReturnEveryItemOnce: in every sort, even if items have equal times and the page size
// changes.
func TestCursorsReturnEveryItemOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i := range 25 {
			created := time.Date(2026, 4, 1, i/6, 0, 0, 0, time.UTC).Format(time.RFC3339)
			w.Import(w.Acme, "n.json", fmt.Sprintf(`{"title":"N %d","status":"completed","language":"en",
				"duration_seconds":%d,"created_at":%q,
				"segments":[{"start":0,"end":1,"text":"common word %d"}]}`,
				i, 10+i/5, created, i))
		}
		for _, query := range []string{
			"sort=created_at", "sort=-created_at", "sort=duration", "sort=-duration", "language=en&sort=duration",
			"q=common", "q=common&sort=relevance", "date_from=2026-04-01&date_to=2026-04-30&sort=-duration",
		} {
			t.Run(fmt.Sprintf("%.60s", query), func(t *testing.T) {
				w := w.in(t)
				var byOffset, byCursor []string
				for offset := 0; ; offset += 7 {
					l := w.list(fmt.Sprintf("%s&limit=7&offset=%d", query, offset))
					if len(l.Items) == 0 {
						break
					}
					for _, it := range l.Items {
						byOffset = append(byOffset, it.ID)
					}
				}
				cursor, total := "", 0
				for page := 0; ; page++ {
					l := w.list(fmt.Sprintf("%s&limit=%d%s", query, 3+page, cursor))
					for _, it := range l.Items {
						byCursor = append(byCursor, it.ID)
					}
					total = l.Total
					if l.NextCursor == nil {
						break
					}
					cursor = "&cursor=" + *l.NextCursor
				}
				sorted := slices.Clone(byCursor)
				slices.Sort(sorted)
				if !slices.Equal(byOffset, byCursor) || len(slices.Compact(sorted)) != total {
					t.Errorf("%s: %d by offset, %d by cursor, total %d", query, len(byOffset), len(byCursor), total)
				}
			})
		}
		l := w.list("limit=1")
		w.get("/transcriptions?limit=1&sort=duration&cursor="+*l.NextCursor, w.OlgaKey.Key).Want(422, "cursor")
		w.get("/transcriptions?offset=3&cursor="+*l.NextCursor, w.OlgaKey.Key).Want(422, "cursor")
		tampered := []byte(*l.NextCursor)
		tampered[5] ^= 1
		w.get("/transcriptions?cursor="+string(tampered), w.OlgaKey.Key).Want(422)
		forged := "created_at|1|\x00\xff"
		forged = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s|%08x", forged, crc32.ChecksumIEEE([]byte(forged))))
		w.get("/transcriptions?sort=created_at&cursor="+forged, w.OlgaKey.Key).Want(422, "cursor")
		// In another workspace a cursor is only a position in time.
		other := w.get("/transcriptions?cursor="+*l.NextCursor, w.EveKey.Key).Want(200)
		if strings.Contains(string(other.Body), "N 2") || strings.Contains(string(other.Body), w.Acme.ID) {
			t.Errorf("the cursor of another workspace returned its content: %s", other.Body)
		}
	})
}

func TestConditionalRequests(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, path := range []string{"/transcriptions?limit=2", "/transcriptions/" + w.Transcriptions[1]} {
			t.Run(path, func(t *testing.T) {
				w := w.in(t)
				first := w.get(path, w.OlgaKey.Key).Want(200)
				etag := first.Header.Get("ETag")
				if !strings.HasPrefix(etag, `"`) || first.Header.Get("Cache-Control") != "private, no-cache" {
					t.Errorf("%s: ETag %s, Cache-Control %s", path, etag, first.Header.Get("Cache-Control"))
				}
				for _, match := range []string{etag, "W/" + etag, `"x", ` + etag, "*"} {
					a := w.request(http.DefaultClient, "GET", path, "", testworld.WithKey(w.OlgaKey.Key),
						testworld.WithHeader("If-None-Match", match)).Want(304)
					if len(a.Body) != 0 || a.Header.Get("RateLimit") == "" {
						t.Errorf("the 304 has a body, or no RateLimit header")
					}
				}
				w.request(http.DefaultClient, "GET", path, "", testworld.WithHeader("If-None-Match", etag)).Want(401)
				w.request(http.DefaultClient, "GET", path, "", testworld.WithKey(w.EveKey.Key),
					testworld.WithHeader("If-None-Match", etag)).
					Want(map[bool]int{true: 200, false: 404}[strings.Contains(path, "?")])
				w.Import(w.Acme, "new.txt", "something new for "+path)
				changed := w.request(http.DefaultClient, "GET", path, "", testworld.WithKey(w.OlgaKey.Key),
					testworld.WithHeader("If-None-Match", etag)).Want(200)
				if changed.Header.Get("ETag") == etag {
					t.Errorf("%s: the ETag is the same after a change", path)
				}
			})
		}
	})
}

// TestTotalRelation: total_relation says whether the total is exact.
func TestTotalRelation(t *testing.T) {
	cfg := storeIn(t)
	w := newWorld(t, cfg, limits{})
	w.Import(w.Acme, "x.txt", "[00:01] Ann: zebra")
	for query, want := range map[string]string{
		"":           `"total":4,"total_relation":"eq","limit":20,`,
		"q=zebra":    `"total":1,"total_relation":"eq","limit":20,`,
		"q=nothing":  `"total":0,"total_relation":"eq","limit":20,`,
		"offset=100": `"total":4,"total_relation":"eq","limit":20,`,
	} {
		t.Run(fmt.Sprintf("%.60s", query), func(t *testing.T) {
			w.in(t).get("/transcriptions?"+query, w.OlgaKey.Key).Want(200, want)
		})
	}
	testenv.Repeat(t, cfg.Dir, 10_000)
	w.get("/transcriptions?q=zebra&limit=1", w.OlgaKey.Key).Want(200, `"total":10000,"total_relation":"gte","limit":1,`)
	w.get("/transcriptions?q=zebra&offset=10000", w.OlgaKey.Key).Want(200, `"items":[{`,
		`"total":10000,"total_relation":"gte","limit":20,`)
	w.get("/transcriptions?limit=1", w.OlgaKey.Key).Want(200, `"total":10004,"total_relation":"eq","limit":1,`)
}
