package httpx_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/httpx"
)

// A handler may run for longer than the second for an unread body after a refusal. Neither its request nor
// the next one on the connection may be cancelled.
func TestRefusalDoesNotCancelRequests(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if httpx.IsClientGone(r) {
			t.Error("the request was cancelled before it began")
		}
		if _, err := httpx.ReadBody(w, r, 100); err != nil {
			t.Error(err)
		}
		httpx.WriteError(w, r, memo.NotFound("Nothing"))
		time.Sleep(5 * time.Second / 4)
		if httpx.IsClientGone(r) {
			t.Error("the request was cancelled after it had been refused")
		}
	}))
	defer server.Close()
	for _, body := range []string{"all of it", "again", ""} {
		resp, err := server.Client().Post(server.URL, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}
