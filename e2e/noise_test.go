package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// noisy is a workspace with a hostile member, another workspace, and the server
// of both.
type noisy struct {
	t      *testing.T
	home   home
	server *server
	owner  *client // signed in
	begin  time.Time

	hostile                     participant
	web                         *client // the hostile member, signed in
	removed, disabled, practice []participant
	otherKey                    newKey // of the other workspace
	otherOwner                  string

	searchKeys, exportKeys, spare []newKey
	streamKey                     newKey

	talk, large string   // the ids of the transcript with many words, and of the largest text
	bulk        []string // ids
	upload      []byte   // a text of 30 MB

	stream      *export
	streamEnded chan time.Time // when the revocation of its key was acknowledged
	cutBytes    int            // of the stream that came later

	me, ready, signIns, revocations, removals, disables, cuts measure

	ends   ends
	doneMu sync.Mutex
	done   map[string]map[string]int // what the load did, and the answers to it
}

// participant is a member of the noisy workspace.
type participant struct {
	id, email string
	keys      []newKey
}

const smallTexts = 3000

// newNoisy makes both workspaces, and starts their server.
func newNoisy(t *testing.T, p place) *noisy {
	n := &noisy{
		t: t, home: settle(t, p), done: map[string]map[string]int{}, streamEnded: make(chan time.Time, 1), otherOwner: "other@example.com",
		me:          measure{what: "a call with a key of another workspace", bound: mostMe, times: 10},
		ready:       measure{what: "/readyz", bound: mostReady, times: 10},
		signIns:     measure{what: "a sign-in of another user", bound: mostSignIn, times: 5},
		revocations: measure{what: "an owner's revocation of a key", bound: mostEnd, times: 8},
		removals:    measure{what: "an owner's removal of a member", bound: mostEnd, times: 4},
		disables:    measure{what: "the change of memo user disable", bound: mostEnd, times: 3},
		cuts:        measure{what: "the cut of a stream after its key's end", bound: mostCut, times: 1},
	}
	n.ends.at = map[string]time.Time{}
	addUser(t, p, n.otherOwner)
	other := home{p, cli[named](t, p, "workspace", "add", "--name", "Other", "--plan", "pro", "--owner", n.otherOwner).ID, n.otherOwner}
	n.otherKey = other.newKey(t, "other")
	importText(t, other, "other.txt", "[00:01] Alex: Hello.\n")

	n.hostile = n.join("hostile")
	for range 4 {
		n.searchKeys = append(n.searchKeys, n.key(&n.hostile))
	}
	for range 2 {
		n.exportKeys = append(n.exportKeys, n.key(&n.hostile))
	}
	for range 6 {
		n.spare = append(n.spare, n.key(&n.hostile))
	}
	n.streamKey = n.key(&n.hostile)
	for i, people := range []*[]participant{&n.removed, &n.disabled, &n.practice} {
		for j := range 3 {
			m := n.join(fmt.Sprintf("member%d%d", i, j))
			n.key(&m)
			*people = append(*people, m)
		}
	}
	begun := time.Now()
	n.fillNoisy()
	t.Logf("| the imports before the load | %.1f s |", time.Since(begun).Seconds())
	n.server = start(t, p)
	n.owner = n.server.signIn(t, n.home.owner)
	n.web = n.server.signIn(t, n.hostile.email)
	n.talk = n.importTalk() // by its importer, who may change its title
	return n
}

func (n *noisy) join(name string) participant {
	m := participant{email: name + "@example.com"}
	m.id = addUser(n.t, n.home.place, m.email).ID
	cli[named](n.t, n.home.place, "member", "add", n.home.workspace, m.email)
	return m
}

func (n *noisy) key(m *participant) newKey {
	k := cli[newKey](n.t, n.home.place, "key", "create", "--workspace", n.home.workspace, "--member", m.email, "--name", "of "+m.email)
	m.keys = append(m.keys, k)
	return k
}

// fillNoisy imports many small texts that have words in common, a text of 29 MB and
// what the bulk export holds.
func (n *noisy) fillNoisy() {
	t := n.t
	dir, random := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	for i := range smallTexts {
		text := talk(random, 1200, func() string {
			if random.IntN(8) == 0 {
				return common[random.IntN(len(common))]
			}
			return "word" + strconv.Itoa(random.IntN(3000))
		})
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("2025-%02d-%02d call %d.txt", 1+i%12, 1+i%28, i)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r := cli[imported](t, n.home.place, "import", "--workspace", n.home.workspace, dir); len(r.Imported) != smallTexts {
		t.Fatalf("%d of %d texts were imported", len(r.Imported), smallTexts)
	}
	few := func() string { return "talk" + strconv.Itoa(random.IntN(500)) }
	n.large = importText(t, n.home, "large.txt", string(talk(random, 29<<20, few)))
	n.bulk = fill(t, n.home, 100, 160<<10) // far more than what the buffers on the way hold
	many := func() string { return "w" + strconv.Itoa(random.IntN(200_000)) }
	n.upload = talk(random, 30<<20, many)
}

// importTalk imports a transcript of 10 MB with many different words as the hostile
// member, who may change its title then, and returns its id.
func (n *noisy) importTalk() string {
	resp, err := n.post(n.t.Context(), "talk", n.upload[:bytes.LastIndexByte(n.upload[:10<<20], '\n')])
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		n.t.Fatalf("import: %d %s %v", resp.StatusCode, body, err)
	}
	return decode[named](n.t, answer{body: body}).ID
}

var common = []string{"meeting", "budget", "pricing", "project", "team", "please", "today"}

// talk makes a transcript of so many bytes, in lines of some 160.
func talk(random *rand.Rand, size int, word func() string) []byte {
	var b bytes.Buffer
	b.Grow(size + 200)
	for second := 0; b.Len() < size; second++ {
		fmt.Fprintf(&b, "[%02d:%02d:%02d] Alex:", second/3600, second/60%60, second%60)
		for end := b.Len() + 150; b.Len() < end; {
			b.WriteByte(' ')
			b.WriteString(word())
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// makeNoise starts the load of the hostile member, which lasts for as long as the
// noise does.
func (n *noisy) makeNoise(all *sync.WaitGroup) {
	ctx, cancel := context.WithDeadline(n.t.Context(), n.begin.Add(noise))
	n.t.Cleanup(cancel)
	searches, exports := pool(), pool()
	for i := range 20 {
		c := &client{base: n.server.url, key: n.searchKeys[i%len(n.searchKeys)].Key, http: searches}
		all.Go(func() { n.loop(ctx, func() bool { return n.search(ctx, c) }) })
	}
	for i := range 16 {
		c := &client{base: n.server.url, key: n.exportKeys[i%len(n.exportKeys)].Key, http: exports}
		all.Go(func() { n.loop(ctx, func() bool { return n.download(ctx, c, i) }) })
	}
	for i := range 8 {
		all.Go(func() { n.loop(ctx, func() bool { return n.changeTitle(ctx, i) }) })
	}
	for i := range 3 {
		all.Go(func() { n.loop(ctx, func() bool { return n.importLarge(ctx, i) }) })
	}
}

// loop does one thing again and again until it is done or the time is over.
func (n *noisy) loop(ctx context.Context, again func() bool) {
	for ctx.Err() == nil && again() {
	}
}

// search looks for the beginnings of words that many texts have.
func (n *noisy) search(ctx context.Context, c *client) bool {
	words := []string{"word", "word" + strconv.Itoa(rand.IntN(30))}
	for _, i := range rand.Perm(len(common))[:3] {
		words = append(words, common[i][:3])
	}
	query := url.Values{
		"q": {strings.Join(words, " ")}, "sort": {"relevance"}, "limit": {"100"},
		"date_from": {fmt.Sprintf("20%02d-01-%02d", 10+rand.IntN(14), 1+rand.IntN(28))},
	}
	resp, err := n.send(ctx, c, "GET", api+"/transcriptions?"+query.Encode(), nil, 0, "")
	return n.finish(ctx, "search", resp, err, nil)
}

// download gets the largest text: some clients read slowly, some leave after a second.
func (n *noisy) download(ctx context.Context, c *client, i int) bool {
	path := api + "/transcriptions/" + n.large
	if format := []string{"", "md", "json", "srt"}[i/4]; format != "" {
		path += "/export?format=" + format
	}
	if i%4 == 1 {
		impatient, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		resp, err := n.send(impatient, c, "GET", path, nil, 0, "")
		return n.finish(ctx, "download", resp, err, nil)
	}
	resp, err := n.send(ctx, c, "GET", path, nil, 0, "")
	var pace func()
	if i%4 == 0 {
		pace = func() { time.Sleep(20 * time.Millisecond) }
	}
	return n.finish(ctx, "download", resp, err, pace)
}

// changeTitle gives the transcript with many words another title, in the web app.
func (n *noisy) changeTitle(ctx context.Context, i int) bool {
	path := "/w/" + n.home.workspace + "/transcriptions/" + n.talk + "/title"
	resp, err := n.form(ctx, n.web, path, url.Values{"title": {fmt.Sprintf("Title %d %d", i, rand.Uint64())}}.Encode())
	return n.finish(ctx, "title", resp, err, nil)
}

// importLarge sends a file of 30 MB in the web app, once.
func (n *noisy) importLarge(ctx context.Context, i int) bool {
	resp, err := n.post(ctx, fmt.Sprint("large", i), n.upload)
	good := err == nil && resp.StatusCode == http.StatusOK
	return n.finish(ctx, "import", resp, err, nil) && !good
}

// post imports a text in the web app, as the hostile member.
func (n *noisy) post(ctx context.Context, name string, text []byte) (*http.Response, error) {
	head := fmt.Sprintf("--XX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"%s.txt\"\r\n\r\n[00:00:00] Alex: %[1]s\n", name)
	const end = "\r\n--XX--\r\n"
	body := io.MultiReader(strings.NewReader(head), bytes.NewReader(text), strings.NewReader(end))
	size := int64(len(head) + len(text) + len(end))
	return n.send(ctx, n.web, "POST", "/w/"+n.home.workspace+"/import", body, size, "multipart/form-data; boundary=XX")
}

// send makes a call of the load. Its answer is still to be read.
func (n *noisy) send(ctx context.Context, c *client, method, path string, body io.Reader, size int64, kind string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	} else {
		req.Header.Set("Cookie", c.cookie)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.Header.Set("Accept", "application/json")
		req.Header.Set("Content-Type", kind)
		req.ContentLength = size
	}
	began := time.Now()
	resp, err := c.http.Do(req)
	if err == nil && c.key != "" {
		n.ends.judge(c.key, began, resp.StatusCode)
	}
	return resp, err
}

// finish reads an answer to the load, at a pace, counts it, and waits a second if it was
// refused for now. It reports whether the client may go on.
func (n *noisy) finish(ctx context.Context, what string, resp *http.Response, err error, pace func()) bool {
	outcome := "no answer"
	status := 0
	if err == nil {
		status = resp.StatusCode
		outcome = strconv.Itoa(status)
		part := make([]byte, 32<<10)
		for err == nil {
			_, err = resp.Body.Read(part)
			if pace != nil {
				pace()
			}
		}
		if err != io.EOF {
			outcome += ", not to its end"
		}
		resp.Body.Close()
	}
	n.doneMu.Lock()
	if n.done[what] == nil {
		n.done[what] = map[string]int{}
	}
	n.done[what][outcome]++
	n.doneMu.Unlock()
	wait := time.Duration(0)
	switch status {
	case 0:
		wait = 100 * time.Millisecond
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		wait = time.Second // Retry-After is at least that
	}
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
	return status != http.StatusUnauthorized && status != http.StatusNotFound // they are out
}

// form posts a form of the web app.
func (n *noisy) form(ctx context.Context, c *client, path, body string) (*http.Response, error) {
	return n.send(ctx, c, "POST", path, strings.NewReader(body), int64(len(body)), "application/x-www-form-urlencoded")
}

// timed makes a call, which must be served, and notes its time.
func (n *noisy) timed(m *measure, c *client, method, path string, body any) {
	begun := time.Now()
	a, err := c.call(method, path, body)
	m.note(time.Since(begun))
	m.served(a.status == http.StatusOK, outcomeOf(a.status, err))
}

// until repeats what takes access away until it is acknowledged, and notes how long that
// took from the first try.
func (n *noisy) until(m *measure, act func() bool, keys ...newKey) {
	begun := time.Now()
	for !act() {
		if time.Since(n.begin) > 2*noise {
			m.note(time.Since(begun))
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	m.note(time.Since(begun))
	n.ends.acknowledge(keys...)
}

// repeat does something for as long as the noise lasts, with pauses.
func (n *noisy) repeat(pause time.Duration, do func()) {
	for time.Since(n.begin) < noise {
		do()
		time.Sleep(pause)
	}
}

// waitFor waits until so much of the noise is over.
func (n *noisy) waitFor(part float64) {
	time.Sleep(time.Until(n.begin.Add(time.Duration(part * float64(noise)))))
}
