package repricing

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/mail"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

// child is what the test binary does where it was asked to be another process.
var child func() (asked bool, err error)

func TestMain(m *testing.M) {
	if child != nil {
		if asked, err := child(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		} else if asked {
			os.Exit(0)
		}
	}
	storetest.Main(m)
}

const souk = "https://souk.example"

// world has two customers: acme, whose owner reads English and whose accountant German,
// with the projects default and shop; and globex. Each has some instances that run.
type world struct {
	*instancetest.World
	t       *testing.T
	service *Service
	shop    instance.Place
}

func newWorld(t *testing.T) *world {
	w := &world{World: instancetest.New(t), t: t}
	w.service = &Service{Clock: w.Clock, Mail: &mail.Outbox{Secrets: w.Secrets, PublicURL: souk + "/"}}
	w.shop = w.Acme
	w.shop.Project, w.shop.ProjectName = store.NewID(), "shop"
	w.Superuser(t, false, "INSERT INTO projects (id, organization_id, name, created_at, updated_at) VALUES ($1, $2, 'shop', $3, $3)", w.shop.Project, w.Acme.Organization, instancetest.Start)
	for _, p := range []struct {
		email, role, locale string
		of                  uuid.UUID
	}{
		{"owner@acme.example", "owner", "en", w.Acme.Organization}, {"money@acme.example", "billing", "de", w.Acme.Organization}, {"dev@acme.example", "editor", "en", w.Acme.Organization},
		{"owner@globex.example", "owner", "en", w.Globex.Organization},
	} {
		account := store.NewID()
		w.Superuser(t, false, "INSERT INTO accounts (id, email, password_hash, locale, created_at) VALUES ($1, $2, '', $3, $4)", account, p.email, p.locale, instancetest.Start)
		w.Superuser(t, false, "INSERT INTO members (id, organization_id, account_id, role, created_at) VALUES ($1, $2, $3, $4, $5)", store.NewID(), p.of, account, p.role, instancetest.Start)
	}
	w.ready(w.Acme, "db1", "small")
	w.ready(w.Acme, "db2", "small")
	w.ready(w.shop, "db3", "medium")
	w.ready(w.Globex, "db1", "large")
	return w
}

func (w *world) order(p instance.Place, name, plan string) (v instance.View) {
	w.t.Helper()
	err := w.As(w.t, p, func(tx store.Tx) (err error) {
		v, err = w.Service.Order(context.WithoutCancel(w.t.Context()), tx, p, instancetest.Order(name, func(s *api.InstanceSpec) { s.Plan = plan }))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) ready(p instance.Place, name, plan string) {
	w.t.Helper()
	w.Report(w.t, w.order(p, name, plan).ID, driver.StateRunning)
}

// publish makes changed prices the newest of the list, as the operator does.
func (w *world) publish(policy string, change func([]api.ListPrice) []api.ListPrice) {
	w.t.Helper()
	var operator uuid.UUID
	w.Query(w.t, "SELECT id FROM organizations WHERE name = 'operator'", func(rows pgx.Rows) error { return rows.Scan(&operator) })
	w.System(w.t, func(tx store.Tx) error {
		o := catalog.Operator{Organization: operator, Packages: w.Service.Packages, At: w.Clock.Now()}
		_, err := o.PublishPrices(context.Background(), tx, "demo", api.PriceListPut{Currency: "CHF", Policy: policy, Prices: change(instancetest.Prices())})
		return err
	})
}

// costing sets the compute of a plan.
func costing(plan, amount string) func([]api.ListPrice) []api.ListPrice {
	return func(prices []api.ListPrice) []api.ListPrice {
		prices[slices.IndexFunc(prices, func(p api.ListPrice) bool { return p.Plan == plan })].Amount = amount
		return prices
	}
}

// tell does what is due.
func (w *world) tell() {
	w.t.Helper()
	for more := true; more; {
		var err error
		if more, err = w.service.TellDue(w.t.Context(), w.Store); err != nil {
			w.t.Fatal(err)
		}
	}
}

// mails are those to an address that are to be sent, the oldest first.
func (w *world) mails(to string) (all []mail.Mail) {
	w.t.Helper()
	w.Query(w.t, "SELECT id::text, sealed FROM mails WHERE recipient = $1 ORDER BY id", func(rows pgx.Rows) error {
		var id string
		var sealed []byte
		if err := rows.Scan(&id, &sealed); err != nil {
			return err
		}
		content, err := w.Secrets.Open(context.Background(), "mails/"+id, sealed)
		if err != nil {
			return err
		}
		var m mail.Mail
		err = json.Unmarshal(content, &m)
		all = append(all, m)
		return err
	}, to)
	return all
}
