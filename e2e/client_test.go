package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// api is the prefix of the REST API.
const api = "/api/v1/developer"

// apiClient calls a server with a key, a session cookie or neither.
type apiClient struct {
	base   string
	key    string
	cookie string // name=value
	http   *http.Client
}

// newHTTPClient returns a client with enough connections for every caller of a test.
// It does not follow redirects, because no response in these tests may be one.
func newHTTPClient() *http.Client {
	return newHTTPClientFrom(&net.Dialer{Timeout: 10 * time.Second})
}

func newHTTPClientFrom(d *net.Dialer) *http.Client {
	return &http.Client{
		Timeout: 60 * time.Second,
		Transport: &http.Transport{
			DialContext: d.DialContext, MaxIdleConnsPerHost: 700,
			IdleConnTimeout: 30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *server) client(key string) *apiClient {
	return &apiClient{base: s.url, key: key, http: newHTTPClient()}
}

// with returns a client of the same server with another key.
func (c *apiClient) with(key string) *apiClient {
	return &apiClient{base: c.base, key: key, http: c.http}
}

// response is a response with its whole body.
type response struct {
	status int
	header http.Header
	body   []byte
}

// call makes a request and reads the whole response. Extra headers are
// "Name: value" lines. A body that is not a string or nil is sent as JSON.
func (c *apiClient) call(method, path string, body any, headers ...string) (response, error) {
	var r io.Reader
	if body != nil {
		b, ok := body.(string)
		if !ok {
			j, err := json.Marshal(body)
			if err != nil {
				return response{}, err
			}
			b = string(j)
		}
		r = strings.NewReader(b)
	}
	req, err := http.NewRequest(method, c.base+path, r)
	if err != nil {
		return response{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.do(req, headers...)
}

// sendForm sends a form as a browser does, or as an OAuth client.
func (c *apiClient) sendForm(path string, form url.Values) (response, error) {
	req, err := http.NewRequest("POST", c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return response{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.do(req)
}

// do sends a request with the key and cookie of c.
func (c *apiClient) do(req *http.Request, headers ...string) (response, error) {
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if c.cookie != "" {
		req.Header.Set("Cookie", c.cookie)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header, b}, err
}

// must is like call, but fails the test if the status is not want. Only the
// goroutine of the test may call it.
func (c *apiClient) must(t testing.TB, want int, method, path string, body any, headers ...string) response {
	t.Helper()
	a, err := c.call(method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if a.status != want {
		t.Fatalf("%s %s: %d instead of %d: %s", method, path, a.status, want, tail(string(a.body), 500))
	}
	return a
}

// decode parses the JSON of a response.
func decode[T any](t testing.TB, a response) (v T) {
	t.Helper()
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%v: %s", err, tail(string(a.body), 500))
	}
	return v
}

// code returns the code in a refusal's detail, or "" if it has none.
func (a response) code() string {
	var v struct{ Detail struct{ Code string } }
	_ = json.Unmarshal(a.body, &v) // fails if the detail is a string
	return v.Detail.Code
}

// signIn signs in with [password] and returns a client with the session cookie.
func (s *server) signIn(t testing.TB, email string) *apiClient {
	t.Helper()
	c := s.client("")
	a := c.must(t, http.StatusOK, "POST", "/api/v1/session", map[string]string{"email": email, "password": password})
	c.cookie = a.session()
	if c.cookie == "" {
		t.Fatal("the sign-in did not set a cookie")
	}
	return c
}

// session returns the session cookie that a response sets, as name=value.
func (a response) session() string {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if strings.HasSuffix(c.Name, "memo_session") {
			return c.Name + "=" + c.Value
		}
	}
	return ""
}

// accepts reports whether the server accepts a key.
func (s *server) accepts(key string, c *http.Client) (bool, error) {
	a, err := (&apiClient{base: s.url, key: key, http: c}).call("GET", api+"/me", nil)
	if err != nil {
		return false, err
	}
	switch a.status {
	case http.StatusOK:
		return true, nil
	case http.StatusUnauthorized:
		return false, nil
	}
	return false, fmt.Errorf("GET /me: %d: %s", a.status, a.body)
}

// isRefusal reports whether a response is JSON with a detail, as every refusal
// under /api/ must be.
func (a response) isRefusal() bool {
	var v struct{ Detail any }
	dec := json.NewDecoder(bytes.NewReader(a.body))
	return strings.HasPrefix(a.header.Get("Content-Type"), "application/json") && dec.Decode(&v) == nil && v.Detail != nil
}
