package memo

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// EventType is a type of event that webhooks receive.
type EventType string

// The types of events.
const (
	EventTranscriptionCreated EventType = "transcription.created"
	EventTranscriptionUpdated EventType = "transcription.updated"
	EventTranscriptionDeleted EventType = "transcription.deleted"
	EventKeyCreated           EventType = "key.created"
	EventKeyRevoked           EventType = "key.revoked"
	EventKeyExposed           EventType = "key.exposed"
	EventKeyExpiring          EventType = "key.expiring"
	EventAppConnected         EventType = "app.connected"
	EventAppDisconnected      EventType = "app.disconnected"

	// EventTest is sent on request, whatever events the webhook receives.
	EventTest EventType = "webhook.test"
)

// eventType is a row of [EventTypes].
type eventType struct {
	Type    EventType
	Title   string
	actions []Action // the audit events that it follows from
}

// EventTypes lists the types that a webhook can receive.
var EventTypes = []eventType{
	{EventTranscriptionCreated, "A transcription was imported", []Action{ActionImported}},
	{EventTranscriptionUpdated, "A transcription was changed", []Action{
		ActionTitleChanged, ActionDateChanged, ActionLanguageChanged, ActionProjectChanged, ActionSpeakerRenamed,
	}},
	{EventTranscriptionDeleted, "A transcription was deleted", []Action{ActionDeleted}},
	{EventKeyCreated, "A key was created or rotated", []Action{ActionKeyCreated, ActionKeyRotated}},
	{EventKeyRevoked, "A key was revoked or deactivated", []Action{ActionKeyRevoked, ActionKeyDeactivated}},
	{EventKeyExposed, "A key was sent in a URL", []Action{ActionKeyExposed}},
	{EventKeyExpiring, "A key expires in 7 days, or in 1 day", nil},
	{EventAppConnected, "An app was connected", []Action{ActionAppConnected}},
	{EventAppDisconnected, "An app was disconnected", []Action{
		ActionAppDisconnected, ActionAppReplayed, ActionAppDeactivated,
	}},
}

// EventType returns the type of the event that follows from the action, or "".
func (a Action) EventType() EventType {
	for _, e := range EventTypes {
		if slices.Contains(e.actions, a) {
			return e.Type
		}
	}
	return ""
}

// ParseEventTypes returns the given types once each, in the order of [EventTypes]. It returns
// KindInvalid for field for an empty list, or for an unknown type.
func ParseEventTypes(field string, names []string) (types []EventType, err error) {
	var known []string
	for _, e := range EventTypes {
		known = append(known, string(e.Type))
		if slices.Contains(names, string(e.Type)) {
			types = append(types, e.Type)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, Invalid(field, "must contain only event types: %s", strings.Join(known, ", "))
		}
	}
	if len(types) == 0 {
		return nil, Invalid(field, "must name at least one event type")
	}
	return types, nil
}

// WebhookSecretPrefix begins the secrets of webhooks. The rest is base64.
const WebhookSecretPrefix = "whsec_"

// Limits of webhooks.
const (
	MaxWebhooks   = 20 // in a workspace
	MaxWebhookURL = 2000
	// SecretOverlap is how long requests are also signed with the secret that a rotation replaced.
	SecretOverlap = 24 * time.Hour
	// MaxFailing is how long a webhook may fail before it is paused.
	MaxFailing = 72 * time.Hour
	// DeliveryRetention is how long deliveries are stored after they were queued.
	DeliveryRetention = 30 * 24 * time.Hour
)

// Webhook is a URL to which events of a workspace are sent. It is paused if PausedAt is set, and
// failing if FailingSince is.
type Webhook struct {
	ID           string      `json:"id"`
	WorkspaceID  string      `json:"-"`
	URL          string      `json:"url"`
	Events       []EventType `json:"events"`
	CreatedAt    time.Time   `json:"created_at"`
	PausedAt     *time.Time  `json:"paused_at"`
	PauseReason  Optional    `json:"pause_reason"` // for people; null if an OWNER paused it
	FailingSince *time.Time  `json:"failing_since"`
	NextAt       *time.Time  `json:"next_attempt_at"` // of the delivery that failed; null: none failed

	Secret         string     `json:"-"`
	PreviousSecret string     `json:"-"` // also signs, until PreviousUntil
	PreviousUntil  *time.Time `json:"-"`
}

// Host returns the host of the URL, which the audit trail names: the rest of a URL may be a secret.
func (w Webhook) Host() string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return ""
	}
	return u.Host
}

// Secrets returns the secrets that sign a request at now.
func (w Webhook) Secrets(now time.Time) []string {
	if w.PreviousUntil != nil && now.Before(*w.PreviousUntil) {
		return []string{w.Secret, w.PreviousSecret}
	}
	return []string{w.Secret}
}

// CreatedWebhook is a Webhook with its secret. It is the response to creating a webhook and to
// rotating its secret, the only places where the secret appears.
type CreatedWebhook struct {
	Webhook
	Secret string `json:"secret"`
}

// DeliveryStatus is the status of a delivery.
type DeliveryStatus string

// The statuses of a delivery.
const (
	DeliveryPending DeliveryStatus = "pending"
	DeliverySent    DeliveryStatus = "sent"
	DeliveryFailed  DeliveryStatus = "failed"
)

// Delivery is an event that is sent to a webhook.
type Delivery struct {
	ID         string         `json:"id"` // the webhook-id of its requests
	Type       EventType      `json:"type"`
	CreatedAt  time.Time      `json:"created_at"`
	Status     DeliveryStatus `json:"status"`
	Attempts   int            `json:"attempts"`
	LastAt     *time.Time     `json:"last_attempt_at"`
	LastStatus *int           `json:"last_status"` // of the response; null without one
	LastError  Optional       `json:"last_error"`  // for people
	Payload    string         `json:"-"`           // JSON
}

// retryDelays are the delays after the first, second, … failed attempt.
var retryDelays = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
	4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

// RetryDelay returns how long to wait after a number of failed attempts.
func RetryDelay(attempts int) time.Duration {
	return retryDelays[min(max(attempts, 1), len(retryDelays))-1]
}
