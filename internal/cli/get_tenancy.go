package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"souk/api"
)

// listing shows all objects, or the one whose name is asked for.
func listing[T any](kind, name string, all []T, t *table, nameOf func(T) string, row func(T) []string) (view, error) {
	v := view{table: t, names: []string{}}
	if name == "" {
		v.value = listed(all)
		v.empty = "No " + kind + "s"
	}
	for _, item := range all {
		if name != "" && nameOf(item) != name {
			continue
		}
		if name != "" {
			v.value = item
		}
		v.names = append(v.names, kind+"/"+nameOf(item))
		t.add(row(item)...)
	}
	if name != "" && len(t.rows) == 0 {
		return view{}, fmt.Errorf("there is no %s %s", kind, name)
	}
	return v, nil
}

func listOrganizations(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	c, _, err := a.connect()
	if err != nil {
		return view{}, err
	}
	all, err := c.Organizations(ctx)
	if err != nil {
		return view{}, err
	}
	return listing("organization", name, all, newTable("NAME", "DISPLAY NAME", "KINDS", "TIME ZONE", "AGE"),
		func(o api.Organization) string { return o.Metadata.Name },
		func(o api.Organization) []string {
			return []string{o.Metadata.Name, dash(o.DisplayName), dash(strings.Join(o.Kinds, ",")), o.TimeZone, a.age(o.Metadata.CreatedAt)}
		})
}

func listProjects(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	o, _, err := a.inOrganization(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := o.Projects(ctx)
	if err != nil {
		return view{}, err
	}
	return listing("project", name, all, newTable("NAME", "DISPLAY NAME", "AGE"),
		func(p api.Project) string { return p.Metadata.Name },
		func(p api.Project) []string {
			return []string{p.Metadata.Name, dash(p.DisplayName), a.age(p.Metadata.CreatedAt)}
		})
}

func listMembers(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	o, _, err := a.inOrganization(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := o.Members(ctx)
	if err != nil {
		return view{}, err
	}
	return listing("member", name, all, newTable("EMAIL", "NAME", "ROLE", "PROJECT", "AGE"),
		func(m api.Member) string { return m.Email },
		func(m api.Member) []string {
			return []string{m.Email, dash(m.Name), string(m.Role), everywhere(m.Project), a.age(m.CreatedAt)}
		})
}

func listInvitations(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	o, _, err := a.inOrganization(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := o.Invitations(ctx)
	if err != nil {
		return view{}, err
	}
	return listing("invitation", name, all, newTable("EMAIL", "ROLE", "PROJECT", "INVITED BY", "EXPIRES"),
		func(i api.Invitation) string { return i.Email },
		func(i api.Invitation) []string {
			return []string{i.Email, string(i.Role), everywhere(i.Project), i.CreatedBy, i.ExpiresAt.UTC().Format(time.DateOnly)}
		})
}

func listTokens(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	o, _, err := a.inOrganization(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := o.Tokens(ctx)
	if err != nil {
		return view{}, err
	}
	return listing("token", name, all, newTable("NAME", "ROLE", "PROJECT", "STATE", "EXPIRES", "LAST USED", "AGE"),
		func(t api.Token) string { return t.Name },
		func(t api.Token) []string {
			used := "never"
			if t.LastUsedAt != nil {
				used = a.age(*t.LastUsedAt) + " ago"
			}
			return []string{t.Name, string(t.Role), everywhere(t.Project), a.tokenState(t), t.ExpiresAt.UTC().Format(time.DateOnly), used, a.age(t.CreatedAt)}
		})
}

func (a *App) tokenState(t api.Token) string {
	switch {
	case t.RevokedAt != nil:
		return "revoked"
	case !t.ExpiresAt.After(a.Now()):
		return "expired"
	}
	return "valid"
}

func everywhere(project string) string {
	if project == "" {
		return "all"
	}
	return project
}

func listQuota(ctx context.Context, a *App, _ string, _ getOptions) (view, error) {
	o, _, err := a.inOrganization(ctx)
	if err != nil {
		return view{}, err
	}
	q, err := o.Quota(ctx)
	if err != nil {
		return view{}, err
	}
	t := newTable("RESOURCE", "USED", "QUOTA", "LEFT")
	for _, r := range []struct {
		name        string
		used, quota int64
		show        func(int64) string
	}{
		{"instances", q.Used.Instances, q.Quota.Instances, func(n int64) string { return fmt.Sprint(n) }},
		{"cpu", q.Used.CPUMillis, q.Quota.CPUMillis, cores},
		{"memory", q.Used.MemoryMiB, q.Quota.MemoryMiB, mebibytes},
		{"storage", q.Used.StorageGiB, q.Quota.StorageGiB, func(n int64) string { return fmt.Sprintf("%d GiB", n) }},
	} {
		t.add(r.name, r.show(r.used), r.show(r.quota), r.show(max(0, r.quota-r.used)))
	}
	return view{value: q, table: t}, nil
}
