package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/maturity"
	"souk/internal/problem"
	"souk/internal/store"
)

func (s *Server) registerReadiness() {
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/services/{service}/readiness", ID: "operator-readiness", Tag: "operator", Action: authz.OperatorInventory,
		Summary: "How far a service is fit for production, by zone", Description: "With the instances that the checks rest on, and all waivers. What everybody sees of it is in the service's maturity."}, s.readiness)
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/operator/services/{service}/waivers", ID: "operator-waive", Tag: "operator", Action: authz.OperatorCatalog, Status: http.StatusCreated,
		Summary: "Do without a check of production readiness for a time", Description: "Everybody sees that it was waived, why, and until when."}, s.waive)
	register(s, Operation{Method: http.MethodDelete, Path: "/api/v1/operator/waivers/{waiver}", ID: "operator-unwaive", Tag: "operator", Action: authz.OperatorCatalog,
		Summary: "End a waiver before its time"}, s.unwaive)
}

// maturity computes how mature services are.
func (s *Server) maturity() maturity.Book { return maturity.Book{Packages: s.Instances.Packages} }

// InService is the place of a service.
type InService struct {
	Service string `path:"service" maxLength:"63"`
}

func (s *Server) readiness(ctx context.Context, in *InService) (*body[api.List[api.ServiceReadiness]], error) {
	out := &body[api.List[api.ServiceReadiness]]{}
	err := s.Read(ctx, func(tx store.Tx, p Place) error {
		offers, err := s.Catalog.Offers(ctx, tx, in.Service, "")
		if err != nil {
			return err
		}
		if len(offers) == 0 {
			return problem.NotFound("service", in.Service)
		}
		out.Body.Items, err = s.maturity().Readiness(ctx, tx, offers, p.Now)
		return err
	})
	return out, err
}

func (s *Server) waive(ctx context.Context, in *struct {
	InService
	Body api.WaiverCreate
}) (*body[api.ReadinessWaiver], error) {
	out := &body[api.ReadinessWaiver]{}
	err := s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = maturity.Waive(ctx, tx, in.Service, in.Body, p.Actor, p.Now); err != nil {
			return "", err
		}
		return out.Body.ID, p.Audit(ctx, tx, waiverEvent("readiness.waive", out.Body))
	}, waiverAgain(ctx, out))
	return out, err
}

func (s *Server) unwaive(ctx context.Context, in *struct {
	Waiver string `path:"waiver" format:"uuid" doc:"ID of the waiver"`
}) (*body[api.ReadinessWaiver], error) {
	out := &body[api.ReadinessWaiver]{}
	err := s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = maturity.Unwaive(ctx, tx, in.Waiver, p.Actor, p.Now); err != nil {
			return "", err
		}
		return out.Body.ID, p.Audit(ctx, tx, waiverEvent("readiness.unwaive", out.Body))
	}, waiverAgain(ctx, out))
	return out, err
}

func waiverEvent(action string, w api.ReadinessWaiver) audit.Event {
	return audit.Event{Action: action, Kind: "waiver", ObjectID: w.ID, ObjectName: w.Service + "/" + w.Zone + "/" + w.Check, Details: map[string]any{"reason": w.Reason, "until": w.Until}}
}

// waiverAgain answers a repeat with the waiver as it is.
func waiverAgain(ctx context.Context, out *body[api.ReadinessWaiver]) func(store.Tx, Place, string) error {
	return func(tx store.Tx, _ Place, id string) (err error) {
		out.Body, err = maturity.Waiver(ctx, tx, id)
		return err
	}
}
