package client

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"souk/api"
)

// Project returns the part of the API that is about the instances of one
// project. It makes no request.
func (o *Organization) Project(name string) *Project {
	return &Project{client: o.client, Organization: o.Name, Name: name}
}

// Project calls the API about one project's instances.
type Project struct {
	client       *Client
	Organization string
	Name         string
}

func (p *Project) path(rest ...string) []string {
	return append([]string{"organizations", p.Organization, "projects", p.Name, "instances"}, rest...)
}

// ListOptions choose instances. Empty fields choose all.
type ListOptions struct {
	Phase   api.Phase
	Service string
	Zone    string
	Plan    string
	Text    string
	Labels  map[string]string // all of them have to match
	Sort    string
}

func (o ListOptions) query() url.Values {
	query := url.Values{}
	set(query, "phase", string(o.Phase))
	set(query, "service", o.Service)
	set(query, "zone", o.Zone)
	set(query, "plan", o.Plan)
	set(query, "q", o.Text)
	set(query, "sort", o.Sort)
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(o.Labels)) {
		pairs = append(pairs, key+"="+o.Labels[key])
	}
	set(query, "labels", strings.Join(pairs, ","))
	return query
}

// Instances lists the project's instances.
func (p *Project) Instances(ctx context.Context, opt ListOptions) ([]api.Instance, error) {
	return list[api.Instance](ctx, p.client, 0, opt.query(), p.path()...)
}

// InstancesPage returns one page of at most limit (1 to 200) of the project's
// instances; an empty cursor means the first, and Next of a page leads on.
func (p *Project) InstancesPage(ctx context.Context, opt ListOptions, limit int, cursor string) (api.List[api.Instance], error) {
	query := opt.query()
	query.Set("limit", strconv.Itoa(limit))
	set(query, "cursor", cursor)
	var out api.List[api.Instance]
	err := p.client.get(ctx, query, &out, p.path()...)
	return out, err
}

// Instance returns one instance and its ETag.
func (p *Project) Instance(ctx context.Context, name string) (api.Instance, string, error) {
	var out api.Instance
	var etag string
	err := p.client.do(ctx, call{method: http.MethodGet, path: p.path(name), out: &out, etag: &etag})
	return out, etag, err
}

var dryRun = url.Values{"dryRun": {"true"}}

// Order orders an instance.
func (p *Project) Order(ctx context.Context, order api.InstanceOrder) (api.Instance, error) {
	var out api.Instance
	err := p.client.do(ctx, call{method: http.MethodPost, path: p.path(), body: order, out: &out, changes: true})
	return out, err
}

// PreviewOrder says what Order would do and cost.
func (p *Project) PreviewOrder(ctx context.Context, order api.InstanceOrder) (api.Preview, error) {
	var out api.Preview
	err := p.client.do(ctx, call{method: http.MethodPost, path: p.path(), query: dryRun, body: order, out: &out})
	return out, err
}

// Put makes an instance's spec exactly this, and orders the instance where it
// does not exist. A non-empty ifMatch refuses the change with 412 when the
// instance is no longer the one with that ETag.
func (p *Project) Put(ctx context.Context, name string, put api.InstancePut, ifMatch string) (api.Instance, error) {
	var out api.Instance
	err := p.client.do(ctx, call{method: http.MethodPut, path: p.path(name), body: put, out: &out, ifMatch: ifMatch, changes: true})
	return out, err
}

// PreviewPut says what Put would change and cost.
func (p *Project) PreviewPut(ctx context.Context, name string, put api.InstancePut) (api.Preview, error) {
	var out api.Preview
	err := p.client.do(ctx, call{method: http.MethodPut, path: p.path(name), query: dryRun, body: put, out: &out})
	return out, err
}

const mergePatch = "application/merge-patch+json"

// Patch changes parts of an instance by a JSON merge patch of its metadata's
// labels and its spec. ifMatch is as in Put.
func (p *Project) Patch(ctx context.Context, name string, patch any, ifMatch string) (api.Instance, error) {
	var out api.Instance
	err := p.client.do(ctx, call{
		method: http.MethodPatch, path: p.path(name), body: patch, contentType: mergePatch,
		out: &out, ifMatch: ifMatch, changes: true,
	})
	return out, err
}

// PatchInWindow puts a patch off to the instance's next maintenance window; see
// Maintenance. It returns the instance as it is.
func (p *Project) PatchInWindow(ctx context.Context, name string, patch any) (api.Instance, error) {
	var out api.Instance
	err := p.client.do(ctx, call{
		method: http.MethodPatch, path: p.path(name), query: url.Values{"inWindow": {"true"}}, body: patch, contentType: mergePatch, out: &out, changes: true,
	})
	return out, err
}

// PreviewPatch says what Patch would change and cost.
func (p *Project) PreviewPatch(ctx context.Context, name string, patch any) (api.Preview, error) {
	return p.previewPatch(ctx, name, patch, dryRun)
}

// PreviewPatchInWindow says what PatchInWindow would change and cost, and when.
func (p *Project) PreviewPatchInWindow(ctx context.Context, name string, patch any) (api.Preview, error) {
	return p.previewPatch(ctx, name, patch, url.Values{"dryRun": {"true"}, "inWindow": {"true"}})
}

func (p *Project) previewPatch(ctx context.Context, name string, patch any, query url.Values) (api.Preview, error) {
	var out api.Preview
	err := p.client.do(ctx, call{
		method: http.MethodPatch, path: p.path(name), query: query, body: patch, contentType: mergePatch, out: &out,
	})
	return out, err
}

// Delete deletes an instance; until its status.purgeAt Undelete brings it back.
func (p *Project) Delete(ctx context.Context, name string) (api.Instance, error) {
	var out api.Instance
	err := p.client.do(ctx, call{method: http.MethodDelete, path: p.path(name), out: &out, changes: true})
	return out, err
}

// Protect refuses deletion until Unprotect.
func (p *Project) Protect(ctx context.Context, name string) (api.Instance, error) {
	return p.act(ctx, name, "protect", nil)
}

// Unprotect allows deletion.
func (p *Project) Unprotect(ctx context.Context, name string) (api.Instance, error) {
	return p.act(ctx, name, "unprotect", nil)
}

// Undelete brings a deleted instance back with its data.
func (p *Project) Undelete(ctx context.Context, name string) (api.Instance, error) {
	return p.act(ctx, name, "undelete", nil)
}

// Suspend stops an instance and keeps its data.
func (p *Project) Suspend(ctx context.Context, name string, reason api.SuspendRequest) (api.Instance, error) {
	return p.act(ctx, name, "suspend", reason)
}

// Resume takes a reason for suspension away; without any left the instance runs
// again.
func (p *Project) Resume(ctx context.Context, name string, reason api.SuspendRequest) (api.Instance, error) {
	return p.act(ctx, name, "resume", reason)
}

func (p *Project) act(ctx context.Context, name, action string, body any) (api.Instance, error) {
	var out api.Instance
	err := p.client.do(ctx, call{method: http.MethodPost, path: p.path(name, action), body: body, out: &out, changes: true})
	return out, err
}

// Events returns the instance's timeline, newest first; limit 0 means all of it.
func (p *Project) Events(ctx context.Context, name string, limit int) ([]api.Event, error) {
	return list[api.Event](ctx, p.client, limit, nil, p.path(name, "events")...)
}

// Cost returns what the instance has cost so far this month.
func (p *Project) Cost(ctx context.Context, name string) (api.Cost, error) {
	var out api.Cost
	err := p.client.get(ctx, nil, &out, p.path(name, "cost")...)
	return out, err
}
