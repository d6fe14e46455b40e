package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"souk/api"
	"souk/internal/money"
	"souk/internal/sla"
)

// creditTerms are agreed with acme for the month: the outage is below the first, and not
// below the second.
var creditTerms = []api.CreditTier{{Below: "99.9", Percent: "10"}, {Below: "99", Percent: "50"}}

// agreeOnCredits publishes them.
func (m *month) agreeOnCredits(ctx context.Context) error {
	_, err := m.operator.Operator().PublishCreditTerms(ctx, api.CreditTermsSpec{ServiceLevel: "best-effort", Organization: "acme", FromMonth: m.calendar.name, Tiers: creditTerms})
	return err
}

// creditsOn are an invoice's lines that give something back, and what they come to.
func creditsOn(is api.InvoiceDetail) (lines []api.InvoiceLine, sum money.Amount) {
	for _, l := range is.Lines {
		if l.Item == "service-credit" {
			lines, sum = append(lines, l), sum.Add(money.MustParse(l.Net))
		}
	}
	return lines, sum
}

// outageIsCredited: the outage is given back once, on the first invoice after the month's
// SLA report, by the share that was agreed on of what shop cost in the month; the report
// is the evidence, as it was made.
func outageIsCredited(ctx context.Context, m *month) (string, error) {
	on, err := m.invoice(ctx, m.calendar.name)
	if err != nil {
		return "", err
	}
	lives := m.zone.inTime()
	lines, _ := creditsOn(on)
	if next, err := m.invoice(ctx, m.calendar.to.In(m.calendar.location).Format("2006-01")); err != nil {
		return "", err
	} else if more, _ := creditsOn(next); len(more) > 0 {
		on, lives, lines = next, m.zone.all(), append(lines, more...)
	}
	if len(lines) != 1 || lines[0].Instance != "shop" || lines[0].Evidence == nil {
		return "", fmt.Errorf("the credits are %+v", lines)
	}
	line := lines[0]
	charged := new(big.Rat)
	for k, amount := range m.reckoned(lives, m.calendar.to) {
		if k.instance == "shop" {
			cost, _ := new(big.Rat).SetString(amount)
			charged.Add(charged, cost)
		}
	}
	want := "-" + new(big.Rat).Quo(charged, big.NewRat(10, 1)).FloatString(2)
	available := m.availableByBooks("shop", lives)
	figures := fmt.Sprintf("%s: %s for %s %% of %s, report %s; computed a second time %s for %s %% of %s", on.Number, line.Net, line.Evidence.Availability, line.Evidence.Charged, line.Evidence.Report,
		want, available.FloatString(4), charged.FloatString(2))
	said, ok := new(big.Rat).SetString(line.Evidence.Availability)
	if !ok || new(big.Rat).Abs(new(big.Rat).Sub(said, available)).Cmp(big.NewRat(1, 1000)) > 0 {
		err = errors.New("the availability is not that of the zone's books")
	}
	if line.Net != want || line.Evidence.Below != creditTerms[0].Below || line.Quantity != "-1" {
		err = errors.Join(err, errors.New("the two differ"))
	}
	return figures, errors.Join(err, m.evidenceIsKept(ctx, *line.Evidence), m.isListed(ctx, line, on.Number))
}

// availableByBooks is for how many per cent of the time that it was to serve, and was
// heard of before the zone was cut off, an instance was up in the month.
func (m *month) availableByBooks(name string, lives []*life) *big.Rat {
	n := slices.IndexFunc(lives, func(l *life) bool { return l.name == name })
	of := lives[n].book
	until := m.calendar.to.Add(-time.Hour)
	moments := append(of.moments(), m.calendar.from, until)
	slices.SortFunc(moments, time.Time.Compare)
	var served time.Duration
	for i, from := range moments[:len(moments)-1] {
		if to := moments[i+1]; !from.Before(m.calendar.from) && !to.After(until) && of.at(from).computed {
			served += to.Sub(from)
		}
	}
	const down = 2 * time.Hour
	return big.NewRat(100*int64(served-down), int64(served))
}

// evidenceIsKept: the report that is named is the one that was made, and has the hash.
func (m *month) evidenceIsKept(ctx context.Context, e api.CreditEvidence) error {
	at, err := time.Parse(time.RFC3339Nano, e.Watermark)
	if err != nil {
		return err
	}
	report, err := m.customer.SLAReport(ctx, e.Month, at)
	if err != nil {
		return err
	}
	payload, err := sla.Payload(report)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(payload); hex.EncodeToString(sum[:]) != e.SHA256 {
		return errors.New("the report has another SHA-256 than the invoice says")
	}
	return nil
}

// isListed: the customer's list of credits has the line.
func (m *month) isListed(ctx context.Context, line api.InvoiceLine, invoice string) error {
	list, err := m.customer.ServiceCredits(ctx, m.calendar.name)
	if err == nil && (len(list) != 1 || list[0].Invoice != invoice || "-"+list[0].Amount != line.Net) {
		err = fmt.Errorf("listed is %+v", list)
	}
	return err
}

// creditRatedAgain: another process comes to the same credit from what was recorded.
func creditRatedAgain(ctx context.Context, m *month) (string, error) {
	figures, err := m.verified(ctx, m.calendar.name)
	more, failed := m.verified(ctx, m.calendar.to.In(m.calendar.location).Format("2006-01"))
	return figures + "; " + more, errors.Join(err, failed)
}
