package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/account"
	"souk/internal/catalog"
	"souk/internal/catalog/catalogdb"
	"souk/internal/clock"
	"souk/internal/servicepkg"
	"souk/internal/store"
	"souk/internal/tenancy"
	"souk/services/postgresql"
)

// books is a record of customers whose instances cost something, without a control plane:
// what is measured of it runs in this process, on a clock that is moved by hand.
type books struct {
	*record
	st       *store.Store
	conn     *pgx.Conn // past row-level security, for seeding
	clock    *clock.Manual
	catalog  *catalog.Catalog
	provider uuid.UUID // the organization
	opened   time.Time // when the customers ordered: the beginning of a month
}

// perInstance is how many lines an instance has on an invoice: compute and storage.
const perInstance = 2

//go:embed books.sql
var booksSQL string

// openBooks makes the record of so many customers, each with so many instances that were
// ready since the beginning of a month.
func openBooks(ctx context.Context, e *env, name string, customers, instances int) (*books, error) {
	r, err := startRecord(ctx, e, filepath.Join(e.dir, name))
	if err != nil {
		return nil, err
	}
	b := &books{record: r, clock: &clock.Manual{}, catalog: catalog.New(), opened: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	b.clock.Set(b.opened)
	if err := b.fill(ctx, customers, instances); err != nil {
		b.close()
		return nil, fmt.Errorf("open the books of %d customers: %w", customers, err)
	}
	return b, nil
}

func (b *books) fill(ctx context.Context, customers, instances int) (err error) {
	if b.st, err = store.Open(ctx, b.config()); err != nil {
		return err
	}
	if b.conn, err = pgx.Connect(ctx, b.superuser()); err != nil {
		return err
	}
	if err := b.st.System(ctx, func(tx store.Tx) error { return b.offer(ctx, tx) }); err != nil {
		return err
	}
	return b.bulk(ctx, booksSQL, customers, instances, b.opened)
}

// bulk runs statements without triggers, for speed.
func (b *books) bulk(ctx context.Context, sql string, args ...any) error {
	err := pgx.BeginFunc(ctx, b.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL session_replication_role = replica"); err != nil {
			return err
		}
		for i, arg := range args {
			if at, is := arg.(time.Time); is {
				arg = at.Format(time.RFC3339)
			}
			if _, err := tx.Exec(ctx, "SELECT set_config($1, $2, true)", fmt.Sprintf("books.arg%d", i+1), fmt.Sprint(arg)); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, sql)
		return err
	})
	if err != nil {
		return err
	}
	_, err = b.conn.Exec(ctx, "VACUUM ANALYZE")
	return err
}

// offer makes the operator, a zone, a service with a meter at a price, and the issuer.
func (b *books) offer(ctx context.Context, tx store.Tx) (err error) {
	now, q := b.opened, catalogdb.New(tx)
	if b.provider, err = (tenancy.Seed{Name: "operator", Kinds: []string{"operator"}, TimeZone: "UTC"}).Plant(ctx, tx, now); err != nil {
		return err
	}
	provider, err := q.InsertProvider(ctx, catalogdb.InsertProviderParams{ID: store.NewID(), OrganizationID: b.provider, Name: "souk", Title: "Souk", Kind: "operator", CreatedAt: now})
	if err != nil {
		return err
	}
	zone, err := q.InsertZone(ctx, catalogdb.InsertZoneParams{ID: store.NewID(), ProviderID: provider, OrganizationID: b.provider, Name: "simulated", Title: "Simulated", Driver: "fake",
		FailureDomains: []string{"one"}, CapacityCpuMillis: 1e12, CapacityMemoryMib: 1e12, CapacityStorageGib: 1e12, CapacityInstances: 1e12, CreatedAt: now})
	if err != nil {
		return err
	}
	price := func(plan, item, unit, amount string) catalog.PriceEntry {
		return catalog.PriceEntry{Service: "postgresql", Plan: plan, ServiceLevel: "best-effort", Item: item, Unit: unit, Amount: amount}
	}
	prices, err := catalog.PublishPriceList(ctx, tx, provider, "bench", "CHF", []catalog.PriceEntry{price("small", "compute", "hour", "0.02"), price("medium", "compute", "hour", "0.04"),
		price("large", "compute", "hour", "0.08"), price("", "storage", "GiB-month", "0.20"), price("", "queries", "thousand", "0.01")}, now)
	if err != nil {
		return err
	}
	d := postgresql.Package().Definition
	d.Meters = []servicepkg.Meter{{Name: "queries", Title: "Queries", Unit: "request", Aggregation: servicepkg.AggregateSum, Description: "Answered."}}
	revision, err := catalog.PublishPackage(ctx, tx, provider, d, now)
	if err != nil {
		return err
	}
	if err := catalog.PublishOffering(ctx, tx, d.Name, zone, revision, prices, "best-effort", now); err != nil {
		return err
	}
	return account.PutIssuer(ctx, tx, api.Issuer{Name: "Example Cloud AG", PostalCode: "8000", Town: "Zürich", Country: "CH", VATID: "CHE-109.322.551 MWST", IBAN: "CH9300762011623852957",
		TimeZone: "UTC", PaymentDays: 30, GraceHours: 24, FirstMonth: now.Format("2006-01")}, now)
}

// count counts rows.
func (b *books) count(ctx context.Context, from string) (n int, err error) {
	err = b.conn.QueryRow(ctx, "SELECT count(*) FROM "+from).Scan(&n)
	return n, err
}

func (b *books) close() {
	if b.conn != nil {
		_ = b.conn.Close(context.Background())
	}
	if b.st != nil {
		b.st.Close()
	}
	b.stop()
}

// together runs the same in so many goroutines.
func together(workers int, work func(worker int) error) error {
	failed := make([]error, workers)
	done := make(chan struct{})
	for w := range workers {
		go func() {
			failed[w] = work(w)
			done <- struct{}{}
		}()
	}
	for range workers {
		<-done
	}
	return errors.Join(failed...)
}
