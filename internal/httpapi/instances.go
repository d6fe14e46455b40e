package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/instance"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

const instancesPath = "/api/v1/organizations/{org}/projects/{project}/instances"

// InInstance is the place in the path of an operation on one instance.
type InInstance struct {
	InProject
	Name string `path:"name" maxLength:"63" doc:"Name of the instance"`
}

// instanceOut answers with an instance and its entity tag.
type instanceOut struct {
	ETag string `header:"ETag"`
	Body api.Instance
}

func (s *Server) registerInstances() {
	s.registerInstanceReads()
	s.registerInstanceChanges()
	s.registerInstanceActions()
	s.registerLogs()
	s.registerMetrics()
	s.registerMaintenance()
	s.registerOperator()
}

// at is the place as package instance knows it.
func at(p Place) instance.Place {
	return instance.Place{Organization: p.Organization, Project: p.Project, OrganizationName: p.OrganizationName, ProjectName: p.ProjectName, Actor: p.Actor, RequestID: p.RequestID}
}

func instanceDoc(v instance.View) *instanceOut {
	return &instanceOut{ETag: ETag(v.Version), Body: v.API(time.Now())}
}

type listInstancesInput struct {
	InProject
	InstanceFilter
	Watch   bool `query:"watch" doc:"Stream what changes"`
	Initial bool `query:"initial" default:"true" doc:"With watch: what there is already comes first"`
}

// InstanceFilter chooses instances in a listing.
type InstanceFilter struct {
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string `query:"cursor" maxLength:"512" doc:"From the page before"`
	Sort    string `query:"sort" default:"createdAt" doc:"name, createdAt, updatedAt, phase, service or storageGiB; - before it for descending"`
	Phase   string `query:"phase"`
	Service string `query:"service"`
	Zone    string `query:"zone"`
	Plan    string `query:"plan"`
	Q       string `query:"q" maxLength:"120" doc:"Part of the name or of the display name"`
	Labels  string `query:"labels" maxLength:"2000" doc:"k=v,k2=v2: all of them"`
	Purged  bool   `query:"purged" doc:"Those that are removed for good as well"`
}

func (f InstanceFilter) query() (instance.Query, error) {
	labels, err := parseLabels(f.Labels)
	return instance.Query{Phase: f.Phase, Service: f.Service, Zone: f.Zone, Plan: f.Plan, Text: f.Q, Labels: labels, Sort: f.Sort, Limit: f.Limit, Cursor: f.Cursor, Purged: f.Purged}, err
}

func parseLabels(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	out := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		k, v, found := strings.Cut(part, "=")
		if !found || k == "" {
			return nil, problem.InvalidField("query.labels", text, "Write labels as key=value, several with commas between.")
		}
		out[k] = v
	}
	return out, nil
}

func instanceList(views []instance.View, next string) *body[api.List[api.Instance]] {
	out := &body[api.List[api.Instance]]{api.List[api.Instance]{Items: []api.Instance{}, Next: next}}
	now := time.Now()
	for _, v := range views {
		out.Body.Items = append(out.Body.Items, v.API(now))
	}
	return out
}

func eventList(rows []instancedb.EventsRow, next string) api.List[api.Event] {
	out := api.List[api.Event]{Items: []api.Event{}, Next: next}
	for _, e := range rows {
		out.Items = append(out.Items, api.Event{At: e.At.UTC(), Kind: e.Kind, Actor: e.Actor, Message: e.Message})
	}
	return out
}

func (s *Server) registerInstanceReads() {
	register(s, Operation{Method: http.MethodGet, Path: instancesPath, ID: "instances-list", Tag: "instances", Summary: "List instances",
		Description: "With `watch=true` the answer is a stream of server-sent events: one `instance` event for each instance, then `synced`, then one for each change. `initial=false` begins with `synced`. `Last-Event-ID` resumes.",
		Action:      authz.InstanceRead, Serve: s.watched},
		func(ctx context.Context, in *listInstancesInput) (out *body[api.List[api.Instance]], err error) {
			q, err := in.query()
			if err != nil {
				return nil, err
			}
			err = s.Read(ctx, func(tx store.Tx, p Place) error {
				q.Project = p.Project
				views, next, err := s.Instances.List(ctx, tx, q)
				out = instanceList(views, next)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: instancesPath + "/{name}", ID: "instances-get", Tag: "instances", Summary: "Read an instance", Action: authz.InstanceRead, Serve: s.watched,
		Description: "With `watch=true` the answer is a stream of server-sent events, as of the listing."},
		func(ctx context.Context, in *struct {
			InInstance
			Watch   bool `query:"watch"`
			Initial bool `query:"initial" default:"true"`
		}) (out *instanceOut, err error) {
			err = s.Read(ctx, func(tx store.Tx, p Place) error {
				v, err := s.Instances.Get(ctx, tx, at(p), in.Name)
				out = instanceDoc(v)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: instancesPath + "/{name}/events", ID: "instances-events", Tag: "instances", Summary: "Timeline of an instance, newest first", Action: authz.InstanceRead},
		func(ctx context.Context, in *struct {
			InInstance
			Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
			Cursor string `query:"cursor" maxLength:"64"`
		}) (*body[api.List[api.Event]], error) {
			out := &body[api.List[api.Event]]{api.List[api.Event]{Items: []api.Event{}}}
			err := s.Read(ctx, func(tx store.Tx, p Place) error {
				rows, next, err := s.Instances.EventsPage(ctx, tx, at(p), in.Name, in.Cursor, in.Limit)
				out.Body = eventList(rows, next)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: instancesPath + "/{name}/cost", ID: "instances-cost", Tag: "costs", Summary: "Cost of an instance this month so far, also after it was removed for good", Action: authz.CostRead},
		func(ctx context.Context, in *InInstance) (out *body[api.Cost], err error) {
			err = s.Read(ctx, func(tx store.Tx, p Place) error {
				c, err := s.Instances.InstanceCost(ctx, tx, at(p), in.Name)
				out = &body[api.Cost]{c}
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/organizations/{org}/cost", ID: "organization-cost", Tag: "costs", Summary: "Cost of an organization, or of one project, this month so far", Action: authz.CostRead, AnyProject: true},
		costRead(s, func(ctx context.Context, tx store.Tx, p Place, project *uuid.UUID) (api.Cost, error) {
			return s.Instances.Cost(ctx, tx, at(p), project, nil)
		}))
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/organizations/{org}/cost/summary", ID: "organization-cost-summary", Tag: "costs", Summary: "The same cost by service, project, instance and day", Action: authz.CostRead, AnyProject: true},
		costRead(s, func(ctx context.Context, tx store.Tx, p Place, project *uuid.UUID) (api.CostSummary, error) {
			return s.Instances.CostSummary(ctx, tx, at(p), project)
		}))
}

// InCosts chooses whose costs are asked for.
type InCosts struct {
	InOrganization
	Project string `query:"project" maxLength:"63" doc:"One project only"`
}

// costRead answers with what f makes of the costs that may be seen.
func costRead[T any](s *Server, f func(ctx context.Context, tx store.Tx, p Place, project *uuid.UUID) (T, error)) func(ctx context.Context, in *InCosts) (*body[T], error) {
	return func(ctx context.Context, in *InCosts) (out *body[T], err error) {
		err = s.Read(ctx, func(tx store.Tx, p Place) error {
			project, err := s.costProject(ctx, tx, p, in.Project)
			if err != nil {
				return err
			}
			c, err := f(ctx, tx, p, project)
			out = &body[T]{c}
			return err
		})
		return out, err
	}
}

// updateInput is a full or a partial spec with its conditions.
type ChangeQuery struct {
	DryRun   bool   `query:"dryRun" doc:"Only say what would change and cost"`
	InWindow bool   `query:"inWindow" doc:"Put the change off to the next maintenance window: the answer is the instance as it is until then"`
	IfMatch  string `header:"If-Match" doc:"The ETag that the change was made from"`
}

func (c ChangeQuery) match(version int64) error { return CheckIfMatch(c.IfMatch, version) }

// instanceOrPreview answers a change, or what it would be.
type instanceOrPreview struct {
	Status int
	ETag   string `header:"ETag"`
	Body   outcome
}

// outcome is an instance or, of a dry run, a preview.
type outcome struct {
	instance *api.Instance
	preview  *api.Preview
}

// MarshalJSON writes the one that it is.
func (o outcome) MarshalJSON() ([]byte, error) {
	if o.preview != nil {
		return json.Marshal(o.preview)
	}
	return json.Marshal(o.instance)
}

// Schema describes both.
func (outcome) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[api.Instance](), true, "Instance"),
		r.Schema(reflect.TypeFor[api.Preview](), true, "Preview"),
	}}
}

func changedDoc(v instance.View, status int) *instanceOrPreview {
	doc := v.API(time.Now())
	return &instanceOrPreview{Status: status, ETag: ETag(v.Version), Body: outcome{instance: &doc}}
}

func (s *Server) registerInstanceChanges() {
	register(s, Operation{Method: http.MethodPost, Path: instancesPath, ID: "instances-order", Tag: "instances", Summary: "Order an instance", Action: authz.InstanceWrite, Status: http.StatusCreated,
		Description: "The price list revision in force is accepted with the order, or the one given, if it still is. With `dryRun=true` the answer is 200 and says what would be ordered and cost."},
		func(ctx context.Context, in *struct {
			InProject
			DryRun bool `query:"dryRun"`
			Body   api.InstanceOrder
		}) (out *instanceOrPreview, err error) {
			if in.DryRun {
				return s.preview(ctx, func(tx store.Tx, p Place) (api.Preview, error) { return s.previewOrder(ctx, tx, p, in.Body) })
			}
			err = s.changeInstance(ctx, &out, http.StatusCreated, func(tx store.Tx, p Place) (instance.View, error) {
				return s.Instances.Order(ctx, tx, at(p), in.Body)
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodPut, Path: instancesPath + "/{name}", ID: "instances-put", Tag: "instances", Summary: "Apply a full spec", Action: authz.InstanceWrite,
		Description: "What is absent takes its default. Where there is no such instance one is ordered (201)."},
		func(ctx context.Context, in *struct {
			InInstance
			ChangeQuery
			Body api.InstancePut
		}) (*instanceOrPreview, error) {
			return s.put(ctx, in.Name, in.ChangeQuery, func(store.Tx, Place) (api.InstancePut, error) { return in.Body, nil }, true)
		})
	register(s, Operation{Method: http.MethodPatch, Path: instancesPath + "/{name}", ID: "instances-patch", Tag: "instances", Summary: "Change parts of a spec", Action: authz.InstanceWrite,
		Description: "A JSON merge patch (RFC 7396) of `metadata.labels` and `spec`."},
		func(ctx context.Context, in *struct {
			InInstance
			ChangeQuery
			Body map[string]any `contentType:"application/merge-patch+json"`
		}) (*instanceOrPreview, error) {
			return s.put(ctx, in.Name, in.ChangeQuery, func(tx store.Tx, p Place) (api.InstancePut, error) { return s.patched(ctx, tx, p, in.Name, in.Body) }, false)
		})
	register(s, Operation{Method: http.MethodDelete, Path: instancesPath + "/{name}", ID: "instances-delete", Tag: "instances", Summary: "Delete an instance", Action: authz.InstanceWrite, Status: http.StatusOK,
		Description: "It can be brought back, with its data, until `status.purgeAt`. Refused while it is protected."},
		func(ctx context.Context, in *struct {
			InInstance
			IfMatch string `header:"If-Match"`
		}) (out *instanceOrPreview, err error) {
			match := func(version int64) error { return CheckIfMatch(in.IfMatch, version) }
			err = s.changeInstance(ctx, &out, http.StatusOK, func(tx store.Tx, p Place) (instance.View, error) {
				return s.Instances.Delete(ctx, tx, at(p), in.Name, match)
			})
			return out, err
		})
}

// changeInstance runs a change of one instance; a repeat answers with its
// present state.
func (s *Server) changeInstance(ctx context.Context, out **instanceOrPreview, status int, f func(tx store.Tx, p Place) (instance.View, error)) error {
	return s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		v, err := f(tx, p)
		*out = changedDoc(v, status)
		return v.ID.String(), err
	}, func(tx store.Tx, p Place, reference string) error {
		v, err := s.instanceByReference(ctx, tx, reference)
		*out = changedDoc(v, status)
		return err
	})
}

// previewOrder says what an order would be, and carries it out to find what
// stands in its way; the preview's transaction is taken back.
func (s *Server) previewOrder(ctx context.Context, tx store.Tx, p Place, o api.InstanceOrder) (api.Preview, error) {
	doc, err := s.Instances.Preview(ctx, tx, at(p), o)
	if err == nil {
		_, err = s.Instances.Order(ctx, tx, at(p), o)
	}
	return doc, err
}

func (s *Server) preview(ctx context.Context, f func(tx store.Tx, p Place) (api.Preview, error)) (out *instanceOrPreview, err error) {
	err = s.Preview(ctx, func(tx store.Tx, p Place) error {
		doc, err := f(tx, p)
		out = &instanceOrPreview{Status: http.StatusOK, Body: outcome{preview: &doc}}
		return err
	})
	return out, err
}

// put applies a spec that is made inside the transaction.
func (s *Server) put(ctx context.Context, name string, q ChangeQuery, spec func(store.Tx, Place) (api.InstancePut, error), mayOrder bool) (out *instanceOrPreview, err error) {
	if q.DryRun {
		return s.preview(ctx, func(tx store.Tx, p Place) (api.Preview, error) {
			want, err := spec(tx, p)
			if err != nil {
				return api.Preview{}, err
			}
			doc, err := s.Instances.PreviewUpdate(ctx, tx, at(p), name, want)
			if mayOrder && isNotFound(err) {
				return s.previewOrder(ctx, tx, p, orderOf(name, want))
			}
			if err == nil && q.InWindow {
				var planned api.Maintenance
				planned, err = s.Maintenance.PutOff(ctx, tx, at(p), name, want, q.match)
				doc.Effects = append(doc.Effects, fmt.Sprintf("This takes place in the maintenance window from %s to %s.", planned.From.Format(time.RFC3339), planned.Until.Format(time.RFC3339)))
			} else if err == nil {
				_, err = s.Instances.Update(ctx, tx, at(p), name, want, q.match)
			}
			return doc, err
		})
	}
	status := http.StatusOK
	err = s.changeInstance(ctx, &out, http.StatusOK, func(tx store.Tx, p Place) (instance.View, error) {
		want, err := spec(tx, p)
		if err != nil {
			return instance.View{}, err
		}
		if q.InWindow {
			return s.putOff(ctx, tx, p, name, want, q)
		}
		v, err := s.Instances.Update(ctx, tx, at(p), name, want, q.match)
		if mayOrder && isNotFound(err) && q.IfMatch == "" {
			status = http.StatusCreated
			return s.Instances.Order(ctx, tx, at(p), orderOf(name, want))
		}
		return v, err
	})
	if out != nil {
		out.Status = status
	}
	return out, err
}

func isNotFound(err error) bool {
	p := problem.As(err)
	return p != nil && p.Status == http.StatusNotFound
}

func orderOf(name string, put api.InstancePut) api.InstanceOrder {
	o := api.InstanceOrder{Spec: put.Spec, AcceptedPriceList: put.AcceptedPriceList}
	o.Metadata.Name, o.Metadata.Labels = name, maps.Clone(put.Metadata.Labels)
	return o
}

// patched applies a merge patch to the present spec.
func (s *Server) patched(ctx context.Context, tx store.Tx, p Place, name string, patch map[string]any) (api.InstancePut, error) {
	if depth(patch) > deepest {
		return api.InstancePut{}, problem.InvalidField("body", nil, "It is nested too deeply; no field is more than %d levels down.", deepest)
	}
	v, err := s.Instances.Get(ctx, tx, at(p), name)
	if err != nil {
		return api.InstancePut{}, err
	}
	now := v.API(time.Now())
	doc := api.InstancePut{Spec: now.Spec}
	doc.Metadata.Labels = now.Metadata.Labels
	before, err := json.Marshal(doc)
	if err != nil {
		return api.InstancePut{}, err
	}
	raw, err := json.Marshal(patch)
	if err != nil {
		return api.InstancePut{}, err
	}
	after, err := jsonpatch.MergePatch(before, raw)
	if err != nil {
		return api.InstancePut{}, problem.InvalidField("body", nil, "This is not a JSON merge patch.")
	}
	return decodeStrict[api.InstancePut](after)
}

// deepest is how deeply a patch may be nested: far more than any spec is, and far
// less than what takes long to merge, which grows with the square of it.
const deepest = 32

// depth is how deeply a decoded document is nested, as far as that matters.
func depth(v any) int {
	inside := 0
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			inside = max(inside, depth(e))
		}
	case []any:
		for _, e := range v {
			inside = max(inside, depth(e))
		}
	default:
		return 0
	}
	return inside + 1
}
