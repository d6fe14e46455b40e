package payment_test

import (
	"context"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/store"
)

// allSuspensions says of whom instances are suspended by looking at all suspensions that
// there ever were.
const allSuspensions = `SELECT DISTINCT s.organization_id FROM dunning_steps s JOIN invoice_balances b ON b.invoice_id = s.invoice_id
	WHERE s.step = 'suspended' AND b.payable - b.paid - b.credited > 0
		AND NOT EXISTS (SELECT FROM dunning_holds h WHERE h.organization_id = s.organization_id AND h.ended_at IS NULL)
		AND s.round = (SELECT count(*) FROM dunning_holds h WHERE h.organization_id = s.organization_id AND h.ended_at IS NOT NULL)`

// comesTo puts on record that dunning has come to suspension for an invoice, in the round
// that it is in.
func (w *world) comesTo(number string) {
	w.Helper()
	w.system(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO dunning_steps (invoice_id, organization_id, step, round, taken_on, recorded_at)
			SELECT i.id, i.organization_id, 'suspended', (SELECT count(*) FROM dunning_holds h WHERE h.organization_id = i.organization_id AND h.ended_at IS NOT NULL), '2027-02-01', $2 FROM invoices i WHERE i.number = $1`, number, w.now)
		return err
	})
}

// due expects that instances of just these organizations are suspended, and that just these
// invoices are looked at for it.
func (w *world) due(organizations, invoices string) {
	w.Helper()
	w.system(func(ctx context.Context, tx store.Tx) error {
		var from, all, looked string
		err := tx.QueryRow(ctx, `SELECT coalesce((SELECT string_agg(o.name, ' ' ORDER BY o.name) FROM dunning_due d JOIN organizations o ON o.id = d.organization_id), ''),
			coalesce((SELECT string_agg(o.name, ' ' ORDER BY o.name) FROM (`+allSuspensions+`) d JOIN organizations o ON o.id = d.organization_id), ''),
			coalesce((SELECT string_agg(i.number, ' ' ORDER BY i.number) FROM unpaid_suspensions u JOIN invoices i ON i.id = u.invoice_id), '')`).Scan(&from, &all, &looked)
		if from != organizations || all != organizations || looked != invoices {
			w.Errorf("suspended %q, by all there ever were %q, want %q; looks at %q, want %q", from, all, organizations, looked, invoices)
		}
		return err
	})
}

// What dunning asks each second is asked of invoices that are not paid, whatever has become
// of others.
func TestWhatSuspendsIsWhatIsNotPaid(t *testing.T) {
	w := newWorld(t)
	reference := w.bill("1", "acme", "100.00")
	w.bill("2", "acme", "50.00")
	w.bill("3", "globex", "70.00")
	w.due("", "")
	w.comesTo("1")
	w.due("acme", "1")
	w.comesTo("3")
	w.due("acme globex", "1 3")
	w.imports(statement("A", entry{ref: "B1", amount: "30.00", reference: reference}))
	w.due("acme globex", "1 3")
	paid := entry{ref: "B2", amount: "70.00", reference: reference, endToEnd: "E1"}
	w.imports(statement("B", paid))
	w.due("globex", "3")
	// The bank takes a payment back.
	paid.ref, paid.debit, paid.returned = "B3", true, true
	w.imports(statement("C", paid))
	w.due("acme globex", "1 3")
	// What is written off is not paid.
	id := w.writtenOff("1")
	w.due("acme globex", "1 3")
	if err := w.reverse(id); err != nil {
		t.Fatal(err)
	}
	w.credit("4", "3", "70.00")
	w.due("acme", "1")
	// Held, and gone on with: it comes to suspension anew.
	w.system(func(ctx context.Context, tx store.Tx) error {
		return w.service.Hold(ctx, tx, "acme", api.DunningHold{Reason: "they pay in instalments"}, "ann")
	})
	w.due("", "1")
	w.system(func(ctx context.Context, tx store.Tx) error { return w.service.Release(ctx, tx, "acme", "ann") })
	w.due("", "1")
	w.comesTo("1")
	w.due("acme", "1")
}

// However many suspensions there were, none is looked at that is over.
func TestEndedSuspensionsAreNotLookedAt(t *testing.T) {
	w := newWorld(t)
	w.system(func(ctx context.Context, tx store.Tx) error {
		rows, err := tx.Query(ctx, "EXPLAIN SELECT * FROM dunning_due")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return err
			}
			if strings.Contains(line, "dunning_steps") || strings.Contains(line, "invoices") {
				t.Errorf("it reads %s", line)
			}
		}
		return rows.Err()
	})
}
