package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"souk/api"
)

// Part is which page of what a line is made of is asked for.
type Part struct {
	Limit  int // 0: as many as the server gives
	Cursor string
}

func (p Part) query() url.Values {
	q := url.Values{}
	if p.Limit > 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.Cursor != "" {
		q.Set("cursor", p.Cursor)
	}
	return q
}

// ExplainInvoice says what a line of an invoice or credit note is made of.
func (o *Organization) ExplainInvoice(ctx context.Context, number string, line int, part Part) (api.InvoiceLineDetail, error) {
	var out api.InvoiceLineDetail
	err := o.client.get(ctx, part.query(), &out, o.path("invoices", number, "lines", strconv.Itoa(line))...)
	return out, err
}

// ExplainDraft says what the line of a key is made of, on the draft of a month such as
// "2026-11"; "" is that of now.
func (o *Organization) ExplainDraft(ctx context.Context, month, key string, part Part) (api.InvoiceLineDetail, error) {
	q := part.query()
	if month != "" {
		q.Set("month", month)
	}
	var out api.InvoiceLineDetail
	err := o.client.get(ctx, q, &out, o.path("invoices", "draft", "lines", key)...)
	return out, err
}

// ExplainCost says what the line of a key is made of, of the costs of a month or, "", that
// of now; of one project, or all that may be seen.
func (o *Organization) ExplainCost(ctx context.Context, project, month, key string, part Part) (api.Explanation, error) {
	q := part.query()
	if project != "" {
		q.Set("project", project)
	}
	if month != "" {
		q.Set("month", month)
	}
	var out api.Explanation
	err := o.client.get(ctx, q, &out, o.path("cost", "lines", key)...)
	return out, err
}

// CountedEvents are the usage events that an hour of a meter of an instance, by its ID, is
// made of: all, or those that had been taken in by a watermark.
func (o *Organization) CountedEvents(ctx context.Context, project, instance, meter string, hour, watermark time.Time, part Part) (api.List[api.CountedEvent], error) {
	q := part.query()
	if project != "" {
		q.Set("project", project)
	}
	q.Set("instance", instance)
	q.Set("meter", meter)
	q.Set("hour", hour.UTC().Format(time.RFC3339))
	if !watermark.IsZero() {
		q.Set("watermark", watermark.UTC().Format(time.RFC3339Nano))
	}
	var out api.List[api.CountedEvent]
	err := o.client.get(ctx, q, &out, o.path("cost", "events")...)
	return out, err
}
