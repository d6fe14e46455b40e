// Package repricing tells customers of changes of prices that hold for what they have:
// each organization by one mail for each revision of a price list, and among its costs
// until the day has come.
//
// Publishing a revision notes in its own transaction whom it may concern. Each of them is
// looked at in a transaction that writes the mails and that they were written: whoever is
// killed goes on with the next, and nobody is told twice.
package repricing

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing"
	"souk/internal/instance"
	"souk/internal/repricing/repricingdb"
	"souk/internal/store"
)

// holding is an instance that has prices by an earlier revision.
type holding repricingdb.AcceptedBeforeRow

func (h holding) use() billing.Use {
	return billing.Use{Segment: billing.Segment{Terms: billing.Terms{PriceList: h.PriceListRevisionID, ServiceLevel: h.ServiceLevel}}, InstanceID: h.ID, Service: h.Service, Plan: h.Plan}
}

func uses(list []holding) []billing.Use {
	out := make([]billing.Use, len(list))
	for i, h := range list {
		out[i] = h.use()
	}
	return out
}

// pays says whether the instance can still be charged for an item at a time.
func (h holding) pays(item billing.Item, at time.Time) bool {
	deleted := h.PurgeAt != nil && h.Intent == "deleted"
	switch {
	case deleted && !h.PurgeAt.After(at), item == billing.ItemSetup:
		return false
	case item == billing.ItemBackupStorage:
		return instance.BillsBackups(h.Backup)
	case deleted:
		return item == billing.ItemStorage
	}
	return true
}

// difference is an item whose price is another one. A price that is nil is none.
type difference struct {
	item          billing.Item
	before, after *billing.Price
}

// differences are the items that cost an instance something else from a time on.
func (h holding) differences(before, after []billing.Price, at time.Time) (out []difference) {
	of := func(list []billing.Price, item billing.Item) *billing.Price {
		if i := slices.IndexFunc(list, func(p billing.Price) bool { return p.Item == item }); i >= 0 {
			return &list[i]
		}
		return nil
	}
	for _, p := range slices.Concat(before, after) {
		d := difference{p.Item, of(before, p.Item), of(after, p.Item)}
		same := d.before != nil && d.after != nil && d.before.Costs(*d.after)
		seen := slices.ContainsFunc(out, func(o difference) bool { return o.item == p.Item })
		if !same && !seen && h.pays(p.Item, at) {
			out = append(out, d)
		}
	}
	return out
}

// Coming is that other prices will hold for instances from a time on.
type Coming struct {
	From      time.Time
	Instances []Instance // by project and name
}

// Instance is one of an organization's.
type Instance struct{ Project, Name string }

// mostAhead is how long after it is published a revision begins at the latest: a month,
// and an hour by which its clocks are changed.
const mostAhead = 32 * 24 * time.Hour

// ComingTo lists by their day the changes of prices that are still to come to what an
// organization, or one of its projects, has.
func ComingTo(ctx context.Context, tx store.Tx, organization uuid.UUID, project *uuid.UUID, now time.Time) ([]Coming, error) {
	q := repricingdb.New(tx)
	rows, err := q.AcceptedBeforeAny(ctx, repricingdb.AcceptedBeforeAnyParams{OrganizationID: organization, ProjectID: project, Since: now.Add(-mostAhead)})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	list := make([]holding, len(rows))
	for i, r := range rows {
		list[i] = holding(r)
	}
	name, err := q.TimeZone(ctx, organization)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	all, err := billing.AllPricedFrom(ctx, tx, uses(list), zone, now)
	if err != nil {
		return nil, err
	}
	var out []Coming
	for i, h := range list {
		for n, next := range all[i][1:] {
			if len(h.differences(all[i][n].Prices, next.Prices, next.From)) == 0 {
				continue
			}
			at := slices.IndexFunc(out, func(c Coming) bool { return c.From.Equal(next.From) })
			if at < 0 {
				at, out = len(out), append(out, Coming{From: next.From})
			}
			out[at].Instances = append(out[at].Instances, Instance{h.Project, h.Name})
		}
	}
	slices.SortFunc(out, func(a, b Coming) int { return a.From.Compare(b.From) })
	return out, nil
}

// change is what a revision does to the prices of an organization's instances.
type change struct {
	items     []changed
	instances []Instance // by project and name
}

// changed is a price that is another one from a time on.
type changed struct {
	from                 time.Time
	service, plan, level string // plan "": every plan
	difference
}

// first is the earliest time from which prices are others.
func (c change) first() time.Time { return c.items[0].from }

// changeBy finds what a revision does to an organization: from the first moment at which
// an instance would have other prices without it.
func changeBy(ctx context.Context, tx store.Tx, due repricingdb.DueRow, zone *time.Location) (change, error) {
	var c change
	rows, err := repricingdb.New(tx).AcceptedBefore(ctx, repricingdb.AcceptedBeforeParams{OrganizationID: due.OrganizationID, Revision: due.PriceListRevisionID})
	if err != nil || len(rows) == 0 {
		return c, err
	}
	list := make([]holding, len(rows))
	for i, r := range rows {
		list[i] = holding(r)
	}
	repriced, err := billing.RepricedBy(ctx, tx, due.PriceListRevisionID, uses(list), zone)
	if err != nil {
		return c, err
	}
	for i, h := range list {
		for _, otherwise := range repriced[i].Otherwise {
			if found := h.differences(otherwise.Prices, repriced[i].By, otherwise.From); len(found) > 0 {
				c.add(h, otherwise.From, found)
				break
			}
		}
	}
	slices.SortStableFunc(c.items, func(a, b changed) int {
		return cmp.Or(a.from.Compare(b.from), cmp.Compare(a.service, b.service), cmp.Compare(a.level, b.level), cmp.Compare(a.plan, b.plan))
	})
	return c, nil
}

// add notes what changes for an instance: once where it is the same as of another one.
func (c *change) add(h holding, from time.Time, found []difference) {
	c.instances = append(c.instances, Instance{h.Project, h.Name})
	for _, d := range found {
		n := changed{from, h.Service, h.Plan, h.ServiceLevel, d}
		if everyPlan(d.before) && everyPlan(d.after) {
			n.plan = ""
		}
		if !slices.ContainsFunc(c.items, n.same) {
			c.items = append(c.items, n)
		}
	}
}

func everyPlan(p *billing.Price) bool { return p == nil || p.Plan == "" }

func (c changed) same(other changed) bool {
	same := func(a, b *billing.Price) bool { return a == nil && b == nil || a != nil && b != nil && a.Costs(*b) }
	return c.from.Equal(other.from) && c.service == other.service && c.plan == other.plan && c.level == other.level && c.item == other.item &&
		same(c.before, other.before) && same(c.after, other.after)
}
