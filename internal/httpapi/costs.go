package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"strconv"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/costs"
	"souk/internal/money"
	"souk/internal/problem"
	"souk/internal/repricing"
	"souk/internal/store"
)

// CostQuery chooses what a cost report shows.
type CostQuery struct {
	InOrganization
	Project  string `query:"project" maxLength:"63" doc:"One project only"`
	From     string `query:"from" maxLength:"7" doc:"The first month, such as 2026-10; the same as the last if absent"`
	To       string `query:"to" maxLength:"7" doc:"The last month; the running one if absent"`
	By       string `query:"by" maxLength:"200" default:"service" doc:"service, plan, project, zone, instance, item, day, month or label=KEY"`
	Service  string `query:"service" maxLength:"63"`
	Plan     string `query:"plan" maxLength:"63"`
	Zone     string `query:"zone" maxLength:"63"`
	Instance string `query:"instance" maxLength:"63"`
	Item     string `query:"item" maxLength:"63" doc:"Such as compute, storage or backup-storage"`
	Labels   string `query:"labels" maxLength:"2000" doc:"k=v,k2=v2: all of them"`
}

func (s *Server) registerCosts() {
	const path = "/api/v1/organizations/{org}/cost/report"
	register(s, Operation{Method: http.MethodGet, Path: path, ID: "organization-cost-report", Tag: "costs", Summary: "What months have cost, by any side, with a forecast of the running one",
		Description: "The forecast is what the month will have cost at its end if all that runs now goes on as it is: backups that stay as large as they are, too. Meters count, in each hour that is not known to be complete, as much as on average in those of the month that are. A day costs what it has let the rounded lines of the month grow by, so that days add up to the total as well.", Action: authz.CostRead, AnyProject: true},
		func(ctx context.Context, in *struct {
			CostQuery
			Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Of the groups, the dearest; what they leave out is in others"`
		}) (*body[api.CostReport], error) {
			out, err := s.costReport(ctx, &in.CostQuery, in.Limit)
			return &body[api.CostReport]{out}, err
		})
	register(s, Operation{Method: http.MethodGet, Path: path + ".csv", ID: "organization-cost-report-csv", Tag: "costs", Summary: "The same report as a table (RFC 4180), with every group",
		Description: "A text that a spreadsheet would take for a formula begins with an apostrophe.", Action: authz.CostRead, AnyProject: true, Media: "text/csv"},
		func(ctx context.Context, in *CostQuery) (*csvFile, error) {
			out, err := s.costReport(ctx, in, 0)
			if err != nil {
				return nil, err
			}
			return &csvFile{"text/csv; charset=utf-8; header=present", `attachment; filename="costs-` + out.From + "-" + out.To + `.csv"`, costCSV(out)}, nil
		})
}

// csvFile is an answer that is a whole table.
type csvFile struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// query turns what was asked for into what is looked for.
func (in *CostQuery) query(ctx context.Context, s *Server, tx store.Tx, p Place) (costs.Query, error) {
	q := costs.Query{Organization: p.Organization, By: in.By}
	var err error
	if q.Filter.Labels, err = parseLabels(in.Labels); err != nil {
		return q, err
	}
	q.Filter.Service, q.Filter.Plan, q.Filter.Zone, q.Filter.Instance, q.Filter.Item = in.Service, in.Plan, in.Zone, in.Instance, in.Item
	if err := costs.CheckSide(in.By); err != nil {
		return q, problem.InvalidField("query.by", in.By, "%s", err)
	}
	if q.Project, err = s.costProject(ctx, tx, p, in.Project); err != nil {
		return q, err
	}
	running, err := costs.Now(ctx, tx, p.Organization, s.Clock.Now())
	if err != nil {
		return q, err
	}
	q.Months, err = costs.Months(in.From, in.To, running)
	var wrong *costs.MonthError
	if errors.As(err, &wrong) {
		return q, problem.InvalidField("query."+wrong.Field, wrong.Value, "%s", wrong.Message)
	}
	return q, err
}

// costReport makes the report, with so many groups; 0: all.
func (s *Server) costReport(ctx context.Context, in *CostQuery, limit int) (out api.CostReport, err error) {
	err = s.Read(ctx, func(tx store.Tx, p Place) error {
		q, err := in.query(ctx, s, tx, p)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		r, err := costs.Explore(ctx, tx, q, now)
		var days *costs.TooManyDaysError
		if errors.As(err, &days) {
			return problem.InvalidField("query.by", in.By, "%s", days)
		}
		if err != nil {
			return err
		}
		last := q.Months[len(q.Months)-1]
		out = api.CostReport{From: q.Months[0].String(), To: last.String(), TimeZone: last.Location.String(), Until: now, By: in.By}
		if last.To.Before(now) {
			out.Until = last.To
		}
		fillCosts(&out, r, limit)
		if !r.Running || limit == 0 { // tables do not have it
			return nil
		}
		coming, err := repricing.ComingTo(ctx, tx, p.Organization, q.Project, now)
		fillComing(&out, coming)
		return err
	})
	return out, err
}

// comingShown bounds the instances that are listed one by one for a day.
const comingShown = 100

func fillComing(out *api.CostReport, coming []repricing.Coming) {
	for _, c := range coming {
		one := api.ComingPrices{From: c.From.UTC(), Count: len(c.Instances)}
		for _, i := range c.Instances[:min(len(c.Instances), comingShown)] {
			one.First = append(one.First, api.ComingInstance{Project: i.Project, Instance: i.Name})
		}
		out.Coming = append(out.Coming, one)
	}
}

func fillCosts(out *api.CostReport, r costs.Report, limit int) {
	currency := cmp.Or(r.Currency, "CHF")
	of := func(a money.Amount) api.Money { return api.Money{Amount: a.String(), Currency: currency} }
	// No forecast can be made of days: those to come are in no group.
	forecast := func(a money.Amount) *api.Money {
		if !r.Running {
			return nil
		}
		m := of(a)
		return &m
	}
	groupForecast := forecast
	if out.By == costs.ByDay {
		groupForecast = func(money.Amount) *api.Money { return nil }
	}
	out.Gaps = costs.Gaps(r.Gaps)
	out.Total, out.Forecast, out.Lines, out.Groups = of(r.Total), forecast(r.Forecast), r.Lines, []api.CostGroup{}
	shown := r.Groups
	if limit > 0 && len(shown) > limit && out.By != costs.ByDay {
		shown = nil
		others, count := costs.Group{}, 0
		for i, g := range r.Groups {
			if i < limit || g.Discount {
				shown = append(shown, g)
				continue
			}
			others.Amount, others.Forecast = others.Amount.Add(g.Amount), others.Forecast.Add(g.Forecast)
			count++
		}
		if count > 0 {
			out.Others = &api.CostOthers{Count: count, Amount: of(others.Amount), Forecast: groupForecast(others.Forecast)}
		}
	}
	for _, g := range shown {
		out.Groups = append(out.Groups, api.CostGroup{Project: g.Project, Name: g.Name, Gone: g.Gone, Discount: g.Discount, Amount: of(g.Amount), Forecast: groupForecast(g.Forecast)})
	}
	for _, d := range r.Days {
		out.Days = append(out.Days, api.CostDay{Date: d.Date, Amount: of(d.Amount)})
	}
}

// costCSV writes the groups of a report as a table. There is no row of the total: what
// adds the rows up would have it twice.
func costCSV(r api.CostReport) []byte {
	var out bytes.Buffer
	rows := csv.NewWriter(&out)
	rows.UseCRLF = true
	head := []string{plainCell(r.By), "amount", "currency", "forecast"}
	if r.By == costs.ByInstance {
		head = append([]string{"project"}, head...)
		head = append(head, "gone")
	}
	_ = rows.Write(head)
	for _, g := range r.Groups {
		forecast := ""
		if g.Forecast != nil {
			forecast = g.Forecast.Amount
		}
		name := plainCell(g.Name)
		if g.Discount {
			name = "discount"
		}
		row := []string{name, g.Amount.Amount, g.Amount.Currency, forecast}
		if r.By == costs.ByInstance {
			row = append([]string{plainCell(g.Project)}, row...)
			row = append(row, strconv.FormatBool(g.Gone))
		}
		_ = rows.Write(row)
	}
	rows.Flush()
	return out.Bytes()
}
