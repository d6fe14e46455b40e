package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"souk/api"
)

func TestZoneCreateAndUpdate(t *testing.T) {
	h := newTerminal(t)
	k8s := api.Zone{Metadata: api.Metadata{Name: "k8s"}, Driver: "kubernetes"}
	h.server.replies["POST /operator/zones"] = k8s
	h.server.replies["PATCH /operator/zones/k8s"] = k8s
	stdout, _ := h.expect(exitDone, "zone", "create", "k8s", "--title", "A cluster", "--provider", "local-cloud", "--driver", "kubernetes",
		"--failure-domain", "a", "--failure-domain", "b", "--cpu", "1.5", "--memory-gib", "64", "--storage-gib", "500", "--instances", "100")
	same(t, stdout, "zone/k8s created\n")
	sent := h.server.sent("POST")
	same(t, sent[len(sent)-1].body, `{"name":"k8s","title":"A cluster","provider":"local-cloud","driver":"kubernetes","failureDomains":["a","b"],"capacity":{"cpuMillis":1500,"memoryMiB":65536,"storageGiB":500,"instances":100}}`)

	stdout, _ = h.expect(exitDone, "zone", "update", "k8s", "--memory-gib", "128", "--title", "")
	same(t, stdout, "zone/k8s updated\n")
	sent = h.server.sent("PATCH")
	same(t, sent[len(sent)-1].body, `{"title":"","capacity":{"memoryMiB":131072}}`)

	for _, cpu := range []string{"many", "1.2345", "-1", "0", ""} {
		_, stderr := h.expect(exitMisuse, "zone", "update", "k8s", "--cpu", cpu)
		has(t, stderr, "not a number of cores")
	}
	h.expect(exitMisuse, "zone", "update", "k8s")
	_, stderr := h.expect(exitMisuse, "zone", "create", "k8s")
	has(t, stderr, "provider")
}

func TestZoneOffer(t *testing.T) {
	h := newTerminal(t)
	h.server.replies["PUT /operator/zones/k8s/offerings"] = api.Offering{Zone: "k8s", Service: "postgresql", ServiceLevel: "guaranteed", Problem: "no agent has reported from there yet."}
	stdout, stderr := h.expect(exitDone, "zone", "offer", "k8s", "postgresql", "--service-level", "guaranteed", "--price-list", "k8s")
	same(t, stdout, "offering/k8s/postgresql/guaranteed offered\n")
	has(t, stderr, "It cannot be ordered yet: no agent has reported")
	stdout, stderr = h.expect(exitDone, "zone", "offer", "k8s", "postgresql", "--withdraw")
	same(t, stdout+stderr, "offering/k8s/postgresql/best-effort withdrawn\n")
	sent := h.server.sent("PUT")
	same(t, sent[0].body+sent[1].body, `{"service":"postgresql","serviceLevel":"guaranteed","priceList":"k8s"}{"service":"postgresql","serviceLevel":"best-effort","withdrawn":true}`)
	h.expect(exitMisuse, "zone", "offer", "k8s", "postgresql")
	h.expect(exitMisuse, "zone", "offer", "k8s", "postgresql", "--withdraw", "--price-list", "k8s")
}

func TestProviders(t *testing.T) {
	h := newTerminal(t)
	dc := api.Provider{Name: "dc", Title: "The data centre", Kind: "csp", Organization: "dc-ag"}
	h.server.replies["POST /operator/providers"] = dc
	h.server.replies["GET /operator/providers"] = api.List[api.Provider]{Items: []api.Provider{dc}}
	stdout, _ := h.expect(exitDone, "provider", "create", "dc", "--of", "dc-ag", "--title", "The data centre")
	same(t, stdout, "provider/dc created\n")
	stdout, _ = h.expect(exitDone, "get", "providers")
	same(t, stdout, `
NAME  TITLE            KIND  ORGANIZATION
dc    The data centre  csp   dc-ag
`)
}

const priceFileText = `currency: CHF
prices:
- service: postgresql
  plan: small
  serviceLevel: best-effort
  item: compute
  unit: hour
  amount: "0.03"
`

func TestPricesPublish(t *testing.T) {
	h := newTerminal(t)
	list := api.PriceList{Metadata: api.Metadata{Name: "k8s"}, Provider: "souk", Currency: "CHF", Revision: 2, Policy: "new-orders", PublishedAt: now,
		Prices:    []api.ListPrice{{Service: "postgresql", Plan: "small", ServiceLevel: "best-effort", Item: "compute", Unit: "hour", Amount: "0.03"}, {Service: "postgresql", ServiceLevel: "best-effort", Item: "storage", Unit: "GiB-month", Amount: "0.20"}},
		Offerings: []api.Offering{{Zone: "k8s", Service: "postgresql", ServiceLevel: "best-effort", PriceList: 2, PriceListName: "k8s", Available: true}}}
	h.server.replies["GET /operator/price-lists"] = api.List[api.PriceList]{Items: []api.PriceList{list}}
	h.server.replies["GET /operator/price-lists/k8s"] = list
	out := api.PriceListPublished{PriceList: list, Published: true, Changes: []api.Change{{Field: "postgresql/small/best-effort/compute", From: "0.02 per hour", To: "0.03 per hour"}}}
	h.server.replies["PUT /operator/price-lists/k8s"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, 200, out) })
	file := h.file("prices.yaml", priceFileText)
	changes := `
  PRICE                                 FROM           TO
  postgresql/small/best-effort/compute  0.02 per hour  0.03 per hour
  Prices what is offered: postgresql in zone k8s, best-effort
`
	stdout, _ := h.expect(exitDone, "prices", "publish", "k8s", "-f", file, "--dry-run")
	same(t, stdout, "Would publish revision 2 of price-list/k8s:"+changes)
	stdout, _ = h.expect(exitDone, "prices", "publish", "k8s", "-f", file)
	same(t, stdout, "price-list/k8s published as revision 2"+changes)
	sent := h.server.sent("PUT")
	if len(sent) != 1 {
		t.Errorf("%d requests were made that change something", len(sent))
	}
	same(t, sent[0].query+sent[0].body, `{"currency":"CHF","prices":[{"service":"postgresql","plan":"small","serviceLevel":"best-effort","item":"compute","unit":"hour","amount":"0.03"}]}`)

	out = api.PriceListPublished{PriceList: list}
	h.stdin, _ = h.expect(exitDone, "get", "price-list", "k8s", "-o", "yaml") // what is written can be read
	stdout, _ = h.expect(exitDone, "prices", "publish", "k8s", "-f", "-")
	same(t, stdout, "price-list/k8s unchanged\n")
	var read api.PriceListPut
	sent = h.server.sent("PUT")
	if err := json.Unmarshal([]byte(sent[len(sent)-1].body), &read); err != nil || fmt.Sprint(read.Prices) != fmt.Sprint(list.Prices) {
		t.Errorf("read %+v: %v", read, err)
	}

	list.Policy = "next-period"
	out = api.PriceListPublished{PriceList: list, Published: true, Changes: []api.Change{{Field: "policy", From: "new-orders", To: "next-period"}}}
	stdout, _ = h.expect(exitDone, "prices", "publish", "k8s", "-f", file, "--policy", "next-period")
	same(t, stdout, `
price-list/k8s published as revision 2
  What runs is priced by it from the next month on, in each customer's time zone.
  PRICE   FROM        TO
  policy  new-orders  next-period
  Prices what is offered: postgresql in zone k8s, best-effort
`)
	stdout, _ = h.expect(exitDone, "get", "price-lists")
	same(t, stdout, `
NAME  REVISION  POLICY      CURRENCY  PRICES  OFFERINGS  PUBLISHED
k8s   2         new-orders  CHF       2       1          2026-11-21 12:00:00 UTC
`)
	stdout, _ = h.expect(exitDone, "describe", "price-list", "k8s")
	same(t, stdout, `
Price list:  k8s
Provider:    souk
Revision:    2
Policy:      new-orders
Published:   2026-11-21 12:00:00 UTC

Prices
SERVICE     PLAN        LEVEL        ITEM     PRICE
postgresql  small       best-effort  compute  CHF 0.03 per hour
postgresql  every plan  best-effort  storage  CHF 0.20 per GiB-month

Prices what is offered
SERVICE     ZONE  LEVEL        PRICE LIST  ORDERABLE  NOTE
postgresql  k8s   best-effort  k8s 2       yes
`)
}

func TestPriceFilesThatAreNone(t *testing.T) {
	h := newTerminal(t)
	for what, c := range map[string]struct{ text, says string }{
		"an amount that is a number": {"currency: CHF\nprices:\n- {service: postgresql, item: compute, amount: 0.02}\n", "in quotes"},
		"an unknown field":           {"currency: CHF\nprice: []\n", "unknown field price"},
		"no YAML":                    {"currency: [", "not valid YAML"},
		"a key twice":                {"currency: CHF\ncurrency: CHF\n", "not valid YAML"},
	} {
		t.Run(what, func(t *testing.T) {
			_, stderr := h.expect(exitFailed, "prices", "publish", "k8s", "-f", h.file("prices.yaml", c.text))
			has(t, stderr, c.says)
		})
	}
	h.expect(exitFailed, "prices", "publish", "k8s", "-f", "/nowhere/prices.yaml")
	h.expect(exitMisuse, "prices", "publish", "k8s")
	if sent := h.server.sent("PUT"); len(sent) > 0 {
		t.Errorf("%d requests were made", len(sent))
	}
}

func TestZoneRevokeAndDescribe(t *testing.T) {
	h := newTerminal(t)
	z := api.Zone{Metadata: api.Metadata{Name: "k8s"}, Title: "A cluster", Provider: "dc", Driver: "kubernetes", FailureDomains: []string{"a", "b", "c"}, FailureDomainsSimulated: true,
		Capacity: api.Capacity{CPUMillis: 16000, MemoryMiB: 2048, StorageGiB: 500, Instances: 100}, Reserved: api.Capacity{Instances: 1, CPUMillis: 250, MemoryMiB: 512, StorageGiB: 10},
		Conditions: []api.Condition{{Type: "ZoneReachable", Reason: "AgentRevoked", Message: "Cut off.", LastTransitionTime: now}}}
	h.server.replies["POST /operator/zones/k8s/revoke"] = z
	stdout, stderr := h.expect(exitDone, "zone", "revoke", "k8s", "--reason", "its key was lost")
	same(t, stdout, "zone/k8s cut off\n")
	has(t, stderr, "souk zone enrol k8s")
	sent := h.server.sent("POST")
	same(t, sent[0].body, `{"reason":"its key was lost"}`)

	const public = `
Zone:             k8s
Title:            A cluster
Provider:         dc
Driver:           kubernetes
Failure domains:  a, b, c (simulated: they are one machine)
`
	const capacity = `
Capacity
RESOURCE   RESERVED  CAPACITY
instances  1         100
cpu        0.25      16
memory     512 MiB   2 GiB
storage    10 GiB    500 GiB

Conditions
CONDITION      STATUS  SINCE                    REASON        MESSAGE
ZoneReachable  false   2026-11-21 12:00:00 UTC  AgentRevoked  Cut off.
`
	h.server.replies["GET /zones"] = api.List[api.Zone]{Items: []api.Zone{z}}
	h.server.replies["GET /operator/zones"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { refuse(w, 403, "Your role does not allow it.") })
	stdout, _ = h.expect(exitDone, "describe", "zone", "k8s")
	same(t, stdout, public+capacity)

	h.server.replies["GET /operator/zones"] = api.List[api.OperatorZone]{Items: []api.OperatorZone{{Zone: z,
		Agent: &api.ZoneAgent{Version: "v1.2.0", Epoch: 2, EnrolledAt: now, CertificateUntil: now, RevokedAt: &now, RevokedReason: "its key was lost", Revoked: true,
			Engines: []api.ZoneEngine{{Service: "postgresql", Version: "15.18"}}},
		Offerings: []api.Offering{{Zone: "k8s", Service: "postgresql", ServiceLevel: "guaranteed", PriceList: 3, PriceListName: "k8s", Problem: "its agent has been cut off."}}}}}
	stdout, _ = h.expect(exitDone, "describe", "zone", "k8s")
	same(t, stdout, public+`Agent:            v1.2.0
Engines:          postgresql 15.18
Enrolled:         2026-11-21 12:00:00 UTC (enrolment 2)
Certificate:      until 2026-11-21 12:00:00 UTC
Cut off:          2026-11-21 12:00:00 UTC: its key was lost
`+capacity+`
Offered
SERVICE     ZONE  LEVEL       PRICE LIST  ORDERABLE  NOTE
postgresql  k8s   guaranteed  k8s 3       no         its agent has been cut off.
`)
}

func TestMetrics(t *testing.T) {
	h := newTerminal(t)
	value := func(v float64) *float64 { return &v }
	m := api.Metrics{StepSeconds: 15, Panels: []api.MetricsPanel{
		{Title: "Memory", Unit: "bytes", Series: []api.MetricsSeries{{Legend: "used", Values: []*float64{value(1 << 20), nil, value(3 << 20)}}, {Legend: "nothing", Values: []*float64{nil}}}},
		{Title: "Transactions", Unit: "perSecond", Series: []api.MetricsSeries{{Legend: "committed", Values: []*float64{value(1.5), nil}}}},
	}}
	const path = "GET /organizations/acme/projects/default/instances/db1/metrics"
	h.server.replies[path] = m
	stdout, _ := h.expect(exitDone, "metrics", "db1", "--range", "6h")
	same(t, stdout, `FIGURE        OF         NOW      LEAST    MEAN     MOST
Memory        used       3.0 MiB  1.0 MiB  2.0 MiB  3.0 MiB
Transactions  committed  -        1.50/s   1.50/s   1.50/s
`)
	h.server.replies[path] = api.Metrics{}
	_, stderr := h.expect(exitDone, "metrics", "db1")
	has(t, stderr, "Nothing is known")
}
