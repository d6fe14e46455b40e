package client

import (
	"context"
	"net/http"
	"net/url"

	"souk/api"
)

// CreditTerms returns what is given back in a month such as "2026-11" where instances
// were less available than promised; "" is the month of now.
func (o *Organization) CreditTerms(ctx context.Context, month string) ([]api.CreditTerms, error) {
	var out api.List[api.CreditTerms]
	err := o.client.get(ctx, ofMonth(month), &out, o.path("credit-terms")...)
	return out.Items, err
}

// ServiceCredits lists what invoices gave back for a month such as "2026-11"; "" is all
// months, the newest first.
func (o *Organization) ServiceCredits(ctx context.Context, month string) ([]api.ServiceCredit, error) {
	return list[api.ServiceCredit](ctx, o.client, 0, ofMonth(month), o.path("service-credits")...)
}

// ServiceCredits lists what invoices of all organizations gave back for a month; "" is
// all months, the newest first.
func (o *Operator) ServiceCredits(ctx context.Context, month string) ([]api.ServiceCredit, error) {
	return list[api.ServiceCredit](ctx, o.client, 0, ofMonth(month), "operator", "service-credits")
}

// ServiceCreditsPage is a page of them; cursor is next of the page before, or "".
func (o *Operator) ServiceCreditsPage(ctx context.Context, month string, limit int, cursor string) (api.List[api.ServiceCredit], error) {
	query := url.Values{}
	set(query, "month", month)
	var out api.List[api.ServiceCredit]
	err := o.client.get(ctx, pageQuery(query, limit, cursor), &out, "operator", "service-credits")
	return out, err
}

// CreditTerms lists all revisions of what is given back, newest first.
func (o *Operator) CreditTerms(ctx context.Context) ([]api.CreditTerms, error) {
	var out api.List[api.CreditTerms]
	err := o.client.get(ctx, nil, &out, "operator", "credit-terms")
	return out.Items, err
}

// PublishCreditTerms says what is given back of a service level.
func (o *Operator) PublishCreditTerms(ctx context.Context, spec api.CreditTermsSpec) (api.CreditTerms, error) {
	var out api.CreditTerms
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "credit-terms"}, body: spec, out: &out, changes: true})
	return out, err
}

func ofMonth(month string) url.Values {
	if month == "" {
		return nil
	}
	return url.Values{"month": {month}}
}
