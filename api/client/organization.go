package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"souk/api"
)

// Organizations lists those that the asker can enter.
func (c *Client) Organizations(ctx context.Context) ([]api.Organization, error) {
	return listWhole[api.Organization](ctx, c, "organizations")
}

// Organization returns the part of the API that is about one organization. It
// makes no request.
func (c *Client) Organization(name string) *Organization {
	return &Organization{client: c, Name: name}
}

// Organization calls the API about one organization.
type Organization struct {
	client *Client
	Name   string
}

func (o *Organization) path(rest ...string) []string {
	return append([]string{"organizations", o.Name}, rest...)
}

// Get returns the organization.
func (o *Organization) Get(ctx context.Context) (api.Organization, error) {
	var out api.Organization
	err := o.client.get(ctx, nil, &out, o.path()...)
	return out, err
}

// Update changes what the organization is called and which time zone it is
// billed in.
func (o *Organization) Update(ctx context.Context, organization api.OrganizationUpdate) (api.Organization, error) {
	var out api.Organization
	err := o.client.do(ctx, call{method: http.MethodPut, path: o.path(), body: organization, out: &out, changes: true})
	return out, err
}

// Quota returns what the organization may run at once, and what it does run.
func (o *Organization) Quota(ctx context.Context) (api.QuotaUse, error) {
	var out api.QuotaUse
	err := o.client.get(ctx, nil, &out, o.path("quota")...)
	return out, err
}

// Cost returns what the organization, or one of its projects, has cost so far
// this month. An empty project means all of them.
func (o *Organization) Cost(ctx context.Context, project string) (api.Cost, error) {
	var out api.Cost
	err := o.client.get(ctx, ofProject(project), &out, o.path("cost")...)
	return out, err
}

// CostSummary returns the same by service, project, instance and day.
func (o *Organization) CostSummary(ctx context.Context, project string) (api.CostSummary, error) {
	var out api.CostSummary
	err := o.client.get(ctx, ofProject(project), &out, o.path("cost", "summary")...)
	return out, err
}

func ofProject(project string) url.Values {
	query := url.Values{}
	set(query, "project", project)
	return query
}

// Projects lists the organization's projects.
func (o *Organization) Projects(ctx context.Context) ([]api.Project, error) {
	return listWhole[api.Project](ctx, o.client, o.path("projects")...)
}

// CreateProject makes a project.
func (o *Organization) CreateProject(ctx context.Context, project api.ProjectCreate) (api.Project, error) {
	var out api.Project
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("projects"), body: project, out: &out, changes: true})
	return out, err
}

// GetProject returns one project.
func (o *Organization) GetProject(ctx context.Context, name string) (api.Project, error) {
	var out api.Project
	err := o.client.get(ctx, nil, &out, o.path("projects", name)...)
	return out, err
}

// DeleteProject deletes a project without instances.
func (o *Organization) DeleteProject(ctx context.Context, name string) error {
	return o.client.do(ctx, call{method: http.MethodDelete, path: o.path("projects", name), changes: true})
}

// Members lists the people in the organization and its projects.
func (o *Organization) Members(ctx context.Context) ([]api.Member, error) {
	return listWhole[api.Member](ctx, o.client, o.path("members")...)
}

// PutMember adds a person, or changes the person's role.
func (o *Organization) PutMember(ctx context.Context, member api.MemberPut) (api.Member, error) {
	var out api.Member
	err := o.client.do(ctx, call{method: http.MethodPut, path: o.path("members"), body: member, out: &out, changes: true})
	return out, err
}

// RemoveMember ends a membership.
func (o *Organization) RemoveMember(ctx context.Context, id string) error {
	return o.client.do(ctx, call{method: http.MethodDelete, path: o.path("members", id), changes: true})
}

// Tokens lists the organization's API tokens, without their secrets.
func (o *Organization) Tokens(ctx context.Context) ([]api.Token, error) {
	return listWhole[api.Token](ctx, o.client, o.path("tokens")...)
}

// CreateToken makes an API token. Its Secret is only in this answer; it is
// empty when the answer to a first try was lost on the way and the server
// repeated it: revoke that token and make another.
func (o *Organization) CreateToken(ctx context.Context, token api.TokenCreate) (api.Token, error) {
	var out api.Token
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("tokens"), body: token, out: &out, changes: true})
	return out, err
}

// RevokeToken ends a token at once.
func (o *Organization) RevokeToken(ctx context.Context, id string) error {
	return o.client.do(ctx, call{method: http.MethodDelete, path: o.path("tokens", id), changes: true})
}

// AuditOptions choose entries of the audit log.
type AuditOptions struct {
	Limit    int // newest first; 0 means all
	Action   string
	Kind     string
	Text     string
	Actor    string
	Object   string
	From, To time.Time // [From, To); zero: no bound
}

func (opt AuditOptions) query() url.Values {
	query := url.Values{}
	set(query, "action", opt.Action)
	set(query, "kind", opt.Kind)
	set(query, "q", opt.Text)
	set(query, "actor", opt.Actor)
	set(query, "object", opt.Object)
	setTime(query, "from", opt.From)
	setTime(query, "to", opt.To)
	return query
}

// Audit returns entries of the audit log, newest first.
func (o *Organization) Audit(ctx context.Context, opt AuditOptions) ([]api.AuditRecord, error) {
	return list[api.AuditRecord](ctx, o.client, opt.Limit, opt.query(), o.path("audit")...)
}

// AuditPage returns one page of opt.Limit entries; an empty cursor means the
// first, and Next of a page leads on.
func (o *Organization) AuditPage(ctx context.Context, opt AuditOptions, cursor string) (api.List[api.AuditRecord], error) {
	query := opt.query()
	query.Set("limit", strconv.Itoa(opt.Limit))
	set(query, "cursor", cursor)
	var out api.List[api.AuditRecord]
	err := o.client.get(ctx, query, &out, o.path("audit")...)
	return out, err
}

func set(query url.Values, key, value string) {
	if value != "" {
		query.Set(key, value)
	}
}

func setTime(query url.Values, key string, at time.Time) {
	if !at.IsZero() {
		query.Set(key, at.UTC().Format(time.RFC3339))
	}
}
