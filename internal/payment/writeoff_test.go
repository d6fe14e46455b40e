package payment_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/instance"
	"souk/internal/problem"
	"souk/internal/store"
)

// proposes has ann propose to write off an invoice.
func (w *world) proposes(number string) (id string) {
	w.Helper()
	w.system(func(ctx context.Context, tx store.Tx) (err error) {
		id, err = w.service.Propose(ctx, tx, api.WriteOffPropose{Invoice: number, Reason: "they are bankrupt"}, "ann")
		return err
	})
	return id
}

func (w *world) decide(id string, approve bool, by string) error {
	return w.store.System(w.Context(), func(tx store.Tx) error { return w.service.Decide(w.Context(), tx, id, approve, by) })
}

func (w *world) reverse(id string) error {
	return w.store.System(w.Context(), func(tx store.Tx) error {
		return w.service.Reverse(w.Context(), tx, id, "it was another", "bob")
	})
}

func (w *world) writtenOff(number string) string {
	w.Helper()
	id := w.proposes(number)
	if err := w.decide(id, true, "bob"); err != nil {
		w.Fatal(err)
	}
	return id
}

func TestWriteOff(t *testing.T) {
	w := newWorld(t)
	reference := w.bill("2026-000001", "acme", "100.00")
	w.imports(statement("A", entry{ref: "B1", amount: "30.00", reference: reference}))
	id := w.proposes("2026-000001")
	w.expect("2026-000001 partly-paid 70.00, bank 30.00, receivable:acme 70.00", "2026-000001")
	if err := w.decide(id, true, "Ann"); problem.As(err) == nil || problem.As(err).Code != "write-off-own" {
		t.Errorf("approved by who proposed it: %v", err)
	}
	if err := w.decide(id, true, "bob"); err != nil {
		t.Fatal(err)
	}
	const off = "2026-000001 written-off 0.00, bad-debt 70.00, bank 30.00"
	w.expect(off, "2026-000001")
	for _, again := range []error{w.decide(id, true, "bob"), w.decide(id, false, "bob")} {
		if problem.As(again) == nil {
			t.Errorf("decided again: %v", again)
		}
	}
	w.expect(off, "2026-000001")
	if err := w.reverse(id); err != nil {
		t.Fatal(err)
	}
	w.expect("2026-000001 partly-paid 70.00, bank 30.00, receivable:acme 70.00", "2026-000001")
	w.writtenOff("2026-000001") // once more
	w.expect(off, "2026-000001")
}

// What is paid between the proposal and the decision makes it one about another amount.
func TestWriteOffOfWhatIsPaidMeanwhile(t *testing.T) {
	w := newWorld(t)
	reference := w.bill("2026-000001", "acme", "100.00")
	id := w.proposes("2026-000001")
	w.imports(statement("A", entry{ref: "B1", amount: "30.00", reference: reference}))
	if p := problem.As(w.decide(id, true, "bob")); p == nil || p.Code != "write-off-stale" || !strings.Contains(p.Error(), "70.00") {
		t.Errorf("approved: %v", p)
	}
	if err := w.decide(id, false, "ann"); err != nil { // takes her own back
		t.Fatal(err)
	}
	w.writtenOff("2026-000001")
	w.expect("2026-000001 written-off 0.00, bad-debt 70.00, bank 30.00", "2026-000001")
}

// What is paid of a written-off invoice after all is taken for it, and the loss is that
// much smaller; the bank's reversal makes it a loss again.
func TestRecovery(t *testing.T) {
	w := newWorld(t)
	reference := w.bill("2026-000001", "acme", "100.00")
	id := w.writtenOff("2026-000001")
	part := entry{ref: "B1", amount: "40.00", reference: reference, endToEnd: "E1"}
	if out := w.imports(statement("A", part)); out.Findings["written-off"] != 1 {
		t.Errorf("imported %+v", out)
	}
	w.expect("2026-000001 written-off 0.00, bad-debt 60.00, bank 40.00", "2026-000001")
	back := part
	back.ref, back.debit, back.returned = "B2", true, true
	w.imports(statement("B", back))
	w.expect("2026-000001 written-off 0.00, bad-debt 100.00", "2026-000001")
	w.credit("2026-000002", "2026-000001", "10.00")
	w.settles()
	w.expect("2026-000001 written-off 0.00, bad-debt 90.00", "2026-000001")
	w.imports(statement("C", entry{ref: "B3", amount: "95.00", reference: reference}))
	w.settles()
	w.expect("2026-000001 paid 0.00, bank 95.00, credit:acme -5.00", "2026-000001")
	if p := problem.As(w.reverse(id)); p == nil || p.Code != "write-off-recovered" {
		t.Errorf("reversed: %v", p)
	}
}

// Reversed after a part was recovered, only the rest is open again.
func TestReverseAfterRecovery(t *testing.T) {
	w := newWorld(t)
	reference := w.bill("2026-000001", "acme", "100.00")
	id := w.writtenOff("2026-000001")
	w.imports(statement("A", entry{ref: "B1", amount: "40.00", reference: reference}))
	if err := w.reverse(id); err != nil {
		t.Fatal(err)
	}
	w.expect("2026-000001 partly-paid 60.00, bank 40.00, receivable:acme 60.00", "2026-000001")
}

// To write off what dunning has come to suspend for lifts nothing: instances run again
// once it is paid, or dunning is held. Nobody is reminded of it any more.
func TestWriteOffLiftsNoSuspension(t *testing.T) {
	d := newDebtor(t)
	d.days(30)
	d.expect("dunning, dunning", 4)
	id := d.ProposeWriteOff(t, d.number, "ann")
	d.System(t, func(ctx context.Context, tx store.Tx) error { return d.service.Decide(ctx, tx, id, true, "bob") })
	d.days(30)
	d.expect("dunning, dunning", 4)
	d.System(t, func(ctx context.Context, tx store.Tx) error { // it is listed, so that it can be held
		list, err := d.service.Balances(ctx, tx)
		if len(list) != 1 || list[0].Overdue != "0.00" || list[0].Suspended != 2 || len(list[0].Invoices) != 1 || list[0].Invoices[0].State != "written-off" || !strings.Contains(list[0].OrdersRefused, d.number) {
			t.Errorf("balances %+v", list)
		}
		return err
	})
	d.pays("all", "100.00")
	d.runs()
	d.expect(", ", 4)
}

// Dunning of what is written off before it has come that far goes no further.
func TestNoDunningOfWhatIsWrittenOff(t *testing.T) {
	d := newDebtor(t)
	d.days(20)
	d.expect(", ", 2)
	id := d.ProposeWriteOff(t, d.number, "ann")
	d.System(t, func(ctx context.Context, tx store.Tx) error { return d.service.Decide(ctx, tx, id, true, "bob") })
	d.days(30)
	d.expect(", ", 2)
}

// A suspended organization orders nothing more, and is told which invoice to pay or to
// talk to the operator; what it asks of a price says so too.
func TestSuspendedOrganizationOrdersNothing(t *testing.T) {
	d := newDebtor(t)
	n := 0
	order := func() (refused []string) {
		t.Helper()
		ask := func(method, path string, body map[string]any) {
			body["spec"] = api.InstanceSpec{Service: httpapitest.Service}
			out := d.Do(t, httpapitest.Request{Method: method, Path: "/api/v1/organizations/acme/projects/" + httpapitest.OwnProject + "/instances" + path, Token: d.Token(t, httpapitest.Own, "", api.RoleOwner), Body: body})
			if out.Status == 409 {
				refused = append(refused, string(out.Body))
			} else if out.Status/100 != 2 {
				t.Fatal(string(out.Body))
			}
		}
		n++
		name := "more" + string(rune('a'+n))
		ask(http.MethodPut, "/"+name+"?dryRun=true", map[string]any{})
		ask(http.MethodPost, "", map[string]any{"metadata": map[string]any{"name": name}})
		return refused
	}
	if r := order(); len(r) != 0 {
		t.Errorf("with nothing overdue: %v", r)
	}
	d.days(30)
	r := order()
	if len(r) != 2 || !strings.Contains(r[0], "orders-refused") || !strings.Contains(r[0], "invoice "+d.number+" (CHF 100.00)") || !strings.Contains(r[1], "orders-refused") {
		t.Errorf("suspended: %v", r)
	}
	d.pays("all", "100.00")
	if r := order(); len(r) != 0 { // before its instances run again
		t.Errorf("paid: %v", r)
	}
	d.runs()
	act := func(do func(ctx context.Context, tx store.Tx, p instance.Place, name, reason string) (instance.View, error), names ...string) {
		t.Helper()
		for _, name := range names {
			d.System(t, func(ctx context.Context, tx store.Tx) error {
				_, err := do(ctx, tx, d.instances[0].Place, name, instance.SuspendedByAbuse)
				return err
			})
		}
	}
	act(d.service.Instances.Suspend, "db1")
	if r := order(); len(r) != 0 {
		t.Errorf("with one of them suspended: %v", r)
	}
	var others []string
	d.System(t, func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, "SELECT array_agg(name) FROM instances WHERE name <> 'db1'").Scan(&others)
	})
	act(d.service.Instances.Suspend, others...)
	if r := order(); len(r) != 2 || !strings.Contains(r[0], "Contact the operator") || !strings.Contains(r[0], "db1") {
		t.Errorf("suspended for abuse: %v", r)
	}
	act(d.service.Instances.Resume, "db1")
	if r := order(); len(r) != 0 {
		t.Errorf("lifted: %v", r)
	}
}
