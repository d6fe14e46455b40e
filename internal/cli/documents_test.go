package cli

import (
	"encoding/json"
	"time"

	"souk/api"
)

func provisioning(i *api.Instance) {
	i.Status.Phase, i.Status.Message = api.PhaseProvisioning, "The database is being made."
}

func ready(i *api.Instance) {
	i.Status.Phase, i.Status.Message = api.PhaseReady, ""
	i.Status.ObservedGeneration = i.Metadata.Generation
	i.Status.Endpoint = &api.Endpoint{Host: "127.0.0.1", Port: 20001, Database: "db1", CA: "PEM"}
}

func postgresql() api.Service {
	price := func(plan, hour, month string) api.PlanPrice {
		return api.PlanPrice{
			Plan: plan, Hour: chf(hour), Month: chf(month),
			Items: []api.PriceItem{{Item: "compute", Unit: "hour", Price: chf(hour)}, {Item: "storage", Unit: "GiB-month", Price: chf("0.20")}},
			ByUse: []api.UnitPrice{{Item: "backup-storage", Unit: "GiB-month", Price: chf("0.05")}},
		}
	}
	return api.Service{
		Name: "postgresql", Title: "PostgreSQL", Summary: "A relational database", Category: "database", Provider: "csp", Revision: 1, Versions: []string{"15.14"},
		Parameters: json.RawMessage(`{"properties":{
			"work_mem":{"type":"string","default":"4MB","description":"Memory of one sort"},
			"max_connections":{"type":"integer"},"jit":{"type":"boolean"},"random_page_cost":{"type":"number"},
			"log.level":{"type":"string"},"pool":{"type":"object","properties":{"size":{"type":"integer"}}},
			"names":{"type":"array"},"mixed":{"anyOf":[{"type":"integer"},{"type":"string"}]}}}`),
		Plans: []api.Plan{
			{Name: "small", CPUMillis: 500, MemoryMiB: 512, MinStorageGiB: 10, MaxStorageGiB: 100},
			{Name: "medium", CPUMillis: 1000, MemoryMiB: 1024, MinStorageGiB: 20, MaxStorageGiB: 200},
		},
		Offerings: []api.Offering{
			{Zone: "local", Service: "postgresql", ServiceLevel: "best-effort", PriceList: 3, Available: true,
				Plans: []api.PlanPrice{price("small", "0.02", "16.40"), price("medium", "0.04", "32.80")}},
			{Zone: "geneva", Service: "postgresql", ServiceLevel: "best-effort", PriceList: 3, Problem: "the zone has no PostgreSQL",
				Capabilities: []api.Capability{{Name: "scaling", Offered: true, Note: "where its storage can"}, {Name: "backup", Note: "in the next version"}},
				Plans:        []api.PlanPrice{price("small", "0.03", "22.00")}},
		},
		Capabilities: []api.Capability{{Name: "scaling", Offered: true}, {Name: "backup", Note: "in the next version"}},
	}
}

func chf(amount string) api.Money { return api.Money{Amount: amount, Currency: "CHF"} }

// instance returns one that is ready, changed by edit.
func instance(name string, edit ...func(*api.Instance)) *api.Instance {
	i := &api.Instance{
		Metadata: api.Metadata{ID: "id-" + name, Name: name, Organization: "acme", Project: "default", Generation: 1, CreatedAt: now.Add(-3 * time.Minute)},
		Spec:     api.InstanceSpec{Service: "postgresql", Zone: "local", Plan: "small", ServiceLevel: "best-effort", StorageGiB: 10},
	}
	ready(i)
	for _, change := range edit {
		change(i)
	}
	return i
}
