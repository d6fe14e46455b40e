package portal

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"souk/api"
	"souk/api/client"
)

// pageOfAudit is what the audit log shows at once.
const pageOfAudit = 50

// auditView is a page of the audit log as its URL asks for it.
type auditView struct {
	query   url.Values
	records []api.AuditRecord
	next    string
	wrong   *formErrors
}

// auditFields are what the log is searched by, as the URL names them.
var auditFields = []string{"actor", "action", "object", "from", "to"}

func (a auditView) filtered() bool {
	return slices.ContainsFunc(auditFields, func(f string) bool { return a.query.Get(f) != "" })
}

// with is the URL of the log with one thing changed, from its first page on.
func (a auditView) with(key, value string) string {
	q := url.Values{}
	for _, f := range auditFields {
		if a.query.Get(f) != "" {
			q.Set(f, a.query.Get(f))
		}
	}
	q.Set(key, value)
	return "?" + q.Encode()
}

// options turns the URL into what the API is asked for: days are those of the
// organization's zone, and the last one counts.
func (a *auditView) options(v *visit) client.AuditOptions {
	opt := client.AuditOptions{Limit: pageOfAudit, Actor: a.query.Get("actor"), Action: a.query.Get("action"), Object: a.query.Get("object")}
	day := func(field string, more int) (at time.Time) {
		text := a.query.Get(field)
		if text == "" {
			return at
		}
		at, err := time.ParseInLocation(time.DateOnly, text, v.zone)
		if err != nil {
			a.wrong = &formErrors{&problem{Status: http.StatusUnprocessableEntity, Fields: []client.FieldError{{Location: field, Message: v.T("audit.bad-day")}}}}
			return time.Time{}
		}
		return at.AddDate(0, 0, more)
	}
	opt.From, opt.To = day("from", 0), day("to", 1)
	return opt
}

func (p *Portal) auditLog(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	view := auditView{query: v.query}
	opt := view.options(v)
	page, err := v.organization().AuditPage(r.Context(), opt, v.query.Get("cursor"))
	if err != nil {
		return err
	}
	view.records, view.next = page.Items, page.Next
	if view.wrong.any() {
		return refuse(w, r, v, auditPage(v, view))
	}
	return show(w, r, v, auditPage(v, view))
}

// detail is one of an entry's details, as text.
type detail struct{ name, value string }

// detailsOf leaves out what has no value.
func detailsOf(r api.AuditRecord) []detail {
	var list []detail
	for _, name := range slices.Sorted(maps.Keys(r.Details)) {
		switch value := r.Details[name].(type) {
		case nil:
		case string:
			if value != "" {
				list = append(list, detail{name, value})
			}
		default:
			text, _ := json.Marshal(value) // came as JSON
			list = append(list, detail{name, string(text)})
		}
	}
	return list
}
