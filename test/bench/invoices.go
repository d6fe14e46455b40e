package main

import (
	"context"
	"fmt"
	"time"

	"souk/internal/invoice"
	"souk/internal/reconcile"
)

// closers is how many close months at the same time, as two control planes do.
const closers = 2

// invoiceRuns measures closing a month of many organizations, the documents of it apart,
// rating it again, and what a month takes when eleven have been closed before.
func invoiceRuns(ctx context.Context, e *env) ([]row, error) {
	first, err := e.firstRun(ctx)
	if err != nil {
		return nil, err
	}
	growth, err := e.growthOfRuns(ctx)
	return append(first, growth...), err
}

func (e *env) firstRun(ctx context.Context) ([]row, error) {
	customers, lines := e.sizes.customers, e.sizes.lines
	b, err := openBooks(ctx, e, "invoices", customers, lines/perInstance)
	if err != nil {
		return nil, err
	}
	defer b.close()
	e.say("%d organizations of %d lines are stored", customers, lines)
	took, err := b.closeMonth(ctx, customers)
	if err != nil {
		return nil, err
	}
	r := row{what: fmt.Sprintf("close a month of %d organizations with %d lines each: freeze, rate, number, post", customers, lines), measured: fmt.Sprintf("%s, %.0f a second", seconds(took), float64(customers)/took.Seconds())}
	if customers == fullSize.customers && lines == fullSize.lines {
		r.goal, r.verdict = "< 60 s", reached(took < time.Minute)
	}
	documents, made, err := b.documents(ctx, e.sizes.documents)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	verified, err := reconcile.Verify(ctx, b.st, b.opened.Format("2006-01"))
	if err != nil {
		return nil, err
	}
	again := time.Since(began)
	for _, v := range verified {
		if !v.Identical {
			return nil, fmt.Errorf("%s rated again: %s", v.Organization, v.Difference)
		}
	}
	return []row{r,
		{what: fmt.Sprintf("documents of such invoices: PDF, UBL and JSON, of %d", made), measured: fmt.Sprintf("%s each", millis(documents/time.Duration(max(made, 1))))},
		{what: fmt.Sprintf("rate all %d again, and compare the bytes: identical", len(verified)), measured: seconds(again)},
	}, nil
}

// growthOfRuns closes twelve months, in each of which every instance has another link of
// its chain.
func (e *env) growthOfRuns(ctx context.Context) ([]row, error) {
	customers, months := e.sizes.growing, 12
	b, err := openBooks(ctx, e, "growth", customers, e.sizes.lines/perInstance)
	if err != nil {
		return nil, err
	}
	defer b.close()
	var took []time.Duration
	for m := range months {
		if m > 0 {
			if err := b.bulk(ctx, nextLink, b.opened.AddDate(0, m, 0)); err != nil {
				return nil, err
			}
		}
		b.clock.Set(b.opened.AddDate(0, m+1, 0).Add(25 * time.Hour))
		one, err := b.closeMonth(ctx, customers)
		if err != nil {
			return nil, err
		}
		took = append(took, one)
	}
	early, late := samples(took[:3]).median(), samples(took[months-3:]).median()
	return []row{{what: fmt.Sprintf("close a month of %d organizations with %d lines each, as one of the last three of twelve; the baseline: of the first three", customers, e.sizes.lines),
		measured: seconds(late), baseline: seconds(early), ratio: times(late.Seconds() / early.Seconds())}}, nil
}

// nextLink ends the open link of each chain at a moment, and begins the next one there.
const nextLink = `
CREATE TEMP TABLE ended ON COMMIT DROP AS SELECT * FROM segments WHERE to_at IS NULL;
UPDATE segments SET to_at = current_setting('books.arg1')::timestamptz, to_recorded_at = current_setting('books.arg1')::timestamptz WHERE to_at IS NULL;
INSERT INTO segments (id, organization_id, instance_id, project_id, billing_account_id, from_at, state, compute_billed, storage_billed, plan_revision_id, price_list_revision_id, service_level, storage_gib, recorded_at)
SELECT gen_random_uuid(), organization_id, instance_id, project_id, billing_account_id, current_setting('books.arg1')::timestamptz, state, compute_billed, storage_billed, plan_revision_id, price_list_revision_id, service_level, storage_gib, current_setting('books.arg1')::timestamptz FROM ended;
`

// closeMonth closes the month that is over for all customers, up to the posting of their
// invoices, and says how long that took.
func (b *books) closeMonth(ctx context.Context, customers int) (time.Duration, error) {
	if end := b.opened.AddDate(0, 1, 0).Add(25 * time.Hour); b.clock.Now().Before(end) {
		b.clock.Set(end)
	}
	before, err := b.count(ctx, "invoices")
	if err != nil {
		return 0, err
	}
	s := &invoice.Service{Clock: b.clock}
	began := time.Now()
	for some := true; some; {
		if some, err = s.FreezeDue(ctx, b.st); err != nil {
			return 0, err
		}
	}
	if err := together(closers, func(int) error { return b.rateAndPost(ctx, s) }); err != nil {
		return 0, err
	}
	took := time.Since(began)
	after, err := b.count(ctx, "invoices")
	if err == nil && after-before != customers {
		err = fmt.Errorf("%d invoices were issued to %d organizations", after-before, customers)
	}
	return took, err
}

// rateAndPost does both in turn, until there is nothing left.
func (b *books) rateAndPost(ctx context.Context, s *invoice.Service) error {
	for {
		rated, err := s.CarryOn(ctx, b.st, "frozen")
		if err != nil {
			return err
		}
		posted, err := s.CarryOn(ctx, b.st, "rated")
		if err != nil || rated+posted == 0 {
			return err
		}
	}
}

// documents makes those of some invoices, and says of how many.
func (b *books) documents(ctx context.Context, most int) (took time.Duration, made int, err error) {
	s := &invoice.Service{Clock: b.clock}
	began := time.Now()
	for made < most {
		n, err := s.CarryOn(ctx, b.st, "posted")
		if err != nil {
			return 0, 0, err
		}
		if n == 0 {
			break
		}
		made += n
	}
	return time.Since(began), made, nil
}
