package portal

import (
	"net/http"
	"slices"
	"time"

	"souk/api"
)

func (p *Portal) zones(w http.ResponseWriter, r *http.Request, v *visit) error {
	zones, err := v.client.Operator().Zones(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, v, zonesPage(v, zones, refusedZone{}))
}

// zoneMeters are what is reserved of a zone. Ids are unique on a page of many.
func (v *visit) zoneMeters(z api.Zone) []meter {
	all := v.meters(api.QuotaUse{Quota: api.Quota(capacity(z.Capacity)), Used: api.Quota(capacity(z.Reserved))})
	for i := range all {
		all[i].id = z.Metadata.Name + "-" + all[i].id
	}
	return all
}

func capacity(c api.Capacity) api.Quota {
	return api.Quota{Instances: c.Instances, CPUMillis: c.CPUMillis, MemoryMiB: c.MemoryMiB, StorageGiB: c.StorageGiB}
}

// zoneHealth says how a zone's agent does, and in which class of phase.
func (v *visit) zoneHealth(z api.OperatorZone) (class, text string) {
	switch {
	case z.Agent == nil:
		return "off", v.T("zones.no-agent")
	case z.Agent.Revoked:
		return "bad", v.T("zones.revoked")
	case slices.ContainsFunc(z.Zone.Conditions, func(c api.Condition) bool { return c.Type == "AgentVersion" }):
		return "bad", v.T("zones.version-refused")
	case len(z.Zone.Conditions) > 0 && !z.Zone.Conditions[0].Status:
		return "bad", v.T("zones.silent", "for", silence(z.Agent.SilentSeconds))
	}
	return "good", v.T("zones.well")
}

// silence is a length of time as people say it, without more than matters.
func silence(seconds int64) string {
	d := time.Duration(seconds) * time.Second
	switch {
	case d >= 48*time.Hour:
		return d.Round(time.Hour).String()
	case d >= time.Hour:
		return d.Round(time.Minute).String()
	}
	return d.String()
}
