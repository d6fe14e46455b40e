package portal

import (
	"net/http"
	"strings"

	"souk/api"
	"souk/internal/authz"
)

// zoneDrivers are what a zone's instances can be run by.
var zoneDrivers = []string{"kubernetes", "process", "simulated"}

// zoneForm is a new zone as it is typed: cores and GiB, as people count them.
type zoneForm struct {
	providers                     []api.Provider
	name, title, provider, driver string
	domains                       string // one a line
	cpu, memory, storage, most    string
	wrong                         *formErrors
}

func (p *Portal) newZoneForm(r *http.Request, v *visit) (*zoneForm, error) {
	if !v.mayOperate(authz.OperatorCatalog) {
		return nil, forbidden()
	}
	providers, err := v.client.Operator().Providers(r.Context())
	typed := r.PostForm.Get
	return &zoneForm{providers: providers, name: typed("name"), title: typed("title"), provider: typed("provider"), driver: typed("driver"), domains: typed("domains"),
		cpu: typed("cpu"), memory: typed("memory"), storage: typed("storage"), most: typed("instances")}, err
}

func (p *Portal) newZone(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := p.newZoneForm(r, v)
	if err != nil {
		return err
	}
	return show(w, r, v, newZonePage(v, f))
}

func (p *Portal) makeZone(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := p.newZoneForm(r, v)
	if err != nil {
		return err
	}
	v.path = "/operator/zones/new"
	zone := f.zone(v)
	if !f.wrong.any() {
		if _, err = v.client.Operator().CreateZone(r.Context(), zone); err == nil {
			redirect(w, r, done("zone-made", "operator", "zones")+"#zone-"+zone.Name)
			return nil
		}
		if f.wrong, err = formProblem(err); err != nil {
			return err
		}
	}
	return refuse(w, r, v, newZonePage(v, f))
}

// zone is what the form stands for.
func (f *zoneForm) zone(v *visit) api.ZoneCreate {
	z := api.ZoneCreate{Name: strings.TrimSpace(f.name), Title: f.title, Provider: f.provider, Driver: f.driver}
	for line := range strings.Lines(f.domains) {
		if line = strings.TrimSpace(line); line != "" {
			z.FailureDomains = append(z.FailureDomains, line)
		}
	}
	for _, n := range []struct {
		field, typed string
		to           *int64
		thousandths  bool
	}{
		{"cpuMillis", f.cpu, &z.Capacity.CPUMillis, true}, {"memoryMiB", f.memory, &z.Capacity.MemoryMiB, false},
		{"storageGiB", f.storage, &z.Capacity.StorageGiB, false}, {"instances", f.most, &z.Capacity.Instances, false},
	} {
		var ok bool
		if *n.to, ok = wholeNumber(n.typed, n.thousandths); !ok && !f.wrong.any() {
			f.wrong = mistake("capacity."+n.field, v.T("customers.bad-number"))
		}
	}
	z.Capacity.MemoryMiB <<= 10
	return z
}

// revokeZone cuts a zone's agent off.
func (p *Portal) revokeZone(w http.ResponseWriter, r *http.Request, v *visit) error {
	name := r.PathValue("name")
	var wrong *formErrors
	if r.PostForm.Get("sure") == "" && v.mayOperate(authz.OperatorZoneRevoke) {
		wrong = mistake("sure", v.T("zones.not-sure"))
	} else {
		_, err := v.client.Operator().RevokeZone(r.Context(), name, api.ZoneRevoke{Reason: r.PostForm.Get("reason")})
		if err == nil {
			redirect(w, r, done("zone-revoked", "operator", "zones")+"#zone-"+name)
			return nil
		}
		if wrong, err = formProblem(err); err != nil {
			return err
		}
	}
	zones, err := v.client.Operator().Zones(r.Context())
	if err != nil {
		return err
	}
	v.path = "/operator/zones"
	return refuse(w, r, v, zonesPage(v, zones, refusedZone{name, r.PostForm.Get("reason"), wrong}))
}

// refusedZone is what was asked of a zone and refused.
type refusedZone struct {
	name, reason string
	wrong        *formErrors
}

// of is what was refused of this zone.
func (r refusedZone) of(zone string) refusedZone {
	if r.name == zone {
		return r
	}
	return refusedZone{}
}
