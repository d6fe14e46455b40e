package catalog

import (
	"context"
	"slices"
	"strings"
	"time"

	"souk/api"
	"souk/internal/catalog/catalogdb"
	"souk/internal/problem"
	"souk/internal/store"
)

// DriverSimulated is that of a zone in which nothing runs: its agent says that it does.
// Such a zone is marked, and everybody who looks at it is told.
const DriverSimulated = "simulated"

// drivers are what a zone's instances can be run by.
var drivers = []string{"kubernetes", "process", DriverSimulated}

// mostOfAZone bounds what a zone can declare of anything.
const mostOfAZone = 1 << 40

// MakeZone declares a zone. The same again changes nothing. The transaction is a
// system one.
func MakeZone(ctx context.Context, tx store.Tx, c api.ZoneCreate, at time.Time) (catalogdb.ZonesRow, bool, error) {
	q := catalogdb.New(tx)
	c.Title = firstOf(strings.TrimSpace(c.Title), c.Name)
	providers, err := q.Providers(ctx, c.Provider)
	if err != nil {
		return catalogdb.ZonesRow{}, false, err
	}
	var wrong problem.Complaints
	wrong.Unless(nameForm.MatchString(c.Name), "body.name", c.Name, nameRule)
	wrong.Unless(slices.Contains(drivers, c.Driver), "body.driver", c.Driver, "It is one of: %s.", strings.Join(drivers, ", "))
	known := c.Provider != "" && len(providers) > 0
	wrong.Unless(known, "body.provider", c.Provider, "There is no provider of this name. See them with: souk get providers. Make one with: souk provider create NAME.")
	checkZone(&wrong, c.Title, c.FailureDomains, c.Capacity)
	if err := wrong.Err(); err != nil {
		return catalogdb.ZonesRow{}, false, err
	}
	domains := sortedDomains(c.FailureDomains)
	made, err := q.MakeZone(ctx, catalogdb.MakeZoneParams{ID: store.NewID(), ProviderID: providers[0].ID, Name: c.Name, Title: c.Title, Driver: c.Driver, Simulated: c.Driver == DriverSimulated, FailureDomains: domains,
		CpuMillis: c.Capacity.CPUMillis, MemoryMib: c.Capacity.MemoryMiB, StorageGib: c.Capacity.StorageGiB, Instances: c.Capacity.Instances, At: at})
	if err != nil {
		return catalogdb.ZonesRow{}, false, err
	}
	is, err := zoneNamed(ctx, q, c.Name)
	if err != nil || made > 0 {
		return is, made > 0, err
	}
	if is.Provider != c.Provider || is.Driver != c.Driver || is.Title != c.Title || !slices.Equal(is.FailureDomains, domains) || capacityOf(is) != c.Capacity {
		err = taken("zone", c.Name)
	}
	return is, false, err
}

// ChangeZone changes what a zone declares of itself, and says whether it did.
func ChangeZone(ctx context.Context, tx store.Tx, name string, patch api.ZonePatch, at time.Time) (catalogdb.ZonesRow, bool, error) {
	q := catalogdb.New(tx)
	is, err := zoneNamed(ctx, q, name)
	if err != nil {
		return is, false, err
	}
	title, domains, capacity := is.Title, is.FailureDomains, capacityOf(is)
	if patch.Title != nil {
		title = firstOf(strings.TrimSpace(*patch.Title), is.Name)
	}
	if patch.FailureDomains != nil {
		domains = sortedDomains(*patch.FailureDomains)
	}
	if c := patch.Capacity; c != nil {
		for from, to := range map[*int64]*int64{c.CPUMillis: &capacity.CPUMillis, c.MemoryMiB: &capacity.MemoryMiB, c.StorageGiB: &capacity.StorageGiB, c.Instances: &capacity.Instances} {
			if from != nil {
				*to = *from
			}
		}
	}
	var wrong problem.Complaints
	checkZone(&wrong, title, domains, capacity)
	if err := wrong.Err(); err != nil {
		return is, false, err
	}
	if title == is.Title && slices.Equal(domains, is.FailureDomains) && capacity == capacityOf(is) {
		return is, false, nil
	}
	err = q.ChangeZone(ctx, catalogdb.ChangeZoneParams{ID: is.ID, Title: title, FailureDomains: domains, CapacityCpuMillis: capacity.CPUMillis, CapacityMemoryMib: capacity.MemoryMiB,
		CapacityStorageGib: capacity.StorageGiB, CapacityInstances: capacity.Instances, UpdatedAt: at})
	if err != nil {
		return is, false, err
	}
	is, err = zoneNamed(ctx, q, name)
	return is, true, err
}

// checkZone complains about what a zone declares of itself.
func checkZone(wrong *problem.Complaints, title string, domains []string, capacity api.Capacity) {
	wrong.Unless(line(title), "body.title", nil, "A title is one line of at most 120 characters.")
	wrong.Unless(len(slices.Compact(slices.Sorted(slices.Values(domains)))) == len(domains) && len(domains) <= 100, "body.failureDomains", domains, "A zone has at most 100 failure domains, each of another name.")
	for _, d := range domains {
		wrong.Unless(d != "" && line(d), "body.failureDomains", d, "A failure domain's name is one line of 1 to 120 characters.")
	}
	for _, n := range []struct {
		field string
		value int64
	}{{"cpuMillis", capacity.CPUMillis}, {"memoryMiB", capacity.MemoryMiB}, {"storageGiB", capacity.StorageGiB}, {"instances", capacity.Instances}} {
		wrong.Unless(n.value > 0 && n.value <= mostOfAZone, "body.capacity."+n.field, n.value, "Say how much the zone has: a number above zero.")
	}
}

func sortedDomains(domains []string) []string {
	return append([]string{}, slices.Sorted(slices.Values(domains))...)
}

func capacityOf(z catalogdb.ZonesRow) api.Capacity {
	return api.Capacity{CPUMillis: z.CapacityCpuMillis, MemoryMiB: z.CapacityMemoryMib, StorageGiB: z.CapacityStorageGib, Instances: z.CapacityInstances}
}

func zoneNamed(ctx context.Context, q *catalogdb.Queries, name string) (catalogdb.ZonesRow, error) {
	all, err := q.Zones(ctx, name)
	if err != nil {
		return catalogdb.ZonesRow{}, err
	}
	if len(all) == 0 || name == "" {
		return catalogdb.ZonesRow{}, problem.NotFound("zone", name)
	}
	return all[0], nil
}
