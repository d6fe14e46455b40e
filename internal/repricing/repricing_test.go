package repricing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/instance/instancetest"
	"souk/internal/money"
	"souk/internal/store"
)

func says(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, each := range want {
		if not, lacks := strings.CutPrefix(each, "NOT "); lacks == strings.Contains(text, not) {
			t.Errorf("%q in:\n%s", each, text)
		}
	}
}

// Whoever has something whose price changes is told, once, of what changes and from when
// on; nobody else is.
func TestWhoIsTold(t *testing.T) {
	for _, c := range []struct {
		name, policy string
		change       func([]api.ListPrice) []api.ListPrice
		acme, globex []string // what the mail to the owner says; nil: there is none
	}{
		{"new orders alone", "new-orders", costing("small", "0.03"), nil, nil},
		{"at once", "now", costing("small", "0.03"), []string{"hold for instances of acme", "postgresql small, compute: CHF 0.03 per hour from 2 Mar 2026 12:00 CET on, CHF 0.02 per hour before.", "2 of your instances",
			"default/db1: https://souk.example/o/acme/p/default/instances/db1\n", "\nhttps://souk.example/o/acme/costs\n", "NOT db3", "NOT storage", "change its plan", "delete it"}, nil},
		{"from the next month on", "next-period", costing("medium", "0.05"), []string{"postgresql medium, compute: CHF 0.05 per hour from 1 Apr 2026 on, CHF 0.04 per hour before.", "One of your instances",
			"shop/db3: https://souk.example/o/acme/p/shop/instances/db3", "NOT db1"}, nil},
		{"of every plan, in two projects", "next-period", func(p []api.ListPrice) []api.ListPrice { p[3].Amount = "0.25"; return p },
			[]string{"postgresql, storage: CHF 0.25 per GiB and month from 1 Apr 2026 on, CHF 0.20 per GiB and month before.", "3 of your instances", "default/db2", "shop/db3"}, []string{"One of your instances", "/o/globex/p/default/instances/db1"}},
		{"of what another customer has", "now", costing("large", "0.09"), nil, []string{"postgresql large, compute: CHF 0.09 per hour"}},
		{"nothing but the policy", "now", func(p []api.ListPrice) []api.ListPrice { return p }, nil, nil},
		{"what is charged no more", "now", func(p []api.ListPrice) []api.ListPrice {
			return append(p, api.ListPrice{Service: "postgresql", ServiceLevel: "best-effort", Item: "setup", Unit: "once", Amount: "10"})
		}, nil, nil},
		{"of another level", "now", func(p []api.ListPrice) []api.ListPrice {
			return append(p, api.ListPrice{Service: "postgresql", ServiceLevel: "guaranteed", Item: "compute", Unit: "hour", Amount: "1"})
		}, nil, nil},
		{"a plan that has none any more, and a minimum", "now", func(p []api.ListPrice) []api.ListPrice {
			p[1].Minimum = "10"
			return p[1:]
		}, []string{"postgresql medium, compute: CHF 0.04 per hour, at least CHF 10.00 a month from 2 Mar 2026 12:00 CET on, CHF 0.04 per hour before.", "NOT small", "One of your"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.publish(c.policy, c.change)
			w.tell()
			w.publish(c.policy, c.change) // it is published already
			w.tell()
			for to, want := range map[string][]string{"owner@acme.example": c.acme, "owner@globex.example": c.globex} {
				all := w.mails(to)
				if (want == nil) != (len(all) == 0) || len(all) > 1 {
					t.Fatalf("%s has %d mails", to, len(all))
				}
				if want != nil {
					says(t, all[0].Text, want...)
				}
			}
			if n := len(w.mails("money@acme.example")); n != len(w.mails("owner@acme.example")) || len(w.mails("dev@acme.example")) > 0 {
				t.Errorf("those who keep the money have %d mails, and developers %d", n, len(w.mails("dev@acme.example")))
			}
			if n := w.Count(t, "price_notices WHERE told_at IS NULL"); n != 0 {
				t.Errorf("%d organizations are still to be told", n)
			}
		})
	}
}

// The mail is in the language of whoever gets it; where invoices go to an address, it goes
// there.
func TestInGermanAndToTheAddressOfInvoices(t *testing.T) {
	w := newWorld(t)
	w.publish("next-period", costing("small", "0.03"))
	w.tell()
	german := w.mails("money@acme.example")
	if len(german) != 1 || german[0].Subject != "Neue Preise für Instanzen von acme ab 1.4.2026" {
		t.Fatalf("%+v", german)
	}
	says(t, german[0].Text, "postgresql small, Rechenleistung: CHF 0.03 pro Stunde ab 1.4.2026, vorher CHF 0.02 pro Stunde.", "2 Ihrer Instanzen sind betroffen:", "Kosten ansehen", "ihren Plan ändern")
	says(t, german[0].HTML, `lang="de"`)
	w.Superuser(t, false, "INSERT INTO billing_profiles (organization_id, name, postal_code, town, country, email, language, updated_at) VALUES ($1, 'Acme', '8000', 'Zurich', 'CH', 'bills@acme.example', 'de', $2)", w.Acme.Organization, instancetest.Start)
	w.publish("next-period", costing("small", "0.04"))
	w.tell()
	if n, before := len(w.mails("bills@acme.example")), len(w.mails("owner@acme.example")); n != 1 || before != 1 {
		t.Errorf("%d to the address, and %d to the owner", n, before)
	}
}

// Each revision is told of for what it changes itself, in the order in which they were
// published: also that what was announced does not come.
func TestOneChangeAfterTheOther(t *testing.T) {
	w := newWorld(t)
	for _, r := range []struct{ policy, amount string }{{"next-period", "0.03"}, {"next-period", "0.05"}, {"next-period", "0.03"}, {"new-orders", "0.09"}, {"now", "0.02"}, {"now", "0.01"}} {
		w.Machine.Advance(time.Hour)
		w.publish(r.policy, costing("small", r.amount))
	}
	w.tell()
	var got []string
	for _, m := range w.mails("owner@acme.example") {
		_, line, _ := strings.Cut(m.Text, "compute: ")
		line, _, _ = strings.Cut(line, "\n")
		got = append(got, strings.ReplaceAll(line, " per hour", ""))
	}
	want := []string{"CHF 0.03 from 1 Apr 2026 on, CHF 0.02 before.", "CHF 0.05 from 1 Apr 2026 on, CHF 0.03 before.", "CHF 0.03 from 1 Apr 2026 on, CHF 0.05 before.",
		"CHF 0.02 from 1 Apr 2026 on, CHF 0.03 before.", // in force already, and so does not change
		"CHF 0.01 from 2 Mar 2026 18:00 CET on, CHF 0.02 before."}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want\n%q", got, want)
	}
}

// What is deleted is told of while its storage is charged, and what is ordered where it
// will be ready by the day.
func TestWhatIsDeletedAndWhatIsNotReady(t *testing.T) {
	w := newWorld(t)
	w.Machine.Advance(time.Hour)
	w.Act(t, "db1", w.Delete)
	w.order(w.shop, "open", "small")
	dearer := func(p []api.ListPrice) []api.ListPrice {
		p[3].Amount = "0.25"
		return costing("small", "0.03")(p)
	}
	w.publish("now", dearer)
	w.tell()
	says(t, w.mails("owner@acme.example")[0].Text, "3 of your instances", "default/db1:", "NOT shop/open")
	w.publish("next-period", func(p []api.ListPrice) []api.ListPrice {
		p[3].Amount = "0.30"
		return p
	})
	w.tell()
	says(t, w.mails("owner@acme.example")[1].Text, "3 of your instances", "NOT default/db1:", "shop/open:")
}

// Whoever is killed before all is written has written nothing, and several at once write
// each mail once.
func TestToldOnce(t *testing.T) {
	w := newWorld(t)
	w.publish("now", func(p []api.ListPrice) []api.ListPrice { p[3].Amount = "0.25"; return p })
	w.Superuser(t, false, "ALTER TABLE price_notices ADD CONSTRAINT broken CHECK (told_at IS NULL)")
	if _, err := w.service.TellDue(t.Context(), w.Store); err == nil || w.Count(t, "mails") != 0 {
		t.Fatalf("%v, and %d mails", err, w.Count(t, "mails"))
	}
	w.Superuser(t, false, "ALTER TABLE price_notices DROP CONSTRAINT broken")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for more := true; more; {
				var err error
				if more, err = w.service.TellDue(context.WithoutCancel(t.Context()), w.Store); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	w.tell()
	if n, people := w.Count(t, "mails"), w.Count(t, "(SELECT DISTINCT recipient FROM mails) r"); n != 3 || people != 3 {
		t.Errorf("%d mails to %d people", n, people)
	}
	if n := w.Count(t, "price_notices WHERE instances = 3 OR instances = 1"); n != 2 {
		t.Errorf("%d organizations have something of it", n)
	}
}

// Without a mail server nobody is told, nor later when there is one.
func TestWithoutMail(t *testing.T) {
	w := newWorld(t)
	w.service.Mail.Closed = true
	w.publish("now", costing("small", "0.03"))
	w.tell()
	w.service.Mail.Closed = false
	w.tell()
	if n := w.Count(t, "mails"); n != 0 {
		t.Errorf("%d mails", n)
	}
}

// What is to come is listed by its day until it has come, of one project or of all.
func TestComing(t *testing.T) {
	w := newWorld(t)
	w.publish("now", costing("small", "0.025"))
	w.publish("next-period", func(p []api.ListPrice) []api.ListPrice {
		return costing("small", "0.03")(costing("medium", "0.05")(p))
	})
	april := time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		at   time.Time
		shop bool
		want string
	}{
		{instancetest.Start.Add(time.Hour), false, "2026-03-31 22:00 default/db1 default/db2 shop/db3"},
		{instancetest.Start.Add(time.Hour), true, "2026-03-31 22:00 shop/db3"},
		{april.Add(-time.Second), true, "2026-03-31 22:00 shop/db3"},
		{april, false, ""},
	} {
		err := w.As(t, w.Acme, func(tx store.Tx) error {
			project := &w.shop.Project
			if !c.shop {
				project = nil
			}
			coming, err := ComingTo(t.Context(), tx, w.Acme.Organization, project, c.at)
			var got []string
			for _, each := range coming {
				got = append(got, each.From.UTC().Format("2006-01-02 15:04"))
				for _, i := range each.Instances {
					got = append(got, i.Project+"/"+i.Name)
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("at %s: %q, want %q", c.at, got, c.want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A mail names no more than can be read, and all parts of a price.
func TestLines(t *testing.T) {
	amount := money.MustParse
	tiers := []billing.Tier{{UpTo: 10, Amount: amount("0")}, {Amount: amount("0.02")}}
	tiered := &billing.Price{Item: "traffic-out", Unit: "GB", Currency: "CHF", Mode: billing.ModeGraduated, Amount: amount("0"), Tiers: tiers}
	volume := &billing.Price{Item: "traffic-out", Unit: "GB", Currency: "CHF", Mode: billing.ModeVolume, Amount: amount("0"), Tiers: tiers, Minimum: amount("5")}
	c := change{items: []changed{{instancetest.Start, "nats", "", "guaranteed", difference{"traffic-out", tiered, volume}}, {instancetest.Start, "nats", "small", "best-effort", difference{"traffic-out", nil, tiered}}}}
	for n := range linksAtMost + 5 {
		c.instances = append(c.instances, Instance{"default", fmt.Sprintf("db%d", n)})
	}
	for language, want := range map[string][]string{
		"en": {"nats with guaranteed availability, traffic-out: CHF 0.00 per GB up to 10, CHF 0.02 for all of it beyond, at least CHF 5.00 a month from 2 Mar 2026 11:00 UTC on, CHF 0.00 per GB up to 10, CHF 0.02 beyond before.",
			"nats small, traffic-out: CHF 0.00 per GB up to 10, CHF 0.02 beyond from 2 Mar 2026 11:00 UTC on, nothing before.", "25 of your instances are affected:", "default/db19: https://souk.example/o/acme/p/default/instances/db19", "NOT db20", "and 5 more."},
		"de": {"nats mit zugesagter Verfügbarkeit, traffic-out: CHF 0.00 pro GB bis 10, CHF 0.02 für alles darüber, mindestens CHF 5.00 im Monat ab 2.3.2026 11:00 UTC, vorher CHF 0.00 pro GB bis 10, CHF 0.02 darüber.", "vorher nichts.", "und 5 weitere."},
	} {
		lines := wordsOf(language).lines(c, "acme", souk, time.UTC)
		says(t, strings.Join(lines, "\n"), want...)
	}
	for range linesAtMost {
		c.items = append(c.items, c.items[0])
	}
	says(t, strings.Join(wordsOf("en").lines(c, "acme", souk, time.UTC), "\n"), "And 2 more prices change")
}
