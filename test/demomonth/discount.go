package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"souk/api"
	"souk/internal/money"
)

// discount is what acme and the operator agree on in the middle of the month: an eighth
// less for Redis, from a day on.
var discount = struct {
	name, service, percent string
	day                    int
}{"Partner", "redis", "12.5", 11}

// agreeOnDiscount records it.
func (m *month) agreeOnDiscount(ctx context.Context) error {
	_, err := m.operator.Operator().CreateAgreement(ctx, api.AgreementCreate{Organization: "acme", AgreementTerms: api.AgreementTerms{Name: discount.name, Kind: "percent", Percent: discount.percent,
		Service: discount.service, From: m.calendar.at(discount.day, 0, 0).Format(time.DateOnly)}})
	return err
}

// withDiscount adds to costs of the month until a moment what the discount takes off: of
// what the lines of Redis have grown by since its first day, an eighth, rounded once, half
// up.
func (m *month) withDiscount(costs map[spent]string, lives []*life, until time.Time) {
	services := map[string]string{}
	for _, l := range lives {
		services[l.name] = l.service
	}
	reduced := new(big.Rat)
	add := func(lines map[spent]string, sign int64) {
		for k, amount := range lines {
			if services[k.instance] == discount.service {
				r, _ := new(big.Rat).SetString(amount)
				reduced.Add(reduced, r.Mul(r, big.NewRat(sign, 1)))
			}
		}
	}
	add(costs, 1)
	if from := m.calendar.at(discount.day, 0, 0); from.Before(until) {
		add(reckon(lives, m.prices.price, nil, m.calendar.window, from.UTC()), -1)
		reduced.Quo(reduced, big.NewRat(8, 1))
		if less := reduced.FloatString(2); less != "0.00" {
			costs[spent{item: "discount", unit: "each", price: less}] = "-" + less
		}
	}
}

// discountOf is what the discount takes off.
func discountOf(costs map[spent]string) string {
	for k, amount := range costs {
		if k.item == "discount" {
			return amount
		}
	}
	return "0.00"
}

// discountIsGiven: the draft and the invoice have a line of the discount, each of what a
// second computation comes to.
func discountIsGiven(ctx context.Context, m *month) (string, error) {
	is, err := m.invoice(ctx, m.calendar.name)
	if err != nil {
		return "", err
	}
	invoiced, failed := m.discountLine(is.Lines, m.zone.inTime(), m.calendar.to)
	drafted, err := m.discountLine(m.draft.Lines, m.zone.inTime(), m.draft.Until)
	return fmt.Sprintf("on the draft up to %s %s; on invoice %s %s", m.draft.Until.In(m.calendar.location).Format(time.DateTime), drafted, is.Number, invoiced), errors.Join(failed, err)
}

// discountLine compares the line of the discount among others.
func (m *month) discountLine(lines []api.InvoiceLine, lives []*life, until time.Time) (string, error) {
	want := discountOf(m.reckoned(lives, until))
	var found []string
	var err error
	for _, l := range lines {
		if l.Item != "discount" || l.Invoice != "" {
			continue
		}
		found = append(found, l.Net)
		if l.Quantity != "-1" || !strings.Contains(l.Text, discount.name) || money.MustParse(l.Price).Negative().Cmp(money.MustParse(l.Net)) != 0 {
			err = fmt.Errorf("the line is %q: %s × %s = %s", l.Text, l.Quantity, l.Price, l.Net)
		}
	}
	figures := fmt.Sprintf("%s, computed a second time %s", strings.Join(found, " and "), want)
	if len(found) != 1 || money.MustParse(found[0]).Cmp(money.MustParse(want)) != 0 {
		err = errors.Join(err, errors.New("the two differ"))
	}
	return figures, err
}
