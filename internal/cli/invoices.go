package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"souk/api"
)

func newInvoices(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "invoices [NUMBER]",
		Short: "Show invoices and credit notes",
		Long: "Show the organization's invoices and credit notes, newest first; with a number, the\n" +
			"lines of one. --draft shows what would be invoiced of a month as it is known now.",
		Example: "  souk invoices\n  souk invoices 2026-000012\n  souk invoices --draft",
		Args:    cobra.MaximumNArgs(1),
	}
	draft := cmd.Flags().Bool("draft", false, "show the draft of a month in place of what was issued")
	month := cmd.Flags().String("month", "", "with --draft: a month such as 2026-11 (default: that of now)")
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		switch {
		case *draft:
			d, err := organization.InvoiceDraft(ctx, *month)
			if err != nil {
				return err
			}
			return a.show(o, view{value: d, text: draftText(d)})
		case len(args) == 1:
			i, err := organization.Invoice(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(o, view{value: i, text: invoiceText(i)})
		}
		list, err := organization.Invoices(ctx)
		if err != nil {
			return err
		}
		t := newTable("NUMBER", "KIND", "MONTH", "ISSUED", "DUE", "CURRENCY", "AMOUNT", "CREDITED", "STATE")
		for _, i := range list {
			t.add(i.Number, i.Kind, i.Month, i.IssuedOn, dash(i.DueOn), i.Currency, i.Gross, dash(i.Credited), paymentState(i))
		}
		return a.show(o, view{value: listed(list), table: t, empty: "Nothing has been invoiced yet."})
	})
	cmd.AddCommand(newInvoicesDownload(a), newInvoicesExplain(a))
	return cmd
}

// paymentState is how an invoice stands.
func paymentState(i api.Invoice) string {
	if i.Payment == nil {
		return "-"
	}
	return i.Payment.State
}

// invoiceForms are the formats by which forms of invoices are asked for.
var invoiceForms = map[string]string{"pdf": "pdf", "xml": "ubl", "json": "json"}

func newInvoicesDownload(a *App) *cobra.Command {
	var format, file string
	cmd := &cobra.Command{
		Use:     "download NUMBER",
		Short:   "Download an invoice or credit note as PDF, XML (EN 16931, UBL 2.1) or JSON",
		Example: "  souk invoices download 2026-000012 --format xml -O invoice.xml",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&format, "format", "pdf", "pdf, xml or json")
	cmd.Flags().StringVarP(&file, "file", "O", "", "the file to write (default: NUMBER.FORMAT); - is standard output")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		form, known := invoiceForms[format]
		if !known {
			return fmt.Errorf("--format has to be pdf, xml or json, not %q", format)
		}
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		content, err := organization.InvoiceFile(ctx, args[0], form)
		if err != nil {
			return err
		}
		switch file {
		case "-":
			_, err = a.Out.Write(content)
			return err
		case "":
			file = args[0] + "." + format
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return err
		}
		a.progress("%s written", file)
		return nil
	})
	return cmd
}

func draftText(d api.InvoiceDraft) string {
	p := &page{}
	facts := [][2]string{{"Draft of", d.Month}, {"Period", d.From + " to " + d.To}, {"Up to", moment(d.Until)}}
	if !d.ClosesAt.IsZero() {
		facts = append(facts, [2]string{"Closes", moment(d.ClosesAt)})
	}
	if d.Lacking != "" {
		facts = append(facts, [2]string{"Lacking", lackingText(d.Lacking)})
	}
	for _, f := range facts {
		p.field(f[0], f[1])
	}
	p.section("Lines", invoiceLines(d.Lines))
	p.section("Total", totals(d.Currency, d.Net, d.Tax, d.Gross, d.Taxes))
	if d.Gaps != nil {
		p.section("Not known", gapTable(*d.Gaps))
	}
	return p.String()
}

func invoiceText(i api.InvoiceDetail) string {
	p := &page{}
	facts := [][2]string{{"Number", dash(i.Number)}, {"Kind", i.Kind}, {"Period", i.From + " to " + i.To}, {"Issued", dash(i.IssuedOn)}}
	if i.DueOn != "" {
		facts = append(facts, [2]string{"Due", i.DueOn}, [2]string{"Account", i.IBAN}, [2]string{"Reference", i.Reference})
	}
	if i.Corrects != "" {
		facts = append(facts, [2]string{"Corrects", i.Corrects}, [2]string{"Reason", i.Reason})
	}
	if i.Credited != "" {
		facts = append(facts, [2]string{"Credited", i.Currency + " " + i.Credited})
	}
	if p := i.Payment; p != nil {
		facts = append(facts, [2]string{"State", p.State}, [2]string{"Open", i.Currency + " " + p.Open})
		if p.WrittenOff != "" {
			facts = append(facts, [2]string{"Written off", i.Currency + " " + p.WrittenOff})
		}
	}
	for _, f := range append(facts, [2]string{"From", i.Issuer.Name}, [2]string{"To", i.Customer.Name}) {
		p.field(f[0], f[1])
	}
	p.section("Lines", invoiceLines(i.Lines))
	p.section("Total", totals(i.Currency, i.Net, i.Tax, i.Gross, i.Taxes))
	return p.String()
}

func invoiceLines(lines []api.InvoiceLine) *table {
	t := newTable("LINE", "PROJECT", "TEXT", "QUANTITY", "UNIT", "PRICE", "AMOUNT")
	for _, l := range lines {
		t.add(strconv.Itoa(l.ID), dash(l.Project), l.Text, l.Quantity, l.Unit, l.Price, l.Net)
	}
	return t
}

func totals(currency, net, tax, gross string, taxes []api.InvoiceTax) *table {
	t := newTable("", currency)
	t.add("Without tax", net)
	for _, x := range taxes {
		t.add("VAT "+x.Percent+" % of "+x.Net, x.Tax)
	}
	if len(taxes) == 0 {
		t.add("VAT", tax)
	}
	t.add("With tax", gross)
	return t
}

// gapTable is what nobody has said to be complete.
func gapTable(g api.MeterGaps) *table {
	t := newTable("INSTANCE", "METER", "FROM", "TO")
	for _, each := range g.First {
		t.add(each.Project+"/"+each.Instance, each.Meter, moment(each.From), moment(each.To))
	}
	if more := g.Count - len(g.First); more > 0 {
		t.add(fmt.Sprintf("and %d more", more), "", "", "")
	}
	return t
}

// lackingText says what an invoice waits for.
func lackingText(what string) string {
	if what == "vat-id" {
		return "a VAT number (souk billing profile)"
	}
	return "a billing address (souk billing profile)"
}
