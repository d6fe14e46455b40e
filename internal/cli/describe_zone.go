package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"souk/api"
	"souk/api/client"
)

// describeZone shows all that the asker may see of a zone: the operator's staff see
// its agent and what is offered there too.
func (a *App) describeZone(ctx context.Context, name string) error {
	c, _, err := a.connect()
	if err != nil {
		return err
	}
	all, err := c.Operator().Zones(ctx)
	if client.IsStatus(err, http.StatusForbidden) || client.IsStatus(err, http.StatusUnauthorized) {
		all, err = publicZones(ctx, c)
	}
	if err != nil {
		return err
	}
	for _, z := range all {
		if z.Zone.Metadata.Name == name {
			_, err := fmt.Fprint(a.Out, zonePage(z))
			return err
		}
	}
	return fmt.Errorf("there is no zone %s; see: souk get zones", name)
}

// publicZones are the zones as anybody sees them.
func publicZones(ctx context.Context, c *client.Client) ([]api.OperatorZone, error) {
	zones, err := c.Zones(ctx)
	out := make([]api.OperatorZone, 0, len(zones))
	for _, z := range zones {
		out = append(out, api.OperatorZone{Zone: z})
	}
	return out, err
}

func zonePage(o api.OperatorZone) *page {
	p, z := &page{}, o.Zone
	p.field("Zone", z.Metadata.Name)
	p.field("Title", z.Title)
	p.field("Provider", z.Provider)
	p.field("Driver", z.Driver)
	p.field("Isolation", z.Isolation)
	p.field("Limits", z.Limits)
	p.field("Failure domains", domainsOf(z))
	if o.Agent != nil {
		agentFacts(p, *o.Agent)
	}
	t := newTable("RESOURCE", "RESERVED", "CAPACITY")
	t.add("instances", fmt.Sprint(z.Reserved.Instances), fmt.Sprint(z.Capacity.Instances))
	t.add("cpu", cores(z.Reserved.CPUMillis), cores(z.Capacity.CPUMillis))
	t.add("memory", mebibytes(z.Reserved.MemoryMiB), mebibytes(z.Capacity.MemoryMiB))
	t.add("storage", fmt.Sprintf("%d GiB", z.Reserved.StorageGiB), fmt.Sprintf("%d GiB", z.Capacity.StorageGiB))
	p.section("Capacity", t)
	p.section("Conditions", conditionTable(z.Conditions))
	p.section("Offered", offeringTable(o.Offerings))
	return p
}

func domainsOf(z api.Zone) string {
	domains := strings.Join(z.FailureDomains, ", ")
	if z.Simulated || z.FailureDomainsSimulated {
		domains = strings.TrimSpace(domains + " (simulated: they are one machine)")
	}
	return domains
}

func agentFacts(p *page, a api.ZoneAgent) {
	var engines []string
	for _, e := range a.Engines {
		engines = append(engines, e.Service+" "+e.Version)
	}
	p.field("Agent", a.Version)
	p.field("Engines", strings.Join(engines, ", "))
	p.field("Enrolled", fmt.Sprintf("%s (enrolment %d)", moment(a.EnrolledAt), a.Epoch))
	if a.LastSeenAt != nil {
		p.field("Last seen", moment(*a.LastSeenAt))
	}
	p.field("Certificate", "until "+moment(a.CertificateUntil))
	if a.RevokedAt != nil {
		p.field("Cut off", strings.TrimSuffix(moment(*a.RevokedAt)+": "+a.RevokedReason, ": "))
	}
}
