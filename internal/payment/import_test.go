package payment_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/problem"
	"souk/internal/qrbill"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestPaidByReference(t *testing.T) {
	w := newWorld(t)
	first, second := w.bill("2026-000001", "acme", "100.00"), w.bill("2026-000002", "acme", "50.00")
	spaced := first[:4] + " " + first[4:8] + " " + first[8:]
	out := w.imports(statement("S1", entry{ref: "B1", amount: "40.00", reference: spaced}))
	if out.New != 1 || out.Findings["part"] != 1 || out.File.Known != 0 {
		t.Errorf("imported %+v", out)
	}
	w.expect("2026-000001 partly-paid 60.00, 2026-000002 open 50.00, bank 40.00, receivable:acme 110.00", "2026-000001", "2026-000002")
	w.imports(statement("S2", entry{ref: "B2", amount: "60.00", text: "invoice " + spaced + " with thanks"}))
	w.expect("2026-000001 paid 0.00, 2026-000002 open 50.00, bank 100.00, receivable:acme 50.00", "2026-000001", "2026-000002")
	// Paid again: it is the customer's credit, and taken for what is open.
	out = w.imports(statement("S3", entry{ref: "B3", amount: "30.00", reference: first}))
	if out.Findings["again"] != 1 {
		t.Errorf("imported %+v", out)
	}
	w.expect("2026-000001 paid 0.00, 2026-000002 partly-paid 20.00, bank 130.00, receivable:acme 20.00", "2026-000001", "2026-000002")
	w.imports(statement("S4", entry{ref: "B4", amount: "25.00", reference: second}))
	w.expect("2026-000001 paid 0.00, 2026-000002 paid 0.00, bank 155.00, credit:acme -5.00", "2026-000001", "2026-000002")
}

func TestTheSameFileTwice(t *testing.T) {
	w := newWorld(t)
	file := statement("S1", entry{ref: "B1", amount: "40.00", reference: w.bill("2026-000001", "acme", "100.00")})
	w.imports(file)
	if out := w.imports(file); !out.Again || out.New != 0 || out.File.MessageID != "M-S1" {
		t.Errorf("imported again: %+v", out)
	}
	w.expect("2026-000001 partly-paid 60.00, bank 40.00, receivable:acme 60.00", "2026-000001")
}

func TestAMalformedFileChangesNothing(t *testing.T) {
	w := newWorld(t)
	reference := w.bill("2026-000001", "acme", "100.00")
	good := string(statement("S1", entry{ref: "B1", amount: "40.00", reference: reference}, entry{ref: "B2", amount: "60.00", reference: reference}))
	for name, c := range map[string]struct{ file, where string }{
		"cut off":         {good[:len(good)-40], "not well-formed"},
		"a bad amount":    {strings.Replace(good, `<Ntry><Amt Ccy="CHF">60.00`, `<Ntry><Amt Ccy="CHF">6O.00`, 1), "Stmt[1]/Ntry[2]/Amt"},
		"no statement":    {"<Document/>", "neither a statement"},
		"another account": {strings.Replace(good, issuerIBAN, "CH5604835012345678009", 1), "CH5604835012345678009"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.try([]byte(c.file))
			if p := problem.As(err); p == nil || p.Status != 422 || !strings.Contains(p.Error(), c.where) {
				t.Errorf("imported: %v", err)
			}
		})
	}
	w.expect("2026-000001 open 100.00, receivable:acme 100.00", "2026-000001")
}

func TestAPaymentInTwoKindsOfFilesCountsOnce(t *testing.T) {
	w := newWorld(t)
	reference := w.bill("2026-000001", "acme", "100.00")
	other := w.bill("2026-000002", "globex", "10.00")
	whole := entry{ref: "BATCH", amount: "50.00"}
	parts := entry{ref: "BATCH", amount: "50.00", details: []entry{{ref: "P1", amount: "40.00", reference: reference}, {ref: "P2", amount: "10.00", reference: other}}}
	const want = "2026-000001 partly-paid 60.00, 2026-000002 paid 0.00, bank 50.00, receivable:acme 60.00"
	for name, files := range map[string][][]byte{
		"with the bank's reference":    {statement("A", parts), notification("B", parts)},
		"the whole, then its parts":    {statement("A", whole), notification("B", parts)},
		"the parts, then the whole":    {notification("B", parts), statement("A", whole)},
		"without the bank's reference": {statement("A", bare(reference, "40.00"), bare(other, "10.00")), notification("B", bare(other, "10.00"), bare(reference, "40.00"))},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.bill("2026-000001", "acme", "100.00")
			w.bill("2026-000002", "globex", "10.00")
			for _, f := range files {
				w.imports(f)
			}
			w.expect(want, "2026-000001", "2026-000002")
		})
	}
	// Two that look the same in one file are two.
	w.imports(statement("C", bare(reference, "30.00"), bare(reference, "30.00")))
	w.imports(notification("D", bare(reference, "30.00"), bare(reference, "30.00")))
	w.expect("2026-000001 partly-paid 40.00, bank 60.00, receivable:acme 40.00, receivable:globex 10.00", "2026-000001")
}

func bare(reference, amount string) entry { return entry{amount: amount, reference: reference} }

func TestReversal(t *testing.T) {
	original := func(ref string) entry { return entry{ref: "B1", amount: "120.00", reference: ref, endToEnd: "E1"} }
	back := func(ref string) entry {
		return entry{ref: "B2", amount: "120.00", reference: ref, endToEnd: "E1", debit: true, returned: true}
	}
	for name, files := range map[string]func(reference string) [][]byte{
		"after the payment":  func(r string) [][]byte { return [][]byte{statement("A", original(r)), statement("B", back(r))} },
		"before the payment": func(r string) [][]byte { return [][]byte{statement("B", back(r)), statement("A", original(r))} },
		"in the same file":   func(r string) [][]byte { return [][]byte{statement("A", original(r), back(r))} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			reference := w.bill("2026-000001", "acme", "100.00")
			w.bill("2026-000002", "acme", "15.00") // the rest of the payment is taken for it
			for _, f := range files(reference) {
				w.imports(f)
			}
			w.expect("2026-000001 open 100.00, 2026-000002 open 15.00, receivable:acme 115.00", "2026-000001", "2026-000002")
		})
	}
}

func TestWhatIsNotOfCustomers(t *testing.T) {
	w := newWorld(t)
	reference := w.bill("2026-000001", "acme", "100.00")
	out := w.imports(statement("A", entry{ref: "fee", amount: "5.00", debit: true}, entry{ref: "euro", amount: "100.00", currency: "EUR", reference: reference}, entry{ref: "gift", amount: "1.00"}))
	if out.Findings["outgoing"] != 1 || out.Findings["currency"] != 1 || out.Findings["unmatched"] != 1 {
		t.Errorf("imported %+v", out)
	}
	w.expect("2026-000001 open 100.00, bank 1.00, receivable:acme 100.00, unmatched -1.00, bank 100.00, unmatched -100.00", "2026-000001")
}

func TestCreditNoteAfterPayment(t *testing.T) {
	w := newWorld(t)
	w.imports(statement("A", entry{ref: "B1", amount: "100.00", reference: w.bill("2026-000001", "acme", "100.00")}))
	w.credit("2026-000002", "2026-000001", "30.00")
	w.bill("2026-000003", "acme", "20.00")
	w.settles()
	w.expect("2026-000001 paid 0.00, 2026-000003 paid 0.00, bank 100.00, credit:acme -10.00", "2026-000001", "2026-000003")
	w.settles()
}

// settles has what is due settled.
func (w *world) settles() {
	w.Helper()
	storetest.UntilNone(w.T, w.store, w.service.SettleDue)
}

func (w *world) unmatched() []api.Payment {
	w.Helper()
	var list []api.Payment
	w.system(func(ctx context.Context, tx store.Tx) (err error) {
		list, err = w.service.Payments(ctx, tx, "unmatched", nil, 100)
		return err
	})
	return list
}

func TestByHand(t *testing.T) {
	w := newWorld(t)
	w.imports(statement("A", entry{ref: "B1", amount: "10.00", reference: w.bill("2026-000001", "acme", "10.00"), payer: "CH5604835012345678009"}))
	w.bill("2026-000002", "acme", "100.00")
	w.bill("2026-000003", "globex", "70.00")
	w.imports(statement("B", entry{ref: "B2", amount: "120.00", text: "for 2026-000003", payer: "CH56 0483 5012 3456 7800 9"}))
	list := w.unmatched()
	if len(list) != 1 || list[0].Rest != "120.00" || len(list[0].Suggestions) != 2 || list[0].Suggestions[0].Invoice != "2026-000003" || list[0].Suggestions[1].Reason != "payer" {
		t.Fatalf("unmatched: %+v", list)
	}
	id := list[0].ID
	assign := func(in api.PaymentAssign) error {
		return w.store.System(t.Context(), func(tx store.Tx) error { return w.service.Assign(t.Context(), tx, id, in, "ann") })
	}
	do := func(f func(context.Context, store.Tx, string, string, string) error) error {
		return w.store.System(t.Context(), func(tx store.Tx) error { return f(t.Context(), tx, id, "a mistake", "ann") })
	}
	for _, in := range []api.PaymentAssign{{}, {Invoice: "nonsense"}, {Organization: "nobody"}, {Invoice: "2026-000001"}} {
		if err := assign(in); problem.As(err) == nil {
			t.Errorf("%+v is accepted: %v", in, err)
		}
	}
	if err := assign(api.PaymentAssign{Invoice: "2026-000003"}); err != nil {
		t.Fatal(err)
	}
	w.expect("2026-000002 open 100.00, 2026-000003 paid 0.00, bank 130.00, credit:globex -50.00, receivable:acme 100.00", "2026-000002", "2026-000003")
	if err := assign(api.PaymentAssign{Invoice: "2026-000002"}); problem.As(err) == nil {
		t.Errorf("assigned twice: %v", err)
	}
	for range 2 {
		if err := do(w.service.Undo); err != nil {
			t.Fatal(err)
		}
		w.expect("2026-000003 open 70.00, bank 130.00, receivable:acme 100.00, receivable:globex 70.00, unmatched -120.00", "2026-000003")
	}
	if err := assign(api.PaymentAssign{Invoice: "2026-000002"}); err != nil {
		t.Fatal(err)
	}
	if err := do(w.service.Refund); err != nil { // the 20.00 that were too much
		t.Fatal(err)
	}
	w.expect("2026-000002 paid 0.00, bank 110.00, receivable:globex 70.00", "2026-000002")
	if err := do(w.service.Refund); problem.As(err) == nil {
		t.Errorf("refunded twice: %v", err)
	}
	if list := w.unmatched(); len(list) != 0 {
		t.Errorf("unmatched: %+v", list)
	}
}

// Files of payments in part, too much, twice and taken back again come to the same in
// whatever order they are imported: each invoice, the credit and the ledger.
func TestTheOrderOfFilesChangesNothing(t *testing.T) {
	numbers := []string{"2026-000001", "2026-000002", "2026-000003", "2026-000004", "2026-000005"}
	asked := []string{"100.00", "50.00", "80.00", "20.00", "60.00"}
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 6))
			files := randomFiles(r, numbers)
			var first string
			for range 3 {
				w := newWorld(t)
				for i, n := range numbers {
					organization := "acme"
					if i == 4 {
						organization = "globex"
					}
					w.billDue(n, organization, asked[i], fmt.Sprintf("2026-12-%02d", 10+i))
				}
				for _, f := range files {
					w.imports(f)
				}
				stands := w.stands(numbers...)
				if w.settles(); w.stands(numbers...) != stands {
					t.Errorf("something was left to settle of %s: %s", stands, w.stands(numbers...))
				}
				if first == "" {
					first = stands
				} else if stands != first {
					t.Errorf("stands\n     %s\nonce %s", stands, first)
				}
				r.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
			}
		})
	}
}

// randomFiles are files of payments for invoices; some of the payments are in two files,
// some are taken back, and one file is there twice.
func randomFiles(r *rand.Rand, numbers []string) (files [][]byte) {
	var entries []entry
	for n := range 5 + r.IntN(5) {
		reference, err := qrbill.CreditorReference(strings.ReplaceAll(numbers[r.IntN(len(numbers))], "-", ""))
		if err != nil {
			panic(err)
		}
		e := entry{ref: fmt.Sprintf("B%d", n), amount: fmt.Sprintf("%d.%02d", 5+r.IntN(70), 5*r.IntN(20)), reference: reference, endToEnd: fmt.Sprintf("E%d", n)}
		entries = append(entries, e)
		if r.IntN(4) == 0 {
			e.ref, e.debit, e.returned = "R"+e.ref, true, true
			e.reference = "" // it is known by its end-to-end identification
			entries = append(entries, e)
		}
	}
	r.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	for i := 0; i < len(entries); i += 2 {
		some := entries[i:min(i+2, len(entries))]
		files = append(files, statement(fmt.Sprintf("S%d", i), some...))
		if r.IntN(3) == 0 {
			files = append(files, notification(fmt.Sprintf("N%d", i), some...))
		}
	}
	return append(files, files[0])
}
