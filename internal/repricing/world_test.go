package repricing

import (
	"context"
	"encoding/json"
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

func TestMain(m *testing.M) { storetest.Main(m) }

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
		w.Member(t, p.of, p.email, p.role)
		w.Superuser(t, false, "UPDATE accounts SET locale = $1 WHERE email = $2", p.locale, p.email)
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
	w.System(w.t, func(tx store.Tx) error {
		o := catalog.Operator{Organization: w.Operator, Packages: w.Service.Packages, At: w.Clock.Now()}
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
	storetest.UntilNone(w.t, w.Store, w.service.TellDue)
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
