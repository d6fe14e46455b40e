package payment_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/ledger"
	"souk/internal/money"
	"souk/internal/payment"
	"souk/internal/qrbill"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const issuerIBAN = "CH9300762011623852957"

var start = time.Date(2026, 12, 4, 9, 0, 0, 0, time.UTC)

func amount(text string) money.Amount { return money.MustParse(text) }

// world is a record with an issuer, two customers and their invoices.
type world struct {
	*testing.T
	store   *store.Store
	service *payment.Service
	now     time.Time
	org     map[string]uuid.UUID
	issuer  uuid.UUID
	bills   int
}

func (w *world) Now() time.Time { return w.now }

func newWorld(t *testing.T) *world {
	w := &world{T: t, store: storetest.New(t), now: start, org: map[string]uuid.UUID{}, issuer: store.NewID()}
	w.service = &payment.Service{Clock: w}
	w.system(func(ctx context.Context, tx store.Tx) error {
		for _, name := range []string{"operator", "acme", "globex"} { // in the order of their IDs
			kind := "customer"
			if name == "operator" {
				kind = name
			}
			w.org[name] = store.NewID()
			if _, err := tx.Exec(ctx, `INSERT INTO organizations (id, name, kinds, created_at, updated_at) VALUES ($1, $2, ARRAY[$3], $4, $4)`, w.org[name], name, kind, w.now); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO issuers (id, name, postal_code, town, country, vat_id, iban, currency, time_zone, payment_days, grace_hours, first_month, created_at, updated_at)
			VALUES ($1, 'Example Cloud AG', '8000', 'Zürich', 'CH', 'CHE-1', 'CH93 0076 2011 6238 5295 7', 'CHF', 'Europe/Zurich', 30, 72, '2026-01', $2, $2)`, w.issuer, w.now)
		return err
	})
	return w
}

func (w *world) system(f func(ctx context.Context, tx store.Tx) error) {
	w.Helper()
	if err := w.store.System(w.Context(), func(tx store.Tx) error { return f(w.Context(), tx) }); err != nil {
		w.Fatal(err)
	}
}

// bill issues an invoice of an organization, and returns its creditor reference.
func (w *world) bill(number, organization, payable string) string {
	w.Helper()
	return w.billDue(number, organization, payable, "2026-12-31")
}

func (w *world) billDue(number, organization, payable, due string) string {
	w.Helper()
	reference, err := qrbill.CreditorReference(strings.ReplaceAll(number, "-", ""))
	if err != nil {
		w.Fatal(err)
	}
	id, run, org := store.NewID(), store.NewID(), w.org[organization]
	w.bills++
	w.system(func(ctx context.Context, tx store.Tx) error {
		month := fmt.Sprintf("%04d-%02d", 2000+w.bills/12, 1+w.bills%12)
		_, err := tx.Exec(ctx, `INSERT INTO invoice_runs (id, organization_id, month, from_at, to_at, time_zone, state, watermark, rules, frozen_at, ended_at)
			VALUES ($1, $2, $3, $4::timestamptz - interval '1 month', $4, 'Europe/Zurich', 'mailed', $4, '1', $4, $4)`, run, org, month, w.now)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO invoices (id, organization_id, issuer_id, run_id, kind, number, month, issued_on, due_on, currency, net, tax, gross, payable, reference, language, watermark, rules, rated, document, recorded_at)
			VALUES ($1, $2, $3, $4, 'invoice', $5, $6, '2026-12-01', $7::text::date, 'CHF', $8::text::numeric, 0, $8::text::numeric, $8::text::numeric, $9, 'en', $10, '1', '', '{}', $10)`,
			id, org, w.issuer, run, number, month, due, payable, reference, w.now)
		if err != nil {
			return err
		}
		return ledger.Post(ctx, tx, ledger.Entry{Organization: org, Kind: ledger.KindInvoice, Reference: number, On: "2026-12-01", Currency: "CHF",
			Postings: []ledger.Posting{{Account: ledger.Receivable(org), Amount: amount(payable)}, {Account: ledger.Revenue("redis"), Amount: amount(payable).Negative()}}}, w.now)
	})
	return reference
}

// credit issues a credit note that corrects an invoice.
func (w *world) credit(number, corrects, payable string) {
	w.Helper()
	w.system(func(ctx context.Context, tx store.Tx) error {
		var org uuid.UUID
		err := tx.QueryRow(ctx, `INSERT INTO invoices (id, organization_id, issuer_id, kind, number, month, issued_on, currency, net, tax, gross, payable, reference, language, watermark, rules, rated, document, corrects, recorded_at)
			SELECT $1, organization_id, issuer_id, 'credit-note', $2, month, issued_on, currency, $3::text::numeric, 0, $3::text::numeric, $3::text::numeric, '', 'en', watermark, '1', '', '{}', id, $4
			FROM invoices WHERE number = $5 RETURNING organization_id`, store.NewID(), number, payable, w.now, corrects).Scan(&org)
		if err != nil {
			return err
		}
		return ledger.Post(ctx, tx, ledger.Entry{Organization: org, Kind: ledger.KindCreditNote, Reference: number, On: "2026-12-01", Currency: "CHF",
			Postings: []ledger.Posting{{Account: ledger.Receivable(org), Amount: amount(payable).Negative()}, {Account: ledger.Revenue("redis"), Amount: amount(payable)}}}, w.now)
	})
}

// entry is one of a bank's file.
type entry struct {
	ref, amount, reference, text, payer, endToEnd string
	currency                                      string // "": CHF
	debit, returned                               bool
	details                                       []entry
}

func (e entry) xml() string {
	sign := "CRDT"
	if e.debit {
		sign = "DBIT"
	}
	if e.currency == "" {
		e.currency = "CHF"
	}
	details := e.details
	if len(details) == 0 && (e.reference != "" || e.text != "" || e.payer != "" || e.endToEnd != "") {
		one := e
		one.ref = ""
		details = []entry{one}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<Ntry><Amt Ccy="%s">%s</Amt><CdtDbtInd>%s</CdtDbtInd>`, e.currency, e.amount, sign)
	if e.returned {
		b.WriteString(`<RvslInd>true</RvslInd>`)
	}
	b.WriteString(`<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-12-04</Dt></BookgDt>`)
	if e.ref != "" {
		fmt.Fprintf(&b, `<AcctSvcrRef>%s</AcctSvcrRef>`, e.ref)
	}
	b.WriteString(`<NtryDtls>`)
	for _, d := range details {
		b.WriteString(`<TxDtls><Refs>`)
		if d.ref != "" {
			fmt.Fprintf(&b, `<AcctSvcrRef>%s</AcctSvcrRef>`, d.ref)
		}
		if d.endToEnd != "" {
			fmt.Fprintf(&b, `<EndToEndId>%s</EndToEndId>`, d.endToEnd)
		}
		fmt.Fprintf(&b, `</Refs><Amt Ccy="%s">%s</Amt><CdtDbtInd>%s</CdtDbtInd>`, e.currency, d.amount, sign)
		if d.payer != "" {
			fmt.Fprintf(&b, `<RltdPties><DbtrAcct><Id><IBAN>%s</IBAN></Id></DbtrAcct></RltdPties>`, d.payer)
		}
		if d.reference != "" {
			fmt.Fprintf(&b, `<RmtInf><Strd><CdtrRefInf><Ref>%s</Ref></CdtrRefInf></Strd></RmtInf>`, d.reference)
		} else if d.text != "" {
			fmt.Fprintf(&b, `<RmtInf><Ustrd>%s</Ustrd></RmtInf>`, d.text)
		}
		b.WriteString(`</TxDtls>`)
	}
	b.WriteString(`</NtryDtls></Ntry>`)
	return b.String()
}

func statement(id string, entries ...entry) []byte {
	return bankFile("BkToCstmrStmt", "Stmt", id, issuerIBAN, entries)
}

func notification(id string, entries ...entry) []byte {
	return bankFile("BkToCstmrDbtCdtNtfctn", "Ntfctn", id, issuerIBAN, entries)
}

func bankFile(root, part, id, iban string, entries []entry) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><%s><GrpHdr><MsgId>M-%s</MsgId></GrpHdr><%s><Id>%s</Id><Acct><Id><IBAN>%s</IBAN></Id></Acct>`, root, id, part, id, iban)
	for _, e := range entries {
		b.WriteString(e.xml())
	}
	fmt.Fprintf(&b, `</%s></%s></Document>`, part, root)
	return []byte(b.String())
}

func (w *world) try(file []byte) (out api.BankImport, err error) {
	err = w.store.System(w.Context(), func(tx store.Tx) (err error) {
		out, err = w.service.Import(w.Context(), tx, file, "ann@operator.example")
		return err
	})
	return out, err
}

func (w *world) imports(file []byte) api.BankImport {
	w.Helper()
	out, err := w.try(file)
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// stands says how invoices stand: "2026-000001 paid 0.00", with what is on the accounts
// of customers and on that of unmatched payments. Debits equal credits at any time.
func (w *world) stands(numbers ...string) string {
	w.Helper()
	var said []string
	w.system(func(ctx context.Context, tx store.Tx) error {
		states := map[string]api.InvoicePayment{}
		for _, organization := range w.org {
			some, err := w.service.States(ctx, tx, &organization, numbers)
			if err != nil {
				return err
			}
			maps.Copy(states, some)
		}
		for _, n := range numbers {
			said = append(said, n+" "+states[n].State+" "+states[n].Open)
		}
		sums, err := ledger.TrialBalance(ctx, tx, w.now)
		left := map[string]money.Amount{}
		for _, s := range sums {
			left[s.Currency] = left[s.Currency].Add(s.Debit).Sub(s.Credit)
			if rest := s.Debit.Sub(s.Credit); !rest.IsZero() && !strings.HasPrefix(string(s.Account), "revenue:") {
				account := string(s.Account)
				for name, id := range w.org {
					account = strings.ReplaceAll(account, id.String(), name)
				}
				said = append(said, strings.ReplaceAll(account, ":"+issuerIBAN, "")+" "+rest.Fixed(2))
			}
		}
		for currency, rest := range left {
			if !rest.IsZero() {
				w.Errorf("%s %s is left over", currency, rest)
			}
		}
		return err
	})
	return strings.Join(said, ", ")
}

func (w *world) expect(want string, numbers ...string) {
	w.Helper()
	if got := w.stands(numbers...); got != want {
		w.Errorf("stands\n     %s\nwant %s", got, want)
	}
}
