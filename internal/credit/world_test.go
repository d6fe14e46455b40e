package credit_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/account"
	"souk/internal/agentapi"
	"souk/internal/credit"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/invoice"
	"souk/internal/mail"
	"souk/internal/problem"
	"souk/internal/sla"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func fieldOf(err error) string {
	if p := problem.As(err); p != nil && len(p.Fields) > 0 {
		return p.Fields[0].Location
	}
	return ""
}

// world is a record in which acme's db1 runs, is measured, reported of and invoiced.
type world struct {
	*instancetest.World
	t      *testing.T
	sla    *sla.Service
	months *invoice.Service
	db     instance.View
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: instancetest.New(t), t: t}
	w.db = w.Ready(t, "db1")
	w.sla = &sla.Service{Clock: w.Clock, Catalog: w.Service.Catalog}
	w.months = &invoice.Service{Clock: w.Clock, Mail: &mail.Outbox{Secrets: w.Secrets, PublicURL: "https://souk.example"}, Extras: []invoice.Extra{(&credit.Service{SLA: w.sla}).Lines}}
	w.System(t, func(tx store.Tx) error {
		if err := account.PutIssuer(t.Context(), tx, api.Issuer{Name: "Souk AG", Street: "Bahnhofstrasse", Building: "1", PostalCode: "8001", Town: "Zürich", Country: "CH", VATID: "CHE-109.322.551 MWST",
			IBAN: "CH9300762011623852957", PaymentDays: 30, GraceHours: 72}, w.Clock.Now()); err != nil {
			return err
		}
		return account.PutProfile(t.Context(), tx, w.Acme.Organization, api.BillingProfile{Name: "Acme GmbH", PostalCode: "3000", Town: "Bern", Country: "CH", Email: "books@acme.example"}, w.Clock.Now())
	})
	return w
}

func (w *world) publish(spec api.CreditTermsSpec) (id uuid.UUID, err error) {
	w.t.Helper()
	err = w.Store.System(w.t.Context(), func(tx store.Tx) (err error) {
		id, err = credit.Publish(w.t.Context(), tx, spec, "ann@operator.example", w.Clock.Now())
		return err
	})
	return id, err
}

func (w *world) must(spec api.CreditTermsSpec) uuid.UUID {
	w.t.Helper()
	id, err := w.publish(spec)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// usual gives back a tenth below 99 per cent, and everything below 50.
func (w *world) usual() {
	w.t.Helper()
	w.must(api.CreditTermsSpec{ServiceLevel: "best-effort", Tiers: tiers("99", "10", "50", "100")})
}

// told has the zone report what it measured from a moment on.
func (w *world) told(from time.Time, state agentapi.SLIState, lasts time.Duration) {
	w.t.Helper()
	f := w.Fact(w.t, w.db.ID, driver.StateRunning)
	f.Observation, f.SLI = driver.Observation{}, &agentapi.SLISpan{From: from, To: from.Add(lasts), State: state}
	w.System(w.t, func(tx store.Tx) error { return w.Service.Apply(w.t.Context(), tx, w.Zone, 1, f) })
}

// measured has the zone report what it measured in the time that now goes by.
func (w *world) measured(state agentapi.SLIState, lasts time.Duration) {
	w.t.Helper()
	from := w.Clock.Now()
	w.Machine.Advance(lasts)
	w.told(from, state, lasts)
}

// report makes the reports that are due.
func (w *world) report() {
	w.t.Helper()
	storetest.UntilNone(w.t, w.Store, w.sla.MakeDue)
}

// close closes the months that are due.
func (w *world) close() {
	w.t.Helper()
	storetest.UntilNone(w.t, w.Store, w.months.CloseDue)
}

// pass lets the month end, and reports and closes it.
func (w *world) pass() {
	w.t.Helper()
	end := w.MonthEnd()
	w.Until(end.Add(25 * time.Hour))
	w.report()
	w.Until(end.Add(73 * time.Hour))
	w.close()
}

// invoices are acme's documents.
func (w *world) invoices() (out []invoice.Document) {
	w.t.Helper()
	w.Query(w.t, "SELECT document FROM invoices WHERE organization_id = $1 ORDER BY number", func(rows pgx.Rows) error {
		var content []byte
		if err := rows.Scan(&content); err != nil {
			return err
		}
		var d invoice.Document
		err := json.Unmarshal(content, &d)
		out = append(out, d)
		return err
	}, w.Acme.Organization)
	return out
}

// credits are the lines of a document that give something back.
func credits(d invoice.Document) (out []invoice.Line) {
	for _, l := range d.Lines {
		if l.Item == invoice.ItemServiceCredit {
			out = append(out, l)
		}
	}
	return out
}
