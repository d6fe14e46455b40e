package portal

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"souk/api"
	"souk/api/client"
)

func (p *Portal) settingsRoutes() []Route {
	return []Route{
		{"GET " + instanceBase + "/settings", SignedIn, p.instanceSettings},
		{"POST " + instanceBase + "/settings", SignedIn, p.changeSettings},
		{"POST " + instanceBase + "/settings/preview", SignedIn, p.previewSettings},
		{"POST " + instanceBase + "/delete", SignedIn, p.deleteInstance},
	}
}

// changeForm is a change of an instance as it is being put together.
type changeForm struct {
	*shown
	service  api.Service
	settings []setting
	now      url.Values // what the form would hold if nothing was typed
	typed    url.Values
	base     url.Values // what it held when the page was made
	preview  *api.Preview
	wrong    *formErrors
	meantime []difference // made by others since
	// Of the danger zone.
	actionWrong *formErrors
	deleteName  string
}

// difference is one control's value, before and after.
type difference struct{ label, from, to string }

func newChangeForm(ctx context.Context, v *visit, s *shown) (*changeForm, error) {
	f := &changeForm{shown: s}
	var err error
	if f.service, err = v.client.Service(ctx, s.Spec.Service); err != nil && !client.IsStatus(err, http.StatusNotFound) {
		return nil, err // or not on offer any more
	}
	f.settings = settings(f.service.Parameters)
	f.now = url.Values{"plan": {s.Spec.Plan}, "storage": {strconv.FormatInt(s.Spec.StorageGiB, 10)}, "displayName": {s.Spec.DisplayName},
		"networks": {strings.Join(s.Spec.AllowedNetworks, "\n")}, "suspendable": {onOff(s.Spec.Suspendable)}}
	for _, each := range f.settings {
		f.now.Set(each.field(), typedValue(s.Spec.Parameters[each.name]))
	}
	f.typed, f.base = f.now, f.now
	return f, nil
}

// onOff is a choice as the form has it.
func onOff(is bool) string {
	if is {
		return "on"
	}
	return "off"
}

// typedValue is a parameter as one types it; "" when it is not set.
func typedValue(value any) string {
	if value == nil {
		return ""
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return plainText(raw)
}

// take reads what was typed. Where the instance has changed since the page was
// made, what was typed stays, what was not touched is what it is now, and others'
// changes are noted.
func (f *changeForm) take(v *visit, form url.Values) {
	base, err := url.ParseQuery(form.Get("base"))
	if err != nil || form.Get("etag") == f.etag {
		base = f.now
	}
	typed := url.Values{}
	for name := range f.now {
		was, is, wanted := base.Get(name), f.now.Get(name), normal(form.Get(name))
		if !form.Has(name) || wanted == normal(was) {
			wanted = is // not touched
		}
		typed.Set(name, wanted)
		if normal(was) != normal(is) {
			f.meantime = append(f.meantime, difference{f.label(v, name), was, is})
		}
	}
	slices.SortFunc(f.meantime, func(a, b difference) int { return strings.Compare(a.label, b.label) })
	f.typed = typed
}

// normal is a text without what browsers do to it on the way.
func normal(text string) string { return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")) }

// label is what a control is called.
func (f *changeForm) label(v *visit, name string) string {
	for _, s := range f.settings {
		if s.field() == name {
			return s.title
		}
	}
	return v.T("change." + name)
}

// patch is what the form would change.
func (f *changeForm) patch(v *visit) (map[string]any, *formErrors) {
	spec, params := map[string]any{}, map[string]any{}
	changed := func(name string) bool { return normal(f.typed.Get(name)) != normal(f.now.Get(name)) }
	if changed("plan") {
		spec["plan"] = f.typed.Get("plan")
	}
	if changed("displayName") {
		spec["displayName"] = normal(f.typed.Get("displayName"))
	}
	if changed("suspendable") {
		spec["suspendable"] = f.typed.Get("suspendable") == "on"
	}
	if changed("networks") {
		spec["allowedNetworks"] = networks(f.typed.Get("networks"))
	}
	for _, s := range f.settings {
		if text := normal(f.typed.Get(s.field())); !changed(s.field()) {
			continue
		} else if text == "" {
			params[s.name] = nil // back to its default
		} else {
			params[s.name] = s.value(text)
		}
	}
	if len(params) > 0 {
		spec["parameters"] = params
	}
	if !changed("storage") {
		return spec, nil
	}
	storage, wrong := storageOf(v, f.typed.Get("storage"))
	spec["storageGiB"] = storage
	return spec, wrong
}

// digest names what was typed, so that what is made is what was looked at.
func (f *changeForm) digest() string {
	sum := sha256.Sum256([]byte(f.typed.Encode() + f.etag))
	return hex.EncodeToString(sum[:12])
}

// price asks what the change would do and cost.
func (f *changeForm) price(ctx context.Context, v *visit) error {
	spec, wrong := f.patch(v)
	if wrong.any() {
		f.wrong = wrong
		return nil
	}
	if len(spec) == 0 {
		return nil
	}
	preview, err := f.project.PreviewPatch(ctx, f.Metadata.Name, map[string]any{"spec": spec})
	if err != nil {
		f.wrong, err = formProblem(err)
		return err
	}
	f.preview = &preview
	return nil
}

// problem is what is wrong with a field of the instance.
func (f *changeForm) problem(field string) string { return f.wrong.within(field) }

// fields are the controls that may be found wrong: their id, and their name in
// the API.
func (f *changeForm) fields() [][2]string {
	all := [][2]string{{"order-plan", "spec.plan"}, {"order-storage", "spec.storageGiB"}, {"order-display", "spec.displayName"}, {"order-networks", "spec.allowedNetworks"}, {"order-suspendable", "spec.suspendable"}}
	for _, s := range f.settings {
		all = append(all, [2]string{"setting-" + s.name, "spec.parameters." + s.name})
	}
	return all
}

// elsewhere is what is wrong with no field in particular.
func (f *changeForm) elsewhere(v *visit) string {
	if !f.wrong.any() || len(f.wrong.problem.Fields) > 0 {
		return ""
	}
	return v.Or("error.code-"+f.wrong.problem.Code, cmp.Or(f.wrong.problem.Detail, f.wrong.problem.Title))
}

// offering is where the instance runs, with the present prices.
func (f *changeForm) offering() api.Offering {
	for _, o := range f.service.Offerings {
		if o.Zone == f.Spec.Zone && o.ServiceLevel == f.Spec.ServiceLevel {
			return o
		}
	}
	return api.Offering{}
}

// changes are those of the preview, as people read them.
func (f *changeForm) changes(v *visit) []difference {
	var all []difference
	for _, c := range f.preview.Changes {
		name, _ := strings.CutPrefix(c.Field, "spec.")
		name = map[string]string{"storageGiB": "storage", "allowedNetworks": "networks"}[name]
		if name == "" {
			name, _ = strings.CutPrefix(c.Field, "spec.")
			if parameter, ok := strings.CutPrefix(name, "parameters."); ok {
				name = "p." + parameter
			}
		}
		all = append(all, difference{f.label(v, name), v.changeValue(c.From), v.changeValue(c.To)})
	}
	return all
}

// changeValue is one side of a change.
func (v *visit) changeValue(value any) string {
	switch value := value.(type) {
	case nil:
		return v.T("change.default")
	case []any:
		var parts []string
		for _, each := range value {
			parts = append(parts, fmt.Sprint(each))
		}
		return cmp.Or(strings.Join(parts, ", "), v.T("change.nobody"))
	case string:
		return cmp.Or(value, v.T("change.nothing"))
	}
	return typedValue(value)
}

// settingsAt reads the form of a request.
func (p *Portal) settingsAt(r *http.Request, v *visit) (*changeForm, error) {
	s, err := p.instanceAt(r, v)
	if err != nil {
		return nil, err
	}
	v.path = s.path("settings")
	f, err := newChangeForm(r.Context(), v, s)
	if err == nil && r.Method == http.MethodPost {
		f.take(v, r.PostForm)
	}
	return f, err
}

func (p *Portal) instanceSettings(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := p.settingsAt(r, v)
	if err != nil {
		return err
	}
	return show(w, r, v, instanceSettingsPage(v, f))
}

// previewSettings shows what a change would do and cost: as parts of the page
// where a script asks, or else as the page.
func (p *Portal) previewSettings(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := p.settingsAt(r, v)
	if err != nil {
		return err
	}
	if err := f.price(r.Context(), v); err != nil {
		return err
	}
	switch {
	case r.Header.Get("HX-Request") == "true":
		return show(w, r, v, settingsUpdate(v, f))
	case f.wrong.any():
		return refuse(w, r, v, instanceSettingsPage(v, f))
	}
	return show(w, r, v, instanceSettingsPage(v, f))
}

// changeSettings makes the change that was looked at, of the instance that it was
// looked at with. Anything else is shown first.
func (p *Portal) changeSettings(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := p.settingsAt(r, v)
	if err != nil {
		return err
	}
	if len(f.meantime) > 0 {
		return p.settingsAgain(w, r, v, f, nil)
	}
	spec, wrong := f.patch(v)
	if wrong.any() || len(spec) == 0 || r.PostForm.Get("seen") != f.digest() {
		return p.settingsAgain(w, r, v, f, wrong)
	}
	patch := map[string]any{"spec": spec}
	if accepted, err := strconv.Atoi(r.PostForm.Get("acceptedPriceList")); err == nil {
		patch["acceptedPriceList"] = accepted
	}
	if r.PostForm.Get("inWindow") == "on" {
		if _, err = f.project.PatchInWindow(r.Context(), f.Metadata.Name, patch); err == nil {
			redirect(w, r, f.path("maintenance")+"?done=put-off")
			return nil
		}
	} else {
		_, err = f.project.Patch(r.Context(), f.Metadata.Name, patch, f.etag)
	}
	if err == nil {
		redirect(w, r, f.path()+"?done=changed")
		return nil
	}
	if client.IsStatus(err, http.StatusPreconditionFailed) { // in this very moment
		if f, err = p.settingsAt(r, v); err != nil {
			return err
		}
		return p.settingsAgain(w, r, v, f, nil)
	}
	if wrong, err = formProblem(err); err != nil {
		return err
	}
	return p.settingsAgain(w, r, v, f, wrong)
}

// settingsAgain shows the form with what is wrong, and what it would do now.
func (p *Portal) settingsAgain(w http.ResponseWriter, r *http.Request, v *visit, f *changeForm, wrong *formErrors) error {
	if err := f.price(r.Context(), v); err != nil {
		return err
	}
	if wrong.any() {
		f.wrong = wrong
	}
	switch {
	case len(f.meantime) > 0:
		render(w, r, v, http.StatusPreconditionFailed, instanceSettingsPage(v, f))
		return nil
	case f.wrong.any():
		return refuse(w, r, v, instanceSettingsPage(v, f))
	}
	return show(w, r, v, instanceSettingsPage(v, f))
}

// deleteInstance deletes the instance whose name was typed.
func (p *Portal) deleteInstance(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.instanceAt(r, v)
	if err != nil {
		return err
	}
	if typed := r.PostForm.Get("name"); strings.TrimSpace(typed) != s.Metadata.Name {
		f, err := newChangeForm(r.Context(), v, s)
		if err != nil {
			return err
		}
		v.path = s.path("settings")
		f.deleteName = typed
		f.actionWrong = mistake("name", v.T("danger.name-wrong", "name", s.Metadata.Name))
		return refuse(w, r, v, instanceSettingsPage(v, f))
	}
	if _, err := s.project.Delete(r.Context(), s.Metadata.Name); err != nil {
		return p.refuseAction(w, r, v, s, err)
	}
	redirect(w, r, s.path()+"?done=deleted")
	return nil
}
