package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/instance"
	"souk/internal/maintenance"
	"souk/internal/problem"
	"souk/internal/store"
)

func (s *Server) registerMaintenance() {
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/organizations/{org}/maintenance", ID: "maintenance-calendar", Tag: "maintenance", Action: authz.InstanceRead, AnyProject: true,
		Summary: "What is planned and was done on the organization's instances, newest first"}, s.listMaintenance)
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/operator/maintenance", ID: "operator-maintenance", Tag: "operator", Action: authz.OperatorMaintenance,
		Summary: "Plan a restart of an instance's servers, or of all in a zone", Description: "Each in the window of its instance, at seven days' notice at least; urgent, at an hour's. Their people are told of it by mail at once. With `dryRun=true` the answer says what would be planned."}, s.planRestarts)
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/maintenance", ID: "operator-maintenance-list", Tag: "operator", Action: authz.OperatorInventory,
		Summary: "Restarts of servers that are planned or under way in all zones, newest first"}, s.listRestarts)
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/operator/maintenance/withdraw", ID: "operator-maintenance-withdraw", Tag: "operator", Action: authz.OperatorMaintenance,
		Summary: "Take back restarts that the operator has planned", Description: "Their people are told by mail at once. What has begun is left as it is, which the answer says."}, s.withdrawRestarts)
	s.registerCalendar()
	const all = instancesPath + "/{name}/maintenance"
	register(s, Operation{Method: http.MethodGet, Path: all, ID: "maintenance-list", Tag: "maintenance", Action: authz.InstanceRead,
		Summary: "What is planned and was done on an instance, newest first"}, s.listMaintenanceOf)
	const one = all + "/{maintenance}"
	register(s, Operation{Method: http.MethodGet, Path: one, ID: "maintenance-get", Tag: "maintenance", Action: authz.InstanceRead, Summary: "Read a maintenance, and what became of it"}, s.getMaintenance)
	register(s, Operation{Method: http.MethodPost, Path: one + "/defer", ID: "maintenance-defer", Tag: "maintenance", Action: authz.MaintenanceWrite,
		Summary: "Put a maintenance off to a later window", Description: "Twice at most, and up to 28 days. Urgent work cannot be put off."}, s.deferMaintenance)
	register(s, Operation{Method: http.MethodPost, Path: one + "/run", ID: "maintenance-run", Tag: "maintenance", Action: authz.MaintenanceWrite,
		Summary: "Have a maintenance done now, outside of the window"}, s.runMaintenance)
	register(s, Operation{Method: http.MethodPost, Path: one + "/approve", ID: "maintenance-approve", Tag: "maintenance", Action: authz.MaintenanceWrite,
		Summary: "Agree to a maintenance as it is planned"}, s.approveMaintenance)
	register(s, Operation{Method: http.MethodPost, Path: one + "/cancel", ID: "maintenance-cancel", Tag: "maintenance", Action: authz.MaintenanceWrite,
		Summary: "Take back a change that was put off"}, s.cancelMaintenance)
}

// InMaintenance is one maintenance of an instance.
type InMaintenance struct {
	InInstance
	Maintenance string `path:"maintenance" format:"uuid" doc:"ID of the maintenance"`
}

type maintenanceList = body[api.List[api.Maintenance]]

func maintenanceID(m api.Maintenance) string { return m.ID }

func (s *Server) listMaintenance(ctx context.Context, in *struct {
	InOrganization
	Page
	Open bool `query:"open" doc:"Only what is planned or under way"`
}) (*maintenanceList, error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	var list []api.Maintenance
	err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		list, err = s.Maintenance.List(ctx, tx, p.Organization, maintenance.Filter{Projects: p.Projects(), Open: in.Open, Before: given(before), Limit: in.Limit + 1})
		return err
	})
	return paged(in.Page, list, maintenanceID), err
}

// given is nil where a page is the first.
func given(before uuid.UUID) *uuid.UUID {
	if before == uuid.Nil {
		return nil
	}
	return &before
}

func (s *Server) listMaintenanceOf(ctx context.Context, in *struct {
	InInstance
	Page
}) (*maintenanceList, error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	var list []api.Maintenance
	err = s.Read(ctx, func(tx store.Tx, p Place) error {
		v, err := s.Instances.Get(ctx, tx, at(p), in.Name)
		if err == nil {
			list, err = s.Maintenance.List(ctx, tx, p.Organization, maintenance.Filter{Instance: &v.ID, Before: given(before), Limit: in.Limit + 1})
		}
		return err
	})
	return paged(in.Page, list, maintenanceID), err
}

func (s *Server) getMaintenance(ctx context.Context, in *InMaintenance) (*body[api.Maintenance], error) {
	out := &body[api.Maintenance]{}
	return out, s.Read(ctx, func(tx store.Tx, p Place) error {
		v, err := s.Instances.Get(ctx, tx, at(p), in.Name)
		if err != nil {
			return err
		}
		out.Body, err = s.Maintenance.Get(ctx, tx, uuid.MustParse(in.Maintenance))
		if err == nil && (out.Body.Project != v.Project || out.Body.Instance != v.Name) {
			return problem.NotFound("maintenance", in.Maintenance)
		}
		return err
	})
}

// changeMaintenance runs a change of one maintenance, and writes it to the audit log.
func (s *Server) changeMaintenance(ctx context.Context, in InMaintenance, action string, f func(tx store.Tx, p Place, v instance.View, id uuid.UUID) (api.Maintenance, error)) (*body[api.Maintenance], error) {
	out := &body[api.Maintenance]{}
	return out, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		v, err := s.Instances.Get(ctx, tx, at(p), in.Name)
		if err != nil {
			return "", err
		}
		if out.Body, err = f(tx, p, v, uuid.MustParse(in.Maintenance)); err != nil {
			return "", err
		}
		return in.Maintenance, p.Audit(ctx, tx, maintenanceEvent(v, action, out.Body))
	}, func(tx store.Tx, _ Place, reference string) (err error) {
		out.Body, err = s.Maintenance.Get(ctx, tx, uuid.MustParse(reference))
		return err
	})
}

func maintenanceEvent(v instance.View, action string, m api.Maintenance) audit.Event {
	return audit.Event{Project: v.ProjectID, Action: action, Kind: "instance", ObjectID: v.ID.String(), ObjectName: v.Name,
		Details: map[string]any{"maintenance": m.ID, "title": m.Title, "from": m.From, "until": m.Until}}
}

func (s *Server) deferMaintenance(ctx context.Context, in *struct {
	InMaintenance
	Body api.MaintenanceDefer
}) (*body[api.Maintenance], error) {
	return s.changeMaintenance(ctx, in.InMaintenance, "maintenance.defer", func(tx store.Tx, _ Place, v instance.View, id uuid.UUID) (api.Maintenance, error) {
		return s.Maintenance.Defer(ctx, tx, v, id, in.Body.NotBefore)
	})
}

func (s *Server) runMaintenance(ctx context.Context, in *InMaintenance) (*body[api.Maintenance], error) {
	return s.changeMaintenance(ctx, *in, "maintenance.run", func(tx store.Tx, _ Place, v instance.View, id uuid.UUID) (api.Maintenance, error) {
		return s.Maintenance.RunNow(ctx, tx, v, id)
	})
}

func (s *Server) approveMaintenance(ctx context.Context, in *InMaintenance) (*body[api.Maintenance], error) {
	return s.changeMaintenance(ctx, *in, "maintenance.approve", func(tx store.Tx, p Place, v instance.View, id uuid.UUID) (api.Maintenance, error) {
		return s.Maintenance.Approve(ctx, tx, v, id, p.Actor)
	})
}

func (s *Server) cancelMaintenance(ctx context.Context, in *InMaintenance) (*body[api.Maintenance], error) {
	return s.changeMaintenance(ctx, *in, "maintenance.cancel", func(tx store.Tx, p Place, v instance.View, id uuid.UUID) (api.Maintenance, error) {
		return s.Maintenance.Cancel(ctx, tx, v, id, p.Actor)
	})
}

func (s *Server) planRestarts(ctx context.Context, in *struct {
	DryRun bool `query:"dryRun" doc:"Only say what would be planned"`
	Body   api.MaintenancePlan
}) (*body[api.MaintenancePlanned], error) {
	out := &body[api.MaintenancePlanned]{}
	if in.DryRun {
		return out, s.Preview(ctx, func(tx store.Tx, _ Place) (err error) {
			out.Body, err = s.Maintenance.PreviewRestarts(ctx, tx, in.Body)
			return err
		})
	}
	return out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		out.Body, err = s.Maintenance.PlanRestarts(ctx, tx, p.Actor, p.RequestID, in.Body)
		return out.Body.At.Format(time.RFC3339Nano), err
	}, func(tx store.Tx, _ Place, reference string) error {
		at, err := time.Parse(time.RFC3339Nano, reference)
		if err != nil {
			return err
		}
		out.Body, err = s.Maintenance.Replanned(ctx, tx, in.Body, at)
		return err
	})
}

func (s *Server) listRestarts(ctx context.Context, in *struct {
	Page
	Zone    string `query:"zone" maxLength:"63" doc:"Only of instances in this zone"`
	Service string `query:"service" maxLength:"63" doc:"Only of this service's"`
	All     bool   `query:"all" doc:"Those that have ended, too"`
}) (*body[api.List[api.OperatorMaintenance]], error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	var list []api.OperatorMaintenance
	err = s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
		list, err = s.Maintenance.Restarts(ctx, tx, maintenance.RestartFilter{Zone: in.Zone, Service: in.Service, Open: !in.All, Before: given(before), Limit: in.Limit + 1})
		return err
	})
	return paged(in.Page, list, func(m api.OperatorMaintenance) string { return m.ID }), err
}

func (s *Server) withdrawRestarts(ctx context.Context, in *struct{ Body api.MaintenanceWithdrawal }) (*body[api.MaintenanceWithdrawn], error) {
	out := &body[api.MaintenanceWithdrawn]{}
	return out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		out.Body, err = s.Maintenance.Withdraw(ctx, tx, p.Actor, p.RequestID, in.Body)
		return out.Body.At.Format(time.RFC3339Nano), err
	}, func(tx store.Tx, _ Place, reference string) error {
		at, err := time.Parse(time.RFC3339Nano, reference)
		if err != nil {
			return err
		}
		out.Body, err = s.Maintenance.Withdrawn(ctx, tx, in.Body, at)
		return err
	})
}

// putOff plans a change for the next window, and answers with the instance as it is.
func (s *Server) putOff(ctx context.Context, tx store.Tx, p Place, name string, want api.InstancePut, q ChangeQuery) (instance.View, error) {
	m, err := s.Maintenance.PutOff(ctx, tx, at(p), name, want, q.match)
	if err != nil {
		return instance.View{}, err
	}
	v, err := s.Instances.Get(ctx, tx, at(p), name)
	if err != nil {
		return v, err
	}
	return v, p.Audit(ctx, tx, maintenanceEvent(v, "maintenance.plan", m))
}
