package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/billing"
	"souk/internal/costs"
	"souk/internal/invoice"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/usage"
)

// registerExplanations registers what lines of costs and invoices are made of.
func (s *Server) registerExplanations() {
	const org = "/api/v1/organizations/{org}"
	register(s, Operation{Method: http.MethodGet, Path: org + "/cost/lines/{key}", ID: "organization-cost-line", Tag: "costs", Action: authz.CostRead, AnyProject: true,
		Summary: "What a line of a month's cost is made of, interval by interval", Description: "From all that is known now. The shares of its parts are not rounded; the line is, once."}, s.explainCost)
	register(s, Operation{Method: http.MethodGet, Path: org + "/cost/events", ID: "organization-cost-events", Tag: "costs", Action: authz.CostRead, Operator: authz.OperatorCustomers, AnyProject: true,
		Summary: "The usage events that an hour of a meter is made of, in the order in which they came"}, s.countedEvents)
	register(s, Operation{Method: http.MethodGet, Path: org + "/invoices/draft/lines/{key}", ID: "invoices-draft-line", Tag: "invoices", Action: authz.CostRead, Operator: authz.OperatorCustomers,
		Summary: "What a line of a draft is made of, interval by interval"},
		func(ctx context.Context, in *struct {
			InOrganization
			Key   string `path:"key" maxLength:"40" doc:"Of the line, as the draft says it"`
			Month string `query:"month" maxLength:"7" doc:"Such as 2026-11, in the organization's time zone; absent: that of now"`
			Page
		}) (*body[api.InvoiceLineDetail], error) {
			return s.explainLine(ctx, in.Page, func(tx store.Tx, p Place, part costs.Slice) (api.InvoiceLineDetail, error) {
				return s.months().ExplainDraft(ctx, tx, p.Organization, in.Month, in.Key, part)
			})
		})
	register(s, Operation{Method: http.MethodGet, Path: org + "/invoices/{number}/lines/{line}", ID: "invoices-line", Tag: "invoices", Action: authz.CostRead, Operator: authz.OperatorCustomers,
		Summary:     "What a line of an invoice is made of, interval by interval",
		Description: "From what had been recorded when it was made, so that the parts are those that it was made from. Of an adjustment: those by which what is known now differs from what was known before."},
		func(ctx context.Context, in *struct {
			InInvoice
			Line int `path:"line" minimum:"1"`
			Page
		}) (*body[api.InvoiceLineDetail], error) {
			return s.explainLine(ctx, in.Page, func(tx store.Tx, p Place, part costs.Slice) (api.InvoiceLineDetail, error) {
				return invoice.Explain(ctx, tx, p.Organization, in.Number, in.Line, part)
			})
		})
}

func (s *Server) explainLine(ctx context.Context, page Page, read func(store.Tx, Place, costs.Slice) (api.InvoiceLineDetail, error)) (*body[api.InvoiceLineDetail], error) {
	part, err := page.slice()
	if err != nil {
		return nil, err
	}
	out := &body[api.InvoiceLineDetail]{}
	err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		if out.Body, err = read(tx, p, part); err == nil && out.Body.Explanation != nil {
			out.Body.Explanation.Next = following(part, out.Body.Explanation.Count)
		}
		return err
	})
	return out, err
}

func (s *Server) explainCost(ctx context.Context, in *struct {
	InCosts
	Key   string `path:"key" maxLength:"40" doc:"Of the line, as the cost says it"`
	Month string `query:"month" maxLength:"7" doc:"Such as 2026-11, in the organization's time zone; absent: that of now"`
	Page
}) (*body[api.Explanation], error) {
	part, err := in.slice()
	if err != nil {
		return nil, err
	}
	out := &body[api.Explanation]{}
	err = s.Read(ctx, func(tx store.Tx, p Place) error {
		project, err := s.costProject(ctx, tx, p, in.Project)
		if err != nil {
			return err
		}
		running, err := costs.Now(ctx, tx, p.Organization, p.Now)
		if err != nil {
			return err
		}
		months, err := costs.Months(in.Month, in.Month, running)
		var wrong *costs.MonthError
		if errors.As(err, &wrong) {
			return problem.InvalidField("query.month", in.Month, "%s", wrong.Message)
		}
		if err != nil {
			return err
		}
		known := costs.Known{Filter: billing.Filter{Organization: p.Organization, Project: project}, Month: months[0], Until: p.Now}
		e, err := costs.Explain(ctx, tx, known, nil, in.Key, part)
		if err != nil {
			return err
		}
		if e == nil {
			return problem.NotFound("line", in.Key)
		}
		e.Next = following(part, e.Count)
		out.Body = *e
		return nil
	})
	return out, err
}

func (s *Server) countedEvents(ctx context.Context, in *struct {
	InCosts
	Instance  string    `query:"instance" required:"true" format:"uuid" doc:"Its ID"`
	Meter     string    `query:"meter" required:"true" maxLength:"63"`
	Hour      time.Time `query:"hour" required:"true" doc:"Its beginning; hours are those of UTC"`
	Watermark time.Time `query:"watermark" doc:"Those that had been taken in by then; absent: all"`
	Page
}) (*body[api.List[api.CountedEvent]], error) {
	part, err := in.slice()
	if err != nil {
		return nil, err
	}
	instance, err := uuid.Parse(in.Instance)
	if err != nil {
		return nil, problem.InvalidField("query.instance", in.Instance, "It is the ID of an instance.")
	}
	if !in.Hour.Equal(in.Hour.Truncate(time.Hour)) {
		return nil, problem.InvalidField("query.hour", in.Hour, "No hour begins then.")
	}
	out := &body[api.List[api.CountedEvent]]{}
	err = s.Read(ctx, func(tx store.Tx, p Place) error {
		project, err := s.costProject(ctx, tx, p, in.Project)
		if err != nil {
			return err
		}
		list, err := usage.Events(ctx, tx, usage.Counted{Organization: p.Organization, Instance: instance, Project: project, Meter: in.Meter, Hour: in.Hour, Watermark: in.Watermark, Skip: part.Skip, Limit: part.Limit + 1})
		if out.Body.Next = following(part, part.Skip+len(list)); len(list) > part.Limit {
			list = list[:part.Limit]
		}
		out.Body.Items = list
		return err
	})
	return out, err
}

// slice is what of a list that only grows at its end the page asks for.
func (p Page) slice() (costs.Slice, error) {
	text, err := p.after()
	if err != nil {
		return costs.Slice{}, err
	}
	out := costs.Slice{Limit: p.Limit}
	if text != "" {
		if out.Skip, err = strconv.Atoi(text); err != nil || out.Skip < 0 || out.Skip > maxSkip {
			return costs.Slice{}, badCursor()
		}
	}
	return out, nil
}

// maxSkip keeps what a cursor says within what a database can skip.
const maxSkip = 1 << 30

// following is the cursor of what follows a part of a list of so many; "": nothing.
func following(s costs.Slice, count int) string {
	if s.Skip+s.Limit >= count {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(s.Skip + s.Limit)))
}
