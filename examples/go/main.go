// This example lists all transcriptions of a workspace, searches for a word, and
// downloads the first hit as Markdown and up to 100 transcriptions as one ZIP:
//
//	MEMO_URL=http://127.0.0.1:8080 MEMO_API_KEY=mk_live_… go run ./examples/go salary
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

var client = http.Client{
	Timeout: 10 * time.Minute, // the longest time that a ZIP may take
	// The key is for MEMO_URL only, so no redirect is followed.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func server() string { return strings.TrimSuffix(os.Getenv("MEMO_URL"), "/") + "/api/v1/developer" }

// call returns a response with status 200, whose body the caller closes. While
// the server responds 429 or 503, it waits and tries again, five times in all.
func call(method, path string, body any) (*http.Response, error) {
	payload, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		req, err := http.NewRequest(method, server()+path, bytes.NewReader(payload))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+os.Getenv("MEMO_API_KEY"))
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil || resp.StatusCode == http.StatusOK {
			return resp, err
		}
		text, _ := io.ReadAll(resp.Body) // the status says enough if this fails
		resp.Body.Close()
		if resp.StatusCode != 429 && resp.StatusCode != 503 || attempt == 5 {
			var refusal struct{ Detail any } // a string, an object or a list
			if json.Unmarshal(text, &refusal) != nil {
				refusal.Detail = string(text)
			}
			return nil, fmt.Errorf("HTTP %d: %v", resp.StatusCode, refusal.Detail)
		}
		seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil {
			seconds = 2
		}
		time.Sleep(time.Duration(seconds) * time.Second)
	}
}

type transcription struct {
	ID, Title string
	CreatedAt string `json:"created_at"`
}

// list returns all transcriptions that match the filters. It reads page after
// page, because a page has at most 100.
func list(filters url.Values) (all []transcription, err error) {
	filters.Set("limit", "100")
	for {
		resp, err := call("GET", "/transcriptions?"+filters.Encode(), nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			Items      []transcription
			NextCursor string `json:"next_cursor"` // null on the last page
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.NextCursor == "" {
			return all, nil
		}
		filters.Set("cursor", page.NextCursor)
	}
}

// save downloads a file. It renames the file only when it is complete, because the
// server closes the connection early if it cannot finish a ZIP.
func save(name, method, path string, body any) error {
	resp, err := call(method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	f, err := os.Create(name + ".part")
	if err != nil {
		return err
	}
	size, err := io.Copy(f, resp.Body)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", name, err), os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	fmt.Printf("saved %s (%d bytes)\n", name, size)
	return nil
}

func run(word string) error {
	all, err := list(url.Values{})
	if err != nil {
		return err
	}
	var ids []string
	for _, t := range all {
		fmt.Printf("%.10s %s\n", t.CreatedAt, t.Title)
		ids = append(ids, t.ID)
	}
	found, err := list(url.Values{"q": {word}})
	if err != nil {
		return err
	}
	fmt.Println(len(all), "transcriptions,", len(found), "found")
	if len(found) == 0 {
		return nil
	}
	fmt.Println("first hit:", found[0].Title)
	if err := save("hit.md", "GET", "/transcriptions/"+found[0].ID+"/export?format=md", nil); err != nil {
		return err
	}
	ids = ids[:min(len(ids), 100)] // the maximum for one call
	return save("all.zip", "POST", "/transcriptions/export", map[string]any{"ids": ids, "format": "md"})
}

func main() {
	if os.Getenv("MEMO_URL") == "" || os.Getenv("MEMO_API_KEY") == "" || len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: MEMO_URL=… MEMO_API_KEY=… go run ./examples/go WORD")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "memo:", err)
		os.Exit(1)
	}
}
