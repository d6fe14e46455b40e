package invoice

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/costs"
	"souk/internal/invoice/invoicedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// Explain says what a line of an invoice or credit note is made of: from what had been
// recorded when it was made, so that the parts are those that it was made from.
func Explain(ctx context.Context, tx store.Tx, organization uuid.UUID, number string, line int, s costs.Slice) (api.InvoiceLineDetail, error) {
	r, err := invoicedb.New(tx).Issued(ctx, invoicedb.IssuedParams{OrganizationID: organization, Number: number})
	if err != nil {
		return api.InvoiceLineDetail{}, err
	}
	if len(r) == 0 {
		return api.InvoiceLineDetail{}, problem.NotFound("invoice", number)
	}
	var d Document
	if err := json.Unmarshal(r[0].Document, &d); err != nil {
		return api.InvoiceLineDetail{}, err
	}
	n := slices.IndexFunc(d.Lines, func(l Line) bool { return l.ID == line })
	if n < 0 {
		return api.InvoiceLineDetail{}, problem.NotFound("line", strconv.Itoa(line))
	}
	out := api.InvoiceLineDetail{Line: d.shownLines()[n], Currency: d.Currency}
	if d.Corrects != nil {
		out.Corrects = d.Corrects.Number
	}
	if d.key(d.Lines[n]) == "" {
		return out, nil
	}
	if r[0].Rules != billing.RulesVersion {
		return out, problem.Conflict("other-rules", "This invoice was rated by version %s of the rules, and Souk has version %s now.", r[0].Rules, billing.RulesVersion)
	}
	month, err := billing.MonthBetween(r[0].FromAt, r[0].ToAt, r[0].TimeZone)
	if err != nil {
		return out, err
	}
	c := Closing{Organization: organization, Month: month, Watermark: r[0].Watermark}
	out.Explanation, err = c.explain(ctx, tx, d.Lines[n], month.To, s)
	return out, err
}

// ExplainDraft is Explain for the line of a key on the draft of a month.
func (s *Service) ExplainDraft(ctx context.Context, tx store.Tx, organization uuid.UUID, period, key string, slice costs.Slice) (api.InvoiceLineDetail, error) {
	d, c, until, err := s.draftOf(ctx, tx, organization, period)
	if err != nil {
		return api.InvoiceLineDetail{}, err
	}
	n := slices.IndexFunc(d.document.Lines, func(l Line) bool { return key != "" && d.document.key(l) == key })
	if n < 0 {
		return api.InvoiceLineDetail{}, problem.NotFound("line", key)
	}
	out := api.InvoiceLineDetail{Line: d.document.shownLines()[n], Currency: d.document.Currency}
	out.Explanation, err = c.explain(ctx, tx, d.document.Lines[n], until, slice)
	return out, err
}

// explain says what a line of the month that is closed is made of; an adjustment, by what
// the earlier month differs from what was known of it before.
func (c Closing) explain(ctx context.Context, tx store.Tx, l Line, until time.Time, s costs.Slice) (*api.Explanation, error) {
	filter := billing.Filter{Organization: c.Organization}
	if l.Source.Instance != uuid.Nil {
		filter.Instance = &l.Source.Instance
	}
	now := costs.Known{Filter: filter, Month: c.Month, Until: until, Watermark: c.Watermark}
	if l.Period.From == c.period().From {
		return costs.Explain(ctx, tx, now, nil, l.Source.key(), s)
	}
	earlier, err := closedBefore(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	for _, m := range earlier {
		if PeriodOf(m.month).From == l.Period.From {
			now.Month, now.Until = m.month, m.month.To
			before := now
			before.Watermark = earlier[len(earlier)-1].watermark
			return costs.Explain(ctx, tx, now, &before, l.Source.key(), s)
		}
	}
	return nil, nil
}

// key is that of the billed line.
func (s *Source) key() string {
	return billing.Line{ProjectID: s.Project, InstanceID: s.Instance, PlanRevision: s.PlanRevision, PriceList: s.PriceList, ServiceLevel: s.ServiceLevel, Item: billing.Item(s.Item), Of: billing.Item(s.Of), Tier: s.Tier}.Key()
}

// key names a line of a document that can be explained; "": it cannot.
func (d *Document) key(l Line) string {
	switch {
	case l.Source == nil || d.Kind == KindCreditNote, l.Source.Agreement != uuid.Nil, l.Evidence != nil: // a service credit is explained by its report
		return ""
	case l.Period.From != d.Period.From: // an adjustment
		return l.Source.key() + "-" + l.Period.From[:len("2026-11")]
	}
	return l.Source.key()
}
