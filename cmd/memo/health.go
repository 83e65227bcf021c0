package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

type healthCmd struct {
	URL string `arg:"" optional:"" default:"http://127.0.0.1:8080" help:"Address of the server."`
}

func (c *healthCmd) Run(e *environment) error {
	address := strings.TrimSuffix(c.URL, "/") + "/healthz"
	if u, err := url.Parse(address); err != nil || u.Host == "" {
		return usageError(c.URL + " is not a URL such as http://127.0.0.1:8080")
	}
	resp, _, err := fetch(e.ctx, address, "")
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", c.URL, resp.StatusCode)
	}
	return e.print(map[string]string{"status": "ok"}, "ok")
}

// fetch sends a GET request and returns the response and the first 64 kB of its body. If agent is not
// empty, it is the user agent.
func fetch(ctx context.Context, address, agent string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	if agent != "" {
		req.Header.Set("User-Agent", agent)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp, body, err
}
