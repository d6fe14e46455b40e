package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/servicepkg"
	"souk/internal/signing"
	"souk/internal/sla"
	"souk/internal/store"
)

// slaReports evaluates availability from the record.
func (s *Server) slaReports() *sla.Service { return &sla.Service{Clock: s.Clock, Catalog: s.Catalog} }

const reportPath = "/api/v1/organizations/{org}/sla-report"

func (s *Server) registerAvailability() {
	register(s, Operation{Method: http.MethodGet, Path: instancesPath + "/{name}/availability", ID: "instances-availability", Tag: "availability",
		Summary:     "For how much of a month an instance was available",
		Description: "Evaluated from what was measured by trying the instance as its clients do, every second. Times that were not measured count neither as up nor as down.", Action: authz.InstanceRead},
		func(ctx context.Context, in *struct {
			InInstance
			Period string `query:"period" maxLength:"7" doc:"A month such as 2026-11, in the organization's time zone; absent: that of now"`
		}) (*body[api.Availability], error) {
			out := &body[api.Availability]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) error {
				v, err := s.Instances.Get(ctx, tx, at(p), in.Name)
				if err != nil {
					return err
				}
				out.Body, err = s.slaReports().Instance(ctx, tx, p.Organization, v.ID, in.Period)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: reportPath, ID: "sla-report-get", Tag: "availability",
		Summary:     "How available an organization's instances were in a month",
		Description: "Made from the record as it was known at a watermark. The same watermark gives the same report, byte for byte; of a month that is not over it goes up to the watermark.", Action: authz.SLARead},
		func(ctx context.Context, in *inReport) (*body[api.SLAReport], error) {
			report, err := s.report(ctx, in)
			return &body[api.SLAReport]{report}, err
		})
	register(s, Operation{Method: http.MethodGet, Path: reportPath + "s", ID: "sla-reports-list", Tag: "availability",
		Summary:     "Reports that were made when a month was over, newest first",
		Description: "Made a day after the month's end in the organization's time zone, and mailed. The period and the watermark give the same report again.", Action: authz.SLARead},
		func(ctx context.Context, _ *struct{ InOrganization }) (*body[api.List[api.SLAReportMade]], error) {
			out := &body[api.List[api.SLAReportMade]]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body.Items, err = sla.Reports(ctx, tx, p.Organization)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: reportPath + ".pdf", Media: mediaPDF, ID: "sla-report-pdf", Tag: "availability", Summary: "An SLA report as a PDF",
		Description: "It carries the SHA-256 of what is signed. The same watermark gives the same bytes.", Action: authz.SLARead},
		s.asFile(mediaPDF, ".pdf", func(_ context.Context, r api.SLAReport) ([]byte, error) { return sla.Document(r) }))
	register(s, Operation{Method: http.MethodGet, Path: reportPath + ".jws", Media: "application/jose", ID: "sla-report-signed", Tag: "availability", Summary: "An SLA report, signed",
		Description: "A compact JSON Web Signature, whose payload is the report, that anybody can check by the published keys.", Action: authz.SLARead},
		s.asFile("application/jose", ".jws", s.signedReport))
}

// sliDoc is what a service says of its availability; nil where it says nothing.
func sliDoc(s *servicepkg.SLI) *api.ServiceSLI {
	if s == nil {
		return nil
	}
	out := &api.ServiceSLI{Description: s.Description, Checks: []api.ServiceSLICheck{}, Objectives: s.Objectives}
	for _, c := range s.Checks {
		out.Checks = append(out.Checks, api.ServiceSLICheck(c))
	}
	return out
}

// report reads a report.
func (s *Server) report(ctx context.Context, in *inReport) (out api.SLAReport, err error) {
	err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out, err = s.slaReports().Report(ctx, tx, p.Organization, in.Period, in.Watermark)
		return err
	})
	return out, err
}

// asFile makes a file of a report.
func (s *Server) asFile(contentType, suffix string, of func(ctx context.Context, r api.SLAReport) ([]byte, error)) func(context.Context, *inReport) (*file, error) {
	return func(ctx context.Context, in *inReport) (*file, error) {
		report, err := s.report(ctx, in)
		if err != nil {
			return nil, err
		}
		content, err := of(ctx, report)
		return &file{contentType, fmt.Sprintf("attachment; filename=%q", "sla-"+report.Organization+"-"+report.Period+suffix), content}, err
	}
}

func (s *Server) signedReport(ctx context.Context, r api.SLAReport) ([]byte, error) {
	payload, err := sla.Payload(r)
	if err != nil {
		return nil, err
	}
	signed, err := s.Signing.Sign(ctx, signing.SLAReport, payload)
	return []byte(signed + "\n"), err
}

// inReport names a report.
type inReport struct {
	InOrganization
	Period    string    `query:"period" maxLength:"7" doc:"A month such as 2026-11, in the organization's time zone; absent: that of now"`
	Watermark time.Time `query:"watermark" doc:"What was recorded until then is in the report; absent: the newest that can be had"`
}
