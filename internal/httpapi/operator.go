package httpapi

import (
	"context"
	"net/http"
	"time"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/billing"
	"souk/internal/problem"
	"souk/internal/store"
)

func (s *Server) registerOperator() {
	s.registerInventory()
	s.registerStuck()
	s.registerBurns()
	s.registerOperatorZones()
	s.registerOperatorCatalog()
	s.registerCustomers()
	s.registerViews()
	s.registerReconciliation()
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/operator/zones/{zone}/enrol", ID: "operator-zone-enrol", Tag: "operator", Summary: "Make a one-time token that enrols an agent for a zone",
		Description: "Once the token is used, the agent that was enrolled before is superseded.", Action: authz.OperatorZoneEnrol, Status: http.StatusCreated}, s.enrolZone)
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/audit/segments", ID: "operator-audit-segments", Tag: "operator", Summary: "Recompute every billing chain from the raw commands and facts, and compare", Action: authz.OperatorSegmentAudit},
		func(ctx context.Context, _ *struct{}) (*body[api.SegmentAudit], error) {
			out := &body[api.SegmentAudit]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) error {
				report, err := billing.Audit(ctx, tx, s.Clock.Now())
				out.Body = auditDoc(report)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/clock", ID: "operator-clock", Tag: "operator", Summary: "Souk's clock", Action: authz.OperatorInventory},
		func(ctx context.Context, _ *struct{}) (*body[api.ClockStatus], error) {
			return &body[api.ClockStatus]{s.clockStatus()}, nil
		})
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/operator/clock/advance", ID: "operator-clock-advance", Tag: "operator", Summary: "Move Souk's clock forward (souk dev only)", Action: authz.OperatorClock, Status: http.StatusOK}, s.advanceClock)
}

type InZone struct {
	Zone string `path:"zone" maxLength:"63"`
}

func (s *Server) enrolZone(ctx context.Context, in *InZone) (*body[api.ZoneEnrolment], error) {
	out := &body[api.ZoneEnrolment]{}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		t, err := s.Zones.IssueToken(ctx, tx, in.Zone, p.Actor)
		if err != nil {
			return "", err
		}
		out.Body = api.ZoneEnrolment{Zone: t.Zone, Token: t.Secret, ExpiresAt: t.ExpiresAt, Server: s.AgentURL, CA: s.Zones.CA(), Image: s.AgentImage}
		return t.ZoneID.String(), p.Audit(ctx, tx, audit.Event{Action: "zone.enrol", Kind: "zone", ObjectID: t.ZoneID.String(), ObjectName: t.Zone})
	}, func(store.Tx, Place, string) error {
		return problem.Conflict("token-shown", "The token of this request has been shown already and is not kept. Ask for another one.")
	})
	return out, err
}

func (s *Server) clockStatus() api.ClockStatus {
	return api.ClockStatus{Now: s.Clock.Now(), OffsetSeconds: int64(s.Zones.Clock.Offset().Seconds())}
}

// maxAdvance bounds one step of the clock.
const maxAdvance = 366 * 24 * time.Hour

func (s *Server) advanceClock(ctx context.Context, in *struct{ Body api.ClockAdvance }) (*body[api.ClockStatus], error) {
	if !s.Dev {
		return nil, problem.Forbidden("Only souk dev lets its clock be moved.")
	}
	step := time.Duration(in.Body.Seconds) * time.Second
	if in.Body.Seconds < 1 || in.Body.Seconds > int64(maxAdvance.Seconds()) {
		return nil, problem.InvalidField("body.seconds", in.Body.Seconds, "The clock moves forward only, by at most 366 days at once.")
	}
	var offset time.Duration
	err := s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if offset, err = s.Zones.AdvanceClock(ctx, tx, step); err != nil {
			return "", err
		}
		return "", p.Audit(ctx, tx, audit.Event{Action: "clock.advance", Kind: "clock", Details: map[string]any{"seconds": in.Body.Seconds}})
	}, noReplay)
	if err != nil {
		return nil, err
	}
	s.Zones.ClockAdvanced(offset)
	return &body[api.ClockStatus]{s.clockStatus()}, nil
}

func auditDoc(r billing.Report) api.SegmentAudit {
	out := api.SegmentAudit{At: r.At, Instances: r.Instances, Commands: r.Commands, Facts: r.Facts, Segments: r.Segments, BackupSegments: r.BackupSegments, BackupSteps: r.BackupSteps, Seconds: r.Accounted.String(), Differences: []api.SegmentDifference{}}
	for _, d := range r.Differences {
		out.Differences = append(out.Differences, api.SegmentDifference{Organization: d.Organization, Instance: d.Instance, InstanceID: d.ID.String(), Problem: d.Problem})
	}
	return out
}
