package main

import (
	"context"
	"time"

	"souk/api"
)

// priceList is the one of the demonstration.
const priceList = "demo"

// priceBook is what the month's prices are, as people agreed on them: written down here
// a second time, so that Souk's own are held against something.
type priceBook struct {
	compute map[string]string // by plan, for an hour
	raised  map[string]string // of new orders, once the prices were raised
	storage string            // a GiB and month
	backup  string            // a GiB and month
	late    map[string]bool   // instances that were ordered after that
}

func demoPrices() priceBook {
	return priceBook{compute: map[string]string{"small": "0.02", "medium": "0.04", "large": "0.08"}, raised: map[string]string{"small": "0.025"},
		storage: "0.20", backup: "0.05", late: map[string]bool{"late": true}}
}

// price is the tariff of the month.
func (p priceBook) price(instance, service, plan, item string, _ time.Time) (unit, price string) {
	switch item {
	case "compute":
		if p.late[instance] {
			return "hour", p.raised[plan]
		}
		return "hour", p.compute[plan]
	case "storage":
		return "GiB-month", p.storage
	case "backup-storage":
		if service != "nats" {
			return "GiB-month", p.backup
		}
	}
	return "", ""
}

// raisePrices publishes the new price of small Redis servers.
func (m *month) raisePrices(ctx context.Context) error {
	list, err := m.operator.Operator().PriceList(ctx, priceList)
	if err != nil {
		return err
	}
	for i, p := range list.Prices {
		if p.Service == "redis" && p.Item == "compute" && p.Plan == "small" {
			list.Prices[i].Amount = m.prices.raised["small"]
		}
	}
	if _, err = m.operator.Operator().PublishPrices(ctx, priceList, api.PriceListPut{Currency: list.Currency, Prices: list.Prices}); err != nil {
		return err
	}
	_, err = m.operator.Operator().PutOffering(ctx, simulatedZone, api.OfferingPut{Service: "redis", ServiceLevel: "best-effort", PriceList: priceList})
	return err
}
