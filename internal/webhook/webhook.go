// Package webhook sends events to the URLs of webhooks, signed as Standard Webhooks describes. It
// makes one attempt; package app decides what is sent, and when it is sent again.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/outbound"
)

// Limits of a request.
const (
	timeout     = 10 * time.Second
	maxResponse = 4 << 10 // bytes that are read, and discarded
)

// Config configures a Sender.
type Config struct {
	// Allow lists ranges of addresses that are allowed besides public ones, and for http.
	Allow []netip.Prefix
	Now   func() time.Time
	// Count is called with the result of each attempt, one of [Results].
	Count func(result string)
}

// Results are the results of attempts: a 2xx response, another one, no response, and an address that
// is not allowed.
var Results = []string{"sent", "refused", "unreachable", "blocked"}

// Sender sends deliveries.
type Sender struct {
	cfg   Config
	https *http.Client
	http  *http.Client // only for the allowed ranges
}

// New returns a Sender.
func New(cfg Config) *Sender {
	return &Sender{
		cfg: cfg, https: outbound.NewClient(timeout, outbound.PublicOr(cfg.Allow)),
		http: outbound.NewClient(timeout, outbound.Only(cfg.Allow)),
	}
}

// CheckURL returns KindInvalid for a URL to which nothing can be sent. A name can have another
// address later, so [Sender.Send] checks the address of each connection.
func (s *Sender) CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return memo.Invalid("url", "must be a URL such as https://example.com/webhook")
	case u.Scheme != "https" && (u.Scheme != "http" || len(s.cfg.Allow) == 0):
		return memo.Invalid("url", "must begin with https://")
	case len(text) > memo.MaxWebhookURL:
		return memo.Invalid("url", "must have at most %d characters", memo.MaxWebhookURL)
	case u.User != nil:
		return memo.Invalid("url", "must not contain a user name or password")
	case u.Fragment != "":
		return memo.Invalid("url", "must not contain a fragment (#)")
	case memo.HasKeyPrefix(text):
		return memo.Invalid("url", "must not contain an API key, because it would be stored and shown to other people")
	}
	address, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return nil //nolint:nilerr // it is a name
	}
	check, network := outbound.PublicOr(s.cfg.Allow), "tcp6"
	if u.Scheme == "http" {
		check = outbound.Only(s.cfg.Allow)
	}
	if address.Is4() {
		network = "tcp4"
	}
	if check(network, netip.AddrPortFrom(address, 443).String(), nil) != nil {
		return memo.Invalid("url", "must not be an address of a private network, unless the operator allows it with "+
			"--webhook-allow")
	}
	return nil
}

// Send makes one attempt of a delivery. It returns the status of the response, or 0 and why there was
// none, as a phrase for people.
func (s *Sender) Send(ctx context.Context, w memo.Webhook, d memo.Delivery) (status int, problem string) {
	status, problem, result := s.send(ctx, w, d)
	s.cfg.Count(result)
	return status, problem
}

func (s *Sender) send(ctx context.Context, w memo.Webhook, d memo.Delivery) (status int, problem, result string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, strings.NewReader(d.Payload))
	if err != nil {
		return 0, "its URL is not valid", "blocked"
	}
	now := s.cfg.Now()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Memo (webhooks)")
	r.Header.Set("webhook-id", d.ID)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("webhook-signature", sign(w.Secrets(now), d.ID, now, d.Payload))
	client := s.https
	if r.URL.Scheme == "http" {
		client = s.http
	}
	res, err := client.Do(r)
	switch {
	case outbound.IsRefused(err):
		return 0, outbound.Explain(err, timeout).Error(), "blocked"
	case errors.Is(err, outbound.ErrRedirect):
		return res.StatusCode, "it redirects, which is not followed: use the final URL", "refused"
	case err != nil:
		return 0, outbound.Explain(err, timeout).Error(), "unreachable"
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxResponse) // the status counts, whatever the body is
	if res.StatusCode/100 != 2 {
		return res.StatusCode, fmt.Sprintf("it responded %d", res.StatusCode), "refused"
	}
	return res.StatusCode, "", "sent"
}

// sign returns the signatures of a request with each of the secrets.
func sign(secrets []string, id string, now time.Time, body string) string {
	var signatures []string
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, memo.WebhookSecretPrefix))
		if err != nil {
			continue // app makes all secrets
		}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%d.%s", id, now.Unix(), body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " ")
}
