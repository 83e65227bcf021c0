package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// makeNoise starts the load of the hostile member, which lasts for noiseDuration.
func (n *noisy) makeNoise(all *sync.WaitGroup) {
	ctx, cancel := context.WithDeadline(n.t.Context(), n.begin.Add(noiseDuration))
	n.t.Cleanup(cancel)
	searches, exports := newHTTPClient(), newHTTPClient()
	for i := range 20 {
		c := &apiClient{base: n.server.url, key: n.searchKeys[i%len(n.searchKeys)].Key, http: searches}
		all.Go(func() { n.loop(ctx, func() bool { return n.search(ctx, c) }) })
	}
	for i := range 16 {
		c := &apiClient{base: n.server.url, key: n.exportKeys[i%len(n.exportKeys)].Key, http: exports}
		all.Go(func() { n.loop(ctx, func() bool { return n.download(ctx, c, i) }) })
	}
	for i := range 8 {
		all.Go(func() { n.loop(ctx, func() bool { return n.changeTitle(ctx, i) }) })
	}
	for i := range 3 {
		all.Go(func() { n.loop(ctx, func() bool { return n.importLarge(ctx, i) }) })
	}
}

// loop repeats step until it returns false or the time is over.
func (n *noisy) loop(ctx context.Context, step func() bool) {
	for ctx.Err() == nil && step() {
	}
}

// search searches for the beginnings of words that are in many texts.
func (n *noisy) search(ctx context.Context, c *apiClient) bool {
	words := []string{"word", "word" + strconv.Itoa(rand.IntN(30))}
	for _, i := range rand.Perm(len(commonWords))[:3] {
		words = append(words, commonWords[i][:3])
	}
	query := url.Values{
		"q": {strings.Join(words, " ")}, "sort": {"relevance"}, "limit": {"100"},
		"date_from": {fmt.Sprintf("20%02d-01-%02d", 10+rand.IntN(14), 1+rand.IntN(28))},
	}
	resp, err := n.send(ctx, c, "GET", api+"/transcriptions?"+query.Encode(), nil, 0, "")
	return n.finish(ctx, "search", resp, err, nil)
}

// download gets the largest text. Some clients read slowly, some leave after a second.
func (n *noisy) download(ctx context.Context, c *apiClient, i int) bool {
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

// changeTitle changes the title of the transcription with many words, in the web app.
func (n *noisy) changeTitle(ctx context.Context, i int) bool {
	path := "/w/" + n.home.workspace + "/transcriptions/" + n.talkID + "/details"
	resp, err := n.form(ctx, n.web, path, url.Values{"title": {fmt.Sprintf("Title %d %d", i, rand.Uint64())}}.Encode())
	return n.finish(ctx, "title", resp, err, nil)
}

// importLarge imports a file of 30 MB in the web app, and returns false once it succeeded.
func (n *noisy) importLarge(ctx context.Context, i int) bool {
	resp, err := n.post(ctx, fmt.Sprint("large", i), n.upload)
	imported := err == nil && resp.StatusCode == http.StatusOK
	return n.finish(ctx, "import", resp, err, nil) && !imported
}

// post imports a text in the web app, as the hostile member.
func (n *noisy) post(ctx context.Context, name string, text []byte) (*http.Response, error) {
	head := "--XX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"" + name + ".txt\"\r\n\r\n" +
		"[00:00:00] Alex: " + name + "\n" // makes each text different
	const end = "\r\n--XX--\r\n"
	body := io.MultiReader(strings.NewReader(head), bytes.NewReader(text), strings.NewReader(end))
	size := int64(len(head) + len(text) + len(end))
	return n.send(ctx, n.web, "POST", "/w/"+n.home.workspace+"/import", body, size, "multipart/form-data; boundary=XX")
}

// send makes a call of the load. The caller reads the response.
func (n *noisy) send(
	ctx context.Context, c *apiClient, method, path string, body io.Reader, size int64, contentType string,
) (*http.Response, error) {
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
		req.Header.Set("Content-Type", contentType)
		req.ContentLength = size
	}
	began := time.Now()
	resp, err := c.http.Do(req)
	if err == nil && c.key != "" {
		n.endedKeys.noteCall(c.key, began, resp.StatusCode)
	}
	return resp, err
}

// finish reads and counts a response to the load, calling pace between reads. After a
// 429 or 503 it waits for a second. It returns false if the member has lost access.
func (n *noisy) finish(ctx context.Context, name string, resp *http.Response, err error, pace func()) bool {
	outcome := "no response"
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
			outcome += ", cut"
		}
		resp.Body.Close()
	}
	n.outcomesMu.Lock()
	if n.outcomes[name] == nil {
		n.outcomes[name] = map[string]int{}
	}
	n.outcomes[name][outcome]++
	n.outcomesMu.Unlock()
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
	return status != http.StatusUnauthorized && status != http.StatusNotFound // the member has lost access
}

// form posts a form of the web app.
func (n *noisy) form(ctx context.Context, c *apiClient, path, body string) (*http.Response, error) {
	return n.send(ctx, c, "POST", path, strings.NewReader(body), int64(len(body)), "application/x-www-form-urlencoded")
}
