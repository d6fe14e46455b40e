package agreement

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"souk/api"
	"souk/internal/agreement/agreementdb"
	"souk/internal/billing"
	"souk/internal/catalog"
	"souk/internal/money"
	"souk/internal/problem"
)

const (
	mostTiers = 20
	dayRule   = "Write a day as 2027-01-31."
)

var (
	hundred = money.MustParse("100")
	highest = money.MustParse("1000000000")
	dayForm = regexp.MustCompile(`^2\d{3}-\d\d-\d\d$`)
)

func isDay(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil && dayForm.MatchString(text)
}

// plain writes a percentage with no more digits than it needs: "5", "12.5".
func plain(p money.Amount) string { return p.Decimal().String() }

// complaints collects what is wrong with an agreement.
type complaints struct{ problem.Complaints }

// check says all that is wrong with an agreement, or makes its row.
func (s Service) check(in api.AgreementCreate) (agreementdb.InsertParams, error) {
	var wrong complaints
	row := agreementdb.InsertParams{Name: strings.TrimSpace(in.Name), Kind: in.Kind, Currency: catalog.Currency, Service: in.Service, Plan: in.Plan, Item: in.Item, FromDay: in.From}
	length := utf8.RuneCountInString(row.Name)
	wrong.Unless(length >= 1 && length <= 100 && !strings.ContainsFunc(row.Name, func(r rune) bool { return r < ' ' }), "body.name", in.Name, "Give it a name of at most 100 letters on one line: it stands on invoices.")
	wrong.Unless(slices.Contains(billing.AgreementKinds, billing.AgreementKind(in.Kind)), "body.kind", in.Kind, "It is one of: percent, amount, volume.")
	row.Percent, row.Amount = wrong.reduction(in.AgreementTerms)
	tiers := wrong.tiers(in.AgreementTerms)
	s.covered(&wrong, in.AgreementTerms)
	wrong.Unless(isDay(in.From), "body.from", in.From, dayRule)
	if in.To != "" {
		wrong.Unless(isDay(in.To), "body.to", in.To, dayRule)
		wrong.Unless(!isDay(in.To) || in.From < in.To, "body.to", in.To, "It ends after the day on which it begins.")
		row.ToDay = &in.To
	}
	if err := wrong.Err(); err != nil {
		return row, err
	}
	var err error
	row.Tiers, err = json.Marshal(tiers)
	return row, err
}

// reduction reads the percentage or the amount; the kind says which one there is.
func (c *complaints) reduction(in api.AgreementTerms) (percent, amount money.Amount) {
	if in.Kind == string(billing.AgreementPercent) {
		percent = c.percent("body.percent", in.Percent)
		c.Unless(in.Percent == "" || !percent.IsZero(), "body.percent", in.Percent, "It is more than 0.")
	} else {
		c.Unless(in.Percent == "", "body.percent", in.Percent, "Only an agreement of the kind percent has a percentage.")
	}
	if in.Kind == string(billing.AgreementAmount) {
		amount = c.amount("body.amount", in.Amount)
	} else {
		c.Unless(in.Amount == "", "body.amount", in.Amount, "Only an agreement of the kind amount has an amount.")
	}
	return percent, amount
}

func (c *complaints) percent(location, text string) money.Amount {
	p, err := money.Parse(text)
	c.Unless(err == nil && p.Cmp(money.Amount{}) >= 0 && p.Cmp(hundred) <= 0 && p.Round(6).Cmp(p) == 0, location, text, "Write a percentage from 0 to 100 with at most 6 decimal places, such as 12.5.")
	return p
}

func (c *complaints) amount(location, text string) money.Amount {
	a, err := money.Parse(text)
	c.Unless(err == nil && a.Cmp(money.Amount{}) > 0 && a.Cmp(highest) <= 0 && a.Round(money.Digits(catalog.Currency)).Cmp(a) == 0, location, text,
		"Write an amount in %s that is more than nothing, with at most %d decimal places, such as 50.00.", catalog.Currency, money.Digits(catalog.Currency))
	return a
}

// tiers reads those of a volume: at least two, each ending above the one before.
func (c *complaints) tiers(in api.AgreementTerms) []billing.DiscountTier {
	tiers := make([]billing.DiscountTier, len(in.Tiers))
	if in.Kind != string(billing.AgreementVolume) {
		c.Unless(len(in.Tiers) == 0, "body.tiers", nil, "Only an agreement of the kind volume has tiers.")
		return tiers[:0]
	}
	if len(in.Tiers) < 2 || len(in.Tiers) > mostTiers {
		c.Unless(false, "body.tiers", nil, "There are from 2 to %d tiers.", mostTiers)
		return tiers
	}
	var before money.Amount
	reduces := false
	for i, t := range in.Tiers {
		at := fmt.Sprintf("body.tiers[%d].", i)
		tiers[i].Percent = c.percent(at+"percent", t.Percent)
		reduces = reduces || !tiers[i].Percent.IsZero()
		if i == len(in.Tiers)-1 {
			c.Unless(t.UpTo == "", at+"upTo", t.UpTo, "The last tier has no end: leave it out.")
			continue
		}
		tiers[i].UpTo = c.amount(at+"upTo", t.UpTo)
		c.Unless(tiers[i].UpTo.Cmp(before) > 0, at+"upTo", t.UpTo, "A tier ends above the one before it: above %s.", before)
		before = tiers[i].UpTo
	}
	c.Unless(reduces, "body.tiers", nil, "One of the percentages is more than 0.")
	return tiers
}

// covered checks what an agreement covers against what is for sale.
func (s Service) covered(wrong *complaints, in api.AgreementTerms) {
	services := slices.Sorted(maps.Keys(s.Packages))
	items := []string{string(billing.ItemCompute), string(billing.ItemStorage), string(billing.ItemBackupStorage), string(billing.ItemSetup)}
	of, known := s.Packages[in.Service]
	wrong.Unless(in.Service == "" || known, "body.service", in.Service, "There is no service of this name. There are: %s. Leave it out for all of them.", strings.Join(services, ", "))
	for _, name := range services {
		if in.Service == "" || in.Service == name {
			for _, m := range s.Packages[name].Definition.Meters {
				items = append(items, m.Name)
			}
		}
	}
	slices.Sort(items)
	items = slices.Compact(items)
	wrong.Unless(in.Item == "" || slices.Contains(items, in.Item), "body.item", in.Item, "It is one of: %s. Leave it out for all of them.", strings.Join(items, ", "))
	if in.Plan == "" {
		return
	}
	wrong.Unless(in.Service != "", "body.plan", in.Plan, "Say of which service the plan is.")
	if known {
		var plans []string
		for _, p := range of.Definition.Plans {
			plans = append(plans, p.Name)
		}
		wrong.Unless(slices.Contains(plans, in.Plan), "body.plan", in.Plan, "There is no plan of this name. There are: %s. Leave it out for all of them.", strings.Join(plans, ", "))
	}
}
