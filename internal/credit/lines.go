package credit

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/credit/creditdb"
	"souk/internal/invoice"
	"souk/internal/money"
	"souk/internal/sla"
	"souk/internal/store"
)

// Service makes the lines of invoices that give something back.
type Service struct {
	SLA *sla.Service
}

// Lines are the service credits of a close: by each SLA report that was made by the
// close's watermark and that no close before could credit, of what its month is charged
// as is known at the watermark, by the terms that were recorded by then. It is an
// invoice.Extra: the same close gives the same lines at any time, and no report is
// credited by two.
func (s *Service) Lines(ctx context.Context, tx store.Tx, c invoice.Closing) ([]invoice.Line, error) {
	reports, err := creditdb.New(tx).Reports(ctx, creditdb.ReportsParams{Organization: c.Organization, Watermark: c.Watermark, Month: c.Month.String()})
	var lines []invoice.Line
	for _, r := range reports {
		more, err := s.ofReport(ctx, tx, c, r)
		if err != nil {
			return nil, fmt.Errorf("the SLA report of %s: %w", r.Period, err)
		}
		lines = append(lines, more...)
	}
	return lines, err
}

func (s *Service) ofReport(ctx context.Context, tx store.Tx, c invoice.Closing, r creditdb.ReportsRow) ([]invoice.Line, error) {
	report, err := s.SLA.Report(ctx, tx, c.Organization, r.Period, r.Watermark)
	if err != nil {
		return nil, err
	}
	inForce, err := InForce(ctx, tx, c.Organization, r.Period, c.Watermark)
	if err != nil {
		return nil, err
	}
	terms := map[string]Terms{}
	for _, t := range inForce {
		terms[t.ServiceLevel] = Terms{ID: uuid.MustParse(t.ID), Tiers: t.Tiers, Cap: t.Cap}
	}
	if !anyReached(report, terms) {
		return nil, nil
	}
	month := c.Month
	if r.Period != month.String() {
		if month, err = billing.MonthBetween(*r.FromAt, *r.ToAt, *r.TimeZone); err != nil {
			return nil, err
		}
	}
	charges, err := billing.Charges(ctx, tx, billing.Filter{Organization: c.Organization}, month, month.To, c.Watermark)
	if err != nil {
		return nil, err
	}
	var lines []invoice.Line
	for _, credit := range Credits(report, charges, c.Currency, terms) {
		line, err := lineOf(c, r, month, credit, charges)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// lineOf words a credit, with its evidence.
func lineOf(c invoice.Closing, r creditdb.ReportsRow, month billing.Month, of Credit, charges []billing.Line) (invoice.Line, error) {
	instance, err := uuid.Parse(of.Result.ID)
	if err != nil {
		return invoice.Line{}, err
	}
	source := &invoice.Source{Instance: instance, ServiceLevel: of.Result.ServiceLevel, Item: invoice.ItemServiceCredit}
	for _, l := range charges { // where it was moved, the last of its projects by their IDs
		if l.InstanceID == instance && l.ProjectID.String() > source.Project.String() {
			source.Project = l.ProjectID
		}
	}
	return invoice.Line{Text: wordsOf(c.Language).text(r.Period, of, money.Digits(c.Currency)), Project: of.Result.Project, Instance: of.Result.Name, Service: of.Result.Service, Item: invoice.ItemServiceCredit,
		Source: source, Period: invoice.PeriodOf(month), Quantity: "-1", Unit: "one", Price: of.Amount, Net: of.Amount.Negative(),
		Evidence: &invoice.Evidence{Month: r.Period, Report: r.ID, Watermark: r.Watermark.UTC().Format(time.RFC3339Nano), SHA256: r.Sha256, Availability: of.Result.Availability, Objective: of.Result.Objective,
			Terms: of.Terms, Below: of.Tier.Below, Percent: of.Tier.Percent, Charged: of.Charged}}, nil
}

// words are what lines say in a language.
type words struct{ credit, capped string }

func wordsOf(language string) words {
	if language == "de" {
		return words{"%s: Gutschrift %s, verfügbar %s %% (unter %s %%: %s %% von %s%s)", ", gekürzt auf die Obergrenze"}
	}
	return words{"%s: service credit %s, available %s %% (below %s %%: %s %% of %s%s)", ", cut to what is given back at most"}
}

func (w words) text(month string, of Credit, digits int32) string {
	capped := ""
	if of.Capped {
		capped = w.capped
	}
	return fmt.Sprintf(w.credit, of.Result.Name, month, of.Result.Availability, of.Tier.Below, of.Tier.Percent, of.Charged.Fixed(digits), capped)
}

// Given says which credit is meant: what an instance was given back by a report, which is
// done once.
type Given struct{ Report, Instance uuid.UUID }

// Invoiced lists what invoices gave back, the newest month first: of an organization, or
// (nil) of all; of a month, or ("") of all. After is the last one of the page before, or nil.
func Invoiced(ctx context.Context, tx store.Tx, organization *uuid.UUID, month string, after *Given, limit int) ([]api.ServiceCredit, error) {
	p := creditdb.CreditsParams{Organization: organization, Month: month, Limit: int32(limit)}
	if after != nil {
		p.AfterReport, p.AfterInstance = &after.Report, &after.Instance
	}
	rows, err := creditdb.New(tx).Credits(ctx, p)
	list := make([]api.ServiceCredit, 0, len(rows))
	for _, r := range rows {
		digits := money.Digits(r.Currency)
		list = append(list, api.ServiceCredit{Organization: r.Organization, Project: r.Project, Instance: r.Instance, InstanceID: r.InstanceID.String(), Service: r.Service, ServiceLevel: r.ServiceLevel,
			CreditEvidence: api.CreditEvidence{Month: r.Month, Report: r.ReportID.String(), Watermark: r.Watermark.UTC().Format(time.RFC3339Nano), SHA256: r.Sha256, Availability: r.Availability, Objective: r.Objective,
				Below: r.Below, Percent: r.Percent, Charged: r.Charged.Fixed(digits)},
			Amount: r.Amount.Fixed(digits), Currency: r.Currency, Invoice: r.Number, Terms: r.TermsID.String()})
	}
	return list, err
}
