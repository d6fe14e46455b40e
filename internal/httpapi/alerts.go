package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/alert"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/instance"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

func (s *Server) registerAlerts() {
	const base = "/api/v1/organizations/{org}"
	register(s, Operation{
		Method: http.MethodGet, Path: base + "/alerts", ID: "alerts-list", Tag: "alerts", Action: authz.InstanceRead, AnyProject: true,
		Summary: "What is the matter with the organization's instances, and was in the last 30 days; newest first",
	}, s.listAlerts)
	register(s, Operation{
		Method: http.MethodGet, Path: base + "/alert-deliveries", ID: "alert-deliveries-list", Tag: "alerts", Action: authz.AlertRead,
		Summary: "What channels were told, and how that went; newest first",
	}, s.listDeliveries)
	register(s, Operation{Method: http.MethodGet, Path: instancesPath + "/{name}/runbooks/{runbook}", ID: "instances-runbook", Tag: "alerts", Action: authz.InstanceRead,
		Summary: "What to do about an alert, with the instance's values in the commands"}, s.getRunbook)
	s.registerChannels(base + "/alert-channels")
}

func (s *Server) registerChannels(all string) {
	one := all + "/{channel}"
	register(s, Operation{
		Method: http.MethodGet, Path: all, ID: "alert-channels-list", Tag: "alerts", Action: authz.AlertRead,
		Summary: "Ways in which the organization is told of alerts", Description: "Without addresses and secrets.",
	}, s.listChannels)
	register(s, Operation{
		Method: http.MethodPost, Path: all, ID: "alert-channels-create", Tag: "alerts", Action: authz.AlertWrite, Status: http.StatusCreated,
		Summary: "Make a channel", Description: "A webhook's secret is in this answer only; a repeat with the same Idempotency-Key does not show it again.",
	}, s.createChannel)
	register(s, Operation{
		Method: http.MethodPut, Path: one + "/quiet-hours", ID: "alert-channels-quiet", Tag: "alerts", Action: authz.AlertWrite,
		Summary: "Set a channel's quiet hours", Description: "What is not critical waits until they end. An empty document: none.",
	}, s.quietChannel)
	register(s, Operation{
		Method: http.MethodPost, Path: one + "/test", ID: "alert-channels-test", Tag: "alerts", Action: authz.AlertWrite, Status: http.StatusAccepted,
		Summary: "Have a test sent by a channel", Description: "At once, whatever its quiet hours are; how it went is in the log of deliveries.",
	}, s.testChannel)
	register(s, Operation{
		Method: http.MethodDelete, Path: one, ID: "alert-channels-delete", Tag: "alerts", Action: authz.AlertWrite,
		Summary: "Delete a channel", Description: "What was not delivered by it is not any more.",
	}, s.deleteChannel)
}

// InChannel is one of the channels of an organization.
type InChannel struct {
	InOrganization
	Channel string `path:"channel" maxLength:"63"`
}

func (s *Server) listAlerts(ctx context.Context, in *struct {
	InOrganization
	Page
	State    string `query:"state" enum:"pending,firing,resolved" doc:"Default: all"`
	Instance string `query:"instance" maxLength:"36" doc:"ID of an instance. Default: all"`
}) (*body[api.List[api.Alert]], error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	var instance *uuid.UUID
	if in.Instance != "" {
		id, err := uuid.Parse(in.Instance)
		if err != nil {
			return nil, problem.Invalid(problem.Field{Location: "query.instance", Value: in.Instance, Message: "It is no instance's ID."})
		}
		instance = &id
	}
	var list []api.Alert
	err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		list, err = alert.List(ctx, tx, p.Organization, alert.Filter{Projects: p.Projects(), Instance: instance, State: in.State, Before: before, Limit: in.Limit + 1})
		return err
	})
	return paged(in.Page, list, func(a api.Alert) string { return a.ID }), err
}

func (s *Server) listDeliveries(ctx context.Context, in *struct {
	InOrganization
	Page
	Channel string `query:"channel" maxLength:"63" doc:"Name of one. Default: all"`
}) (*body[api.List[api.AlertDelivery]], error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	var list []api.AlertDelivery
	err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		list, err = alert.Deliveries(ctx, tx, p.Organization, alert.Filter{Channel: in.Channel, Before: before, Limit: in.Limit + 1})
		return err
	})
	return paged(in.Page, list, func(d api.AlertDelivery) string { return d.ID }), err
}

func (s *Server) listChannels(ctx context.Context, _ *struct{ InOrganization }) (*body[api.List[api.AlertChannel]], error) {
	out := &body[api.List[api.AlertChannel]]{}
	return out, s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body.Items, err = alert.Channels(ctx, tx, p.Organization)
		return err
	})
}

func channelEvent(action, name string, details map[string]any) audit.Event {
	return audit.Event{Action: action, Kind: "alert-channel", ObjectID: name, ObjectName: name, Details: details}
}

func readChannel(ctx context.Context, out *api.AlertChannel) func(tx store.Tx, p Place, name string) error {
	return func(tx store.Tx, p Place, name string) (err error) {
		*out, err = alert.Channel(ctx, tx, p.Organization, name)
		return err
	}
}

func (s *Server) createChannel(ctx context.Context, in *struct {
	InOrganization
	Body api.AlertChannelCreate
}) (*body[api.AlertChannel], error) {
	var out body[api.AlertChannel]
	return &out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = s.Alerts.Create(ctx, tx, p.Organization, in.Body, p.Now); err != nil {
			return "", err
		}
		return out.Body.Name, p.Audit(ctx, tx, channelEvent("alert-channel.create", out.Body.Name, map[string]any{"kind": out.Body.Kind, "target": out.Body.Target, "quietHours": out.Body.QuietHours}))
	}, readChannel(ctx, &out.Body))
}

func (s *Server) quietChannel(ctx context.Context, in *struct {
	InChannel
	Body api.QuietHours
}) (*body[api.AlertChannel], error) {
	var out body[api.AlertChannel]
	return &out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = s.Alerts.SetQuiet(ctx, tx, p.Organization, in.Channel, in.Body, p.Now); err != nil {
			return "", err
		}
		return in.Channel, p.Audit(ctx, tx, channelEvent("alert-channel.quiet", in.Channel, details(in.Body)))
	}, readChannel(ctx, &out.Body))
}

func (s *Server) testChannel(ctx context.Context, in *InChannel) (*body[api.AlertDelivery], error) {
	var out body[api.AlertDelivery]
	return &out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = s.Alerts.Test(ctx, tx, p.Organization, p.OrganizationName, in.Channel, p.Now); err != nil {
			return "", err
		}
		return out.Body.ID, p.Audit(ctx, tx, channelEvent("alert-channel.test", in.Channel, nil))
	}, func(tx store.Tx, p Place, id string) (err error) {
		out.Body, err = alert.Delivery(ctx, tx, p.Organization, uuid.MustParse(id))
		return err
	})
}

func (s *Server) deleteChannel(ctx context.Context, in *InChannel) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := alert.Delete(ctx, tx, p.Organization, in.Channel); err != nil {
			return "", err
		}
		return "", p.Audit(ctx, tx, channelEvent("alert-channel.delete", in.Channel, nil))
	}, noReplay)
}

func (s *Server) getRunbook(ctx context.Context, in *struct {
	InInstance
	Runbook string `path:"runbook" maxLength:"63" pattern:"^[a-z][a-z0-9-]*$"`
}) (*body[api.Runbook], error) {
	var out body[api.Runbook]
	return &out, s.Read(ctx, func(tx store.Tx, p Place) error {
		v, err := s.Instances.Get(ctx, tx, at(p), in.Name)
		if err != nil {
			return err
		}
		text, found := s.Instances.Packages[v.Service].Runbook(in.Runbook, s.runbookValues(v))
		if !found {
			return problem.NotFound("runbook", in.Runbook)
		}
		out.Body = api.Runbook{Name: in.Runbook, Text: text}
		return nil
	})
}

// runbookValues are what an instance's runbooks are filled in with.
func (s *Server) runbookValues(v instance.View) servicepkg.RunbookValues {
	values := servicepkg.RunbookValues{Organization: v.Organization, Project: v.Project, Instance: v.Name, Plan: v.Plan, StorageGiB: v.StorageGib}
	if e := v.API(s.Real()).Status.Endpoint; e != nil {
		values.Endpoint = *e
	}
	return values
}
