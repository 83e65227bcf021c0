package httpx

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
)

// A server may stand still between its answer and the end of the request. The
// next request on the connection must not find itself cancelled.
func TestRefusalLeavesConnectionWell(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if IsClientGone(r) {
			t.Error("the request is cancelled before it begins")
		}
		if _, err := ReadBody(w, r, 100); err != nil {
			t.Error(err)
		}
		WriteError(w, r, memo.NotFound("Nothing"))
		time.Sleep(unreadBodyTimeout + unreadBodyTimeout/4)
		if IsClientGone(r) {
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
