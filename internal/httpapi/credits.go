package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/credit"
	"souk/internal/problem"
	"souk/internal/store"
)

// OfMonth asks for what there is of a month.
type OfMonth struct {
	Month string `query:"month" maxLength:"7" pattern:"^([0-9]{4}-(0[1-9]|1[0-2]))?$" doc:"Such as 2026-11"`
}

func (s *Server) registerCredits() {
	const terms = "/api/v1/operator/credit-terms"
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/organizations/{org}/credit-terms", ID: "credit-terms-list", Tag: "availability", Action: authz.SLARead, Operator: authz.OperatorCustomers,
		Summary: "What is given back where instances were less available than promised, by service level", Description: "Of a month; absent: that of now. A service level that is missing gives nothing back."}, s.creditTermsInForce)
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/organizations/{org}/service-credits", ID: "service-credits-list", Tag: "invoices", Action: authz.CostRead, Operator: authz.OperatorCustomers,
		Summary: "What invoices gave back for months in which instances were less available, with its evidence", Description: "The newest month first; of a month, or absent: of all."},
		func(ctx context.Context, in *struct {
			InOrganization
			OfMonth
			Page
		}) (*body[api.List[api.ServiceCredit]], error) {
			return s.listCredits(ctx, in.Month, in.Page, func(p Place) *uuid.UUID { return &p.Organization })
		})
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/service-credits", ID: "operator-service-credits", Tag: "operator", Action: authz.OperatorCustomers,
		Summary: "What invoices of all organizations gave back for months in which instances were less available", Description: "The newest month first; of a month, or absent: of all."},
		func(ctx context.Context, in *struct {
			OfMonth
			Page
		}) (*body[api.List[api.ServiceCredit]], error) {
			return s.listCredits(ctx, in.Month, in.Page, func(Place) *uuid.UUID { return nil })
		})
	register(s, Operation{Method: http.MethodGet, Path: terms, ID: "operator-credit-terms", Tag: "operator", Action: authz.OperatorCustomers,
		Summary: "All revisions of what is given back where instances were less available, newest first"},
		func(ctx context.Context, _ *struct{}) (*body[api.List[api.CreditTerms]], error) {
			out := &body[api.List[api.CreditTerms]]{}
			return out, s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
				out.Body.Items, err = credit.List(ctx, tx)
				return err
			})
		})
	register(s, Operation{Method: http.MethodPost, Path: terms, ID: "operator-credit-terms-publish", Tag: "operator", Action: authz.OperatorBilling, Status: http.StatusCreated,
		Summary:     "Say what is given back of a service level where instances were less available",
		Description: "A revision, which is never changed. It holds from a month on that has not begun; only where nothing holds for it yet, from this month on."}, s.publishCreditTerms)
}

func (s *Server) creditTermsInForce(ctx context.Context, in *struct {
	InOrganization
	OfMonth
}) (*body[api.List[api.CreditTerms]], error) {
	out := &body[api.List[api.CreditTerms]]{}
	return out, s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		month := in.Month
		if month == "" {
			month = p.Now.UTC().Format("2006-01")
		}
		out.Body.Items, err = credit.InForce(ctx, tx, p.Organization, month, p.Now)
		return err
	})
}

func (s *Server) listCredits(ctx context.Context, month string, page Page, of func(Place) *uuid.UUID) (*body[api.List[api.ServiceCredit]], error) {
	after, err := page.afterCredit()
	if err != nil {
		return nil, err
	}
	var list []api.ServiceCredit
	err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		list, err = credit.Invoiced(ctx, tx, of(p), month, after, page.Limit+1)
		return err
	})
	return paged(page, list, func(c api.ServiceCredit) string { return c.Report + "/" + c.InstanceID }), err
}

// afterCredit returns the credit that the page begins after; nil is the start.
func (p Page) afterCredit() (*credit.Given, error) {
	text, err := p.after()
	if err != nil || text == "" {
		return nil, err
	}
	report, instance, _ := strings.Cut(text, "/")
	var g credit.Given
	if g.Report, err = uuid.Parse(report); err != nil {
		return nil, badCursor()
	}
	if g.Instance, err = uuid.Parse(instance); err != nil {
		return nil, badCursor()
	}
	return &g, nil
}

func (s *Server) publishCreditTerms(ctx context.Context, in *struct{ Body api.CreditTermsSpec }) (*body[api.CreditTerms], error) {
	out := &body[api.CreditTerms]{}
	read := func(tx store.Tx, _ Place, id string) error {
		of, err := uuid.Parse(id)
		if err != nil {
			return problem.NotFound("credit terms", id)
		}
		out.Body, err = credit.Get(ctx, tx, of)
		return err
	}
	return out, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		id, err := credit.Publish(ctx, tx, in.Body, p.Actor, p.Now.Truncate(time.Microsecond))
		if err != nil {
			return "", err
		}
		if err := read(tx, p, id.String()); err != nil {
			return "", err
		}
		return id.String(), p.Audit(ctx, tx, audit.Event{Action: "credit-terms.publish", Kind: "credit-terms", ObjectID: id.String(), ObjectName: in.Body.ServiceLevel, Details: details(in.Body)})
	}, read)
}
