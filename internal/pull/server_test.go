package pull_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo/internal/credential"
)

// server is a Memo server with the two routes that a pull needs.
type server struct {
	*httptest.Server
	key string

	mu       sync.Mutex
	position int
	epoch    int // a restore adds one
	items    map[string]*transcription
	requests int
	exports  int
	respond  func(w http.ResponseWriter, r *http.Request) bool // handles a request before the server does
}

type transcription struct {
	id, title, text string
	position        int
	deleted         bool
}

func (t *transcription) item() map[string]any {
	return map[string]any{
		"id": t.id, "title": t.title, "status": "completed", "created_at": "2026-05-20T09:14:00.000Z",
		"updated_at": fmt.Sprintf("2026-05-20T10:00:00.%09dZ", t.position),
		"project":    map[string]any{"id": "p", "name": "Sales"},
		"speakers":   []any{map[string]any{"name": "Alex"}}, "topics": []any{map[string]any{"title": "Next steps"}},
	}
}

func newServer(t testing.TB) *server {
	s := &server{key: credential.NewKey().Secret(), items: map[string]*transcription{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// put adds or changes a transcription.
func (s *server) put(id, title, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position++
	s.items[id] = &transcription{id: id, title: title, text: text, position: s.position}
}

func (s *server) delete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position++
	s.items[id] = &transcription{id: id, position: s.position, deleted: true}
}

// restore makes all cursors invalid, and forgets deletions.
func (s *server) restore() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	for id, t := range s.items {
		if t.deleted {
			delete(s.items, id)
		}
	}
}

func (s *server) handleFirst(respond func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.respond = respond
}

// counts returns the numbers of requests and exports since the last call.
func (s *server) counts() (requests, exports int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, exports = s.requests, s.exports
	s.requests, s.exports = 0, 0
	return requests, exports
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.respond != nil && s.respond(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+s.key {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="The API key was revoked"`)
		http.Error(w, `{"detail":"Invalid API key"}`, http.StatusUnauthorized)
		return
	}
	id, isTranscription := strings.CutPrefix(r.URL.Path, "/api/v1/developer/transcriptions/")
	id, isExport := strings.CutSuffix(id, "/export")
	switch {
	case isTranscription && id == "changes":
		s.changes(w, r)
	case isExport && s.items[id] != nil && !s.items[id].deleted:
		s.exports++
		fmt.Fprint(w, s.items[id].text)
	default:
		http.Error(w, `{"detail":"Transcription not found"}`, http.StatusNotFound)
	}
}

func (s *server) changes(w http.ResponseWriter, r *http.Request) {
	epoch, after := s.epoch, 0
	if cursor := r.URL.Query().Get("after"); cursor != "" {
		if _, err := fmt.Sscanf(cursor, "e%d-%d", &epoch, &after); err != nil {
			http.Error(w, `{"detail":[{"loc":["query","after"],"msg":"must be a next_cursor of this workspace"}]}`,
				http.StatusUnprocessableEntity)
			return
		}
	}
	if epoch != s.epoch {
		http.Error(w, `{"detail":{"code":"changes_restarted","message":"Start again"}}`, http.StatusGone)
		return
	}
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	var later []*transcription
	for _, t := range s.items {
		if t.position > after {
			later = append(later, t)
		}
	}
	slices.SortFunc(later, func(a, b *transcription) int { return a.position - b.position })
	page := map[string]any{"has_more": len(later) > limit}
	changes := []any{}
	for _, t := range later[:min(limit, len(later))] {
		after = t.position
		if t.deleted {
			changes = append(changes, map[string]any{"type": "delete", "id": t.id, "deleted_at": time.Now()})
		} else {
			changes = append(changes, map[string]any{"type": "upsert", "item": t.item()})
		}
	}
	page["changes"], page["next_cursor"] = changes, fmt.Sprintf("e%d-%d", s.epoch, after)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(page)
}
