package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

func newInvoicesExplain(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain NUMBER LINE | --draft LINE",
		Short: "Show what a line of an invoice is made of",
		Long: "Shows the intervals that a line of an invoice is made of, with what each adds to it before\n" +
			"anything is rounded, as it was known when the invoice was made; with --draft those of a line\n" +
			"of the draft. Of a line that a meter counted, --hour shows the events behind one of its hours.",
		Example: "  souk invoices explain 2026-000012 3\n  souk invoices explain --draft 1\n  souk invoices explain 2026-000012 4 --hour 2026-11-05T10:00:00Z",
		Args:    cobra.RangeArgs(1, 2),
	}
	draft := cmd.Flags().Bool("draft", false, "a line of the draft of a month")
	month := cmd.Flags().String("month", "", "with --draft: a month such as 2026-11 (default: that of now)")
	hour := cmd.Flags().String("hour", "", "show the events behind the hour that begins then")
	out := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		if *draft != (len(args) == 1) {
			return misuse("name an invoice and a line, or, with --draft, a line only")
		}
		line, err := strconv.Atoi(args[len(args)-1])
		if err != nil {
			return misuse("%q is not the number of a line", args[len(args)-1])
		}
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		read := func(p client.Part) (api.InvoiceLineDetail, error) {
			return organization.ExplainInvoice(ctx, args[0], line, p)
		}
		if *draft {
			key, err := draftKey(ctx, organization, *month, line)
			if err != nil {
				return err
			}
			read = func(p client.Part) (api.InvoiceLineDetail, error) {
				return organization.ExplainDraft(ctx, *month, key, p)
			}
		}
		var is api.InvoiceLineDetail
		is.Explanation, err = wholeExplanation(func(p client.Part) (*api.Explanation, error) {
			page, err := read(p)
			is = page
			return page.Explanation, err
		})
		if err != nil {
			return err
		}
		if *hour != "" && is.Explanation == nil {
			return fmt.Errorf("the line is not computed from what was used: there are no events behind it")
		}
		if *hour != "" {
			return a.showEvents(ctx, out, organization, "", []api.Explanation{*is.Explanation}, *hour)
		}
		return a.show(out, view{value: is, text: explanationText(is)})
	})
	return cmd
}

// draftKey is the key of a line of the draft as it is now.
func draftKey(ctx context.Context, o *client.Organization, month string, line int) (string, error) {
	d, err := o.InvoiceDraft(ctx, month)
	if err != nil {
		return "", err
	}
	for _, l := range d.Lines {
		if l.ID == line && l.Key != "" {
			return l.Key, nil
		}
		if l.ID == line {
			return "", fmt.Errorf("line %d of the draft is not computed from what was used: there is nothing behind it", line)
		}
	}
	return "", fmt.Errorf("the draft has no line %d", line)
}

// wholeExplanation reads all pages of what a line is made of; nil: of nothing that was used.
func wholeExplanation(read func(client.Part) (*api.Explanation, error)) (*api.Explanation, error) {
	e, err := read(client.Part{Limit: 500})
	for err == nil && e != nil && e.Next != "" {
		more, err := read(client.Part{Limit: 500, Cursor: e.Next})
		if err != nil || more == nil {
			return e, err
		}
		e.Parts, e.Next = append(e.Parts, more.Parts...), more.Next
	}
	return e, err
}

func explanationText(is api.InvoiceLineDetail) string {
	p := &page{}
	p.field("Line", fmt.Sprintf("%d: %s", is.Line.ID, is.Line.Text))
	p.field("Amount", is.Currency+" "+is.Line.Net)
	if is.Corrects != "" {
		p.field("Gives back", fmt.Sprintf("line %d of invoice %s", is.Line.Of, is.Corrects))
	}
	e := is.Explanation
	if e == nil {
		p.field("Made of", "nothing that was used")
		return p.String()
	}
	p.explanation(e, is.Currency)
	return p.String()
}

// explanation adds what a line is made of.
func (p *page) explanation(e *api.Explanation, currency string) {
	zone, err := time.LoadLocation(e.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	p.field("Month", e.Month+" ("+e.TimeZone+")")
	if !e.Watermark.IsZero() {
		p.field("As known", moment(e.Watermark))
	}
	if e.PriceList != "" {
		p.field("Price", fmt.Sprintf("%s %s a %s, price list %s, revision %d", e.Price.Currency, e.Price.Amount, e.Unit, e.PriceList, e.PriceRevision))
	}
	p.section("Parts", partsTable(e.Parts, zone))
	p.section("Together", togetherTable(e, currency))
}

func partsTable(parts []api.Part, zone *time.Location) *table {
	t := newTable("FROM", "TO", "WHAT", "QUANTITY", "SECONDS", "SHARE", "BEGAN WITH")
	for _, p := range parts {
		what := p.Kind
		switch {
		case p.Kind == "usage":
			what = fmt.Sprintf("%s, %d events", p.Meter, p.Events)
		case p.State != "":
			what = p.State
		}
		if p.Before {
			what += " (as known before)"
		}
		var began []string
		for _, c := range p.Causes {
			began = append(began, c.Kind+" "+c.What)
		}
		t.add(zoned(p.From, zone), zoned(p.To, zone), what, strconv.FormatInt(p.Quantity, 10), p.Seconds, p.Share, dash(strings.Join(began, ", ")))
	}
	return t
}

func zoned(at time.Time, zone *time.Location) string {
	return at.In(zone).Format("2006-01-02 15:04:05 MST")
}

// togetherTable is how the parts become the line.
func togetherTable(e *api.Explanation, currency string) *table {
	t := newTable("", currency)
	rated := func(r *api.Rated, when string) {
		if r == nil {
			return
		}
		t.add("All parts"+when, r.Unrounded)
		if r.Charged != "" {
			t.add("Less what was charged"+when, r.Charged)
		}
		t.add("Rounded, once"+when, r.Amount)
	}
	if e.Before == nil {
		rated(e.Now, "")
		return t
	}
	rated(e.Before, ", as known before")
	rated(e.Now, ", as known now")
	t.add("Difference", e.Amount.Amount)
	return t
}

// showEvents shows the usage events behind an hour of lines of an instance, which is of a
// project or (""), for who sees all, of any.
func (a *App) showEvents(ctx context.Context, out *output, o *client.Organization, project string, lines []api.Explanation, hour string) error {
	at, err := time.Parse(time.RFC3339, hour)
	if err != nil {
		return misuse("--hour %s: say a time such as 2026-11-05T10:00:00Z", hour)
	}
	var of api.Explanation
	meter := ""
	for _, e := range lines {
		for _, p := range e.Parts {
			if p.Kind != "usage" || !p.From.Equal(at) {
				continue
			}
			if meter != "" && meter != p.Meter {
				return misuse("several meters have an hour that begins at %s; name the item", hour)
			}
			of, meter = e, p.Meter
		}
	}
	if meter == "" {
		return fmt.Errorf("there is no hour of a meter that begins at %s", hour)
	}
	all := []api.CountedEvent{}
	for part := (client.Part{Limit: 500}); ; {
		page, err := o.CountedEvents(ctx, project, of.InstanceID, meter, at, of.Watermark, part)
		if err != nil {
			return err
		}
		all = append(all, page.Items...)
		if part.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	t := newTable("SOURCE", "ID", "FROM", "TO", "QUANTITY", "RECEIVED")
	for _, e := range all {
		t.add(e.Source, e.ID, moment(e.From), moment(e.To), strconv.FormatInt(e.Quantity, 10), moment(e.Received))
	}
	return a.show(out, view{value: listed(all), table: t, empty: "No events."})
}
