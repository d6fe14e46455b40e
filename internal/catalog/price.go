package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/catalog/catalogdb"
	"souk/internal/money"
	"souk/internal/problem"
)

// highestPrice and mostTiers bound a price.
var highestPrice = money.MustParse("1000000")

const (
	mostTiers   = 20
	highestTier = 1_000_000_000
)

const amountRule = "It is a decimal number in text, such as \"0.02\", with at most 12 decimal places."

// checkAmounts says what is wrong with what a price says of money.
func checkAmounts(wrong *problem.Complaints, at string, p api.ListPrice) {
	setup := p.Item == string(billing.ItemSetup)
	if p.Minimum != "" {
		checkAmount(wrong, at+"minimum", p.Minimum)
		wrong.Unless(!setup, at+"minimum", p.Minimum, "What is charged once has no minimum a month.")
	}
	if p.Mode == "" || p.Mode == string(billing.ModeFlat) {
		checkAmount(wrong, at+"amount", p.Amount)
		wrong.Unless(len(p.Tiers) == 0, at+"tiers", nil, "A flat price has no tiers. Say by the mode how they work: graduated or volume.")
		return
	}
	wrong.Unless(p.Mode == string(billing.ModeGraduated) || p.Mode == string(billing.ModeVolume), at+"mode", p.Mode, "It is one of: flat, graduated, volume.")
	wrong.Unless(!setup, at+"mode", p.Mode, "What is charged once has no tiers.")
	wrong.Unless(len(p.Tiers) >= 2 && len(p.Tiers) <= mostTiers, at+"tiers", nil, "There are from 2 to %d tiers.", mostTiers)
	if len(p.Tiers) < 2 || len(p.Tiers) > mostTiers {
		return
	}
	before := int64(0)
	for i, t := range p.Tiers {
		tier := fmt.Sprintf("%stiers[%d].", at, i)
		checkAmount(wrong, tier+"amount", t.Amount)
		if i == len(p.Tiers)-1 {
			wrong.Unless(t.UpTo == 0, tier+"upTo", t.UpTo, "The last tier has no end: leave it out.")
			continue
		}
		wrong.Unless(t.UpTo > before, tier+"upTo", t.UpTo, "A tier ends above the one before it: above %d.", before)
		wrong.Unless(t.UpTo <= highestTier, tier+"upTo", t.UpTo, "A tier ends at %d at most.", highestTier)
		before = t.UpTo
	}
	wrong.Unless(p.Amount == "" || sameAmount(p.Amount, p.Tiers[0].Amount), at+"amount", p.Amount, "In tiers it is that of the first one: leave it out.")
}

func checkAmount(wrong *problem.Complaints, at, text string) {
	amount, err := money.Parse(text)
	wrong.Unless(err == nil, at, text, amountRule)
	if err == nil {
		wrong.Unless(amount.Cmp(money.Amount{}) >= 0, at, text, "A price cannot be negative.")
		wrong.Unless(amount.Cmp(highestPrice) <= 0, at, text, "A price is at most 1000000.")
	}
}

func sameAmount(a, b string) bool { return plainAmount(a) == plainAmount(b) }

// plainAmount writes an amount in the one way that it is written.
func plainAmount(text string) string {
	a, err := money.Parse(text)
	if err != nil {
		return text
	}
	return a.String()
}

// priceRow is a price as it is stored.
func priceRow(e PriceEntry) (catalogdb.InsertPriceParams, error) {
	row := catalogdb.InsertPriceParams{Service: e.Service, Plan: e.Plan, ServiceLevel: e.ServiceLevel, Item: e.Item, Unit: e.Unit, Mode: cmp.Or(e.Mode, string(billing.ModeFlat))}
	tiers := make([]billing.Tier, len(e.Tiers))
	for i, t := range e.Tiers {
		amount, err := money.Parse(t.Amount)
		if err != nil {
			return row, err
		}
		tiers[i] = billing.Tier{UpTo: t.UpTo, Amount: amount}
	}
	var err error
	if row.Amount, err = money.Parse(cmp.Or(e.Amount, firstTier(e))); err != nil {
		return row, err
	}
	if row.Minimum, err = money.Parse(cmp.Or(e.Minimum, "0")); err != nil {
		return row, err
	}
	row.Tiers, err = json.Marshal(tiers)
	return row, err
}

func firstTier(e PriceEntry) string {
	if len(e.Tiers) == 0 {
		return ""
	}
	return e.Tiers[0].Amount
}

// listPrice is a stored price as a document.
func listPrice(p catalogdb.Price) api.ListPrice {
	out := api.ListPrice{Service: p.Service, Plan: p.Plan, ServiceLevel: p.ServiceLevel, Item: p.Item, Unit: p.Unit, Amount: p.Amount.String()}
	if !p.Minimum.IsZero() {
		out.Minimum = p.Minimum.String()
	}
	if p.Mode != string(billing.ModeFlat) {
		out.Mode = p.Mode
		_ = json.Unmarshal(p.Tiers, &out.Tiers) // written by priceRow
	}
	return out
}

// priceText says what a price is; prices that are the same have the same text.
func priceText(p api.ListPrice) string {
	var b strings.Builder
	b.WriteString(plainAmount(cmp.Or(p.Amount, firstTier(p))) + " " + perUnit(p.Unit))
	for i, t := range p.Tiers {
		if i > 0 {
			b.WriteString(", " + plainAmount(t.Amount))
			if p.Mode == string(billing.ModeVolume) {
				b.WriteString(" for all")
			}
		}
		if t.UpTo > 0 {
			fmt.Fprintf(&b, " up to %d", t.UpTo)
		} else {
			b.WriteString(" beyond")
		}
	}
	if p.Minimum != "" {
		b.WriteString("; at least " + plainAmount(p.Minimum) + " a month")
	}
	return b.String()
}

func perUnit(unit string) string {
	if unit == string(billing.UnitOnce) {
		return unit
	}
	return "per " + unit
}
