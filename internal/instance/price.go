package instance

import (
	"cmp"
	"context"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/money"
	"souk/internal/store"
)

// price turns a quote into the document.
func price(storageGiB int64, prices []billing.Price, m billing.Month) api.Price {
	q := billing.QuoteFor(storageGiB, prices, m)
	currency := "CHF"
	if len(prices) > 0 {
		currency = prices[0].Currency
	}
	return QuotePrice(q, currency)
}

// QuotePrice is a quote as a document.
func QuotePrice(q billing.Quote, currency string) api.Price {
	out := api.Price{Hour: amount(q.Hour, currency), Month: amount(q.Month, currency), Items: []api.PriceItem{}}
	for _, l := range q.Lines {
		out.Items = append(out.Items, api.PriceItem{Item: string(l.Item), Quantity: l.Quantity(), Unit: string(l.Unit), Price: amount(l.Price, l.Currency), Month: amount(l.Amount, l.Currency)})
	}
	for _, p := range q.ByUse {
		out.ByUse = append(out.ByUse, api.UnitPrice{Item: string(p.Item), Unit: string(p.Unit), Price: amount(p.Amount, p.Currency)})
	}
	return out
}

func amount(a money.Amount, currency string) api.Money {
	return api.Money{Amount: a.String(), Currency: currency}
}

// Cost returns what the organization, or one project or instance of it, has
// cost so far this month; nil means all.
func (s *Service) Cost(ctx context.Context, tx store.Tx, p Place, project, instance *uuid.UUID) (api.Cost, error) {
	m, err := s.month(ctx, tx, p)
	if err != nil {
		return api.Cost{}, err
	}
	now := s.Clock.Now()
	lines, err := billing.Costs(ctx, tx, billing.Filter{Organization: p.Organization, Project: project, Instance: instance}, m, now)
	if err != nil {
		return api.Cost{}, err
	}
	out := api.Cost{Month: m.String(), TimeZone: m.Location.String(), Until: now, Total: amount(billing.Total(lines), currencyOf(lines)), Lines: []api.CostLine{}}
	for _, l := range lines {
		out.Lines = append(out.Lines, api.CostLine{Project: l.Project, Instance: l.Instance, Service: l.Service, Plan: l.Plan, Item: string(l.Item), Quantity: l.Quantity(),
			Unit: string(l.Unit), Seconds: l.Seconds(), Price: amount(l.Price, l.Currency), Amount: amount(l.Amount, l.Currency)})
	}
	return out, nil
}

// InstanceCost is Cost of one instance by name or ID, also after it was removed for
// good: its backups may go on being billed.
func (s *Service) InstanceCost(ctx context.Context, tx store.Tx, p Place, name string) (api.Cost, error) {
	r, err := s.backedUp(ctx, tx, p, name)
	if err != nil {
		return api.Cost{}, err
	}
	return s.Cost(ctx, tx, p, nil, &r.ID)
}

// CostSummary returns what an organization, or one project, has cost so far this
// month, from several sides.
func (s *Service) CostSummary(ctx context.Context, tx store.Tx, p Place, project *uuid.UUID) (api.CostSummary, error) {
	m, err := s.month(ctx, tx, p)
	if err != nil {
		return api.CostSummary{}, err
	}
	now := s.Clock.Now()
	sum, err := billing.Summarize(ctx, tx, billing.Filter{Organization: p.Organization, Project: project}, m, now)
	if err != nil {
		return api.CostSummary{}, err
	}
	currency := cmp.Or(sum.Currency, "CHF")
	out := api.CostSummary{Month: m.String(), TimeZone: m.Location.String(), Until: now, Total: amount(sum.Total, currency), Lines: sum.Lines,
		Services: shares(sum.Services, currency), Projects: shares(sum.Projects, currency), Instances: shares(sum.Instances, currency)}
	for _, d := range sum.Days {
		out.Days = append(out.Days, api.CostDay{Date: d.Date, Amount: amount(d.Amount, currency)})
	}
	return out, nil
}

func shares(list []billing.Share, currency string) []api.CostShare {
	out := []api.CostShare{}
	for _, s := range list {
		out = append(out, api.CostShare{Project: s.Project, Name: s.Name, Gone: s.Gone, Amount: amount(s.Amount, currency)})
	}
	return out
}

func currencyOf(lines []billing.Line) string {
	if len(lines) == 0 {
		return "CHF"
	}
	return lines[0].Currency
}
