package portal

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"souk/api"
	"souk/internal/authz"
)

// customersView is a page of organizations as its URL asks for it.
type customersView struct {
	listing
	text, kind string
	items      []api.OperatorOrganization
}

// organizationKinds are in the order in which the page offers them.
var organizationKinds = []string{"customer", "operator", "csp", "msp", "isv", "partner"}

func (p *Portal) customers(w http.ResponseWriter, r *http.Request, v *visit) error {
	c := customersView{listing: listing{query: v.query}, text: v.query.Get("q"), kind: v.query.Get("kind")}
	page, err := v.client.Operator().OrganizationsPage(r.Context(), c.text, c.kind, pageOfInstances, v.query.Get("cursor"))
	if err != nil {
		return err
	}
	c.items, c.next = page.Items, page.Next
	return show(w, r, v, customersPage(v, c))
}

// customerView is an organization as the operator sees it.
type customerView struct {
	api.Customer
	recent []api.Instance
	more   bool
	form   quotaForm
	look   lookForm
}

func (p *Portal) customer(w http.ResponseWriter, r *http.Request, v *visit) error {
	c, err := p.newCustomerView(r, v)
	if err != nil {
		return err
	}
	c.form = quotaFormOf(c.Quota.Quota)
	return show(w, r, v, customerPage(v, c))
}

func (p *Portal) newCustomerView(r *http.Request, v *visit) (customerView, error) {
	var c customerView
	var err error
	if c.Customer, err = v.client.Operator().Customer(r.Context(), r.PathValue("name")); err != nil {
		return c, err
	}
	if zone, err := time.LoadLocation(c.Organization.TimeZone); err == nil {
		v.zone = zone
	}
	opt := inventoryOptions(&visit{query: url.Values{"organization": {c.Organization.Metadata.Name}, "sort": {"-updatedAt"}}})
	page, err := v.client.Operator().InventoryPage(r.Context(), opt, 10, "")
	c.recent, c.more = page.Items, page.Next != ""
	return c, err
}

// quotaForm is a quota as it is typed: cores and GiB, as people count them.
type quotaForm struct {
	instances, cpu, memory, storage string
	wrong                           *formErrors
}

func quotaFormOf(q api.Quota) quotaForm {
	return quotaForm{strconv.FormatInt(q.Instances, 10), cores(q.CPUMillis), strconv.FormatInt(q.MemoryMiB, 10), strconv.FormatInt(q.StorageGiB, 10), nil}
}

// quota is what the form stands for.
func (f *quotaForm) quota(v *visit) api.Quota {
	var q api.Quota
	for _, field := range []struct {
		name, typed string
		to          *int64
		thousandths bool
	}{
		{"instances", f.instances, &q.Instances, false}, {"cpuMillis", f.cpu, &q.CPUMillis, true},
		{"memoryMiB", f.memory, &q.MemoryMiB, false}, {"storageGiB", f.storage, &q.StorageGiB, false},
	} {
		n, ok := wholeNumber(field.typed, field.thousandths)
		if !ok && !f.wrong.any() {
			f.wrong = mistake(field.name, v.T("customers.bad-number"))
		}
		*field.to = n
	}
	return q
}

// wholeNumber reads a number that is not negative, or thousandths of one that
// may have three decimal places.
func wholeNumber(typed string, thousandths bool) (int64, bool) {
	typed = strings.TrimSpace(typed)
	if thousandths {
		units, part, _ := strings.Cut(typed, ".")
		if len(part) > 3 {
			return 0, false
		}
		typed = units + part + strings.Repeat("0", 3-len(part))
	}
	n, err := strconv.ParseUint(typed, 10, 53)
	return int64(n), err == nil
}

func (p *Portal) setQuota(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := quotaForm{instances: r.PostForm.Get("instances"), cpu: r.PostForm.Get("cpu"), memory: r.PostForm.Get("memory"), storage: r.PostForm.Get("storage")}
	name := r.PathValue("name")
	quota := form.quota(v)
	if !form.wrong.any() {
		_, err := v.client.Operator().SetQuota(r.Context(), name, quota)
		if err == nil {
			redirect(w, r, done("quota-kept", "operator", "organizations", name))
			return nil
		}
		if form.wrong, err = formProblem(err); err != nil {
			return err
		}
	}
	c, err := p.newCustomerView(r, v)
	if err != nil {
		return err
	}
	c.form = form
	return refuse(w, r, v, customerPage(v, c))
}

// kinds says what an organization is.
func (v *visit) kinds(o api.Organization) string {
	var names []string
	for _, k := range o.Kinds {
		names = append(names, v.Or("kind."+k, k))
	}
	return join(names)
}

// engines are what an agent can run, in words.
func engines(all []api.ZoneEngine) string {
	var names []string
	for _, e := range all {
		names = append(names, e.Service+" "+e.Version)
	}
	return join(names)
}

// maySetQuota says whether the visitor may change quotas.
func (v *visit) maySetQuota() bool { return v.mayOperate(authz.OperatorQuota) }
