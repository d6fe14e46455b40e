// Package credit says what customers are credited where their instances were less
// available in a month than the terms of their service level promise.
package credit

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/money"
	"souk/internal/sla"
)

// Terms are what is credited of a service level.
type Terms struct {
	ID    uuid.UUID // of the revision
	Tiers []api.CreditTier
	// Cap is how many per cent of what all instances of the level were charged in the
	// month are given back at most; "": there is no such bound.
	Cap string
}

// Credit is what is given back of one instance's month.
type Credit struct {
	Result  api.SLAReportInstance // the evidence
	Tier    api.CreditTier
	Terms   uuid.UUID
	Charged money.Amount // for the instance in the month, after discounts
	Amount  money.Amount // rounded once, to the currency's places; positive
	Capped  bool         // it was cut by the cap
}

// Credits returns what is credited by a report, of what was charged in its month: of each
// instance so many per cent, of what discounts have left of it, as the lowest tier says that its
// availability is below of. An
// instance that was not measured is credited nothing: what was not measured, and agreed
// maintenance, is in no availability. Where a cap is reached, all credits of the level are
// cut by the same share. The credits are in the order of the report.
func Credits(report api.SLAReport, charges []billing.Line, currency string, terms map[string]Terms) []Credit {
	digits := money.Digits(currency)
	of := map[string]money.Amount{}
	for id, amount := range billing.AfterDiscounts(charges) {
		of[id.String()] = amount
	}
	var out []Credit
	charged := map[string]money.Amount{} // by service level
	for _, i := range report.Instances {
		charged[i.ServiceLevel] = charged[i.ServiceLevel].Add(of[i.ID])
		t := terms[i.ServiceLevel]
		tier, reached := t.tier(i.Availability)
		if !reached {
			continue
		}
		c := Credit{Result: i, Tier: tier, Terms: t.ID, Charged: of[i.ID]}
		if c.Amount = c.Charged.Percent(money.MustParse(tier.Percent), digits); c.Amount.Cmp(money.Amount{}) > 0 {
			out = append(out, c)
		}
	}
	for level, t := range terms {
		if t.Cap != "" {
			limit(out, level, charged[level].Percent(money.MustParse(t.Cap), digits), digits)
		}
	}
	return slices.DeleteFunc(out, func(c Credit) bool { return c.Amount.IsZero() })
}

// limit cuts the credits of a level so that together they are at most so much.
func limit(all []Credit, level string, most money.Amount, digits int32) {
	var sum money.Amount
	var at []int
	var amounts []money.Amount
	for i, c := range all {
		if c.Result.ServiceLevel == level {
			sum, at, amounts = sum.Add(c.Amount), append(at, i), append(amounts, c.Amount)
		}
	}
	if sum.Cmp(most) <= 0 {
		return
	}
	for n, part := range money.Split(most, amounts, digits) {
		all[at[n]].Amount, all[at[n]].Capped = part, true
	}
}

// anyReached says whether anything may be credited by a report.
func anyReached(report api.SLAReport, terms map[string]Terms) bool {
	return slices.ContainsFunc(report.Instances, func(i api.SLAReportInstance) bool {
		_, reached := terms[i.ServiceLevel].tier(i.Availability)
		return reached
	})
}

// tier is the lowest that the availability is below of.
func (t Terms) tier(availability string) (api.CreditTier, bool) {
	is, err := sla.Millionths(availability)
	if err != nil { // not known
		return api.CreditTier{}, false
	}
	tiers := slices.Clone(t.Tiers)
	slices.SortFunc(tiers, func(a, b api.CreditTier) int { return cmp.Compare(below(a), below(b)) })
	n := slices.IndexFunc(tiers, func(one api.CreditTier) bool { return is < below(one) })
	if n < 0 {
		return api.CreditTier{}, false
	}
	return tiers[n], true
}

func below(t api.CreditTier) int64 {
	n, _ := sla.Millionths(t.Below) // checked when the terms were published
	return n
}
