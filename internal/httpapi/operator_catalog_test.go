package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

// desk asks as the operator's owner.
type desk struct {
	*httpapitest.Env
	token string
}

func newDesk(t *testing.T) desk {
	e := httpapitest.New(t)
	return desk{e, e.Token(t, httpapitest.Operator, "", api.RoleOwner)}
}

func (d desk) ask(t *testing.T, q httpapitest.Request, want int) httpapitest.Response {
	t.Helper()
	return d.Do(t, with(q, d.token)).Want(t, want)
}

// refuses checks that the request is refused, naming the field, and writes nothing.
func (d desk) refuses(t *testing.T, q httpapitest.Request, status int, field, says string) {
	t.Helper()
	before := d.audited(t)
	p := d.ask(t, q, status).Problem(t)
	if !slices.ContainsFunc(p.Errors, func(e httpapi.ProblemField) bool { return e.Location == field && strings.Contains(e.Message, says) }) {
		t.Errorf("the problem is %+v, want one of %s that says %q", p, field, says)
	}
	if d.audited(t) != before {
		t.Error("what was refused is in the audit log")
	}
}

func (d desk) audited(t *testing.T) int { return cells{Env: d.Env}.audited(t) }

// reports has an agent say what the zone can do.
func (d desk) reports(t *testing.T, zone string, domains ...string) {
	t.Helper()
	d.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO zone_agents (zone_id, epoch, key_hash, not_after, enrolled_at, info)
			SELECT id, 1, '', $2, $2, jsonb_build_object('driver', 'fake', 'engines', jsonb_build_array(jsonb_build_object('service', $3::text, 'version', '15')), 'failureDomains', $4::text[]) FROM zones WHERE name = $1
			ON CONFLICT (zone_id) DO UPDATE SET info = excluded.info`, zone, d.Clock.Now(), httpapitest.Service, domains)
		return err
	})
}

func (d desk) service(t *testing.T) (s api.Service) {
	t.Helper()
	d.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/services/" + httpapitest.Service}).Want(t, 200).Decode(t, &s)
	return s
}

// The operator makes a second zone and sells the same service there at other
// prices, without any data of the demonstration.
func TestAZoneWithPricesOfItsOwn(t *testing.T) {
	d := newDesk(t)
	d.ask(t, post("/api/v1/operator/providers", someProvider("other-cloud")), 201)
	zone := newZone("k8s")
	zone.Provider = "other-cloud"
	var z api.Zone
	d.ask(t, post("/api/v1/operator/zones", zone), 201).Decode(t, &z)
	if z.Provider != "other-cloud" || z.Driver != "kubernetes" || strings.Join(z.FailureDomains, " ") != "a b c" || z.Capacity != zone.Capacity {
		t.Errorf("made %+v", z)
	}
	guaranteed := bestEffort("0.50")
	guaranteed.ServiceLevel = "guaranteed"
	var published api.PriceListPublished
	d.ask(t, prices("k8s", bestEffort("0.03"), guaranteed), 200).Decode(t, &published)
	if !published.Published || published.PriceList.Revision != 1 || len(published.Changes) != 2 {
		t.Errorf("published %+v", published)
	}
	d.reports(t, "k8s", "a", "b", "c")
	for _, level := range []string{"best-effort", "guaranteed"} {
		var o api.Offering
		d.ask(t, offering("k8s", api.OfferingPut{Service: httpapitest.Service, ServiceLevel: level, PriceList: "k8s"}), 200).Decode(t, &o)
		if !o.Available || o.PriceListName != "k8s" || o.ServiceLevel != level {
			t.Errorf("offered %+v", o)
		}
	}
	d.shows(t, map[string]string{"k8s/best-effort": "0.03", "k8s/guaranteed": "0.50", "local/best-effort": "0.02"})
	if price := estimate(t, d.Env, "?zone=k8s&serviceLevel=guaranteed&hours=10&storageGiB=10"); price.Total.Amount != "5.00" {
		t.Errorf("ten hours of it cost %+v", price.Total)
	}

	t.Run("new prices count for what is ordered then", func(t *testing.T) {
		order := api.InstanceOrder{Spec: api.InstanceSpec{Service: httpapitest.Service, Zone: "k8s"}}
		order.Metadata.Name = "before"
		q := httpapitest.Request{Method: "POST", Path: own.inProject("/instances"), Token: d.Token(t, httpapitest.Own, "", api.RoleOwner), Body: order}
		d.Do(t, q).Want(t, 201)
		d.ask(t, prices("k8s", bestEffort("0.04"), guaranteed), 200).Decode(t, &published)
		if published.PriceList.Revision != 2 || len(published.Changes) != 1 || published.Changes[0].From != "0.03 per hour" || published.Changes[0].To != "0.04 per hour" {
			t.Errorf("published %+v", published)
		}
		d.shows(t, map[string]string{"k8s/best-effort": "0.04", "k8s/guaranteed": "0.50", "local/best-effort": "0.02"})
		var i api.Instance
		q.Method, q.Path, q.Body = "GET", own.inProject("/instances/before"), nil
		d.Do(t, q).Want(t, 200).Decode(t, &i)
		if i.Status.Revisions.PriceList != 1 {
			t.Errorf("what was ordered before is on revision %d", i.Status.Revisions.PriceList)
		}
	})
	t.Run("withdrawn, it can be ordered no more, and offered again", func(t *testing.T) {
		put := api.OfferingPut{Service: httpapitest.Service, ServiceLevel: "best-effort", Withdrawn: true}
		var o api.Offering
		d.ask(t, offering("k8s", put), 200).Decode(t, &o)
		if o.Available {
			t.Errorf("withdrawn %+v", o)
		}
		put.Withdrawn, put.PriceList = false, "k8s"
		d.ask(t, offering("k8s", put), 200).Decode(t, &o)
		if !o.Available || o.Revision != 4 {
			t.Errorf("offered again %+v", o)
		}
	})
}

// shows checks what an hour of the cheapest plan's compute costs in each offering.
func (d desk) shows(t *testing.T, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, o := range d.service(t).Offerings {
		for _, item := range o.Plans[0].Items {
			if item.Item == "compute" {
				got[o.Zone+"/"+o.ServiceLevel] = item.Price.Amount
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the catalog shows %v, want %v", got, want)
	}
}

// The same again changes nothing and is not recorded again.
func TestTheCatalogMadeTwice(t *testing.T) {
	d := newDesk(t)
	title := "New"
	for _, q := range []httpapitest.Request{
		post("/api/v1/operator/providers", someProvider("other-cloud")),
		post("/api/v1/operator/zones", newZone("k8s")),
		prices("k8s", bestEffort("0.03")),
		offering("k8s", api.OfferingPut{Service: httpapitest.Service, ServiceLevel: "best-effort", PriceList: "k8s"}),
		offering("k8s", api.OfferingPut{Service: httpapitest.Service, ServiceLevel: "best-effort", Withdrawn: true}),
	} {
		status := http.StatusOK
		if q.Method == "POST" {
			status = http.StatusCreated
		}
		first := d.ask(t, q, status)
		before := d.audited(t)
		again := d.ask(t, q, status)
		if n := d.audited(t); n != before {
			t.Errorf("%s %s is recorded %d times more", q.Method, q.Path, n-before)
		}
		if !strings.Contains(q.Path, "price-lists") && string(first.Body) != string(again.Body) {
			t.Errorf("%s %s: first %s, then %s", q.Method, q.Path, first.Body, again.Body)
		}
	}
	patch := httpapitest.Request{Method: "PATCH", Path: "/api/v1/operator/zones/k8s", Body: api.ZonePatch{Title: &title, Capacity: &api.CapacityPatch{StorageGiB: new(int64(3))}}}
	var z api.Zone
	d.ask(t, patch, 200).Decode(t, &z)
	if z.Title != "New" || z.Capacity.StorageGiB != 3 || z.Capacity.CPUMillis != 16_000 || len(z.FailureDomains) != 3 {
		t.Errorf("changed to %+v", z)
	}
	before := d.audited(t)
	if d.ask(t, patch, 200); d.audited(t) != before {
		t.Error("a change of nothing is recorded")
	}
}

// A dry run shows the difference and writes nothing.
func TestPricesDryRun(t *testing.T) {
	d := newDesk(t)
	q := prices("list", bestEffort("0.02"), api.ListPrice{Service: httpapitest.Service, Plan: "large", ServiceLevel: "best-effort", Item: "compute", Unit: "month", Amount: "9"})
	q.Path += "?dryRun=true"
	before := d.audited(t)
	var out api.PriceListPublished
	d.ask(t, q, 200).Decode(t, &out)
	want := []api.Change{{Field: "postgresql/every plan/best-effort/backup-storage", From: "0.05 per GiB-month"}, {Field: "postgresql/every plan/best-effort/storage", From: "0.20 per GiB-month"}, {Field: "postgresql/large/best-effort/compute", To: "9.00 per month"}}
	if !slices.Equal(out.Changes, want) || !out.Published {
		t.Errorf("it would change %+v", out)
	}
	var list api.PriceList
	d.ask(t, httpapitest.Request{Method: "GET", Path: "/api/v1/operator/price-lists/list"}, 200).Decode(t, &list)
	if list.Revision != 1 || len(list.Prices) != 3 || len(list.Offerings) != 1 || list.Offerings[0].Zone != httpapitest.Zone || d.audited(t) != before {
		t.Errorf("the list is %+v", list)
	}
}

// A policy of its own is a revision of its own; the same again is none.
func TestPricesForWhatWasOrderedBefore(t *testing.T) {
	d := newDesk(t)
	publish := func(policy, amount string) (out api.PriceListPublished) {
		d.ask(t, httpapitest.Request{Method: "PUT", Path: "/api/v1/operator/price-lists/other", Body: api.PriceListPut{Currency: "CHF", Policy: policy, Prices: []api.ListPrice{bestEffort(amount)}}}, 200).Decode(t, &out)
		return out
	}
	for _, c := range []struct {
		policy, amount string
		published      bool
		revision       int
		is             string
	}{
		{"", "1", true, 1, "new-orders"}, {"new-orders", "1", false, 1, "new-orders"}, {"now", "1", true, 2, "now"}, {"", "1", false, 2, "now"},
		{"next-period", "2", true, 3, "next-period"}, {"next-period", "2", false, 3, "next-period"}, {"", "3", true, 4, "new-orders"},
	} {
		if out := publish(c.policy, c.amount); out.Published != c.published || out.PriceList.Revision != c.revision || out.PriceList.Policy != c.is || len(out.Changes) > 0 != c.published {
			t.Errorf("%+v: published %v, %+v, %+v", c, out.Published, out.PriceList, out.Changes)
		}
	}
}

func TestBadCatalogRequests(t *testing.T) {
	d := newDesk(t)
	d.ask(t, post("/api/v1/operator/zones", newZone("k8s")), 201)
	d.ask(t, prices("compute", bestEffort("0.03")), 200)
	d.ask(t, prices("storage", api.ListPrice{Service: httpapitest.Service, ServiceLevel: "best-effort", Item: "storage", Unit: "GiB-month", Amount: "1"}), 200)
	d.ask(t, offering("k8s", api.OfferingPut{Service: httpapitest.Service, ServiceLevel: "best-effort", PriceList: "compute"}), 200)
	provider := func(f func(*api.ProviderCreate)) httpapitest.Request {
		p := someProvider(freshName())
		f(&p)
		return post("/api/v1/operator/providers", p)
	}
	zone := func(f func(*api.ZoneCreate)) httpapitest.Request {
		z := newZone(freshName())
		f(&z)
		return post("/api/v1/operator/zones", z)
	}
	offered := func(f func(*api.OfferingPut)) httpapitest.Request {
		o := api.OfferingPut{Service: httpapitest.Service, ServiceLevel: "best-effort", PriceList: "compute"}
		f(&o)
		return offering("k8s", o)
	}
	price := func(f func(*api.ListPrice)) httpapitest.Request {
		p := bestEffort("0.03")
		f(&p)
		return prices("list", bestEffort("0.02"), p)
	}
	for _, c := range []struct {
		what        string
		q           httpapitest.Request
		status      int
		field, says string
	}{
		{"a provider of no organization", provider(func(p *api.ProviderCreate) { p.Organization = "mars" }), 422, "body.organization", "no organization"},
		{"a provider of an unknown kind", provider(func(p *api.ProviderCreate) { p.Kind = "cloud" }), 422, "body.kind", "csp"},
		{"a provider of another name's organization", provider(func(p *api.ProviderCreate) { p.Name = "souk" }), 409, "body.name", "another provider"},
		{"a provider with SQL in its name", provider(func(p *api.ProviderCreate) { p.Name = "'; DROP TABLE zones" }), 422, "body.name", "lower-case"},
		{"a zone of an unknown provider", zone(func(z *api.ZoneCreate) { z.Provider = "mars" }), 422, "body.provider", "souk provider create"},
		{"a zone of no provider", zone(func(z *api.ZoneCreate) { z.Provider = "" }), 422, "body.provider", "no provider"},
		{"a zone whose name is taken", zone(func(z *api.ZoneCreate) { z.Name, z.Driver = "k8s", "process" }), 409, "body.name", "another zone"},
		{"a zone with spaces in its name", zone(func(z *api.ZoneCreate) { z.Name = "my zone" }), 422, "body.name", "lower-case"},
		{"a zone of an unknown driver", zone(func(z *api.ZoneCreate) { z.Driver = "nomad" }), 422, "body.driver", "kubernetes, process, simulated"},
		{"a zone of two lines", zone(func(z *api.ZoneCreate) { z.Title = "a\nb" }), 422, "body.title", "one line"},
		{"a zone with a failure domain twice", zone(func(z *api.ZoneCreate) { z.FailureDomains = []string{"a", "a"} }), 422, "body.failureDomains", "another name"},
		{"a zone of negative size", zone(func(z *api.ZoneCreate) { z.Capacity.CPUMillis = -1 }), 422, "body.capacity.cpuMillis", "above zero"},
		{"a zone without storage", zone(func(z *api.ZoneCreate) { z.Capacity.StorageGiB = 0 }), 422, "body.capacity.storageGiB", "above zero"},
		{"a zone beyond all measure", zone(func(z *api.ZoneCreate) { z.Capacity.MemoryMiB = 1<<63 - 1 }), 422, "body.capacity.memoryMiB", "above zero"},
		{"an unknown service", offered(func(o *api.OfferingPut) { o.Service = "oracle" }), 422, "body.service", "There are: postgresql"},
		{"an unknown level", offered(func(o *api.OfferingPut) { o.ServiceLevel = "gold" }), 422, "body.serviceLevel", "best-effort"},
		{"an unknown price list", offered(func(o *api.OfferingPut) { o.PriceList = "mars" }), 422, "body.priceList", "souk prices publish"},
		{"no price list", offered(func(o *api.OfferingPut) { o.PriceList = "" }), 422, "body.priceList", "souk prices publish"},
		{"a price list that prices no plan", offered(func(o *api.OfferingPut) { o.PriceList = "storage" }), 422, "body.priceList", "compute"},
		{"guaranteed availability without a price", offered(func(o *api.OfferingPut) { o.ServiceLevel = "guaranteed" }), 422, "body.priceList", "guaranteed"},
		{"withdrawing what was never offered", offered(func(o *api.OfferingPut) { o.ServiceLevel, o.Withdrawn = "guaranteed", true }), 422, "body.service", "not offered"},
		{"a negative price", price(func(p *api.ListPrice) { p.Plan, p.Amount = "small", "-1" }), 422, "body.prices[1].amount", "negative"},
		{"a price that is none", price(func(p *api.ListPrice) { p.Plan, p.Amount = "small", "1e3" }), 422, "body.prices[1].amount", "decimal"},
		{"a price beyond all measure", price(func(p *api.ListPrice) { p.Plan, p.Amount = "small", "1000001" }), 422, "body.prices[1].amount", "at most"},
		{"a price of an unknown service", price(func(p *api.ListPrice) { p.Service = "oracle" }), 422, "body.prices[1].service", "There are: postgresql"},
		{"a price of an unknown plan", price(func(p *api.ListPrice) { p.Plan = "huge" }), 422, "body.prices[1].plan", "small, medium, large"},
		{"a price of an unknown item", price(func(p *api.ListPrice) { p.Item = "traffic" }), 422, "body.prices[1].item", "compute, storage"},
		{"a price in the wrong unit", price(func(p *api.ListPrice) { p.Plan, p.Unit = "small", "GiB-hour" }), 422, "body.prices[1].unit", "hour, month"},
		{"a price of backups in the wrong unit", price(func(p *api.ListPrice) { p.Item, p.Unit = "backup-storage", "month" }), 422, "body.prices[1].unit", "GiB-hour, GiB-month"},
		{"the same price twice", price(func(p *api.ListPrice) { p.Amount = "1" }), 422, "body.prices[1].item", "twice"},
		{"tiers of a flat price", price(func(p *api.ListPrice) { p.Plan, p.Tiers = "small", tiers() }), 422, "body.prices[1].tiers", "graduated"},
		{"an unknown mode", price(func(p *api.ListPrice) { p.Plan, p.Amount, p.Mode, p.Tiers = "small", "", "steps", tiers() }), 422, "body.prices[1].mode", "volume"},
		{"a single tier", price(func(p *api.ListPrice) { p.Plan, p.Amount, p.Mode, p.Tiers = "small", "", "volume", tiers()[1:] }), 422, "body.prices[1].tiers", "from 2"},
		{"tiers that overlap", price(func(p *api.ListPrice) {
			p.Plan, p.Amount, p.Mode, p.Tiers = "small", "", "volume", append([]api.PriceTier{{UpTo: 100, Amount: "1"}}, tiers()...)
		}), 422, "body.prices[1].tiers[1].upTo", "above 100"},
		{"tiers that end", price(func(p *api.ListPrice) {
			p.Plan, p.Amount, p.Mode, p.Tiers = "small", "", "volume", []api.PriceTier{{UpTo: 1, Amount: "1"}, {UpTo: 2, Amount: "1"}}
		}), 422, "body.prices[1].tiers[1].upTo", "no end"},
		{"a tier's price that is none", price(func(p *api.ListPrice) {
			p.Plan, p.Amount, p.Mode, p.Tiers = "small", "", "volume", tiers()
			p.Tiers[1].Amount = "x"
		}), 422, "body.prices[1].tiers[1].amount", "decimal"},
		{"an amount beside tiers", price(func(p *api.ListPrice) { p.Plan, p.Amount, p.Mode, p.Tiers = "small", "7", "volume", tiers() }), 422, "body.prices[1].amount", "leave it out"},
		{"a negative minimum", price(func(p *api.ListPrice) { p.Plan, p.Minimum = "small", "-1" }), 422, "body.prices[1].minimum", "negative"},
		{"a minimum of what is charged once", price(func(p *api.ListPrice) { p.Item, p.Unit, p.Minimum = "setup", "once", "1" }), 422, "body.prices[1].minimum", "no minimum"},
		{"a setup by the hour", price(func(p *api.ListPrice) { p.Item = "setup" }), 422, "body.prices[1].unit", "once"},
		{"no prices", prices("list", []api.ListPrice{}...), 422, "body.prices", "from 1"},
		{"another currency", httpapitest.Request{Method: "PUT", Path: "/api/v1/operator/price-lists/list", Body: api.PriceListPut{Currency: "EUR", Prices: []api.ListPrice{bestEffort("1")}}}, 422, "body.currency", "CHF"},
		{"another policy", httpapitest.Request{Method: "PUT", Path: "/api/v1/operator/price-lists/list", Body: api.PriceListPut{Currency: "CHF", Policy: "yesterday", Prices: []api.ListPrice{bestEffort("1")}}}, 422, "body.policy", "next-period"},
		{"prices that leave an offering without one", prices("compute", api.ListPrice{Service: httpapitest.Service, ServiceLevel: "best-effort", Item: "storage", Unit: "GiB-month", Amount: "1"}), 422, "body.prices", "souk zone offer k8s postgresql"},
	} {
		t.Run(c.what, func(t *testing.T) { d.refuses(t, c.q, c.status, c.field, c.says) })
	}
	d.ask(t, offering("mars", api.OfferingPut{Service: httpapitest.Service, ServiceLevel: "best-effort", PriceList: "compute"}), 404)
}

// tiers are such as a price can have.
func tiers() []api.PriceTier {
	return []api.PriceTier{{UpTo: 100, Amount: "0.03"}, {Amount: "0.02"}}
}

// Prices in tiers, with a minimum and charged once are published, read back as they can
// be published again, and shown where something is ordered.
func TestPriceModelsArePublishedAndShown(t *testing.T) {
	d := newDesk(t)
	compute := bestEffort("")
	compute.Mode, compute.Tiers, compute.Minimum = "graduated", tiers(), "5"
	setup := api.ListPrice{Service: httpapitest.Service, ServiceLevel: "best-effort", Item: "setup", Unit: "once", Amount: "10"}
	var out api.PriceListPublished
	d.ask(t, prices("list", compute, setup), 200).Decode(t, &out)
	says := fmt.Sprint(out.Changes)
	for _, want := range []string{"0.03 per hour up to 100, 0.02 beyond; at least 5.00 a month", "10.00 once"} {
		if !strings.Contains(says, want) {
			t.Errorf("%s does not say %q", says, want)
		}
	}
	d.ask(t, prices("list", out.PriceList.Prices...), 200).Decode(t, &out)
	if out.Published {
		t.Errorf("the same was published again: %+v", out.Changes)
	}
	var s api.Service
	d.ask(t, httpapitest.Request{Method: "GET", Path: "/api/v1/services/" + httpapitest.Service}, 200).Decode(t, &s)
	p := s.Offerings[0].Plans[0]
	if len(p.Rules) != 1 || len(p.Rules[0].Tiers) != 2 || p.Rules[0].Minimum == nil || len(p.Once) != 1 || p.Once[0].Price.Amount != "10.00" {
		t.Errorf("%+v", p)
	}
}

// What the zone's agent reports counts, not what the zone declares.
func TestGuaranteedIsNotOfferedWithTooFewFailureDomains(t *testing.T) {
	d := newDesk(t)
	level := bestEffort("0.1")
	level.ServiceLevel = "guaranteed"
	d.ask(t, prices("k8s", level), 200)
	zone := newZone("k8s")
	zone.FailureDomains = []string{"a", "b"}
	d.ask(t, post("/api/v1/operator/zones", zone), 201)
	q := offering("k8s", api.OfferingPut{Service: httpapitest.Service, ServiceLevel: "guaranteed", PriceList: "k8s"})
	d.refuses(t, q, 409, "body.serviceLevel", "has 2")
	d.reports(t, "k8s", "one")
	d.refuses(t, q, 409, "body.serviceLevel", "has 1")
	d.reports(t, "k8s", "one", "two", "three")
	d.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,noGuaranteed}', '"it has a single member."')`)
		return err
	})
	d.refuses(t, q, 409, "body.serviceLevel", "it has a single member. Offer it with best effort.")
	d.reports(t, "k8s", "one", "two", "three")
	d.ask(t, q, 200)
	d.reports(t, "k8s", "one", "two")
	if o := d.service(t).Offerings[0]; o.Available || !strings.Contains(o.Problem, "only 2 of them") {
		t.Errorf("it is offered %+v", o)
	}
}

// The operator's staff see which agent does not fit, and what to do; nobody else is
// told of versions.
func TestVersionTooFarApartIsACondition(t *testing.T) {
	e := httpapitest.New(t, func(c *httpapi.Config) { c.Version = "v1.4.0" })
	d := desk{e, e.Token(t, httpapitest.Operator, "", api.RoleViewer)}
	for version, want := range map[string]bool{"v1.3.9": false, "v1.2.9": true, "unknown": false, "v1.6.0": true} {
		d.System(t, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE zone_agents SET version = $1", version)
			return err
		})
		var zones api.List[api.OperatorZone]
		d.ask(t, httpapitest.Request{Method: "GET", Path: "/api/v1/operator/zones"}, 200).Decode(t, &zones)
		z := zones.Items[0]
		shown := slices.ContainsFunc(z.Zone.Conditions, func(c api.Condition) bool {
			return c.Type == "AgentVersion" && !c.Status && strings.Contains(c.Message, version) && strings.Contains(c.Message, "v1.4.0")
		})
		if shown != want || z.Agent.Version != version {
			t.Errorf("version %s is shown as %+v", version, z.Zone.Conditions)
		}
		if public := d.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/zones"}).Want(t, 200); strings.Contains(string(public.Body), version) {
			t.Errorf("everybody is told of version %s", version)
		}
	}
}
