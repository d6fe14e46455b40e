package instance

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/backup"
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

// WithoutBackups are the prices of what has none that are kept.
func WithoutBackups(prices []billing.Price) []billing.Price {
	return slices.DeleteFunc(slices.Clone(prices), func(p billing.Price) bool { return p.Item == billing.ItemBackupStorage })
}

// billedBackups says whether what is kept by a plan is billed: what lies in a bucket of
// the customer's is not.
func billedBackups(p backup.Plan) bool { return !p.Disabled && p.To == "" }

// BillsBackups says whether what is kept by a plan is billed, as an instance has it stored.
func BillsBackups(stored []byte) bool {
	p := planOf(row{Backup: stored})
	return p.has && billedBackups(p.Plan)
}

// pricesWith are the prices that matter where backups are kept, or are not.
func pricesWith(backups bool, prices []billing.Price) []billing.Price {
	if backups {
		return prices
	}
	return WithoutBackups(prices)
}

// QuotePrice is a quote as a document.
func QuotePrice(q billing.Quote, currency string) api.Price {
	out := api.Price{Hour: amount(q.Hour, currency), Month: amount(q.Month, currency), Items: []api.PriceItem{}}
	for _, l := range q.Lines {
		out.Items = append(out.Items, api.PriceItem{Item: string(l.Item), Of: string(l.Of), Tier: l.Tier, Quantity: l.Quantity(), Unit: string(l.Unit), Price: amount(l.Price, l.Currency), Month: amount(l.Amount, l.Currency)})
	}
	out.ByUse, out.Once, out.Rules = unitPrices(q.ByUse), unitPrices(q.Once), unitPrices(q.Rules)
	return out
}

func unitPrices(prices []billing.Price) []api.UnitPrice {
	var out []api.UnitPrice
	for _, p := range prices {
		u := api.UnitPrice{Item: string(p.Item), Unit: string(p.Unit), Price: amount(p.Amount, p.Currency)}
		if p.Tiered() {
			u.Mode = string(p.Mode)
		}
		for _, t := range p.Tiers {
			u.Tiers = append(u.Tiers, api.UnitTier{UpTo: t.UpTo, Price: amount(t.Amount, p.Currency)})
		}
		if !p.Minimum.IsZero() {
			least := amount(p.Minimum, p.Currency)
			u.Minimum = &least
		}
		out = append(out, u)
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
	lines, err := billing.Charges(ctx, tx, billing.Filter{Organization: p.Organization, Project: project, Instance: instance}, m, now, time.Time{})
	if err != nil {
		return api.Cost{}, err
	}
	out := api.Cost{Month: m.String(), TimeZone: m.Location.String(), Until: now, Total: amount(billing.Total(lines), currencyOf(lines)), Lines: []api.CostLine{}}
	for _, l := range lines {
		line := api.CostLine{Key: l.Key(), Project: l.Project, Instance: l.Instance, Service: l.Service, Plan: l.Plan, Item: string(l.Item), Of: string(l.Of), Tier: l.Tier, Quantity: l.Quantity(),
			Unit: string(l.Unit), Seconds: l.Seconds(), Price: amount(l.Price, l.Currency), Amount: amount(l.Amount, l.Currency)}
		if a := l.Agreement; a != nil {
			line.Key = "" // its text says all that it is made of
			line.Agreement = &api.CostAgreement{ID: a.ID.String(), Name: a.Name, Kind: string(a.Kind), Of: amount(l.Reduces, l.Currency)}
			if a.Kind == billing.AgreementPercent {
				line.Agreement.Percent = a.Percent.Decimal().String()
			}
		}
		out.Lines = append(out.Lines, line)
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
	out, err := s.Cost(ctx, tx, p, nil, &r.ID)
	if err != nil || r.PurgedAt != nil {
		return out, err
	}
	out.Coming, err = s.coming(ctx, tx, p, r.ID)
	return out, err
}

// coming are the prices that are published and will hold for an instance.
func (s *Service) coming(ctx context.Context, tx store.Tx, p Place, id uuid.UUID) ([]api.ComingPrice, error) {
	v, err := s.ByID(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	all, err := s.pricedFrom(ctx, tx, v)
	if err != nil {
		return nil, err
	}
	backups := planOf(v.Instance).has && billedBackups(planOf(v.Instance).Plan)
	m, err := s.month(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	var out []api.ComingPrice
	for i, next := range all[1:] {
		in := billing.MonthOf(next.From, m.Location)
		before, after := price(v.StorageGib, pricesWith(backups, all[i].Prices), in), price(v.StorageGib, pricesWith(backups, next.Prices), in)
		if !reflect.DeepEqual(before, after) { // a revision may change the prices of others
			out = append(out, api.ComingPrice{From: next.From, PriceList: next.Revision, Price: after})
		}
	}
	return out, nil
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
		out = append(out, api.CostShare{Project: s.Project, Name: s.Name, Gone: s.Gone, Discount: s.Discount, Amount: amount(s.Amount, currency)})
	}
	return out
}

func currencyOf(lines []billing.Line) string {
	if len(lines) == 0 {
		return "CHF"
	}
	return lines[0].Currency
}
