package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// endpoint receives what is sent to webhooks, and responds with what the test sets for a URL.
type endpoint struct {
	mu       sync.Mutex
	received []sent
	respond  map[string]func() (status int, problem string)
}

type sent struct {
	url     string
	secrets int
	memo.Delivery
}

func (e *endpoint) CheckURL(url string) error {
	if strings.HasPrefix(url, "https://") {
		return nil
	}
	return memo.Invalid("url", "must begin with https://")
}

func (e *endpoint) Send(_ context.Context, w memo.Webhook, d memo.Delivery) (status int, problem string) {
	e.mu.Lock()
	e.received = append(e.received, sent{w.URL, len(w.Secrets(d.CreatedAt)), d})
	respond := e.respond[w.URL]
	e.mu.Unlock()
	if respond != nil {
		return respond()
	}
	return 200, ""
}

// respondTo sets the response to what is sent to a URL.
func (e *endpoint) respondTo(url string, status int, problem string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.respond == nil {
		e.respond = map[string]func() (int, string){}
	}
	e.respond[url] = func() (int, string) { return status, problem }
}

// take returns what was received since the last call.
func (e *endpoint) take() []sent {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.received
	e.received = nil
	return all
}

func typesOf(all []sent) (types []string) {
	for _, s := range all {
		types = append(types, string(s.Type))
	}
	return types
}

// hook creates a webhook of Acme.
func (w *world) hook(url string, events ...memo.EventType) memo.CreatedWebhook {
	w.t.Helper()
	h, err := w.AddWebhook(w.ctx, w.as(w.owner), url, events)
	return must(w.t, h, err)
}

// send makes the attempts that are due.
func (w *world) send() []sent {
	w.t.Helper()
	must(w.t, 0, app.SendDue(w.ctx, w.App))
	if strings.Contains(w.log.String(), "webhook") {
		w.t.Error(w.log)
	}
	return w.endpoint.take()
}

var allEvents = func() (all []memo.EventType) {
	for _, e := range memo.EventTypes {
		all = append(all, e.Type)
	}
	return all
}()

// TestEventsAreSent: each change queues the event of its audit event, without titles and names, for
// the webhooks of its workspace that receive it.
func TestEventsAreSent(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.hook("https://all.example", allEvents...)
		w.hook("https://keys.example", memo.EventKeyRevoked)
		_, err := w.AddWebhook(w.ctx, w.as(w.owner), "http://plain.example", allEvents)
		wantKind(t, "http", err, memo.KindInvalid)

		owner := w.as(w.owner)
		meeting, err := w.Import(w.ctx, owner, app.ImportFile{Name: "Secret plans.txt", Data: []byte("Ann: Hello.\n")})
		must(t, 0, err)
		title := "Another title"
		must(t, 0, errOf(w.ChangeDetails(w.ctx, owner, meeting.ID, app.Details{Title: &title, Language: new("de")})))
		must(t, 0, w.DeleteTranscription(w.ctx, owner, meeting.ID))
		_, key := w.key(w.member, "a key")
		rotated, err := w.RotateKey(w.ctx, w.as(w.member), key.ID, "", new(time.Duration(0)))
		must(t, 0, err)
		must(t, 0, w.RevokeKey(w.ctx, w.as(w.member), rotated.ID))

		received := w.send()
		var all, keys []sent
		for _, s := range received {
			if s.url == "https://all.example" {
				all = append(all, s)
			} else {
				keys = append(keys, s)
			}
		}
		want := []string{
			"transcription.created", "transcription.updated", "transcription.deleted",
			"key.created", "key.revoked", "key.created", "key.revoked",
		}
		if got := typesOf(all); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := typesOf(keys); !slices.Equal(got, []string{"key.revoked", "key.revoked"}) {
			t.Errorf("the webhook of one type got %q", got)
		}
		wantPayload := fmt.Sprintf(`{"type":"transcription.created","timestamp":"2026-05-20T09:00:00.000Z",`+
			`"data":{"id":%q,"workspace_id":%q}}`, meeting.ID, w.workspace.ID)
		if all[0].Payload != wantPayload {
			t.Errorf("the payload is %s, want %s", all[0].Payload, wantPayload)
		}
		if again := w.send(); len(again) > 0 {
			t.Errorf("sent twice: %q", typesOf(again))
		}
	})
}

// TestFailingWebhook: a delivery is attempted with growing delays; later ones wait; after three days
// the webhook is paused, which owners can see; resumed, it gets what waits.
func TestFailingWebhook(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		h := w.hook("https://dead.example", memo.EventKeyCreated)
		w.hook("https://fine.example", memo.EventKeyCreated)
		w.endpoint.respondTo(h.URL, 503, "the endpoint responded 503")
		w.key(w.member, "first")
		w.key(w.member, "second")
		if got := w.send(); len(got) != 3 {
			t.Fatalf("got %+v, want both for the one that works, and one attempt for the other", got)
		}
		began := w.clock.read()
		var attempts []time.Duration
		current, err := w.Webhook(w.ctx, w.as(w.owner), h.ID)
		for must(t, current, err).NextAt != nil {
			wait := current.NextAt.Sub(w.clock.read())
			w.clock.add(wait - time.Second)
			if early := w.send(); len(early) > 0 {
				t.Errorf("sent a second before it is due, after %v", attempts)
			}
			w.clock.add(time.Second)
			if len(w.send()) == 1 {
				attempts = append(attempts, w.clock.read().Sub(began))
			}
			current, err = w.Webhook(w.ctx, w.as(w.owner), h.ID)
		}
		if len(attempts) != 12 || attempts[11] < 72*time.Hour {
			t.Errorf("attempts at %v, want 12 over three days", attempts)
		}
		if current.PausedAt == nil || current.PauseReason == "" {
			t.Errorf("it is %+v, want it paused with a reason", current)
		}
		events, err := w.Events(w.ctx, w.as(w.owner), app.EventQuery{Limit: 1})
		e := must(t, events, err)[0]
		if e.Action != memo.ActionWebhookPaused || e.Actor != "system" || e.Name != "dead.example" {
			t.Errorf("the last event is %+v", e)
		}
		log, err := w.Deliveries(w.ctx, w.as(w.owner), h.ID, "", 10)
		if must(t, log, err); len(log) != 2 || log[0].Status != memo.DeliveryPending ||
			log[1].Status != memo.DeliveryFailed || log[1].Attempts != 13 || *log[1].LastStatus != 503 {
			t.Errorf("the deliveries are %+v", log)
		}
		_, err = w.ResendDelivery(w.ctx, w.as(w.owner), h.ID, log[1].ID)
		if codeOf(err) != "webhook_paused" {
			t.Errorf("sent again while paused: %v", err)
		}

		w.endpoint.respondTo(h.URL, 204, "")
		must(t, 0, errOf(w.ChangeWebhook(w.ctx, w.as(w.owner), h.ID, app.WebhookChange{Paused: new(false)})))
		if got := w.send(); len(got) != 1 || got[0].ID != log[0].ID {
			t.Errorf("resumed: got %+v, want what was pending", got)
		}
		must(t, 0, errOf(w.ResendDelivery(w.ctx, w.as(w.owner), h.ID, log[1].ID)))
		if got := w.send(); len(got) != 1 || got[0].ID != log[1].ID {
			t.Errorf("sent again: got %+v, want the same id", got)
		}
	})
}

// TestGoneWebhook: 410 pauses at once.
func TestGoneWebhook(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		h := w.hook("https://gone.example", memo.EventKeyCreated)
		w.endpoint.respondTo(h.URL, 410, "the endpoint responded 410")
		must(t, 0, errOf(w.TestWebhook(w.ctx, w.as(w.owner), h.ID)))
		if got := typesOf(w.send()); !slices.Equal(got, []string{"webhook.test"}) {
			t.Errorf("got %q", got)
		}
		if h, err := w.Webhook(w.ctx, w.as(w.owner), h.ID); err != nil || !strings.Contains(string(h.PauseReason), "410") {
			t.Errorf("it is %+v (%v), want it paused", h, err)
		}
		must(t, 0, w.DeleteWebhook(w.ctx, w.as(w.owner), h.ID))
		w.key(w.member, "a key")
		if got := w.send(); len(got) > 0 {
			t.Errorf("sent after it was deleted: %+v", got)
		}
	})
}

// TestExpiringKeys: a key has an event a week and a day before its expiry, each once.
func TestExpiringKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.hook("https://all.example", memo.EventKeyExpiring)
		in := w.clock.read().Add(9 * 24 * time.Hour)
		must(t, 0, errOf(w.CreateKey(w.ctx, w.as(w.member), app.KeyRequest{Name: "soon", ExpiresAt: &in})))
		var days []int
		for day := range 9 {
			for range 2 {
				must(t, 0, app.QueueExpiringKeys(w.ctx, w.App))
			}
			for range w.send() {
				days = append(days, day)
			}
			w.clock.add(24 * time.Hour)
		}
		if !slices.Equal(days, []int{2, 8}) {
			t.Errorf("sent on the days %v, want 2 and 8", days)
		}
	})
}

// TestDeadEndpointDelaysNoOther: while one endpoint does not respond, the others get their events, and
// of two processes only one sends each. A rotation signs with both secrets for a day.
func TestDeadEndpointDelaysNoOther(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		dead := w.hook("https://dead.example", memo.EventKeyCreated)
		fine := w.hook("https://fine.example", memo.EventKeyCreated)
		must(t, 0, errOf(w.RotateWebhook(w.ctx, w.as(w.owner), fine.ID)))
		hang, ctx := make(chan struct{}), context.Background()
		w.endpoint.respond = map[string]func() (int, string){dead.URL: func() (int, string) { <-hang; return 200, "" }}
		const keys = 5
		for i := range keys {
			w.key(w.member, fmt.Sprint("key ", i))
		}
		ctx, stop := context.WithCancel(ctx)
		var running sync.WaitGroup
		for _, a := range []*app.App{w.App, w.secondProcess()} {
			running.Go(func() { a.Run(ctx) })
		}
		var received []sent
		for range 100 {
			if received = append(received, w.endpoint.take()...); len(received) >= keys+1 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		close(hang)
		stop()
		running.Wait()
		if len(received) != keys+1 {
			t.Errorf("received %d, want %d of the one that works and one of the other", len(received), keys)
		}
		for _, s := range received {
			if s.url == fine.URL && s.secrets != 2 {
				t.Errorf("signed with %d secrets, want both", s.secrets)
			}
		}
	})
}

// TestWebhookLimits: a workspace has at most 20 webhooks, and a plan without API access gets none.
func TestWebhookLimits(t *testing.T) {
	w := newSQLiteWorld(t)
	for i := range memo.MaxWebhooks {
		w.hook(fmt.Sprintf("https://%d.example", i), memo.EventKeyExposed)
	}
	_, err := w.AddWebhook(w.ctx, w.as(w.owner), "https://more.example", allEvents)
	if codeOf(err) != "too_many_webhooks" {
		t.Errorf("the 21st: %v", err)
	}
	all, err := w.Webhooks(w.ctx, w.as(w.owner))
	shown, _ := json.Marshal(must(t, all, err))
	if strings.Contains(string(shown), memo.WebhookSecretPrefix) {
		t.Error("the list shows a secret")
	}
	must(t, 0, w.SetPlan(w.ctx, theOperator, w.workspace.ID, memo.PlanFree))
	_, err = w.AddWebhook(w.ctx, w.as(w.owner), "https://more.example", allEvents)
	if codeOf(err) != "api_access_denied" {
		t.Errorf("without API access: %v", err)
	}
}
