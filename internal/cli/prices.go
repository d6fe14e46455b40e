package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"souk/api"
)

func newPrices(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "prices", Short: "Publish price lists (operator)"}
	cmd.AddCommand(newPricesPublish(a))
	return cmd
}

func newPricesPublish(a *App) *cobra.Command {
	var file, policy string
	var dry bool
	cmd := &cobra.Command{
		Use:   "publish LIST",
		Short: "Publish prices as the newest revision of a list",
		Long: "Publish prices as the newest revision of a list, which is made if there is none. The\n" +
			"file has all of its prices; \"souk get price-list LIST -o yaml\" writes one. What is\n" +
			"offered at the list's prices is ordered at the new ones from then on. What was ordered\n" +
			"keeps its prices until it changes; with --policy now the new ones hold for it as well,\n" +
			"with --policy next-period from the next month on in the customer's time zone. An order\n" +
			"that is not ready yet by then keeps the prices that it was shown. The same again\n" +
			"changes nothing.",
		Example:           "  souk prices publish geneva -f prices.yaml --dry-run",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeKind("price-list")),
	}
	cmd.Flags().StringVarP(&file, "filename", "f", "", "the file with the prices; - is standard input")
	cmd.Flags().StringVar(&policy, "policy", "", "whom the new prices hold for: new-orders, now or next-period (default: new-orders)")
	must(cmd.RegisterFlagCompletionFunc("policy", cobra.FixedCompletions([]string{"new-orders", "now", "next-period"}, cobra.ShellCompDirectiveNoFileComp)))
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only show the difference")
	must(cmd.MarkFlagRequired("filename"))
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		prices, err := a.readPrices(file)
		if err != nil {
			return err
		}
		prices.Policy = policy
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		publish := c.Operator().PublishPrices
		if dry {
			publish = c.Operator().PreviewPrices
		}
		out, err := publish(ctx, args[0], prices)
		if err != nil {
			return err
		}
		name := "price-list/" + args[0]
		return a.show(o, view{value: out, names: []string{name}, text: publishedText(name, dry, out)})
	})
	return cmd
}

// publishedText is what publishing has changed, or would.
func publishedText(name string, dry bool, out api.PriceListPublished) string {
	var b strings.Builder
	switch {
	case !out.Published:
		return name + " unchanged\n"
	case dry:
		fmt.Fprintf(&b, "Would publish revision %d of %s:\n", out.PriceList.Revision, name)
	default:
		fmt.Fprintf(&b, "%s published as revision %d\n", name, out.PriceList.Revision)
	}
	switch out.PriceList.Policy {
	case "now":
		b.WriteString("  What runs is priced by it from now on.\n")
	case "next-period":
		b.WriteString("  What runs is priced by it from the next month on, in each customer's time zone.\n")
	}
	t := newTable("  PRICE", "FROM", "TO")
	for _, c := range out.Changes {
		t.add("  "+c.Field, shown(c.From), shown(c.To))
	}
	_ = t.write(&b)
	for _, o := range out.PriceList.Offerings {
		if o.Available {
			fmt.Fprintf(&b, "  Prices what is offered: %s in zone %s, %s\n", o.Service, o.Zone, o.ServiceLevel)
		}
	}
	return b.String()
}

// priceFile is a price list as a file has it. What the server alone writes may be
// there, so that what `get -o yaml` prints can be published.
type priceFile struct {
	Currency    string          `json:"currency"`
	Policy      json.RawMessage `json:"policy"` // of the revision that it was written from
	Prices      []api.ListPrice `json:"prices"`
	Metadata    json.RawMessage `json:"metadata"`
	Provider    json.RawMessage `json:"provider"`
	Revision    json.RawMessage `json:"revision"`
	PublishedAt json.RawMessage `json:"publishedAt"`
	Offerings   json.RawMessage `json:"offerings"`
}

func (a *App) readPrices(path string) (api.PriceListPut, error) {
	var text []byte
	var err error
	if path == "-" {
		text, err = io.ReadAll(a.In)
	} else {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return api.PriceListPut{}, fmt.Errorf("read the prices: %w", err)
	}
	document, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return api.PriceListPut{}, fmt.Errorf("%s: it is not valid YAML or JSON: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	var f priceFile
	if err := strict(bytes.TrimSpace(document), &f, ""); err != nil {
		hint := ""
		if strings.Contains(err.Error(), "amount") {
			hint = `; write it in quotes, such as "0.02", so that it stays exact`
		}
		return api.PriceListPut{}, fmt.Errorf("%s: %w%s", path, err, hint)
	}
	return api.PriceListPut{Currency: f.Currency, Prices: append([]api.ListPrice{}, f.Prices...)}, nil
}

func listPriceLists(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	c, _, err := a.connect()
	if err != nil {
		return view{}, err
	}
	all, err := c.Operator().PriceLists(ctx)
	if err != nil {
		return view{}, err
	}
	return listing("price-list", name, all, newTable("NAME", "REVISION", "POLICY", "CURRENCY", "PRICES", "OFFERINGS", "PUBLISHED"),
		func(l api.PriceList) string { return l.Metadata.Name },
		func(l api.PriceList) []string {
			return []string{l.Metadata.Name, fmt.Sprint(l.Revision), l.Policy, l.Currency, fmt.Sprint(len(l.Prices)), fmt.Sprint(len(l.Offerings)), moment(l.PublishedAt)}
		})
}

func (a *App) describePriceList(ctx context.Context, name string) error {
	c, _, err := a.connect()
	if err != nil {
		return err
	}
	l, err := c.Operator().PriceList(ctx, name)
	if err != nil {
		return err
	}
	p := &page{}
	p.field("Price list", l.Metadata.Name)
	p.field("Provider", l.Provider)
	p.field("Revision", fmt.Sprint(l.Revision))
	p.field("Policy", l.Policy)
	p.field("Published", moment(l.PublishedAt))
	prices := newTable("SERVICE", "PLAN", "LEVEL", "ITEM", "PRICE")
	for _, e := range l.Prices {
		plan := e.Plan
		if plan == "" {
			plan = "every plan"
		}
		prices.add(e.Service, plan, e.ServiceLevel, e.Item, listPriceText(e, l.Currency))
	}
	p.section("Prices", prices)
	p.section("Prices what is offered", offeringTable(l.Offerings))
	_, err = fmt.Fprint(a.Out, p)
	return err
}

// offeringTable is what is offered, without prices.
func offeringTable(all []api.Offering) *table {
	t := newTable("SERVICE", "ZONE", "LEVEL", "PRICE LIST", "ORDERABLE", "NOTE")
	for _, o := range all {
		orderable := "yes"
		if !o.Available {
			orderable = "no"
		}
		t.add(o.Service, o.Zone, o.ServiceLevel, fmt.Sprintf("%s %d", dash(o.PriceListName), o.PriceList), orderable, o.Problem)
	}
	return t
}

// listPriceText is what a price of a list is, tier by tier.
func listPriceText(p api.ListPrice, currency string) string {
	in := func(amount string) api.Money { return api.Money{Amount: amount, Currency: currency} }
	unit := p.Unit
	if unit != "once" {
		unit = "per " + unit
	}
	u := api.UnitPrice{Item: p.Item, Unit: unit, Price: in(p.Amount), Mode: p.Mode}
	for _, t := range p.Tiers {
		u.Tiers = append(u.Tiers, api.UnitTier{UpTo: t.UpTo, Price: in(t.Amount)})
	}
	if p.Minimum != "" {
		least := in(p.Minimum)
		u.Minimum = &least
	}
	return tierText(u)
}
