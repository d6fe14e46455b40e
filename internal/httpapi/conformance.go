package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/maturity"
	"souk/internal/problem"
	"souk/internal/signing"
	"souk/internal/store"
)

func (s *Server) registerConformance() {
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/organizations/{org}/conformance", ID: "conformance-record", Tag: "evidence", Action: authz.ConformanceWrite, Status: http.StatusCreated,
		Summary:     "Record what a conformance run showed",
		Description: "By the service's provider, or the operator. The result is signed, public, and never changed; it proves something for 30 days, of the revision of the service that was run."}, s.recordConformance)
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/conformance/{result}", ID: "conformance-get", Tag: "evidence", Action: authz.Public,
		Summary: "A result of a conformance run, with its signature"}, s.getConformance)
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/services/{service}/conformance", ID: "conformance-list", Tag: "evidence", Action: authz.Public,
		Summary: "The newest results of conformance runs of a service"}, s.listConformance)
}

func (s *Server) recordConformance(ctx context.Context, in *struct {
	InOrganization
	Body api.ConformanceReport
}) (*body[api.SignedConformance], error) {
	out := &body[api.SignedConformance]{}
	keeper := maturity.Keeper{Catalog: s.Catalog, Souk: s.Version, Sign: func(document []byte) (string, error) { return s.Signing.Sign(ctx, signing.Conformance, document) }}
	err := s.Change(ctx, func(tx store.Tx, p Place) (id string, err error) {
		if out.Body, err = keeper.Record(ctx, tx, p.Organization, in.Body, p.Now); err != nil {
			return "", err
		}
		r := out.Body.Result
		states := map[string]any{"service": r.Service, "zone": r.Zone, "revision": r.PackageRevision}
		for _, proof := range r.Proofs {
			states[proof.Capability] = proof.State
		}
		return r.ID, p.Audit(ctx, tx, audit.Event{Action: "conformance.record", Kind: "conformance", ObjectID: r.ID, ObjectName: r.Service + "/" + r.Zone, Details: states})
	}, func(tx store.Tx, _ Place, id string) (err error) {
		out.Body, err = maturity.Result(ctx, tx, id)
		return err
	})
	return out, err
}

func (s *Server) getConformance(ctx context.Context, in *struct {
	Result string `path:"result" maxLength:"63" doc:"ID of the result"`
}) (*body[api.SignedConformance], error) {
	out := &body[api.SignedConformance]{}
	err := s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
		out.Body, err = maturity.Result(ctx, tx, in.Result)
		return err
	})
	return out, err
}

func (s *Server) listConformance(ctx context.Context, in *struct {
	Service string `path:"service" maxLength:"63"`
}) (*body[api.List[api.Conformance]], error) {
	out := &body[api.List[api.Conformance]]{}
	err := s.Read(ctx, func(tx store.Tx, _ Place) error {
		found, err := s.services(ctx, tx, in.Service)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return problem.NotFound("service", in.Service)
		}
		out.Body.Items, err = maturity.Results(ctx, tx, in.Service)
		return err
	})
	return out, err
}
