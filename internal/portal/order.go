package portal

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"souk/api"
	"souk/api/client"
	"souk/internal/authz"
)

func (p *Portal) orderRoutes() []Route {
	return []Route{
		{"GET /o/{org}/order", SignedIn, p.orderChoice},
		{"GET /o/{org}/order/{service}", SignedIn, p.orderPage},
		{"POST /o/{org}/order/{service}", SignedIn, p.order},
		{"POST /o/{org}/order/{service}/price", SignedIn, p.orderPrice},
	}
}

// orderChoice lets one choose a service, where there is a choice.
func (p *Portal) orderChoice(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	services, err := v.client.Services(r.Context())
	if err != nil {
		return err
	}
	offered := slices.DeleteFunc(services, func(s api.Service) bool { return len(s.Offerings) == 0 })
	if len(offered) == 1 {
		redirect(w, r, at("o", v.org, "order", offered[0].Name))
		return nil
	}
	return show(w, r, v, orderChoicePage(v, offered))
}

// orderForm is an order as it is being put together.
type orderForm struct {
	service  api.Service
	projects []string // that the visitor may order in
	settings []setting
	buckets  []string // of the organization's, that backups can be kept in
	typed    url.Values
	quote    *api.Preview
	wrong    *formErrors
}

// newOrderForm reads what the form offers, with what was typed so far.
func (p *Portal) newOrderForm(r *http.Request, v *visit) (*orderForm, error) {
	if _, err := v.settle(r.Context()); err != nil {
		return nil, err
	}
	service, err := v.client.Service(r.Context(), r.PathValue("service"))
	if err != nil {
		return nil, err
	}
	projects, err := v.organization().Projects(r.Context())
	if err != nil {
		return nil, err
	}
	if _, err := v.settle(r.Context()); err != nil {
		return nil, err
	}
	f := &orderForm{service: service, settings: settings(service.Parameters), typed: r.PostForm}
	if f.buckets, err = v.bucketChoices(r); err != nil {
		return nil, err
	}
	for _, each := range projects {
		if v.may(authz.InstanceWrite, each.Metadata.Name) {
			f.projects = append(f.projects, each.Metadata.Name)
		}
	}
	if len(f.projects) == 0 {
		return nil, &client.Error{Status: http.StatusForbidden}
	}
	return f, nil
}

func (p *Portal) orderPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := p.newOrderForm(r, v)
	if err != nil {
		return err
	}
	if err := f.defaults(r.Context(), v); err != nil {
		return err
	}
	if err := f.price(r.Context(), v); err != nil {
		return err
	}
	if f.quote == nil && f.wrong.any() { // not by anything that was typed
		return show(w, r, v, orderFormPage(v, f))
	}
	f.wrong = nil
	return show(w, r, v, orderFormPage(v, f))
}

// defaults fills in what works as it is.
func (f *orderForm) defaults(ctx context.Context, v *visit) error {
	offering := f.offering()
	project := f.projects[0]
	if asked := v.query.Get("project"); slices.Contains(f.projects, asked) {
		project = asked
	}
	name, err := freeName(ctx, v.organization().Project(project), f.service.Name)
	if err != nil {
		return err
	}
	plan := ""
	if len(offering.Plans) > 0 {
		plan = offering.Plans[0].Plan
	}
	if asked := v.query.Get("plan"); slices.ContainsFunc(offering.Plans, func(p api.PlanPrice) bool { return p.Plan == asked }) {
		plan = asked
	}
	f.typed = url.Values{"key": {rand.Text()}, "project": {project}, "name": {name}, "zone": {offering.Zone}, "level": {offering.ServiceLevel},
		"plan": {plan}, "networks": {everywhere}, "protected": {"on"}}
	return nil
}

// namesTried is how many names in a row are looked up before one is drawn.
const namesTried = 9

// freeName is a name that no instance of the project has.
func freeName(ctx context.Context, project *client.Project, service string) (string, error) {
	for n := range namesTried {
		name := fmt.Sprintf("%s-%d", service, n+1)
		_, _, err := project.Instance(ctx, name)
		if client.IsStatus(err, http.StatusNotFound) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
	}
	return service + "-" + strings.ToLower(rand.Text()[:6]), nil
}

// offering is the one of the chosen zone and service level, or else another one of
// the zone, or else the first that can be ordered.
func (f *orderForm) offering() api.Offering {
	all := f.service.Offerings
	for _, o := range all {
		if o.Zone == f.typed.Get("zone") && o.ServiceLevel == f.typed.Get("level") {
			return o
		}
	}
	if i := slices.IndexFunc(all, func(o api.Offering) bool { return o.Zone == f.typed.Get("zone") }); i >= 0 {
		return all[i]
	}
	if i := slices.IndexFunc(all, func(o api.Offering) bool { return o.Available }); i >= 0 {
		return all[i]
	}
	if len(all) > 0 {
		return all[0]
	}
	return api.Offering{}
}

// plan is the chosen plan, or an empty one.
func (f *orderForm) plan() api.Plan {
	for _, p := range f.service.Plans {
		if p.Name == f.typed.Get("plan") {
			return p
		}
	}
	return api.Plan{}
}

func (f *orderForm) choices() catalogChoices { return choicesOf([]api.Service{f.service}) }

// levelName names a service level, and the zones where it is offered if those are
// not all.
func (f *orderForm) levelName(v *visit, level string) string {
	name := v.Or("level."+level, level)
	var zones []string
	for _, o := range f.service.Offerings {
		if o.ServiceLevel == level && !slices.Contains(zones, o.Zone) {
			zones = append(zones, o.Zone)
		}
	}
	if len(zones) == len(f.choices().zones) {
		return name
	}
	return v.T("order.level-only", "level", name, "zones", strings.Join(zones, ", "))
}

// order is the request that the form stands for.
func (f *orderForm) order(v *visit) (api.InstanceOrder, *formErrors) {
	storage, wrong := storageOf(v, f.typed.Get("storage"))
	protected := f.typed.Get("protected") != ""
	o := api.InstanceOrder{Spec: api.InstanceSpec{
		Service: f.service.Name, Zone: f.typed.Get("zone"), Plan: f.typed.Get("plan"), ServiceLevel: f.typed.Get("level"), DisplayName: f.typed.Get("displayName"),
		StorageGiB: storage, Parameters: parameters(f.settings, f.typed), AllowedNetworks: networks(f.typed.Get("networks")), Protected: &protected,
	}}
	o.Metadata.Name = strings.TrimSpace(f.typed.Get("name"))
	if !wrong.any() {
		wrong = f.choose(v, &o.Spec)
	}
	return o, wrong
}

// storageOf reads a size in GiB; empty means what is usual.
func storageOf(v *visit, typed string) (int64, *formErrors) {
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(typed, 10, 64)
	if err != nil || n == 0 {
		return 0, mistake("spec.storageGiB", v.T("order.storage-number"))
	}
	return n, nil
}

// project is where the form orders. What is not one's own the API refuses.
func (f *orderForm) project(v *visit) *client.Project {
	return v.organization().Project(cmp.Or(f.typed.Get("project"), f.projects[0]))
}

// price asks what the order would cost, and what stands in its way.
func (f *orderForm) price(ctx context.Context, v *visit) error {
	o, wrong := f.order(v)
	if wrong.any() {
		f.wrong = wrong
		return nil
	}
	quote, err := f.project(v).PreviewOrder(ctx, o)
	if err == nil {
		f.quote = &quote
		return nil
	}
	if f.wrong, err = formProblem(err); err != nil {
		return err
	}
	if f.problem("metadata.name") == "" {
		return nil
	}
	// The price does not hang on the name: it is shown meanwhile.
	o.Metadata.Name = "quote-" + strings.ToLower(rand.Text()[:12])
	quote, err = f.project(v).PreviewOrder(ctx, o)
	if err == nil {
		f.quote = &quote
		return nil
	}
	more, err := formProblem(err)
	if err == nil {
		f.wrong.problem.Fields = append(f.nameProblem(), more.problem.Fields...)
	}
	return err
}

// nameProblem is what is wrong with the name, as a field's.
func (f *orderForm) nameProblem() []client.FieldError {
	return []client.FieldError{{Location: "body.metadata.name", Message: f.problem("metadata.name")}}
}

// problem is what is wrong with a field of the order.
func (f *orderForm) problem(field string) string {
	if field == "metadata.name" && f.wrong.code("name-taken") {
		return cmp.Or(f.wrong.within(field), f.wrong.problem.Detail)
	}
	return f.wrong.within(field)
}

// fields are the controls that may be found wrong: their id, and their name in
// the API.
func (f *orderForm) fields() [][2]string {
	all := [][2]string{
		{"order-name", "metadata.name"}, {"order-zone", "spec.zone"}, {"order-level", "spec.serviceLevel"}, {"order-plan", "spec.plan"},
		{"order-storage", "spec.storageGiB"}, {"order-display", "spec.displayName"}, {"order-networks", "spec.allowedNetworks"},
	}
	for _, o := range f.options() {
		all = append(all, [2]string{o.id(), o.field})
	}
	for _, s := range f.settings {
		all = append(all, [2]string{"setting-" + s.name, "spec.parameters." + s.name})
	}
	return all
}

// elsewhere is what is wrong with no field in particular.
func (f *orderForm) elsewhere(v *visit) string {
	if !f.wrong.any() || f.wrong.code("name-taken") || len(f.wrong.problem.Fields) > 0 {
		return ""
	}
	return v.Or("error.code-"+f.wrong.problem.Code, cmp.Or(f.wrong.problem.Detail, f.wrong.problem.Title))
}

// orderPrice shows the price of what was chosen: as parts of the page where a
// script asks, or else as the page.
func (p *Portal) orderPrice(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := p.newOrderForm(r, v)
	if err != nil {
		return err
	}
	if err := f.price(r.Context(), v); err != nil {
		return err
	}
	if r.Header.Get("HX-Request") == "true" {
		return show(w, r, v, orderUpdate(v, f))
	}
	if f.wrong.any() {
		return refuse(w, r, v, orderFormPage(v, f))
	}
	return show(w, r, v, orderFormPage(v, f))
}

// order places the order. The form's key makes it one order however often it is
// sent; the revision of the prices that were shown is accepted with it.
func (p *Portal) order(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := p.newOrderForm(r, v)
	if err != nil {
		return err
	}
	o, wrong := f.order(v)
	if wrong.any() {
		return p.orderAgain(w, r, v, f, wrong)
	}
	o.AcceptedPriceList, _ = strconv.Atoi(f.typed.Get("acceptedPriceList"))
	if o.AcceptedPriceList < 1 {
		return p.orderAgain(w, r, v, f, &formErrors{&problem{Status: http.StatusConflict, Code: "price-not-seen"}})
	}
	made, err := f.project(v).Order(client.WithIdempotencyKey(r.Context(), f.key()), o)
	if err != nil {
		if wrong, err = formProblem(err); err != nil {
			return err
		}
		return p.orderAgain(w, r, v, f, wrong)
	}
	redirect(w, r, instancePath(made)+"?done=ordered")
	return nil
}

// orderAgain shows the form with what is wrong, and the price as it is now.
func (p *Portal) orderAgain(w http.ResponseWriter, r *http.Request, v *visit, f *orderForm, wrong *formErrors) error {
	if err := f.price(r.Context(), v); err != nil {
		return err
	}
	if len(wrong.problem.Fields) == 0 || !f.wrong.any() { // or else the price has found as much, and more
		f.wrong = wrong
	}
	if wrong.code("idempotency-key-reused") { // what was ordered with it was another order
		f.typed.Set("key", rand.Text())
	}
	return refuse(w, r, v, orderFormPage(v, f))
}

// key is the form's idempotency key. One that no page of ours made is not used.
func (f *orderForm) key() string {
	key := f.typed.Get("key")
	if len(key) != len(rand.Text()) || strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return ""
	}
	return key
}

// slotAttributes tie a control to its hint and its slot.
func slotAttributes(id, problem string) templ.Attributes {
	a := templ.Attributes{"aria-describedby": id + "-problem " + id + "-hint"}
	if problem != "" {
		a["aria-invalid"] = "true"
	}
	return a
}

// planSize says what a plan has, without its storage.
func (v *visit) planSize(s api.Service, plan string) string {
	for _, p := range s.Plans {
		if p.Name == plan {
			return v.T("order.plan-size", "cpu", cores(p.CPUMillis), "memory", mebibytes(p.MemoryMiB))
		}
	}
	return ""
}

func storageHint(v *visit, p api.Plan) string {
	if p.Name == "" {
		return ""
	}
	return v.T("order.storage-hint", "from", p.MinStorageGiB, "to", p.MaxStorageGiB)
}

func whole(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// settingValue is a value of a parameter as people read it.
func (v *visit) settingValue(s setting, value string) string {
	if s.kind == "boolean" {
		return v.Or("setting."+value, value)
	}
	return value
}

func settingHint(v *visit, s setting) string {
	hint := s.description
	if s.least != "" && s.most != "" {
		hint += " " + v.T("order.range", "from", s.least, "to", s.most)
	}
	if s.standard != "" && len(s.choices) == 0 {
		hint += " " + v.T("order.standard", "value", s.standard)
	}
	return strings.TrimSpace(hint)
}

// anySetting says whether a parameter is set or wrong.
func anySetting(all []setting, typed, problem func(string) string) bool {
	return slices.ContainsFunc(all, func(s setting) bool { return typed(s.field()) != "" || problem("spec.parameters."+s.name) != "" })
}
