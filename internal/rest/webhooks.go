package rest

import (
	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/params"
)

type listWebhooksIn struct{ workspaceParam }

type webhooksOut struct {
	Items []memo.Webhook `json:"items"`
}

func listWebhooks(c *request, _ listWebhooksIn) (webhooksOut, error) {
	items, err := c.app.Webhooks(c.ctx, c.Caller)
	return webhooksOut{items}, err
}

type createWebhookIn struct {
	workspaceParam
	Body createWebhookBody `body:"required"`
}

type createWebhookBody struct {
	URL    string   `json:"url" min:"1"`
	Events []string `json:"events" min:"1" max:"20"`
}

func createWebhook(c *request, in createWebhookIn) (memo.CreatedWebhook, error) {
	events, err := memo.ParseEventTypes("events", in.Body.Events)
	if err != nil {
		return memo.CreatedWebhook{}, err
	}
	return c.app.AddWebhook(c.ctx, c.Caller, in.Body.URL, events)
}

type webhookIn struct {
	ID params.UUID `path:"id"`
	workspaceParam
}

func (in webhookIn) checkExists(c *request) error {
	_, err := c.app.Webhook(c.ctx, c.Caller, string(in.ID))
	return err
}

func getWebhook(c *request, in webhookIn) (memo.Webhook, error) {
	return c.app.Webhook(c.ctx, c.Caller, string(in.ID))
}

type updateWebhookIn struct {
	webhookIn
	Body updateWebhookBody `body:"required"`
}

type updateWebhookBody struct {
	URL    string   `json:"url,omitzero"`
	Events []string `json:"events,omitzero" min:"1" max:"20"`
	Paused *bool    `json:"paused,omitzero"` // null and absent: as it is
}

func updateWebhook(c *request, in updateWebhookIn) (memo.Webhook, error) {
	change := app.WebhookChange{Paused: in.Body.Paused}
	if in.Body.URL != "" {
		change.URL = &in.Body.URL
	}
	if in.Body.Events != nil {
		var err error
		if change.Events, err = memo.ParseEventTypes("events", in.Body.Events); err != nil {
			return memo.Webhook{}, err
		}
	}
	return c.app.ChangeWebhook(c.ctx, c.Caller, string(in.ID), change)
}

func deleteWebhook(c *request, in webhookIn) (noBody, error) {
	return noBody{}, c.app.DeleteWebhook(c.ctx, c.Caller, string(in.ID))
}

func rotateWebhook(c *request, in webhookIn) (memo.CreatedWebhook, error) {
	return c.app.RotateWebhook(c.ctx, c.Caller, string(in.ID))
}

func testWebhook(c *request, in webhookIn) (memo.Delivery, error) {
	return c.app.TestWebhook(c.ctx, c.Caller, string(in.ID))
}

type listDeliveriesIn struct {
	webhookIn
	Limit  int         `query:"limit" default:"50" doc:"how many; clamped to 1–100"`
	Before params.UUID `query:"before" doc:"id of the last delivery of the previous page"`
}

type deliveriesOut struct {
	Items []memo.Delivery `json:"items"`
}

func listDeliveries(c *request, in listDeliveriesIn) (deliveriesOut, error) {
	items, err := c.app.Deliveries(c.ctx, c.Caller, string(in.ID), string(in.Before), min(max(in.Limit, 1), 100))
	return deliveriesOut{items}, err
}

type resendDeliveryIn struct {
	webhookIn
	Delivery params.UUID `path:"delivery"`
}

func resendDelivery(c *request, in resendDeliveryIn) (memo.Delivery, error) {
	return c.app.ResendDelivery(c.ctx, c.Caller, string(in.ID), string(in.Delivery))
}
