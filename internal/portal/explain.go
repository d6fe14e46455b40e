package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"souk/api"
	"souk/api/client"
	"souk/internal/bytesize"
)

// explainRoutes are the pages that lines of costs and invoices open to.
func (p *Portal) explainRoutes() []Route {
	return []Route{
		{"GET /o/{org}/invoices/draft/lines/{key}", SignedIn, p.draftLine},
		{"GET /o/{org}/invoices/{number}/lines/{line}", SignedIn, p.invoiceLine},
		{"GET /o/{org}/costs/lines/{key}", SignedIn, p.costLine},
		{"GET /o/{org}/costs/events", SignedIn, p.countedEvents},
	}
}

// partsShown is how many parts of a line, or events of an hour, are on a page.
const partsShown = 100

// explained is what a line is made of, and where that is shown.
type explained struct {
	api.InvoiceLineDetail
	back  entry // the page that has the line
	title string
}

// part is the page of it that is asked for.
func (v *visit) part() client.Part {
	return client.Part{Limit: partsShown, Cursor: v.query.Get("cursor")}
}

func (p *Portal) invoiceLine(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	number := r.PathValue("number")
	line, err := strconv.Atoi(r.PathValue("line"))
	if err != nil {
		return &problem{Status: http.StatusNotFound}
	}
	is, err := v.organization().ExplainInvoice(r.Context(), number, line, v.part())
	if err != nil {
		return err
	}
	return show(w, r, v, explainPage(v, explained{is, entry{number, at("o", v.org, "invoices", number)}, v.T("explain.line", "n", line)}))
}

func (p *Portal) draftLine(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	month := v.query.Get("month")
	is, err := v.organization().ExplainDraft(r.Context(), month, r.PathValue("key"), v.part())
	if err != nil {
		return err
	}
	back := at("o", v.org, "invoices", "draft")
	if month != "" {
		back += "?month=" + url.QueryEscape(month)
	}
	return show(w, r, v, explainPage(v, explained{is, entry{v.T("invoices.draft"), back}, v.T("explain.line", "n", is.Line.ID)}))
}

func (p *Portal) costLine(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	e, err := v.organization().ExplainCost(r.Context(), v.query.Get("project"), v.query.Get("month"), r.PathValue("key"), v.part())
	if err != nil {
		return err
	}
	is := api.InvoiceLineDetail{Currency: e.Price.Currency, Explanation: &e}
	is.Line.Text, is.Line.Net = e.Instance+": "+v.itemName(e.Item, e.Of, e.Tier), e.Amount.Amount
	return show(w, r, v, explainPage(v, explained{is, entry{v.T("costs.title"), at("o", v.org, "costs")}, v.T("explain.title")}))
}

// lineOf says where what a line of an invoice is made of is shown.
func (v *visit) lineOf(i api.InvoiceDetail) func(api.InvoiceLine) string {
	return func(l api.InvoiceLine) string {
		if l.Key == "" && i.Corrects == "" {
			return ""
		}
		return at("o", v.org, "invoices", i.Number, "lines", strconv.Itoa(l.ID))
	}
}

// draftLineOf says where what a line of a draft is made of is shown.
func (v *visit) draftLineOf(d api.InvoiceDraft) func(api.InvoiceLine) string {
	return func(l api.InvoiceLine) string {
		if l.Key == "" {
			return ""
		}
		return at("o", v.org, "invoices", "draft", "lines", l.Key) + "?month=" + d.Month
	}
}

// line is where what a line of an instance's cost is made of is shown.
func (o *overviewOf) line(v *visit, l api.CostLine) string {
	return at("o", v.org, "costs", "lines", l.Key) + "?" + url.Values{"month": {o.cost.Month}, "project": {o.Metadata.Project}}.Encode()
}

// countedOf is what a meter has counted, for people.
func countedOf(m api.MeterUsage) string {
	if m.Unit == "byte" {
		return bytesize.Text(m.Quantity)
	}
	return strconv.FormatInt(m.Quantity, 10) + " × " + m.Unit
}

// meterPrices are the prices at which what a meter counts is billed, each once.
func (v *visit) meterPrices(s api.Service, meter string) []string {
	var all []string
	for _, o := range s.Offerings {
		for _, p := range o.Plans {
			for _, u := range p.ByUse {
				if text := v.unitPrice(u); u.Item == meter && !slices.Contains(all, text) {
					all = append(all, text)
				}
			}
		}
	}
	return all
}

// counting is the events behind an hour of a meter.
type counting struct {
	instance, meter string
	hour            time.Time
	api.List[api.CountedEvent]
}

func (p *Portal) countedEvents(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	c := counting{instance: v.query.Get("name"), meter: v.query.Get("meter")}
	var watermark time.Time
	for name, to := range map[string]*time.Time{"hour": &c.hour, "watermark": &watermark} {
		text := v.query.Get(name)
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil && (text != "" || name == "hour") {
			return &problem{Status: http.StatusNotFound}
		}
		*to = at
	}
	var err error
	if c.List, err = v.organization().CountedEvents(r.Context(), v.query.Get("project"), v.query.Get("instance"), c.meter, c.hour, watermark, v.part()); err != nil {
		return err
	}
	return show(w, r, v, countedPage(v, c))
}

// events is where the events behind a part of a line are.
func (e explained) events(v *visit, p api.Part) string {
	q := url.Values{"instance": {e.Explanation.InstanceID}, "name": {e.Explanation.Instance}, "meter": {p.Meter}, "hour": {p.From.UTC().Format(time.RFC3339)}}
	if project := v.query.Get("project"); project != "" {
		q.Set("project", project)
	}
	known := e.Explanation.Watermark
	if p.Before && e.Explanation.Before != nil {
		known = e.Explanation.Before.Watermark
	}
	if !known.IsZero() {
		q.Set("watermark", known.UTC().Format(time.RFC3339Nano))
	}
	return at("o", v.org, "costs", "events") + "?" + q.Encode()
}

// quantity is how much a part has of what it is of, for people.
func (e explained) quantity(v *visit, p api.Part) string {
	switch {
	case p.Kind == "backups":
		return bytesize.Text(p.Quantity)
	case p.Kind == "usage" && (e.Explanation.Unit == "GB" || e.Explanation.Unit == "GiB"):
		return bytesize.Text(p.Quantity)
	case e.Explanation.Item == "storage":
		return strconv.FormatInt(p.Quantity, 10) + " GiB"
	}
	return strconv.FormatInt(p.Quantity, 10)
}

// stateOf is what a part is of, in words.
func (v *visit) stateOf(p api.Part) string {
	switch {
	case p.Kind == "usage":
		return v.T("explain.hour")
	case p.Kind == "backups":
		return v.T("explain.backups")
	}
	return v.Or("explain.state-"+p.State, p.State)
}

// causeOf is what a link began with, in words.
func (v *visit) causeOf(c api.Cause) string {
	text := v.Or("explain."+c.Kind+"-"+c.What, c.What)
	if c.Kind == "backup" {
		text += " (" + bytesize.Text(c.Bytes) + ")"
	}
	return text
}
