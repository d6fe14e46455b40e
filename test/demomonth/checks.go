package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"souk/api"
	"souk/internal/money"
)

// check is something that has to hold of the month that was played.
type check struct {
	name  string
	check func(ctx context.Context, m *month) (figures string, err error)
}

// checks in the order in which they are printed.
var checks = []check{
	{"the zone is marked simulated", simulatedIsSaid},
	{"chains", chainsAreWhole},
	{"costs against a slow second computation", costsAreRight},
	{"availability", outageIsMeasured},
	{"the month closes by itself", monthCloses},
	{"rated again in a process of its own", ratedAgain},
	{"rated again once a late fact has come", ratedAgainAfterALateFact},
	{"the invoice against a slow second computation", invoiceIsRight},
	{"the discount", discountIsGiven},
	{"its documents say what the API does", documentsAgree},
	{"a bank's file marks it paid", paymentIsTaken},
	{"the late fact is adjusted on the next invoice", lateFactIsAdjusted},
	{"the outage is credited, with its evidence", outageIsCredited},
	{"the credit again in a process of its own", creditRatedAgain},
	{"reconciliation", booksAgree},
}

// simulatedIsSaid: whoever looks at the zone, or at what runs there, is told.
func simulatedIsSaid(ctx context.Context, m *month) (string, error) {
	zones, err := m.acme.Zones(ctx)
	if err != nil {
		return "", err
	}
	n := slices.IndexFunc(zones, func(z api.Zone) bool { return z.Metadata.Name == simulatedZone })
	if n < 0 || !zones[n].Simulated {
		return "", errors.New("the customer is not told that the zone is simulated")
	}
	i, _, err := m.project.Instance(ctx, "shop")
	if err == nil && i.Status.Driver != "simulated" {
		err = fmt.Errorf("the driver of shop is said to be %s", i.Status.Driver)
	}
	return fmt.Sprintf("%s, driver %s", zones[n].Title, zones[n].Driver), err
}

// chainsAreWhole: the segments are what the raw commands, facts and backups say.
func chainsAreWhole(ctx context.Context, m *month) (string, error) {
	audit, err := m.operator.Operator().AuditSegments(ctx)
	if err != nil {
		return "", err
	}
	figures := fmt.Sprintf("%d instances, %d commands, %d facts, %d segments, %d segments of backups, %s s accounted for, %d differences",
		audit.Instances, audit.Commands, audit.Facts, audit.Segments, audit.BackupSegments, audit.Seconds, len(audit.Differences))
	if len(audit.Differences) > 0 {
		return figures, fmt.Errorf("%s: %s", audit.Differences[0].Instance, audit.Differences[0].Problem)
	}
	return figures, nil
}

// costsAreRight: each line is what the zone's own books come to.
func costsAreRight(ctx context.Context, m *month) (string, error) {
	cost, err := m.customer.Cost(ctx, "")
	if err != nil {
		return "", err
	}
	got := map[spent]string{}
	for _, l := range cost.Lines {
		k := spent{l.Instance, l.Plan, l.Item, l.Unit, plain(l.Price.Amount)}
		got[k] = money.MustParse(orNothing(got[k])).Add(money.MustParse(l.Amount.Amount)).Fixed(2)
	}
	want, sum := map[spent]string{}, money.Amount{}
	for k, amount := range m.reckoned(m.zone.all(), cost.Until) {
		k.price = plain(k.price)
		want[k] = amount
		sum = sum.Add(money.MustParse(amount))
	}
	figures := fmt.Sprintf("%d lines, %s %s; computed a second time %d lines, %s", len(got), cost.Total.Amount, cost.Total.Currency, len(want), sum.Fixed(2))
	if cost.Month != m.calendar.name {
		return figures, fmt.Errorf("the costs are of %s", cost.Month)
	}
	var wrong []string
	for _, k := range slices.SortedFunc(maps.Keys(merge(got, want)), func(a, b spent) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) {
		if money.MustParse(orNothing(got[k])).Cmp(money.MustParse(orNothing(want[k]))) != 0 {
			wrong = append(wrong, fmt.Sprintf("%v is %s, and has to be %s", k, orNothing(got[k]), orNothing(want[k])))
		}
	}
	if len(wrong) > 0 {
		return figures, errors.New(strings.Join(wrong, "; "))
	}
	return figures, nil
}

func merge(a, b map[spent]string) map[spent]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func orNothing(amount string) string {
	if amount == "" {
		return "0"
	}
	return amount
}

// plain is a number without zeros at its end.
func plain(number string) string { return money.MustParse(number).String() }

// outageIsMeasured: the report has the outage to the second, and no gap.
func outageIsMeasured(ctx context.Context, m *month) (string, error) {
	a, err := m.project.Availability(ctx, "shop", m.calendar.name)
	if err != nil {
		return "", err
	}
	figures := fmt.Sprintf("shop %s %%, up %.0f s, down %.0f s, not measured %.1f s", a.Availability, a.Seconds.Up, a.Seconds.Down, a.Seconds.NoData)
	if a.Seconds.Down != 7200 || a.Seconds.NoData > 60 {
		return figures, errors.New("it was down for 7200 s, and measured all the time")
	}
	return figures, nil
}

// booksAgree: held against each other now, and every hour that was played, the books
// differ in nothing.
func booksAgree(ctx context.Context, m *month) (string, error) {
	r, err := m.operator.Operator().Reconcile(ctx)
	if err != nil {
		return "", err
	}
	var figures []string
	for _, c := range r.Checks {
		figures = append(figures, fmt.Sprintf("%s %d", c.Name, c.Looked))
		for _, p := range c.Problems {
			err = errors.Join(err, fmt.Errorf("%s: %s", c.Name, p))
		}
	}
	all, listed := m.operator.Operator().Reconciliations(ctx)
	if listed != nil {
		return "", listed
	}
	hours := 0
	for _, before := range all.Items {
		if before.Hourly {
			hours++
		}
		if before.Differences > 0 {
			err = errors.Join(err, fmt.Errorf("at %s there were %d differences", before.At, before.Differences))
		}
	}
	return fmt.Sprintf("compared: %s; %d by themselves before", strings.Join(figures, ", "), hours), err
}
